# The test harness.  A test file is bash:
#
#	. "${0%/*}/lib.sh"
#	t 'what holds' '
#		commands; the first that fails fails the test
#	'
#	done_testing
#
# Each file runs in an empty directory of its own, with bin/ and pipelines/ on
# PATH and every test in a fresh bash under set -euo pipefail.  HOME is inside
# that directory, so that nothing of the user's is read or written.  What a
# failing test printed is shown as TAP comments; with TRACE=1, what it did too.
# shellcheck shell=bash

here=$(cd "${0%/*}" && pwd)
top=${here%/*}
BIN=${BIN:-$top/bin}
PATH=$BIN:$top/pipelines:$PATH
PYTHON=${PYTHON:-/usr/bin/python3}
dir=$(mktemp -d) || exit 70
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 70
mkdir home
HOME=$dir/home LC_ALL=C TZ=UTC
unset "${!MDM_@}" LFC_HOME XDG_DATA_HOME XDG_CONFIG_HOME
export PATH HOME LC_ALL TZ BIN PYTHON here top dir
count=0

t() {
	count=$((count + 1))
	if bash ${TRACE:+-x} -euo pipefail -c ". '$here/say.sh'; $2" >.log 2>&1 3>&1 </dev/null; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' .log
	fi
}

done_testing() {
	echo "1..$count"
}
