# What the glite-eds-* commands share.  Sourced.  $usage is theirs.
# shellcheck shell=bash disable=SC2034
set -uo pipefail
PATH=$(cd "${0%/*}" && pwd):$PATH
prog=${0##*/} quiet='' verbose='' id=''
site=${MDM_SITE:-${HOME:-}/.config/mdm}/site.sh
# shellcheck source=/dev/null
if [ -r "$site" ]; then set -a; . "$site"; set +a; fi

tmp=$(mktemp -d) || exit 255
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

usage() {
	printf 'usage: %s %s\n' "$prog" "$usage"
	exit "$1"
}
say() { [ -n "$quiet" ] || printf '%s\n' "$@"; }
warn() { printf '%s: warning: %s\n' "$prog" "$*" >&2; }

# fail DOING [TEXT...]: the original's message, with what our programs said
fail() {
	local doing=$1 text
	shift
	text=$*
	[ -n "$text" ] || text=$(sed -n 's/^[a-z0-9-]*: error: //p' "$tmp/err" | sed 1q)
	printf 'Error during %s: %s\n' "$doing" "${text:-see above}" >&2
	[ -z "$verbose" ] || cat "$tmp/err" >&2
	exit 255
}

# options LETTERS "$@": sets quiet, verbose, id, and skip
options() {
	local letters=$1 flag OPTIND=1
	shift
	while getopts "qvhV$letters" flag; do
		case $flag in
		q) quiet=1 verbose='' ;;
		v) quiet='' verbose=1 ;;
		h) usage 0 ;;
		V) exec rec-pack --version ;;
		i) id=$OPTARG ;;
		c | k) warn "-$flag $OPTARG: passed over; every object has a key of 256 bits" ;;
		u) printf '%s: error: -u: would put it there unencrypted\n' "$prog" >&2; exit 255 ;;
		*) usage 255 >&2 ;;
		esac
	done
	skip=$((OPTIND - 1))
}

# The key stores: stores(5), or else a service list of gLite, whose key stores
# in their order are stores 1, 2... and whose threshold is the original's.
service_list() {
	[ -z "${MDM_STORES-}" ] && [ -n "${GLITE_SD_SERVICES_XML-}" ] || return 0
	tr '\n\t' '  ' <"$GLITE_SD_SERVICES_XML" | sed 's/<!--[^>]*-->//g; s/<service[ >]/\n&/g' |
		sed -n "/<type>[^<]*org\.glite\.\(Metadata\|KeyStore\)[^<]*</I!d
			s/.*<endpoint>[[:space:]]*\([^<[:space:]]*\)[[:space:]]*<.*/\1/p" |
		awk '{ url[NR] = $0 }
			END {
				for (k = 1; 2 ^ k <= NR; k++)
					;
				printf "threshold\tk=%d\n", k
				for (i = 1; i <= NR; i++)
					printf "store\tx=%d\turl=%s\n", i, url[i]
				printf ".end\t%d\n", NR + 1
			}' >"$tmp/stores" || fail glite_sd_query "$GLITE_SD_SERVICES_XML"
	export MDM_STORES=$tmp/stores
}
service_list

# guid_of ID: under which GUID today's stores know it; see hydra-api(5)
guid_of() {
	if [[ $1 =~ ^[0-9a-f]{32}$ ]]; then
		printf '%s\n' "$1"
	elif [[ $1 =~ ^[][a-zA-Z0-9_:#/=.+-]{1,250}$ && $1 != *[][]* && $1 != - ]]; then
		printf 'mdm id v1%s' "$1" | sha256sum | cut -c1-32
	else
		printf '%s: error: an id has 1 to 250 of a-z A-Z 0-9 _ : # / = . + -\n' "$prog" >&2
		exit 255
	fi
}

# one GUID: a list of it
one() { printf '%s\n.end\t1\n' "$1"; }

# new_key GUID: a line of key(5) with a fresh key
new_key() {
	printf '%s\tkey=' "$1"
	head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n'
	printf '\n.end\t1\n'
}

# the_key GUID: its line, joined from the stores
the_key() { one "$1" | hydra-get | ssss-join; }

# sealed FILE: is it one of ours?  GUID in_head FILE: whose key it wants
sealed() { [ "$(head -c 21 -- "$1" | tr -d '\0')" = age-encryption.org/v1 ]; }
in_head() { head -c 80 -- "$1" | sed -n '2s/^-> mdm \([0-9a-f]\{32\}\) .*/\1/p'; }

# decrypt GUID IN OUT: whatever IN is, ours or the original's
decrypt() {
	local legacy=()
	sealed "$2" || legacy=(--legacy)
	mdm-decrypt "${legacy[@]}" --keys /dev/fd/3 -o "$3" <"$2" 3< <(the_key "$1" 2>"$tmp/keys") 2>"$tmp/mine"
	local status=$?
	# the root cause first: what the key stores said, then what it led to
	wait
	cat "$tmp/keys" "$tmp/mine" >"$tmp/err"
	return "$status"
}

# remote NAME: sets kind, and path or lfn (absolute), home and name (of it)
remote() {
	case $1 in
	file:*) kind=file path=${1#file:} ;;
	*)
		kind=lfn lfn=${1#lfn:}
		case $lfn in
		/*/*) ;;
		/*) fail gfal_open "$lfn: an LFN has a directory" ;;
		*) lfn=${LFC_HOME:-/grid/mdm}/$lfn ;;
		esac
		name=${lfn#/} home=/${name%%/*} name=${name#*/}
		;;
	esac
}

# entry: the one manifest line of $lfn, into $tmp/M; sets guid
entry() {
	lfc-ls --manifest -- "$lfn" >"$tmp/listed" 2>"$tmp/err" || return
	# a site that has signers believes nobody else
	if [ -e "${MDM_SIGNERS:-${MDM_HOME:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/mdm}/signers}" ]; then
		mdm-verify -o "$tmp/M" -- "$lfn" <"$tmp/listed" 2>"$tmp/err" || return
	else
		cp "$tmp/listed" "$tmp/M"
	fi
	guid=$(sed 1q "$tmp/M" | tr '\t' '\n' | sed -n 's/^guid=//p')
	[ "$(wc -l <"$tmp/M")" -eq 2 ] && [ -n "$guid" ] || {
		echo "$prog: error: $lfn: not one file" >"$tmp/err"
		return 1
	}
}

# report TITLE LOCAL-BYTES REMOTE-BYTES: the block that put, get and rm print
report() {
	[ -z "$quiet" ] || return 0
	printf '\n%s\n\n' "$1"
	printf '  %-24s: %s  \n' "$([ "$kind" = lfn ] && echo LFN || echo File)" "${lfn-$path}" GUID "$guid"
	if [ -s "$tmp/M" ]; then
		sed 1q "$tmp/M" | tr '\t' '\n' | sed -n 's/^surl[.0-9]*=//p' |
			while read -r surl; do printf '  %-24s: %s  \n' SURL "$surl"; done
	fi
	[ $# -eq 1 ] || printf '  %-24s: %s\n' "$2" "$3" "$4" "$5"
	echo
}
