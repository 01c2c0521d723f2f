#!/bin/bash
# Key stores that die, stop, are slow, damaged or off in time while 10,000 keys
# are got; with three stores, and with five
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/faults.sh
. "$here/faults.sh"

whole() { # all keys were got, in their order
	[ $got = 0 ]
	ssss-join <shares | same k -
}
# damage STORE...: pages of its database, beneath its feet
damage() {
	local x
	for x; do
		sqlite3 -cmd '.timeout 5000' "$dir/$s/$x/db" 'pragma wal_checkpoint(truncate)' >/dev/null
		"$PYTHON" -c '
import os, random, sys
f = os.open(sys.argv[1], os.O_WRONLY)
size = os.fstat(f).st_size
random.seed(7)
for page in random.sample(range(1, size // 4096), size // 4096 // 2):
    os.pwrite(f, random.randbytes(400), page * 4096 + random.randrange(3600))' "$dir/$s/$x/db"
	done
}
export -f whole damage

use a 3
use b 5
for s in a b; do
	use $s "$([ $s = a ] && echo 3 || echo 5)"
	hydra-put <"$in" >"$s.acks" || exit 70
done

t 'three stores, one killed' '
	use a 3
	getting kill9 a/1
	whole
	says "warning: store 1 (https" err
	up a 3
'

t 'three stores, one stopped' '
	use a 3
	getting signal STOP 2
	whole
	signal CONT 2
	quiet 2
'

t 'three stores, one slow, one that breaks connections' '
	use a 3
	through 1 slow 5000000
	getting true
	whole
	direct
	through 2 cut 700000
	getting true
	whole
'

t 'five stores, one killed and one stopped; three are needed' '
	use b 5
	both() { kill9 b/1; signal STOP 3; }
	export -f both
	getting both
	whole
	signal CONT 3
	kill9 b/4
	first=1 getting signal STOP 2 # too few from here on: 2 of 5
	[ $got = 69 ] || [ $got = 1 ]
	signal CONT 2
	grep -v "	error=unavailable$\|^.end" shares | rec-list --lines | ssss-join >some
	sed -n "/key=/p" some | sort | comm -23 - <(sort k) | cmp - /dev/null
	[ "$(grep -c "	error=unavailable" shares)" -ge 1 ]
	up b 5
'

t 'three stores, the database of one damaged: the others give all, and it is named' '
	use a 3
	getting damage 2
	whole
	direct
	hydra-get <a.acks >shares 2>err
	got=0 whole
	says "warning: .*store 2 (https" err
	# what is whole in it is what was put, or refused: never another share
	kill9 a/1
	got=0; hydra-get <a.acks >shares 2>err || got=$?
	[ $got != 0 ]
	grep -v "	error=" shares | rec-list --lines | ssss-join >some 2>err || :
	sed -n "/key=/p" some | sort | comm -23 - <(sort k) | cmp - /dev/null
	up a 3
'
done_testing
