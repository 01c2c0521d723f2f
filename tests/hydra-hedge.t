#!/bin/bash
# hydra-get when a store is slow: it does not wait for it, nor ask it alone
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 3 --creator '*' || exit 70
proxy alice alice /mdm
export MDM_STORES=$dir/s/stores X509_CERT_DIR=$dir/pki/certificates
export X509_USER_PROXY=$dir/alice.proxy
keys 1000 >k
ssss-split -k 2 -n 3 <k | hydra-put >acks || exit 70

stop() { # X: the store hears and says nothing any more
	kill -STOP "$(cat "$dir/s/$1/pid")"
	until stopped "$1"; do :; done
}
stopped() {
	grep -q '^State:.T' "/proc/$(cat "$dir/s/$1/pid")/status"
}
go_on() {
	kill -CONT "$(cat "$dir/s/$1/pid")"
}
export -f stop stopped go_on keys
# Whoever waits for a store that is stopped waits longer than any test.
export MDM_STORE_WAIT=100000

t '1,000 keys come without the store that is stopped, whichever it is' '
	for x in 1 2 3; do
		stop $x
		timeout 60 hydra-get <acks >got 2>err
		stopped $x
		go_on $x
		ssss-join <got | same k -
	done
'

t 'a store that stops between two batches' '
	for x in 1 2 3; do
		mkfifo in$x
		timeout 60 hydra-get <in$x >got 2>err &
		pid=$!
		exec 5>in$x
		sed -n 1,200p acks >&5
		until [ "$(cut -f 1 got | uniq | wc -l)" -ge 200 ]; do
			kill -0 "$pid"
			read -rt 0.02 <> <(:) || :
		done
		stop $x
		sed 1,200d acks >&5
		exec 5>&-
		wait "$pid"
		stopped $x
		go_on $x
		ssss-join <got | same k -
	done
'

t 'that a key is missing is known without it' '
	printf "%032d\n.end\t1\n" 7 >ask
	stop 2
	exits 77 timeout 60 hydra-get <ask >got 2>err
	stopped 2
	go_on 2
	grep -q error=missing got
'

t 'one that stopped is named, if it was asked' '
	stop 1
	n=0
	until timeout 60 hydra-get <acks >got 2>err && [ -s err ]; do
		[ $((n += 1)) -lt 40 ]
	done
	go_on 1
	says "^hydra-get: warning: store 1 (https:.*): does not answer; others did" err
	[ "$(wc -l <err)" = 1 ]
'

t 'two that stopped: 69 when we are tired of waiting' '
	stop 1
	stop 3
	MDM_STORE_WAIT=1 exits 69 timeout 60 hydra-get <acks >got 2>err
	go_on 1
	go_on 3
	[ "$(grep -c error=unavailable got)" = 1000 ]
'

t 'all stores share the work' '
	gets() {
		grep -c get "$dir/s/$1/audit"
	}
	before="$(gets 1) $(gets 2) $(gets 3)"
	for i in {1..20}; do
		{ sed -n 2p acks; printf ".end\t1\n"; } | hydra-get >got
	done
	set -- $before
	[ "$(gets 1)" -gt "$1" ]
	[ "$(gets 2)" -gt "$2" ]
	[ "$(gets 3)" -gt "$3" ]
'

t 'what order a store sees says nothing of the order of the reader' '
	{ sed "/^.end/d" acks | sort -r | head -50; printf ".end\t50\n"; } >ask
	for x in 1 2 3; do wc -l <"$dir/s/$x/audit" >from$x; done
	hydra-get <ask >got
	[ "$(cut -f 1 got | uniq | sed "/^.end/d")" = "$(cut -f 1 ask | sed "/^.end/d")" ]
	for x in 1 2 3; do # each was asked once, if at all
		sed "1,$(cat from$x)d" "$dir/s/$x/audit" |
		    grep -o "[0-9a-f]\{32\}" >saw || continue
		sort -c saw
	done
'

done_testing
