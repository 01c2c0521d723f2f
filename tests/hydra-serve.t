#!/bin/bash
# hydra-serve: who is let in, what a client cannot do to it, and its life
. "${0%/*}/lib.sh"
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 1 --creator /mdm/Role=robot --max-body 1 || exit 70
proxy alice alice /mdm/neuro/Role=physician /mdm
proxy robot robot /mdm/Role=robot
proxy bob plain
proxy bob all language=1.3.6.1.5.5.7.21.1
proxy alice limited /mdm -- -limited
proxy alice independent language=1.3.6.1.5.5.7.21.2
proxy alice strange language=1.2.3.4.5
proxy alice expired /mdm -- -hours 1 -pastproxy 5:00
proxy alice oldattr /mdm -- -vomslife 1 -pastac 5:00
proxy alice unlisted /mdm -- -uri elsewhere:15000
proxy alice forged /mdm -- -hostcert pki/voms2.pem -hostkey pki/voms2.key

t 'a VOMS proxy is its DN and its FQANs, without Role=NULL' '
	ask alice s/1 /v1/store >got
	grep -q "^you	dn=/DC=test/DC=mdm/O=Users/CN=Alice%20Physician	" got
	grep -qx "fqan	who=/mdm/neuro/Role=physician" got
	grep -qx "fqan	who=/mdm" got
	grep -qx 200 got
'

t 'a certificate, and a proxy without attributes, are their DN alone' '
	for c in bob plain all; do
		ask $c s/1 /v1/store >got
		grep -q "^you	dn=/DC=test/DC=mdm/O=Users/CN=Bob%20Researcher	" got
		! grep -q ^fqan got
	done
'

t 'a DN with a colon' '
	ask robot s/1 /v1/store >got
	grep -q "^you	dn=/DC=test/DC=mdm/O=Users/CN=Robot:%20night	creator=1" got
'

t 'no certificate: not let in' '
	! ask - s/1 /v1/store
'

t 'an unknown authority: not let in, and on record with its claim' '
	! ask stranger s/1 /v1/store
	audited s/1 op=connect answer=refused ok=0 CN=Stranger
'

t 'an authority that signs beyond its signing policy' '
	ask impostor s/1 /v1/store >got
	grep -q "signing policy does not cover" got
	grep -qx 403 got
	audited s/1 op=identify answer=refused CN=Alice%20Physician
'

t 'a DN that reads as another one' '
	"$services/pki" pki cert tricky "/DC=test/DC=mdm/O=Users\/CN=Alice Physician" ca alice.key
	ask tricky s/1 /v1/store | grep -qx 403
	audited s/1 op=identify answer=refused two%20ways
'

t 'an expired proxy: not let in' '
	! ask expired s/1 /v1/store
	audited s/1 op=connect why=certificate%20has%20expired
'

t 'expired attributes, and those of a VOMS server that is not listed' '
	for c in oldattr unlisted forged; do
		ask $c s/1 /v1/store >got
		grep -q "^VOMS attributes" got
		grep -qx 403 got
	done
'

t 'proxies that are limited, independent or of a strange policy' '
	for c in limited independent strange; do
		ask $c s/1 /v1/store >got
		grep -qx 403 got
	done
'

t 'limited proxies, if so configured; never the others' '
	serve limited 1 --limited-proxies
	ask limited limited/1 /v1/store | grep -qx 200
	ask independent limited/1 /v1/store | grep -qx 403
'
done_testing
