#!/bin/bash
# The manual: complete, and true of the programs.
. "${0%/*}/lib.sh"

# The programs of filters/, and those of pipelines/.
filters() { (cd "$top/filters" && printf '%s\n' *.c | sed 's/\.c$//'); }
flows() {
	(cd "$top/pipelines" && printf '%s\n' mdm-* xrootd/mdm-*) |
		sed 's/.*\///' | grep -v '\.'
}
# offers PROGRAM: its options, each "-s --long" or "--long", as --help has them
offers() {
	"$BIN/$1" --help | grep -oE '^ +(-[a-zA-Z0-9], )?--[a-z0-9-]+' |
		tr -d ', ' | sed 's/^-\([^-]\)/-\1 /'
}
# page PROGRAM: its page, and the pages that it refers to
page() {
	local x
	cat "$top/doc/$1.1"
	sed -n 's/^\.Xr \([a-z0-9-]*\) \([157]\).*/\1.\2/p' "$top/doc/$1.1" |
		sort -u | while read -r x; do
		[ ! -e "$top/doc/$x" ] || cat "$top/doc/$x"
	done
}
# examples FILE...: their commands, a line each; what is quoted or in a subshell
# comes apart too.
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$@" | sed 's/\\(dq/"/g' |
		tr '|;&()' '\n\n\n\n\n' | sed 's/^\.Dl//; s/^ *\$ //; s/^ *//'
}
options() { grep -oE "(^| )--[a-z-]+" <<<"$1" || :; }
flow_of() { cat "$top/pipelines/$1" || cat "$top/pipelines/xrootd/$1"; } 2>/dev/null
export -f filters flows offers page examples options flow_of

t 'pages have all their parts' '
	for f in "$top"/doc/*.1; do
		for s in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" EXAMPLES "SEE ALSO"; do
			grep -q "^\.Sh $s" "$f" ||
				{ echo "${f##*/}: no $s" >&3; touch incomplete; }
		done
	done
	[ ! -e incomplete ]
'

t 'each program is once in the list of mdm(7), and in README' '
	sed -n "/^\.Ss Programs/,/^\.El/s/^\.It //p" "$top/doc/mdm.7" |
		sed "s/, /\n/g" | grep -v "^glite-" | sort >listed
	{ filters; flows; } | sort >programs
	diff programs listed >&3
	while read -r p; do
		grep -qF "\`$p\`" "$top/README.md" || { echo "README: no $p" >&3; touch unlisted; }
	done <programs
	[ ! -e unlisted ]
'

t 'every option is in the page, or in one that it refers to' '
	for p in $(filters); do
		page "$p" >page
		offers "$p" >offers
		[ -s offers ]
		while read -r o long; do
			if [ -z "$long" ]; then long=$o o=; fi
			grep -qE "Fl -${long#--}( |$)" page && continue
			[ -n "$o" ] && grep -qE "Fl [A-Za-z0-9]*${o#-}" page && continue
			echo "$p.1: no $long" >&3
			touch untold
		done <offers
	done
	[ ! -e untold ]
'

t 'examples use programs that are there, and options that these have' '
	for p in $(filters); do offers "$p" | tr " " "\n" | sed "s/^/$p /"; done >offered
	examples "$top"/doc/*.1 >commands
	[ "$(wc -l <commands)" -gt 100 ]
	while read -r p rest; do
		[[ $p =~ ^(rec|dcm|mdm|lfc|srm|ssss|hydra|eds)-[a-z]+$ ]] || continue
		if flow_of "$p" >flow; then
			for o in $(options "$rest"); do
				grep -qe "$o" flow || { echo "$p: no $o" >&3; touch untrue; }
			done
			continue
		fi
		grep -q "^$p " offered || { echo "no program $p" >&3; touch untrue; }
		for o in $(options "$rest"); do
			grep -qx -e "$p $o" offered || { echo "$p: no $o" >&3; touch untrue; }
		done
	done <commands
	[ ! -e untrue ]
'

done_testing
