#!/bin/bash
# Key stores whose disk is full, whose database is damaged or whose clock is
# off, while 10,000 keys are put
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/faults.sh
. "$here/faults.sh"

# limit X BYTES: of each of its files.  To the store it is as a full disk.
limit() { prlimit --pid "$(cat "$dir/$s/$1/pid")" --fsize="$2:unlimited"; }
# damage X: pages of its database, beneath its feet
damage() {
	sqlite3 -cmd '.timeout 5000' "$dir/$s/$1/db" 'pragma wal_checkpoint(truncate)' >/dev/null
	"$PYTHON" -c '
import os, random, sys
f = os.open(sys.argv[1], os.O_WRONLY)
size = os.fstat(f).st_size
for page in range(1, size // 4096):
    os.pwrite(f, random.randbytes(400), page * 4096)' "$dir/$s/$1/db"
}
# A clock that the file of this name sets: +400d
clock() { echo "$2" >"$dir/$1"; }
FAKETIME_LIB=$(echo /usr/lib/*/faketime/libfaketime.so.1)
export FAKETIME_LIB
under() {
	echo "env LD_PRELOAD=$FAKETIME_LIB FAKETIME_TIMESTAMP_FILE=$dir/$1 FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0"
}
export -f limit damage clock under

t 'a full disk: nothing is lost, and when there is room again all is well' '
	use a 3
	putting limit 3 2000000
	[ $got = 75 ]
	says "error: store 3 (https" err
	says "status 503" err
	sort acked | cmp - <(held 1)
	kept
	[ "$(status_of a/3 /healthz)" = ok ]
	limit 3 unlimited
	converges
'

t 'a full disk, and enough others' '
	use b 3
	opts="--quorum 2"
	putting limit 1 2000000
	[ $got = 0 ]
	[ "$(wc -l <acked)" = 10000 ]
	kept # reading needs no room but the audit, and that has some
	limit 1 unlimited
	converges
'

t 'a damaged database: what was acknowledged is got from the others' '
	use c 3
	putting damage 3 # which it may see at once, or not before it is started again
	[ "$got" = 0 ] || says "error: store 3 (https" err
	sort acked | cmp - <(held 1)
	kept
	kill9 c/3
	up c 3 || [ $? = 69 ]
	kept
	got=0; hydra-check --all >found 2>err || got=$?
	[ $got != 0 ]
	says "store 3 (https\|	kind=damaged	.*wrong=3" <(cat err found)
	"$services/stop" "$dir/c" 3
	mv c/3 c.3 # the disk is replaced
	mkdir c/3
	up c 3
	exits 1 hydra-check --all >found 2>err
	[ "$(grep -c "	kind=few	stores=1,2	missing=3	" found)" = "$(wc -l <acked)" ]
	hydra-put <in3 >again
	[ "$(grep -c "	ack=3	" again)" = 10000 ]
	hydra-check --all >found
'

t 'a clock that is off: that store lets nobody in, the others serve' '
	clock off -400d
	UNDER=$(under off) up d 3
	use d 3
	exits 77 hydra-put <in3 >acks 2>err # all three are off
	says "error: store . (https.*" err
	"$services/stop" "$dir/d" 1 2
	up d 3
	head -n 300 in3 | rec-list --lines >few
	hydra-put --quorum 2 <few >acks 2>err
	says "warning: store 3 (https.*refuses our certificate or proxy" err
	[ "$(grep -c "	stores=1,2" acks)" = 100 ]
	hydra-get <acks >shares 2>err
	exits 77 hydra-put <few >again 2>err
	clock off +400d
	exits 77 hydra-put <few >again 2>err
	clock off +0d
	hydra-put <few >again
	[ "$(grep -c "	stores=1,2,3" again)" = 100 ]

	clock client +400d
	exits 77 env $(under client) hydra-get <acks >shares 2>err
	[ "$(grep -c "its certificate is not trusted.*expired" err)" -ge 2 ]
	silent "share=" shares
'

t 'a clock that jumps in the midst of it, and back' '
	clock jump +0d
	UNDER=$(under jump) up e 3
	use e 3
	putting clock jump +400d
	[ $got = 77 ]
	clock jump +0d
	kept
	converges
'
done_testing
