#!/bin/bash
# hydra-serve: who may do what, in all combinations; and with a store missing
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
"$services/pki" pki crl revoked || exit 70
"$services/pki" pki cert tricky "/DC=test/DC=mdm/O=Users\/CN=Alice Physician" ca alice.key || exit 70
openssl ecparam -genkey -name prime256v1 -noout -out issuer.key
"$PYTHON" "$here/serve.py" jwks . - issuer.key >keys.json
printf 'issuer\turl=https://i.example/\taudience=us\tkeys=keys.json\tgroups=/mdm\n.end\t1\n' >issuers
claims='{"iss":"https://i.example/","sub":"jane","aud":["us"],"exp":4000000000,"wlcg.groups":["/mdm/neuro","/other/x"]}'
jwt() { "$PYTHON" "$here/serve.py" jwt . - issuer.key "$1" '{"alg":"ES256"}'; }
jwt "$claims" >token.jwt
jwt "${claims/4000000000/1000000000}" >badtoken.jwt

users=/DC=test/DC=mdm/O=Users
serve s 3 --creator "$users/CN=Robot: night" --creator /mdm/Role=physician \
    --issuers issuers --admin "$users/CN=Admin One" --admin "$users/CN=Admin Two" || exit 70
export users

{
	proxy alice owner /mdm /mdm/cardio
	proxy user01 member /mdm/neuro
	proxy user01 second /mdm /mdm/neuro
	proxy user01 both /mdm/neuro /mdm/cardio
	proxy user01 role /mdm/neuro/Role=physician
} &
{
	proxy user01 sub /mdm/neuro/sub
	proxy user01 parent /mdm
	proxy user01 othervo /other/neuro /other/cardio
	proxy bob bobmember /mdm/neuro
	proxy alice physician /mdm/Role=physician /mdm
} &
wait
# who is not let in, all with what would make them Alice, or one of the group
{
	proxy alice expired /mdm/neuro -- -hours 1 -pastproxy 5:00
	proxy alice oldattr /mdm/neuro -- -vomslife 1 -pastac 5:00
	proxy alice unlisted /mdm/neuro -- -uri elsewhere:15000
	proxy alice forged /mdm/neuro -- -hostcert pki/voms2.pem -hostkey pki/voms2.key
} &
{
	proxy alice foreign /mdm/neuro -- -voms other # a VO that names another's groups
	proxy alice limited /mdm/neuro -- -limited
	proxy alice independent language=1.3.6.1.5.5.7.21.2
	proxy alice strange language=1.2.3.4.5
} &
wait

t 'every bit, every place a grant can be, every kind of client; and those not let in' '
	umask 77
	"$PYTHON" "$here/rights.py" keys >keys
	ssss-split -k 2 -n 3 <keys >put
	ssss-split -k 2 -n 3 -e 2 <keys >later
	"$PYTHON" "$here/rights.py" . s/1 put later
'
done_testing
