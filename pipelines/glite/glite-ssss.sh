# What the glite-ssss-* commands share.  Sourced; $scheme and $usage are theirs.
# shellcheck shell=bash disable=SC2034
set -uo pipefail
PATH=$(cd "${0%/*}" && pwd):$PATH
prog=${0##*/} verbose=1

usage() {
	printf 'usage: %s [-q] [-h] %s\n' "$prog" "$usage"
	exit "$1"
}

# options "$@": sets verbose, and skip to how many arguments were options
options() {
	local flag OPTIND=1
	while getopts hq flag; do
		case $flag in
		h) usage 0 ;;
		q) verbose='' ;;
		*) usage 1 >&2 ;;
		esac
	done
	skip=$((OPTIND - 1))
}

# The original's own scheme, so that its shares and ours join each other's.
# A secret comes on standard input, never as an argument of a program.
split() { ssss-split --plain --scheme gf65521 "--$scheme" -n "$1" -k "$2"; }
join() { ssss-join --plain --scheme gf65521 "--$scheme"; }

# split_command WHAT WORD SHARES NEEDED SECRET
split_command() {
	local what=$1 word=$2 n=$3 k=$4 secret=$5 shares i=0 share
	[ "$secret" != - ] || IFS= read -r secret
	[ -z "$verbose" ] || printf '\n%s to split (%s of %s): %s' "$what" "$k" "$n" "$secret"
	if ! shares=$(printf %s "$secret" | split "$n" "$k"); then
		[ -z "$verbose" ] || echo
		echo "Error in splitting ${what,,}." >&2
		exit 1
	fi
	[ -z "$verbose" ] || printf '\n\nSplit %ss:' "${what,,}"
	for share in $shares; do
		i=$((i + 1))
		[ -z "$verbose" ] || printf '\n%d. %s = ' "$i" "$word"
		printf '%s ' "$share"
	done
	echo
}

# join_command WHAT SHARE|NULL...
join_command() {
	local what=$1 secret
	shift
	if ! secret=$(printf '%s\n' "$@" | join); then
		echo "Error in joining ${what,,}." >&2
		exit 2
	fi
	[ -z "$verbose" ] || printf 'Joined %s : ' "${what,,}"
	printf '%s\n' "$secret"
}
