#!/bin/bash
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
keys 20 >k20
ssss-split -k 2 -n 3 <k20 >in20

t 'keys are removed from every store; the lines pass when they are gone' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sed -n 1,5p acks >five; printf ".end\t5\n" >>five
	hydra-rm <five >out
	same five out
	[ "$(rows 1) $(rows 2) $(rows 3)" = "15 15 15" ]
	exits 1 hydra-get <acks >out 2>err
	[ "$(grep -c error=missing out)" = 5 ]
'

t 'again is success' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	hydra-rm <acks >out
	hydra-rm <acks >again
	same acks again
	exits 77 hydra-get <acks >out 2>err
'

t 'a removed key is never put again, by anyone' '
	. $HYDRA; stores 2 3
	sed -n 1p k20 | cut -f1 >id; printf ".end\t1\n" >>id
	hydra-put <in20 >acks
	hydra-rm <id >out
	exits 1 hydra-put <in20 >again 2>err
	says "$(sed -n 1p id): store 1 (.*): has removed it, for ever" err
	[ "$(wc -l <again)" = 20 ]
	[ "$(rows 1) $(rows 2) $(rows 3)" = "19 19 19" ]
'

t 'nothing of a removed share stays in the files' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	sqlite3 s1 "select hex(sealed), hex(commits) from share" | tr "|" "\n" >gone
	[ "$(wc -l <gone)" = 40 ]
	# Someone else has it open, so that closing it does not empty the log.
	coproc "$PYTHON" -c "
import sqlite3, sys
db = sqlite3.connect(\"s1\", isolation_level=None)
print(db.execute(\"select count(*) from share\").fetchall(), flush=True)
sys.stdin.read()"
	read -r _ <&"${COPROC[0]}"
	hydra-rm <acks >out
	{ cat s1 s1-wal 2>/dev/null || :; } | "$PYTHON" -c "
import sys
data = sys.stdin.buffer.read()
for line in open(\"gone\"):
    assert bytes.fromhex(line.strip()) not in data
"
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
'

t 'a store that is not there is named; it is removed where it can be' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	mv s2 away
	exits 69 hydra-rm <acks >out 2>err
	says "^hydra-rm: error: store 2 (sqlite:/.*/s2): No such file" err
	[ "$(grep -c "not removed from stores 2; shredded all the same$" err)" = 20 ]
	[ "$(wc -l <out)" = 1 ]
	[ "$(rows 1) $(rows 3)" = "0 0" ]
	mv away s2
	[ "$(rows 2)" = 20 ]
	hydra-rm <acks >out
	same acks out
	[ "$(rows 2)" = 0 ]
'

t 'a locked store is 75' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	coproc locked s2
	read -r _ <&"${COPROC[0]}"
	MDM_LOCK_WAIT=0.05 exits 75 hydra-rm <acks >out 2>err
	says "store 2 .*locked" err
	exec {COPROC[1]}>&-
	wait "$COPROC_PID"
	hydra-rm <acks >out
	same acks out
'

t 'an id with a wildcard removes nothing else' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	printf "%%25\n________________________________\n.end\t2\n" >in
	exits 65 hydra-rm <in >out 2>err
	[ "$(rows 1)" = 20 ]
'

t 'cut input removes no more than it names; usage is 64' '
	. $HYDRA; stores 2 3
	hydra-put <in20 >acks
	head -c 40 acks >cut
	exits 65 hydra-rm <cut >out 2>err
	[ "$(rows 1)" = 20 ]
	exits 64 hydra-rm nope <acks 2>err
	exits 74 sh -c "hydra-rm <acks >/dev/full" 2>err
'

done_testing
