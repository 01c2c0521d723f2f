#!/bin/bash
. "${0%/*}/lib.sh"

# root WANT STATUS...
root() { want=$1; shift; exits "$want" mdm-status "$@"; }
export -f root

t 'the root cause of a pipeline' '
	root 0 0 0 0
	root 1 0 1 0
	root 74 141 141 74 65 65
	root 69 141 74 141 69
	root 77 0 0 77 65 65
	root 65 0 65 65
	root 65 1 65 141
	root 137 141 137 65 74
	root 75 75 69 0
	root 141 141 0
	root 0
'

done_testing
