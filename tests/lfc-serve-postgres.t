#!/bin/bash
# lfc-serve over PostgreSQL: two services on one catalogue, and the database lost
# and found again
if [ -z "${PG_URL-}" ]; then
	exec "${0%/*}/services/postgres" run bash "$0"
fi
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/lfc.sh
. "$here/lfc.sh"

"$services/pki" pki || exit 70
proxy robot robot /mdm/Role=robot
proxy bob bob /mdm
psql -qX "$PG_URL" -c "create schema c"
for name in one two; do
	DATABASE="$PG_URL&options=-csearch_path%3Dc" serve_lfc "$name" \
	    --creator /mdm/Role=robot \
	    --admin '/DC=test/DC=mdm/O=Users/CN=Admin One' || exit 70
done
lines_to admin1 one mkdir '/grid/mdm\tparents=1' >made
lines_to admin1 one setacl '/grid/mdm\tmodify=group:/mdm/Role=robot:rwx%0Adefault:other::---' >>made

t 'what goes in by one service comes out of the other' '
	manifest 3000 a "$(lease robot one)" >M
	acks <M >A
	use robot one
	lfc-reg --acks A <M >R &
	pid=$!
	manifest 3000 b "$(lease robot two)" >M2
	acks <M2 >A2
	use robot two
	lfc-reg --acks A2 <M2 >R2
	wait "$pid"
	for name in one two; do
		use robot "$name"
		lfc-ls -R --manifest >L
		[ "$(tail -n 1 L)" = ".end	6000" ]
		grep -v "^\.end" L | cut -f 1 | sort >is
		cat M M2 | grep -v "^\.end" | cut -f 1 | sort >should
		same is should
	done
	lfc-find modality=CT /grid/mdm/a.1 | has -x ".end	1000"
	use bob two
	exits 1 lfc-ls -R --manifest >L 2>err
	[ "$(cat L)" = ".end	0" ]
'

t 'the database is killed and started again: nobody notices but by waiting' '
	use robot two
	manifest 8000 k "$(lease robot two)" >M
	acks <M >A
	mkfifo slow
	MDM_LOCK_WAIT=60 lfc-reg --acks A <M >slow 2>err &
	pid=$!
	exec 5<slow
	head -c 1 <&5 >first
	"$services/postgres" crash "$PG_DIR"
	cat <&5 >rest &
	reader=$!
	"$services/postgres" again "$PG_DIR"
	wait "$pid"
	wait "$reader"
	[ "$(tail -n 1 rest)" = ".end	8000" ]
	use robot one
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	14000" ]
'
done_testing
