#!/bin/bash
# hydra-refresh killed at many points: every key can be had, and the next run
# ends right
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh REFRESH=$here/refresh.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"

keys 20 >keys
export K=$dir/keys

cat >kill.sh <<'END'
# crashes CALL STEP COMMAND...: at every STEP-th such call of a run
crashes() {
	local n at=1
	for ((n = 0;; n++, at += $2)); do
		rm -f s[0-9]* n[0-9]*
		cp calm/* .
		killed "$1" $at "${@:3}" || break
		either
		"${@:3}" <acks >new 2>err
		[ "$(wc -l <new)" = "$(wc -l <acks)" ]
		clean to
	done
	echo "$1: killed $n times" >&2
	[ $n -ge 3 ]
	either
}
calm() { # what a run begins with
	rm -rf calm; mkdir calm
	cp s[0-9]* calm
}
END
export KILL=$dir/kill.sh

t 'killed while it shares anew in place' '
	. $REFRESH; . $KILL; full 2 3; cp list to; calm
	crashes clone,clone3 2 hydra-refresh
	crashes fdatasync 1 hydra-refresh
	crashes pwrite64 12 hydra-refresh
'

t 'killed while one store is added, one moved and the threshold raised' '
	. $REFRESH; . $KILL; full 2 3
	list to 3 1=sqlite:s1 2=sqlite:n2 3=sqlite:s3 4=sqlite:n4
	calm
	crashes clone,clone3 5 hydra-refresh --to to --create
	crashes fdatasync 2 hydra-refresh --to to --create
'

t 'killed while all stores are changed for others and the threshold is lowered' '
	. $REFRESH; . $KILL; full 3 3
	list to 2 4=sqlite:n4 5=sqlite:n5 6=sqlite:n6
	calm
	crashes clone,clone3 5 hydra-refresh --to to --create
	crashes fdatasync 2 hydra-refresh --to to --create
'

t 'killed again and again, never run to its end until the last time: k = n' '
	. $REFRESH; . $KILL; full 3 3; cp list to
	n=0
	for at in 3 5 7 9 11 13 15 17 19 21 23 25 27; do
		killed clone,clone3 $at hydra-refresh || continue
		n=$((n + 1))
		either
	done
	[ $n -ge 5 ]
	hydra-refresh <acks >new
	clean list
	[ "$(sqlite3 s1 "select count(*) from epoch")" = 0 ]
'

t 'killed while a store is rebuilt' '
	. $REFRESH; . $KILL; full 2 3; cp list to
	sqlite3 s2 "delete from share"
	calm
	crashes fdatasync 1 hydra-refresh --rebuild 2
	crashes pwrite64 9 hydra-refresh --rebuild 2
'

done_testing
