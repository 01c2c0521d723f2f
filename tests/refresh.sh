# What the tests of hydra-refresh share; sourced by each test.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# full K N [COUNT]: a list of N stores that have all keys
full() {
	stores "$1" "$2"
	ssss-split <"$K" >shares
	hydra-put <shares >acks
}
# list FILE K X=URL...: another list
list() {
	local one
	{
		printf 'threshold\tk=%d\n' "$2"
		for one in "${@:3}"; do
			printf 'store\tx=%d\turl=%s\n' "${one%%=*}" "${one#*=}"
		done
		printf '.end\t%d\n' $(($# - 1))
	} >"$1"
}
# joins LIST: every key can be had
joins() {
	MDM_STORES=$1 hydra-get <acks 2>/dev/null | ssss-join --threshold 2 >joined 2>/dev/null
	cmp -s "$K" joined
}
clean() { # LIST: and nothing is wrong with any
	MDM_STORES=$1 hydra-check --all >found
	[ "$(cat found)" = "$(printf '.end\t0')" ]
	joins "$1"
}
acked() { # FILE ACKS-AND-EPOCH: every key is
	[ "$(grep -c "	$2$" "$1")" = "$(($(wc -l <"$K") - 1))" ]
}
end() { # give lines their last one
	rec-list --lines
}
# killed CALL N COMMAND...: kill it at the N-th CALL of its first thread; false
# if it came to its end before
killed() {
	local rc=0
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace="$1" \
	    -e inject="$1:signal=KILL:when=$2" "${@:3}" <acks >acked 2>err || rc=$?
	[ "$rc" = 137 ] || [ "$rc" = 0 ] || { cat err; exit 1; }
	[ "$rc" = 137 ]
}
either() { joins list || joins to; } # every key can be had, by one of the lists
