#!/bin/bash
# Vectors of formats: a file, a fault, its status and reason in the header.
# Those of manifest(5), sealed(5) and share(5) have tests of their own.
. "${0%/*}/lib.sh"

# body FILE: what comes after the header
body() { LC_ALL=C sed '1,/^$/d' "$1"; }
# each FORMAT LEAST COMMAND: run COMMAND with every vector of FORMAT as ./in
each() {
	local v n=0 want says got
	for v in "$here/vectors/$1"/*; do
		[ "${v%.py}" = "$v" ] || continue
		want=$(LC_ALL=C sed -n '1s/^exit: //p' "$v")
		says=$(LC_ALL=C sed -n '2s/^says: //p' "$v")
		body "$v" >in
		got=0
		bash -euc "$3" >out 2>err </dev/null || got=$?
		[ "$got" -eq "$want" ] || { echo "${v##*/}: exit $got, not $want" >&3; cat err >&3; return 1; }
		[ -z "$says" ] || grep -q -e "$says" err || { echo "${v##*/}: does not say $says" >&3; cat err >&3; return 1; }
		[ "$want" -ne 0 ] || [ "$1" != rec ] || records "$v" || { echo "${v##*/}: other records" >&3; return 1; }
		n=$((n + 1))
	done
	[ "$n" -ge "$2" ]
}
# records FILE: the listing in ./out is what the header says
records() {
	LC_ALL=C sed -n '/^$/q; s/^record: //p' "$1" >want
	grep -v '^\.end' out | tr '\t' '\n' | awk '
		!/=/ { if (line) print line size rest; line = $0; rest = ""; next }
		/^size=/ { size = " " substr($0, 6); next }
		/^(sha256|adler32)=/ { next }
		{ rest = rest " " $0 }
		END { if (line) print line size rest }' >got
	while read -r name size rest; do
		echo "$name $size" "$(tr ' ' '\n' <<<"$rest" | sort | xargs)"
	done <got >got.sorted
	while read -r name size rest; do
		echo "$name $size" "$(tr ' ' '\n' <<<"$rest" | sort | xargs)"
	done <want >want.sorted
	same want.sorted got.sorted
}
export -f body each records

t 'rec(5)' 'each rec 55 "rec-list <in"'
t 'rec(5): the files are those that make.py writes' '
	cp "$here/vectors/rec/make.py" .
	$PYTHON make.py
	for v in "$here/vectors/rec"/*; do same "$v" "${v##*/}"; done
'
t 'key(5)' 'each key 15 "ssss-split -k 2 -n 3 <in"'
t 'ack(5)' '
	printf ".end\t0\n" >M
	each ack 10 "lfc-reg --catalogue sqlite:c --acks in <M"
'
t 'stores(5)' '
	each stores 12 "printf \".end\t0\n\" | MDM_STORES=in ssss-split"
'

done_testing
