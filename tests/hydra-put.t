#!/bin/bash
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
keys 20 >k20
ssss-split -k 2 -n 3 <k20 >in20
ssss-split -k 2 -n 3 <k20 >other20

t 'shares are acknowledged once every store has them' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	[ "$(wc -l <acks)" = 21 ]
	[ "$(grep -c "	ack=3	stores=1,2,3$" acks)" = 20 ]
	for x in 1 2 3; do [ "$(rows $x)" = 20 ]; done
'

t 'the same again is success, another share changes nothing' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	hydra-put <in20 >again
	same acks again
	before=$(sqlite3 s2 "select hex(sealed) from share order by guid")
	exits 1 hydra-put <other20 >out 2>err
	[ "$(wc -l <out)" = 1 ]
	says "store 1 (sqlite:/.*/s1): has another share" err
	[ "$before" = "$(sqlite3 s2 "select hex(sealed) from share order by guid")" ]
	hydra-get <acks | ssss-join | cmp - k20
'

t 'a share taken in one store only takes back the others' '
	. $HYDRA; stores 2 3
	grep "	x=2	" other20 >two; printf ".end\t20\n" >>two
	hydra-put --quorum 2 <two >out 2>err || :
	[ "$(rows 2)" = 0 ]
	hydra-put <in20 >acks
	sqlite3 s1 "delete from share"; sqlite3 s3 "delete from share"
	exits 1 hydra-put <other20 >out 2>err
	[ "$(rows 1) $(rows 2) $(rows 3)" = "0 20 0" ]
	hydra-put <in20 >again
	same acks again
'

t 'what was acknowledged to another is not taken back' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sqlite3 s3 "delete from share"
	hydra-put <in20 >acks
	mv s3 away
	exits 69 hydra-put <in20 >out 2>err
	[ "$(rows 1) $(rows 2)" = "20 20" ]
'

t 'what another has put again meanwhile is not taken back' '
	. $HYDRA; stores 2 3
	coproc locked s3
	read -r _ <&"${COPROC[0]}"
	MDM_LOCK_WAIT=2 hydra-put <in20 >out 2>err & slow=$!
	until [ "$(rows 1)$(rows 2)" = 2020 ]; do kill -0 $slow; done
	MDM_LOCK_WAIT=0.01 hydra-put --quorum 2 <in20 >acks 2>err2
	exits 75 wait $slow
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
	[ "$(rows 1) $(rows 2) $(rows 3)" = "20 20 0" ]
	hydra-get <acks | ssss-join | cmp - k20
'

t 'with a store missing nothing is stored, unless a quorum is enough' '
	. $HYDRA; stores 2 3
	mv s2 away
	exits 69 hydra-put <in20 >out 2>err
	says "^hydra-put: error: store 2 (sqlite:/.*/s2): No such file" err
	[ "$(wc -l <err)" = 1 ]
	[ ! -e s2 ]
	[ "$(rows 1) $(rows 3)" = "0 0" ]
	hydra-put --quorum 2 <in20 >acks 2>err
	says "warning: store 2" err
	[ "$(grep -c "	ack=2	stores=1,3$" acks)" = 20 ]
	hydra-get <acks 2>err | ssss-join | cmp - k20
'

t 'a store that fails in the middle is rolled back' '
	. $HYDRA; stores 2 3
	sqlite3 s3 "create trigger no before insert on share begin select raise(abort, \"no\"); end"
	exits 69 hydra-put <in20 >out 2>err
	says "^hydra-put: error: store 3 " err
	[ "$(rows 1) $(rows 2) $(rows 3)" = "0 0 0" ]
	sqlite3 s3 "drop trigger no"
	hydra-put <in20 >acks
	[ "$(wc -l <acks)" = 21 ]
'

t 'a locked store is 75 and named, a corrupt one 65' '
	. $HYDRA; stores 2 3
	export MDM_LOCK_WAIT=0.05
	coproc locked s2
	read -r _ <&"${COPROC[0]}"
	exits 75 hydra-put <in20 >out 2>err
	says "^hydra-put: error: store 2 (sqlite:/.*/s2): locked by another process for 0.05 s$" err
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
	[ "$(rows 1) $(rows 3)" = "0 0" ]
	hydra-put <in20 >acks
	echo "not a database, but as long as one must be" | dd of=s2 conv=notrunc status=none
	exits 65 hydra-put <in20 >out 2>err
	says "^hydra-put: error: store 2 (sqlite:/.*/s2): " err
'

t 'a store with the wrong key file, of another index, or of something else is refused' '
	. $HYDRA; stores 2 3
	cp s1.key keep; cp s2.key s1.key
	exits 65 hydra-put <in20 >out 2>err
	says "store 1 .*key file is not the one" err
	rm s1.key
	exits 69 hydra-put <in20 >out 2>err
	exits 69 hydra-put --create <in20 >out 2>err
	[ ! -e s1.key ]
	cp keep s1.key; chmod 644 s1.key
	exits 77 hydra-put <in20 >out 2>err
	says "chmod 600" err
	chmod 600 s1.key
	hydra-put <in20 >acks
	sed "s/x=1	/x=9	/;s/x=2	/x=1	/;s/x=9	/x=2	/" list >swapped
	MDM_STORES=swapped exits 65 hydra-put <in20 >out 2>err
	says "its shares are those of store" err
	sqlite3 s1 "update mdm_schema set version = 99"
	exits 65 hydra-put <in20 >out 2>err
	says "newer" err
	sqlite3 s1 "update mdm_schema set application = \"mdm catalogue\""
	exits 65 hydra-put <in20 >out 2>err
'

t 'a stolen database without its key file says nothing of a share' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	{ cat s[123] s[123]-wal 2>/dev/null || :; } | "$PYTHON" -c "
import sys
data = sys.stdin.buffer.read()
for line in open(\"in20\").read().split(\"\n\")[:-2]:
    share = dict(f.split(\"=\") for f in line.split(\"\t\")[1:])[\"share\"]
    assert bytes.fromhex(share) not in data and share.encode() not in data
    assert bytes.fromhex(share)[:8] not in data
for line in open(\"k20\").read().split(\"\n\")[:-2]:
    assert bytes.fromhex(line.split(\"=\")[1]) not in data
"
	for f in s1 s2 s3 s1.key s2.key s3.key; do [ "$(stat -c %a $f)" = 600 ]; done
	[ "$(cat s1.key s2.key s3.key | sort -u | wc -l)" = 3 ]
'

t 'owner, group, epoch and creation time are kept' '
	. $HYDRA; stores 2 3
	hydra-put --owner "/CN=Bob \"; drop table share" --group /mdm <in20 >acks
	[ "$(sqlite3 s1 "select distinct owner, grp, e, x, k, n from share")" = "/CN=Bob \"; drop table share|/mdm|1|1|2|3" ]
	[ "$(sqlite3 s1 "select count(*) from share where created between unixepoch() - 600 and unixepoch()")" = 20 ]
'

t 'incomplete, weak or malformed shares are set aside and stored nowhere' '
	. $HYDRA; stores 2 3
	{ sed -n 1,2p in20; sed -n 4,6p in20; sed -n 7,9p in20 | sed "2s/check=../check=/"; printf "x\tshare=1\n.end\t9\n"; } >in
	exits 1 hydra-put <in >out 2>err
	[ "$(grep -c ack= out)" = 1 ]
	says "2 of its 3 shares came" err
	[ "$(rows 1) $(rows 2) $(rows 3)" = "1 1 1" ]
	ssss-split -k 2 -n 4 <k20 >wide
	exits 65 hydra-put <wide >out 2>err
	says "no store 4" err
	stores 3 3
	exits 65 hydra-put <in20 >out 2>err
	says "k=2 is below the threshold 3" err
	[ "$(rows 1)" = 0 ]
	head -c 3000 in20 >cut
	exits 65 hydra-put <cut >out 2>err
'

t 'acks come when the input pauses' '
	. $HYDRA; stores 2 3
	mkfifo pipe
	hydra-put <pipe >out &
	exec 4>pipe
	sed -n 1,6p in20 >&4
	until [ "$(grep -c ack= out)" = 2 ]; do kill -0 $! || exit 1; done
	printf ".end\t6\n" >&4
	exec 4>&-
	wait $!
'

t 'four at once, of the same and of different keys, all end well' '
	. $HYDRA; stores 2 3
	keys 300 a | tee ka | ssss-split >sa
	keys 300 b | tee kb | ssss-split >sb
	pids=
	for i in 1 2; do
		hydra-put <sa >aa$i & pids="$pids $!"
		hydra-put <sb >ab$i & pids="$pids $!"
	done
	for p in $pids; do wait "$p"; done
	same aa1 aa2; same ab1 ab2
	[ "$(rows 1) $(rows 2) $(rows 3)" = "600 600 600" ]
	hydra-get <aa1 | ssss-join | cmp - ka
	hydra-get <ab1 | ssss-join | cmp - kb
'

t 'killed at any moment and run again, every key is there' '
	. $HYDRA; stores 2 3
	keys 3000 | tee k | ssss-split >s
	for delay in 0.01 0.02 0.04 0.07 0.1; do
		hydra-put <s >acks & p=$!
		"$PYTHON" -c "import time, sys; time.sleep(float(sys.argv[1]))" $delay
		kill -9 $p 2>/dev/null || :
		wait $p || :
	done
	hydra-put <s >acks
	[ "$(rows 1) $(rows 2) $(rows 3)" = "3000 3000 3000" ]
	hydra-get <acks | ssss-join | cmp - k
'

t 'three stores are made for one who has set nothing, and it says so once' '
	unset MDM_STORES
	hydra-put <in20 >acks 2>err
	says "^hydra-put: note: made three key stores in .*one machine" err
	[ "$(wc -l <err)" = 1 ]
	hydra-put <in20 >again 2>err
	[ ! -s err ]
	same acks again
	cd home/.local/share/mdm
	[ "$(ls | tr "\n" " ")" = "store-1.sqlite store-1.sqlite.key store-2.sqlite store-2.sqlite.key store-3.sqlite store-3.sqlite.key stores " ]
	rm store-2.sqlite
	exits 69 hydra-put <../../../../in20 2>err
'

t 'usage, and a bad list of stores' '
	. $HYDRA; stores 2 3
	exits 64 hydra-put --quorum 1 <in20 2>err
	exits 64 hydra-put --quorum 4 <in20 2>err
	exits 64 hydra-put nope <in20 2>err
	for bad in "/threshold/d" "s/k=2/k=1/" "s/k=2/k=4/" "s/x=2/x=1/" "s/x=2/x=0/" "/\\.end/d" "s/^store/shop/" "s/url=sqlite:s2//"; do
		sed "$bad" list | sed "/^.end/d" >bad
		[ "$bad" = "/\\.end/d" ] || printf ".end\t%d\n" "$(wc -l <bad)" >>bad
		MDM_STORES=bad exits 65 hydra-put <in20 >out 2>err
		says "^hydra-put: error: bad: " err
	done
	MDM_STORES=none exits 74 hydra-put <in20 >out 2>err
	sed "s/sqlite:s2/ftp:s2/" list >bad
	MDM_STORES=bad exits 69 hydra-put <in20 >out 2>err
	says "no such kind of store" err
	exits 74 sh -c "hydra-put <in20 >/dev/full" 2>err
'

done_testing
