#!/bin/bash
# Kill an ingest at random moments, in three ways, and run it again.
. "${0%/*}/lib.sh"
. "$here/flow.sh"

# Enough for several batches, some with objects that are set aside.
mkdir src
find "$DICOM" -maxdepth 1 -type f -size -200k | sort | awk 'NR % 3 == 0' |
	xargs -d '\n' cp -t src
DICOM=$PWD/src
export DICOM MDM_BATCH_OBJECTS=8
a_site calm
start=$EPOCHREALTIME
mdm-ingest "$DICOM" >calm.log 2>&1
calm=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
catalogue >calm.cat
mdm-get -C calm.out /grid/mdm 2>/dev/null
export calm
[ "$(wc -l <calm.cat)" -gt 60 ] || exit 70

# crash HOW: start an ingest in a session of its own, and at a random moment of
# its life kill everything, the shell alone, or one process of it.
crash() {
	local pid victims
	setsid -w bash -c 'exec mdm-ingest "$DICOM"' >crash.log 2>&1 &
	pid=$!
	sleep "$(awk -v s=$RANDOM -v c="$calm" 'BEGIN { print c * s / 32768 }')"
	pid=$(pgrep -P "$pid" || echo "$pid")
	case $1 in
	all) pkill -KILL -s "$pid" || : ;;
	shell) kill -KILL "$pid" || : ;;
	one)
		mapfile -t victims < <(pgrep -s "$pid")
		[ ${#victims[@]} -eq 0 ] || kill -KILL "${victims[RANDOM % ${#victims[@]}]}" || : ;;
	esac
	wait
}
export -f crash

n=0
for round in 1 2 3 4 5 6 7 8 9 10 11; do
	for how in all shell one; do
		n=$((n + 1))
		export n how
		t "round $round: $how killed, then run again" '
			a_site "run$n"
			crash "$how" 2>/dev/null
			accepts mdm-ingest "$DICOM" 2>again.log
			catalogue >now.cat
			same calm.cat now.cat
			readable calm.out
			mdm-check >found 2>/dev/null || :
			silent "kind=lost\|kind=keyless\|kind=weak" found
			rm -rf "run$n"
		'
	done
done

t 'what crashes leave behind is found and removed, and nothing else' '
	a_site left
	for i in 1 2 3 4 5 6; do crash all 2>/dev/null; done
	accepts mdm-ingest "$DICOM" 2>again.log
	sqlite3 left/catalogue.sqlite "update lease set expires = 0, start = 0" 2>/dev/null || :
	accepts mdm-check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	mdm-check >found
	readable calm.out
'

done_testing
