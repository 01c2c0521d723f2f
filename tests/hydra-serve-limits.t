#!/bin/bash
# hydra-serve: what a client cannot do to it, and its life as a daemon
. "${0%/*}/lib.sh"
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 1 --creator '*' --max-body 20 --rate 500000 || exit 70
proxy robot robot /mdm/Role=robot
probe() { "$PYTHON" "$here/serve.py" "$1" "$dir" "${@:2}"; }
export -f probe

t 'revoked: an open connection is refused after SIGHUP' '
	"$services/pki" pki crl
	hup s/1
	probe open s/1 revoked "$services/pki" pki crl revoked >got
	echo "200 " | cat - <(echo "403 certificate revoked") | cmp - got
	audited s/1 op=identify answer=refused CN=Revoked why=certificate%20revoked
'

t 'revoked: so is one that comes, and others are not' '
	! ask revoked s/1 /v1/store
	ask bob s/1 /v1/store | grep -qx 200
'

t 'revoked: a request in the midst of its answer is cut' '
	[ "$(probe stream s/1 bob true)" = whole ]
	"$services/pki" pki cert gone /DC=test/DC=mdm/CN=Gone ca alice.key
	[ "$(probe stream s/1 gone "$services/pki" pki crl gone)" = cut ]
'

t 'what cannot be read again stays in force' '
	mv pki/host.key pki/host.key.away
	hup s/1
	mv pki/host.key.away pki/host.key
	tail -n 2 s/1/error | grep -q "host.key.*stays in force"
	ask bob s/1 /v1/store | grep -qx 200
'

t 'garbage on the port, and in requests' '
	probe garbage s/1 >got
	! grep -q "HTTP/1.1 2" got
	ask bob s/1 /v1/store | grep -qx 200
'

t '100 MB of headers' '
	[ "$(probe headers s/1)" = cut ]
'

t 'a request that is too large' '
	head -c 30000000 /dev/zero >big
	ask bob s/1 /v1/get --data-binary @big | tail -n 1 | grep -qx 413
'

t 'bytes that are no lines, and lines that are no ids' '
	for junk in "\0\0\0\n" "\xff\xfe" "a\tb\tc\n.end\t1\n" "a\n.end\t2\n" "a\n" ""; do
		printf "$junk" >body
		ask bob s/1 /v1/get --data-binary @body | tail -n 1 >status
		grep -qx 400 status
	done
	long=$(printf "a%.0s" {1..251})
	quote=$(printf "\\x27")
	for id in "$quote;drop%20table%20share;--" "../../etc/passwd" "a_" "%25" "$long" "${long%a}"; do
		printf "%s\n.end\t1\n" "$id" >body
		ask bob s/1 /v1/get --data-binary @body >got
		grep -qF "$id	error=" got
		grep -qx 200 got
	done
'

t 'put, and got back the same' '
	shares 3000 >put
	ask robot s/1 /v1/put --data-binary @put >got
	[ "$(grep -c put=new got)" = 3000 ]
	ask robot s/1 /v1/get --data-binary @<(cut -f1 put | sed "/^.end/d" | rec-list --lines) | sed \$d >got
	cmp <(grep -o "share=[0-9a-f]*" put) <(grep -o "share=[0-9a-f]*" got)
	ask bob s/1 /v1/get --data-binary @<(cut -f1 put | sed "/^.end/d" | rec-list --lines) >got
	[ "$(grep -c error=denied got)" = 3000 ]
	audited s/1 op=get answer=denied ok=0 CN=Bob
	! grep -q "share=" s/1/audit
'

t 'no audit, no service' '
	mkdir -p full
	shares 1 >put
	serve full 1 --creator "*" --audit /dev/full
	ask bob full/1 /v1/put --data-binary @put >got
	grep -qx 503 got
	[ "$(sqlite3 full/1/db "select count(*) from share")" = 0 ]
'

t 'more keys than the rate allows' '
	serve rate 1 --rate 10 --burst 50
	seq -f %032.0f 1 200 | rec-list --lines >ids
	ask bob rate/1 /v1/get --data-binary @ids >got
	[ "$(grep -c error=missing got)" -lt 60 ]
	[ "$(grep -c error=busy got)" -gt 140 ]
	grep -q "op=get.*answer=burst.*CN=Bob" rate/1/audit
	grep -q "hydra-serve: warning: a client asks" rate/1/error
	serve dry 1 --rate 0.001 --burst 3
	ask bob dry/1 /v1/get --data-binary @<(head -n 3 ids | rec-list --lines) >got
	[ "$(grep -c error=missing got)" = 3 ]
	ask bob dry/1 /v1/get --data-binary @ids -D head >got
	[ "$(cat got)" = "too many requests by this client
429" ]
	grep -qi "^Retry-After: 1" head
	[ "$(grep -c answer=busy dry/1/audit)" = 200 ]
	ask bob dry/1 /v1/list | tail -n 1 | grep -qx 200
	ask alice rate/1 /v1/get --data-binary @<(head -n 40 ids | rec-list --lines) >got
	[ "$(grep -c error=missing got)" = 40 ]
'

t 'a byte now and then holds nothing up; nor does who does not read' '
	serve loris 1 --patience 1
	probe loris loris/1 hello headers body
	probe deaf loris/1 &
	until status_of loris/1 /metrics | grep -q "^hydra_connections 1\$"; do :; done
	until status_of loris/1 /metrics | grep -q "^hydra_connections 0\$"; do :; done
	kill $!
	ask bob loris/1 /v1/store | grep -qx 200
'

t 'more connections than there may be: the silent make room' '
	serve crowd 1 --max-connections 20
	[ "$(probe crowd crowd/1 60)" = 200 ]
'

t 'SIGTERM: what was taken is finished' '
	serve drain 1
	probe drain drain/1 >got
	printf "%s\n" "200 close" closed | cmp - got
	while kill -0 "$(cat drain/1/pid)" 2>/dev/null; do read -rt 0.02 <> <(:) || :; done
'

t 'health and metrics, on the loopback only' '
	[ "$(status_of s/1 /healthz)" = ok ]
	status_of s/1 /metrics >got
	grep -q "^hydra_keys_total{op=\"put\",answer=\"new\"} 3000\$" got
	grep -q "^hydra_answers_total{status=\"400\"} [1-9]" got
	grep -q "^hydra_handshakes_refused_total [1-9]" got
	! grep -q "CN=" got
	run=0
	hydra-serve --store 1 --database sqlite:x/db --create --listen 127.0.0.1:0 \
	    --audit x.audit --cert pki/host.pem --key pki/host.key \
	    --ca-dir pki/certificates --status 0.0.0.0:0 2>err || run=$?
	[ $run = 64 ]
	grep -q "not a loopback address" err
'

t 'under a service manager: its socket, ready, reloading, stopping' '
	probe manager s/1 hydra-serve --store 1 --database sqlite:m/db --create \
	    --audit m.audit --cert pki/host.pem --key pki/host.key \
	    --ca-dir pki/certificates --voms-dir pki/vomsdir -o m.address 2>err >got
	printf "%s\n" READY=1 200 RELOADING=1 READY=1 STOPPING=1 0 | cmp - got
'

t 'the audit to syslog, as RFC 5424 has it; without it, no service' '
	probe syslog s/1 2 >got &
	until [ -e log.ready ]; do read -rt 0.02 <> <(:) || :; done
	serve syslog 1 --syslog "$dir/log"
	ask bob syslog/1 /v1/store | grep -qx 200
	ask impostor syslog/1 /v1/store | grep -qx 403
	wait
	grep -qE "^<86>1 20[-0-9]*T[:.0-9]*Z [^ ]+ hydra-serve [0-9]+ audit - .*op=store" got
	grep -qE "^<85>1 .*op=identify.*ok=0" got
	ask bob syslog/1 /v1/store | grep -qx 503
'

t 'the audit file is opened again on SIGHUP' '
	mv s/1/audit s/1/audit.1
	hup s/1
	ask bob s/1 /v1/store | grep -qx 200
	audited s/1 op=store
'

t 'tokens: of a listed issuer, for us, in time, about its own groups' '
	openssl ecparam -genkey -name prime256v1 -noout -out ec.key
	openssl genpkey -algorithm RSA -out rsa.key 2>/dev/null
	openssl ecparam -genkey -name prime256v1 -noout -out alien.key
	probe jwks - ec.key rsa.key >keys.json
	printf "issuer\turl=https://i.example/\taudience=us\tkeys=keys.json\tgroups=/mdm\n.end\t1\n" >issuers
	serve token 1 --issuers issuers --creator /mdm/in
	claims() { echo "{\"iss\":\"https://i.example/\",\"sub\":\"jane\",\"aud\":[\"us\"],\"exp\":4000000000,\"wlcg.groups\":[\"/mdm/in\",\"/mdmx\",\"/other\"]${1:-}}"; }
	bearer() { # KEY CLAIMS HEADER
		ask - token/1 /v1/store -H "Authorization: Bearer $(probe jwt - "$@")" >got
		tail -n 1 got
	}
	for k in ec:ES256 rsa:RS256; do
		[ "$(bearer ${k%:*}.key "$(claims)" "{\"alg\":\"${k#*:}\",\"kid\":\"${k%:*}.key\"}")" = 200 ]
		grep -q "^you	dn=https://i.example/#jane	creator=1" got
		[ "$(grep -c ^fqan got)" = 1 ]
	done
	es="{\"alg\":\"ES256\"}"
	[ "$(bearer alien.key "$(claims)" "$es")" = 401 ]
	[ "$(bearer ec.key "$(claims)" "{\"alg\":\"none\"}")" = 401 ]
	[ "$(bearer ec.key "$(claims)" "{\"alg\":\"HS256\"}")" = 401 ]
	[ "$(bearer ec.key "$(claims | sed s/us/them/)" "$es")" = 401 ]
	[ "$(bearer ec.key "$(claims | sed s/4000000000/1000000000/)" "$es")" = 401 ]
	grep -q "the token has expired" got
	[ "$(bearer ec.key "$(claims | sed s/i.example/j.example/)" "$es")" = 401 ]
	[ "$(bearer ec.key "$(claims ",\"nbf\":3900000000")" "$es")" = 401 ]
	[ "$(bearer ec.key "$(claims)" "{\"alg\":\"ES256\",\"crit\":[\"x\"]}")" = 401 ]
	ask - token/1 /v1/store | tail -n 1 | grep -qx 401
	ask bob token/1 /v1/store | grep -qx 200
	! grep -q eyJ token/1/audit
'
done_testing
