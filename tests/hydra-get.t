#!/bin/bash
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
keys 20 >k20
ssss-split -k 2 -n 3 <k20 >in20
ssss-split -k 3 -n 5 <k20 >in35

# lie FILE X N: shares of the first N keys altered in what goes to store X
lie() {
	awk -v x="x=$2" -v n="$3" 'BEGIN { FS = OFS = "\t" }
		$2 == x && done++ < n { c = substr($6, 7, 1); sub(/share=./, "share=" (c == "0" ? "1" : "0"), $6) } 1' "$1"
}
export -f lie

t 'shares come back grouped, in the order asked for' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	{ grep -v "^\.end" acks | sort -r; printf ".end\t20\n"; } >asked
	hydra-get <asked >out
	[ "$(wc -l <out)" = 41 ]
	[ "$(cut -f 1 out | uniq | sed "/^.end/d")" = "$(cut -f 1 asked | sed "/^.end/d")" ]
	grep -v "^\.end" out | while read -r line; do grep -qxF "$line" in20 || exit 1; done
	ssss-join <out | sed "/^.end/d" | sort | cmp - <(sed "/^.end/d" k20 | sort)
'

t 'an id is guid= if there is one' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	guid=$(sed -n "1s/	.*//p" acks)
	printf "1.2/3.4/5.6\tsize=7\tguid=%s\n.end\t1\n" "$guid" | hydra-get >out
	[ "$(grep -c "^$guid	x=" out)" = 2 ]
'

t 'every id is answered: missing ones too' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	id=ffffffffffffffffffffffffffffffff
	sed "2i $id" acks | sed "s/^.end.*/.end	21/" >asked
	exits 1 hydra-get <asked >out 2>err
	says "^$id	error=missing$" out
	[ "$(sed -n "3p" out | cut -f 1)" = $id ]
	says "^hydra-get: error: $id: no store has" err
	printf "%s\nnonsense\n.end\t2\n" $id >asked
	exits 77 hydra-get <asked >out 2>err
	[ "$(wc -l <out)" = 3 ]
	says "^nonsense	error=missing$" out
'

t 'one store lost of three does not matter; two do' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	for x in 1 2 3; do
		mv s$x away
		hydra-get <acks 2>err | ssss-join | cmp - k20
		says "^hydra-get: warning: store $x (sqlite:/.*/s$x): No such file" err
		[ "$(wc -l <err)" = 1 ]
		mv away s$x
	done
	mv s1 a1; mv s2 a2
	exits 69 hydra-get <acks >out 2>err
	[ "$(grep -c "error=unavailable" out)" = 20 ]
	exits 69 ssss-join <out >keys 2>err
	silent key= keys
'

t 'what one store lacks comes from another' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sqlite3 s1 "delete from share where rowid % 2"
	sqlite3 s2 "delete from share where not rowid % 2"
	hydra-get <acks | ssss-join | cmp - k20
	sqlite3 s3 "delete from share"
	exits 77 hydra-get <acks >out 2>err
	[ "$(grep -c "error=missing" out)" = 20 ]
'

t 'a store that lies is named, k = 2 of 3' '
	. $HYDRA
	for x in 1 2 3; do
		stores 2 3
		lie in20 $x 1 | hydra-put >acks
		hydra-get <acks 2>err | ssss-join | cmp - k20
		if [ $x -lt 3 ]; then
			says "^hydra-get: warning: [0-9a-f]*: store $x (sqlite:/.*/s$x): its share is wrong" err
			[ "$(wc -l <err)" = 1 ]
		fi
	done
'

t 'a store that lies is named, k = 3 of 5' '
	. $HYDRA
	for x in 1 2 3; do
		stores 3 5
		lie in35 $x 20 | hydra-put >acks
		hydra-get <acks 2>err | ssss-join | cmp - k20
		[ "$(grep -c "store $x (sqlite:/.*/s$x): its share is wrong" err)" = 20 ]
		[ "$(wc -l <err)" = 20 ]
	done
'

t 'two that lie of three: error=wrong, never a key' '
	. $HYDRA; stores 2 3
	lie in20 1 1 >one; lie one 3 1 | hydra-put >acks
	exits 1 hydra-get <acks >out 2>err
	[ "$(grep -c "error=wrong" out)" = 1 ]
	exits 1 ssss-join <out >keys 2>err
	[ "$(grep -c key= keys)" = 19 ]
	sed "/^.end/d" keys | grep key= | while read -r line; do grep -qxF "$line" k20 || exit 1; done
	lie in35 1 0 >/dev/null
'

t 'a store that says k=1 or k=2 under a threshold of 3 is not believed' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sed "s/k=2/k=3/" list >three
	MDM_STORES=three exits 65 hydra-get <acks >out 2>err
	says "below the threshold" err
	[ "$(grep -c "error=wrong" out)" = 20 ]
'

t 'a damaged row is found, named and made up for' '
	. $HYDRA
	for what in "sealed = randomblob(60)" "sealed = zeroblob(1)" "tag = zeroblob(16)" "commits = zeroblob(48)" "e = 2" "k = 3" "x = 2" "n = 77" "guid = zeroblob(16)"; do
		stores 2 3
		hydra-put <in20 >acks
		sqlite3 s1 "update share set $what where rowid = 7"
		hydra-get <acks 2>err | ssss-join | cmp - k20
		[ "$what" = "guid = zeroblob(16)" ] || says "store 1 (sqlite:/.*/s1): its row is damaged" err
	done
'

t 'rows exchanged between keys or stores open nothing' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sqlite3 s1 "create table t as select guid, sealed from share;
		update share set sealed = (select t.sealed from t where t.guid > share.guid order by t.guid limit 1) where guid < (select max(guid) from t);"
	sqlite3 s2 "attach \"s3\" as o; update share set sealed = (select p.sealed from o.share p where p.guid = share.guid)"
	exits 1 hydra-get <acks >out 2>err || exits 65 hydra-get <acks >out 2>err
	[ "$(grep -c "store 1 .*its row is damaged" err)" = 19 ]
	[ "$(grep -c "store 2 .*its row is damaged" err)" = 20 ]
'

t 'a locked store is read all the same; a corrupt one is done without' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	coproc locked s2
	read -r _ <&"${COPROC[0]}"
	MDM_LOCK_WAIT=0.05 hydra-get <acks | ssss-join | cmp - k20
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
	echo "not a database" | dd of=s1 conv=notrunc status=none
	hydra-get <acks 2>err | ssss-join | cmp - k20
	says "warning: store 1 " err
'

t 'stores locked against readers are 75' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	export MDM_LOCK_WAIT=0.05
	for s in s1 s2; do sqlite3 $s "pragma journal_mode=delete" >/dev/null; done
	coproc "$PYTHON" -c "
import sqlite3, sys
dbs = [sqlite3.connect(p, isolation_level=None) for p in (\"s1\", \"s2\")]
for db in dbs: db.execute(\"begin exclusive\")
print(flush=True)
sys.stdin.read()"
	read -r _ <&"${COPROC[0]}"
	exits 75 hydra-get <acks >out 2>err
	says "store 1 .*locked by another process" err
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
	hydra-get <acks | ssss-join | cmp - k20
'

t 'a wrong key file gives nothing' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	cp s1.key s2.key; cp s1.key s3.key
	exits 69 hydra-get <acks >out 2>err
	says "key file is not the one" err
	silent share= out
'

t 'answers come when the input pauses' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	mkfifo pipe
	hydra-get <pipe >out &
	exec 4>pipe
	sed -n 1p acks >&4
	until [ "$(grep -c share= out)" = 2 ]; do kill -0 $! || exit 1; done
	printf ".end\t1\n" >&4
	exec 4>&-
	wait $!
'

t 'cut input is 65, a full disk 74, usage 64; no message shows a share' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	for n in 0 10 40 $(($(wc -c <acks) - 1)); do
		head -c $n acks >cut
		exits 65 hydra-get <cut >out 2>err
	done
	exits 74 sh -c "hydra-get <acks >/dev/full" 2>err
	exits 64 hydra-get nope <acks 2>err
	[ ! -e none ]
	MDM_STORES=none exits 74 hydra-get <acks 2>err
'

done_testing
