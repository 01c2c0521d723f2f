#!/bin/bash
# hydra-refresh with stores across the network: rights, receipts, replays, and
# killed at many points
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh REFRESH=$here/refresh.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
users=/DC=test/DC=mdm/O=Users
serve s 4 --creator /mdm/Role=physician || exit 70
serve deaf 1 || exit 70
proxy alice alice /mdm/Role=physician /mdm
proxy bob bob /mdm
proxy user01 user01 /mdm/neuro
export X509_CERT_DIR=$dir/pki/certificates X509_USER_PROXY=$dir/alice.proxy users

some() { # K X...: a list of these stores, any K of which do
	local k=$1
	shift
	{
		printf 'threshold\tk=%d\n' "$k"
		for x; do grep "	x=$x	" "$dir/s/stores"; done
	} | rec-list --lines
}
few() { # SEED: some keys that no other test has, put into stores 1 to 3
	keys 12 "$1" >keys
	export K=$PWD/keys
	some 2 1 2 3 >list
	MDM_STORES=$PWD/list
	export MDM_STORES
	ssss-split <keys >shares
	hydra-put <shares >acks
}
whole() { # LIST: nothing is wrong with any of the keys
	hydra-check --stores "$1" <acks >found 2>/dev/null
	[ "$(cat found)" = "$(printf '.end\t0')" ]
	joins "$1"
}
export -f some few whole

t 'shared anew, to one store more and another threshold, and back' '
	. $REFRESH; few a
	hydra-refresh <acks >new
	acked new "ack=3	stores=1,2,3	e=2"
	whole list
	some 3 1 2 3 4 >four
	hydra-refresh --to four <acks >new
	acked new "ack=4	stores=1,2,3,4	e=3"
	whole four
	audited s/4 "op=drop" "CN=Alice" || tail -n 3 $dir/s/4/audit
	some 2 2 4 >two
	hydra-refresh --from four --to two <acks >new
	whole two
	ask alice s/1 /v1/rm --data-binary @<(cut -f1 acks | sed "\$d" | rec-list --lines) >gone
	[ "$(grep -c "	receipt=" gone)" = 12 ]
'

t 'rights go with the keys, and are asked for' '
	. $REFRESH; few b
	hydra-acl --modify "$users/CN=Bob Researcher:g" --chmod g-g,g+l --group /mdm <acks >was
	some 2 2 3 4 >to
	X509_USER_PROXY=$dir/bob.proxy exits 77 hydra-refresh <acks >new 2>err
	says "does not let us" err
	X509_USER_PROXY=$dir/user01.proxy exits 77 hydra-refresh <acks >new 2>err
	says "3 stores do not let us list it" err
	whole list
	hydra-refresh --to to <acks >new
	whole to
	hydra-acl --stores to <acks >now
	cut -f1-6 was | same - <(cut -f1-6 now)
	some 2 2 4 >two
	X509_USER_PROXY=$dir/bob.proxy hydra-get --stores two <acks | ssss-join | same keys -
	X509_USER_PROXY=$dir/user01.proxy exits 77 hydra-get --stores two <acks >got 2>err
	hydra-acl --stores to --delete "$users/CN=Bob Researcher" <acks >now
	X509_USER_PROXY=$dir/bob.proxy exits 77 hydra-get --stores two <acks >got 2>err
	whole to
'

t 'a new store that does not let us create: nothing is changed, nothing stays' '
	. $REFRESH; few c
	{ some 2 1 2 3 | sed "\$d"; sed -n "s/x=1/x=5/p" $dir/deaf/stores; } | rec-list --lines >to
	exits 65 hydra-refresh --to to <acks >new 2>err
	says "store 5 .*: it is store 1" err
	mkdir -p $dir/five
	{ some 2 2 3 4 | sed "\$d"; sed -n "/x=1/p" $dir/deaf/stores; } | rec-list --lines >to
	exits 77 hydra-refresh --to to <acks >new 2>err
	says "store 1 (.*): does not let us$" err
	whole list
	ask alice s/2 /v1/stat --data-binary @<(cut -f1 acks | sed "\$d" | rec-list --lines) >stat
	silent beside= stat
	ask alice s/4 /v1/stat --data-binary @<(cut -f1 acks | sed "\$d" | rec-list --lines) >stat
	[ "$(grep -c error=missing stat)" = 12 ]
'

t 'what was staged once and is sent again is refused, and the sender named' '
	. $REFRESH; few d
	ssss-split -k 2 -n 3 -e 2 <keys | grep "	x=3	" | rec-list --lines >replay
	ask alice s/3 /v1/stage --data-binary @replay >answer
	[ "$(grep -c stage=new answer)" = 12 ]
	hydra-refresh <acks >new
	acked new "ack=3	stores=1,2,3	e=3"
	ask alice s/3 /v1/stage --data-binary @replay >answer
	[ "$(grep -c error=old answer)" = 12 ]
	audited s/3 stage old "CN=Alice"
	cut -f1 acks | sed "s/$/	e=2/;\$d" | rec-list --lines >back
	ask alice s/3 /v1/switch --data-binary @back >answer
	[ "$(grep -c error=old answer)" = 12 ]
	grep "	x=3	" shares | rec-list --lines >first
	ask alice s/3 /v1/put --data-binary @first >answer
	[ "$(grep -c error=other answer)" = 12 ]
	whole list
'

t 'stopped between two stores: readers find the epoch that all have' '
	. $REFRESH; few k
	some 3 1 2 3 >three
	hydra-refresh --from list --to three <acks >new
	export MDM_STORES=$PWD/three
	ssss-split -k 3 -n 3 -e 7 <keys >shares
	for x in 1 2 3; do
		grep "	x=$x	" shares | rec-list --lines >lines
		ask alice s/$x /v1/stage --data-binary @lines >answer
		[ "$(grep -c stage=new answer)" = 12 ]
	done
	cut -f1 acks | sed "s/$/	e=7/;\$d" | rec-list --lines >switch
	for x in 2 1 3; do
		ask alice s/$x /v1/switch --data-binary @switch >answer
		[ "$(grep -c switch=new answer)" = 12 ]
		hydra-get <acks 2>err | ssss-join | same keys -
	done
	hydra-refresh <acks >new
	acked new "ack=3	stores=1,2,3	e=8"
	whole three
'

t 'a store whose database was put back, and one that was lost' '
	. $REFRESH; few e
	serve g 3 --creator /mdm/Role=physician
	export MDM_STORES=$dir/g/stores
	hydra-put <shares >acks
	$services/stop $dir/g
	mkdir old; cp $dir/g/2/db* old
	again() { $services/start $dir/g 3 --creator /mdm/Role=physician; }
	again
	hydra-refresh <acks >new
	$services/stop $dir/g
	rm $dir/g/2/db*; cp old/* $dir/g/2
	again
	exits 1 hydra-check <acks >found
	[ "$(grep -c "kind=epochs	.*	wrong=2	good=2$" found)" = 12 ]
	hydra-refresh --rebuild 2 <acks >new 2>err
	[ "$(grep -c "store 2 (https:.*): has epoch 1, the others 2" err)" = 12 ]
	whole $MDM_STORES
	$services/stop $dir/g
	rm $dir/g/2/db*
	again
	exits 1 hydra-check <acks >found 2>err
	[ "$(grep -c "kind=few	.*	missing=2" found)" = 12 ]
	hydra-refresh --rebuild 2 <found >new 2>err
	acked new "ack=3	stores=1,2,3	e=2"
	whole $MDM_STORES
'

t 'a store that dies: 69, and nothing is lost' '
	. $REFRESH; few h
	serve h 3 --creator /mdm/Role=physician
	export MDM_STORES=$dir/h/stores
	hydra-put <shares >acks
	mkfifo fifo
	hydra-refresh <fifo >new 2>err & pid=$!
	exec 5>fifo
	head -n 4 acks >&5
	until_line new e=2 4
	kill -9 "$(cat "$dir/h/3/pid")"
	sed -n "5,\$p" acks >&5
	exits 69 wait $pid
	exec 5>&-
	says "store 3 has to take shares, and does not" err
	joins $MDM_STORES
	$services/stop $dir/h
	$services/start $dir/h 3 --creator /mdm/Role=physician
	hydra-refresh --epoch 2 <acks >new
	whole $MDM_STORES
'

t 'killed at many points, and at last run to its end' '
	. $REFRESH; few f
	some 2 1 2 3 4 >two; some 3 1 2 3 4 >three
	hydra-refresh --to two <acks >new
	n=0
	for at in 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
		if [ $((at % 2)) = 0 ]; then
			cp two list; cp three to
		else
			cp three list; cp two to
		fi
		killed clone,clone3 $at hydra-refresh --from list --to to || continue
		n=$((n + 1))
		either
	done
	[ $n -ge 10 ]
	for at in 40 60 80 100 120 140; do
		killed write,sendto $at hydra-refresh --from two --to two || continue
		n=$((n + 1))
		either
	done
	hydra-refresh --from three --to two <acks >new
	whole two
	ask alice s/1 /v1/stat --data-binary @<(cut -f1 acks | sed "\$d" | rec-list --lines) >stat
	silent beside= stat
'

t 'stores of both kinds' '
	. $REFRESH; few i
	{ some 2 1 2 | sed "\$d"; printf "store\tx=3\turl=sqlite:$PWD/s3\n"; } | rec-list --lines >to
	hydra-refresh --to to --create <acks >new
	acked new "ack=3	stores=1,2,3	e=2"
	whole to
	hydra-refresh --from to --to to <acks >new
	whole to
'

t 'an object opens as before, and its old key line too' '
	. $REFRESH; few j
	head -c 100000 /dev/urandom >object
	rec-pack object | mdm-encrypt --keys /dev/fd/3 3>k >sealed
	ssss-split <k | hydra-put >acks
	rec-list <sealed >manifest
	hydra-refresh <manifest >new
	some 3 1 2 3 4 >four
	hydra-refresh --to four <manifest >new
	export MDM_STORES=$PWD/four
	mdm-decrypt --keys /dev/fd/3 <sealed 3< <(hydra-get <manifest | ssss-join) >opened
	mkdir out; rec-unpack -C out <opened
	same object out/object
'

done_testing
