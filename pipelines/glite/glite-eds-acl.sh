# What glite-eds-getacl, -setacl and -chmod share.  Sourced after glite-eds.sh.
# shellcheck shell=bash disable=SC2034,SC2154

# wrong TEXT...: the original's way to fail
wrong() {
	printf 'ERROR %s\n' "$*" >&2
	exit 1
}

# acl ID OPTION...: the key's line, into $tmp/line; fails unless all stores agree
acl() {
	local id=$1 guid error
	guid=$(guid_of "$id" 2>/dev/null) ||
		wrong "an id has 1 to 250 of a-z A-Z 0-9 _ : # / = . + -: $id"
	shift
	one "$guid" | hydra-acl "$@" >"$tmp/line" 2>"$tmp/err" && return
	error=$(field error)
	[ -z "$verbose" ] || cat "$tmp/err" >&2
	case $error in
	denied | held) wrong "Missing permission for $id" ;;
	missing | removed) wrong "No such key: $id" ;;
	esac
	wrong "$id: $(sed -n 's/^hydra-acl: error: //p' "$tmp/err" | sed 1q)"
}

# field KEY: of that line, decoded
field() {
	local word
	word=$(sed 1q "$tmp/line" | tr '\t' '\n' | sed -n "s/^$1=//p")
	[ "$word" != - ] || word=
	# only %HH is special in a word, and a backslash to printf
	word=${word//\\/\\\\}
	printf '%b' "${word//%/\\x}"
}
