# What a test may say, beside ordinary commands.  Complaints go to fd 3, the
# test's log, whatever the test did with 1 and 2.
# shellcheck shell=bash

# exits CODE CMD...: the command ends with exactly this status
exits() {
	want=$1
	shift
	got=0
	"$@" || got=$?
	[ "$got" -eq "$want" ] || { echo "exit $got, not $want: $*" >&3; return 1; }
}

# same A B: the files are equal
same() {
	cmp -s "$1" "$2" || { diff -u "$1" "$2" | head -50 >&3; return 1; }
}

# says PATTERN FILE: some line matches
says() {
	grep -q -e "$1" "$2" || { { echo "no '$1' in $2:"; head -50 "$2"; } >&3; return 1; }
}

# silent PATTERN FILE...: no line matches
silent() {
	! grep -n -e "$@" >&3
}
