#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

# A vector: "exit:", "says:" and "about:", an empty line, then the manifest; @ROOT@
# is a storage that holds "hello" as the object the lines are about.
export vectors=$top/tests/vectors/manifest guid=0f5c000000000000000000000000abcd
mkdir -p root/0f
printf hello >root/0f/$guid

t 'every vector is taken, or refused with its status and reason' '
	n=0
	for v in "$vectors"/*; do
		want=$(sed -n "1s/^exit: //p" "$v")
		reason=$(sed -n "2s/^says: //p" "$v")
		LC_ALL=C sed "1,4d; s,@ROOT@,$PWD/root," "$v" >m
		got=0
		srm-copy --from --allow file:root <m >out 2>err || got=$?
		[ "$got" -eq "$want" ] || { echo "$v: exit $got, not $want" >&3; cat err >&3; false; }
		[ -z "$reason" ] || grep -q -e "$reason" err ||
			{ echo "$v: does not say $reason" >&3; cat err >&3; false; }
		[ "$want" -ne 0 ] || [ ! -s err ]
		n=$((n + 1))
	done
	[ "$n" -ge 50 ]
'

done_testing
