#!/bin/bash
# hydra-put, hydra-get and hydra-rm with stores across the network
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 3 --creator /mdm/Role=physician || exit 70
proxy alice alice /mdm/Role=physician /mdm
proxy bob bob /mdm
proxy alice expired /mdm/Role=physician -- -hours 1 -pastproxy 5:00
export MDM_STORES=$dir/s/stores X509_CERT_DIR=$dir/pki/certificates
export X509_USER_PROXY=$dir/alice.proxy

few() { # N SEED: shares of N new keys, that no other test has
	keys "$1" "$2" | ssss-split -k 2 -n 3
}
# A list that is s/stores but for what the sed script says
list() {
	sed "$1" "$dir/s/stores" >"$dir/list"
	export MDM_STORES=$dir/list
}
# Which stores are asked is drawn: get until a store's name was in the draw.
get_until() { # TEXT < lines: out got, messages in err
	local n=0 lines
	lines=$(cat)
	until hydra-get <<<"$lines" >got 2>err && grep -q "$1" err; do
		[ $((n += 1)) -lt 40 ]
	done
}
export -f few list keys get_until

t 'put, get, list and rm; again is the same' '
	keys 30 a >k
	ssss-split -k 2 -n 3 <k >in
	hydra-put <in >acks
	[ "$(grep -c "	ack=3	stores=1,2,3$" acks)" = 30 ]
	hydra-put <in >again
	same acks again
	hydra-get <acks >got
	ssss-join <got >joined
	same k joined
	ask alice s/2 /v1/list | grep -c "	k=2	" | grep -qx 30
	hydra-rm <acks >gone
	same acks gone
	hydra-rm <acks >gone
	same acks gone
	exits 77 hydra-get <acks >got 2>err
	exits 1 hydra-put <in >again 2>err
	says "store 1 (https://localhost:.*): has removed it, for ever" err
'

t 'more keys than fit one request, more than the store serves at once' '
	keys 2500 b >k
	ssss-split -k 2 -n 3 <k | hydra-put >acks
	hydra-get <acks | ssss-join >joined
	same k joined
'

t 'a list of stores of both kinds' '
	list "s,url=https[^	]*/	operator=site2.*,url=sqlite:$dir/local,"
	keys 20 c >k
	ssss-split -k 2 -n 3 <k | hydra-put --create >acks
	[ "$(sqlite3 "$dir/local" "select count(*) from share")" = 20 ]
	hydra-get <acks | ssss-join >joined
	same k joined
	hydra-rm <acks >gone
	same acks gone
	[ "$(sqlite3 "$dir/local" "select count(*) from share")" = 0 ]
'

t 'owner and group go to the stores' '
	few 1 d >in
	hydra-put --owner "/DC=test/DC=mdm/O=Users/CN=Bob Researcher" --group /mdm <in >acks
	exits 77 hydra-get <acks >got 2>err
	says "deny its key" err
	X509_USER_PROXY=$dir/bob.proxy hydra-get <acks >got
	ssss-join <got >joined
	[ "$(wc -l <joined)" = 2 ]
'

t 'who may not create, get or remove is told so: 77' '
	few 3 e >in
	X509_USER_PROXY=$dir/bob.proxy exits 77 hydra-put <in >acks 2>err
	says "does not let us create keys" err
	hydra-put <in >acks
	export X509_USER_PROXY=$dir/bob.proxy
	exits 77 hydra-get <acks >got 2>err
	[ "$(grep -c error=denied got)" = 3 ]
	exits 77 hydra-rm <acks >gone 2>err
	says "does not let us remove it" err
	[ "$(wc -l <gone)" = 1 ]
	X509_USER_PROXY=$dir/alice.proxy hydra-get <acks >got
'

t 'a share that is wrong is set aside, the others are put' '
	few 2 f >in
	"$PYTHON" - in >wrong <<-"END"
	import sys
	lines = open(sys.argv[1]).read().split("\n")
	f = [x.split("=") for x in lines[0].split("\t")]
	for x in f:
	    if x[0] == "share":
	        x[1] = ("0" if x[1][0] != "0" else "1") + x[1][1:]
	lines[0] = "\t".join("=".join(x) for x in f)
	sys.stdout.write("\n".join(lines))
	END
	exits 1 hydra-put <wrong >acks 2>err
	says "store 1 .*: finds its share wrong" err
	[ "$(wc -l <acks)" = 2 ]
	exits 1 hydra-get <<<"$(cut -f1 in | sort -u | grep -v end; printf ".end\t2\n")" >got 2>err
	[ "$(grep -c error=missing got)" = 1 ]
'

t 'a certificate with its key; no proof; an expired proxy; a key others can read' '
	few 1 g >in
	hydra-put <in >acks
	unset X509_USER_PROXY
	X509_USER_CERT=$dir/pki/alice.pem X509_USER_KEY=$dir/pki/alice.key hydra-get <acks >got
	[ "$(wc -l <got)" = 3 ]
	X509_USER_PROXY=$dir/expired.proxy exits 77 hydra-get <acks >got 2>err
	says "refuses our certificate or proxy" err
	cp "$dir/alice.proxy" open; chmod 644 open
	X509_USER_PROXY=$PWD/open exits 77 hydra-get <acks >got 2>err
	says "open" err
	cp "$dir/pki/stranger.pem" .
	X509_USER_CERT=$dir/pki/stranger.pem X509_USER_KEY=$dir/pki/stranger.key \
	    exits 77 hydra-get <acks >got 2>err
	if [ ! -e "/tmp/x509up_u$(id -u)" ]; then
		exits 77 hydra-get <acks >got 2>err
		says "refuses us, who show no certificate" err
	fi
'

t 'a token that no store knows: 77' '
	few 1 h >in
	printf "a.b.c\n" >token; chmod 600 token
	unset X509_USER_PROXY
	BEARER_TOKEN_FILE=$PWD/token exits 77 hydra-put <in >acks 2>err
	says "refuses our token" err
	BEARER_TOKEN="a b" exits 77 hydra-put <in >acks 2>err
	says "not one word" err
'

t 'a store with another key than pin= says is not believed' '
	few 2 i >in
	hydra-put <in >acks
	list "/x=2/s/pin=./pin=_/;/x=2/s/pin=_\(.*\)\(.\)$/pin=0\1\2/"
	list "/x=2/s/pin=[0-9a-f]*/pin=$(printf %064d 7)/"
	exits 77 hydra-put <in >again 2>err
	says "store 2 .*: its key is not the one that pin= names" err
	get_until "store 2 .*: its key is not" <acks
	exits 77 hydra-rm <acks >gone 2>err
	list "/x=2/s/pin=[0-9a-f]*/pin=12/"
	exits 65 hydra-put <in >again 2>err
	says "not 64 lower-case hex digits" err
'

t 'an authority that we do not trust' '
	few 1 j >in
	mkdir none
	X509_CERT_DIR=$PWD/none exits 77 hydra-put <in >acks 2>err
	says "its certificate is not trusted (see X509_CERT_DIR)" err
'

t 'two stores that were exchanged' '
	few 2 k >in
	hydra-put <in >acks
	list "s/x=1/x=@/;s/x=3/x=1/;s/x=@/x=3/"
	exits 65 hydra-put <in >again 2>err
	says "store 1 .*: it is store 3" err
	exits 65 hydra-rm <acks >gone 2>err
	[ "$(wc -l <gone)" = 1 ]
	for program in "hydra-acl --chmod g+g" "hydra-acl" hydra-check "hydra-refresh --epoch 2" \
	    "hydra-refresh --rebuild 1"; do
		exits 65 $program <acks >out 2>err
		says "store [13] .*: it is store [13]" err
	done
'

t 'a store that refuses, and one that is silent' '
	few 2 l >in
	hydra-put <in >acks
	port=$("$PYTHON" -c "import socket; s = socket.socket()
s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])")
	list "/x=1/s/localhost:[0-9]*/localhost:$port/"
	exits 69 hydra-put <in >again 2>err
	says "store 1 (https://localhost:$port/): " err
	hydra-get <acks >got 2>err
	[ "$(wc -l <got)" = 5 ]
	hydra-put --quorum 2 <in >again 2>err
	[ "$(grep -c "	ack=2	stores=2,3" again)" = 2 ]
	exits 69 hydra-rm <acks >gone 2>err
	says "not removed from stores 1" err
	coproc "$PYTHON" -c "
import socket, sys
s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen(9)
print(s.getsockname()[1], flush=True)
sys.stdin.read()"
	read -r port <&"${COPROC[0]}"
	list "/x=1/s/localhost:[0-9]*/localhost:$port/"
	few 1 m >in
	MDM_STORE_WAIT=1 hydra-put --quorum 2 <in >acks 2>err
	grep -q "	stores=2,3" acks
	MDM_STORE_WAIT=1 get_until "store 1 .*: " <acks
	[ "$(wc -l <got)" = 3 ]
	exec {COPROC[1]}>&-
'

t 'a store that is busy is asked again; one that stays so is 75' '
	serve r 3 --creator "*" --rate 400 --burst 100
	export MDM_STORES=$dir/r/stores
	few 130 n >in
	hydra-put <in >acks
	[ "$(wc -l <acks)" = 131 ]
	hydra-get <acks | ssss-join >joined
	keys 130 n | same - joined
	serve q 3 --creator "*" --rate 1 --burst 1
	export MDM_STORES=$dir/q/stores
	hydra-put <in >acks
	MDM_LOCK_WAIT=0.1 exits 75 hydra-get <acks >got 2>err
	says "too many requests by us" err
	grep -q error=unavailable got
'

t 'a store that dies while keys are put: what was not acknowledged is taken back' '
	serve d 3 --creator "*"
	export MDM_STORES=$dir/d/stores
	mkfifo fifo
	hydra-put <fifo >put 2>err &
	pid=$!
	exec 5>fifo
	few 2 o | grep -v .end >&5
	until_line put ack=3 2
	kill -9 "$(cat "$dir/d/3/pid")"
	few 1 p | grep -v .end >&5
	exits 69 wait "$pid"
	exec 5>&-
	says "store 3 .*: " err
	ask alice d/1 /v1/list >left
	[ "$(grep -c "	k=2	" left)" = "$(grep -c ack=3 put)" ]
	"$services/stop" "$dir/d"
	"$services/start" "$dir/d" 3 --creator "*"
	keys 1 p | ssss-split -k 2 -n 3 | hydra-put >acks
	grep -q "ack=3" acks
'

done_testing
