#!/bin/bash
. "${0%/*}/lib.sh"
export vectors=$top/tests/vectors/share

# field FILE NAME: a value of a vector's header
cat >vector.sh <<'END'
field() { sed -n "1,/^\$/s/^$2: //p" "$1"; }
body() { sed '1,/^$/d' "$1"; }

# vector FILE: does ssss-join do what the header says?
vector() {
	local v=$1 args got=0
	args=$(field "$v" plain)
	[ -z "$args" ] || args="--plain $args"
	[ -z "$(field "$v" threshold)" ] || args="-k $(field "$v" threshold)"
	# shellcheck disable=SC2086 # options
	body "$v" | ssss-join $args >out 2>err || got=$?
	[ "$got" = "$(field "$v" exit)" ] || return 1
	[ -z "$(field "$v" says)" ] || grep -q -e "$(field "$v" says)" err || return 1
	[ -z "$(field "$v" secret)" ] ||
		[ "$(cat out)" = "$(printf %b "$(field "$v" secret)")" ] || return 1
	[ -z "$(field "$v" key)" ] || grep -q "	key=$(field "$v" key)\$" out || return 1
	[ -z "$(field "$v" error)" ] || grep -q "	error=$(field "$v" error)\$" out || return 1
	[ "$got" = 0 ] || ! grep -q 'key=' out
}
END

t 'every vector joins, or fails, as its header says' '
	. ./vector.sh
	n=0 bad=0
	for v in "$vectors"/*; do
		[ "${v##*/}" != generate ] || continue
		n=$((n + 1))
		vector "$v" || { echo "${v##*/}: exit $(field "$v" exit) wanted"; cat out err; bad=1; }
	done
	echo "$n vectors"
	[ "$n" -gt 50 ] && [ "$bad" = 0 ]
'

t 'splitting and joining gives the keys back, in order' '
	"$PYTHON" - <<-\EOF >keys
	import hashlib
	for i in range(500):
	    print("%s\tkey=%s" % (hashlib.md5(b"%d" % i).hexdigest(), hashlib.sha256(b"%d" % i).hexdigest()))
	print(".end\t500")
	EOF
	for kn in "2 2" "2 3" "3 5" "7 9"; do
		set -- $kn
		ssss-split -k "$1" -n "$2" <keys | ssss-join >back
		same keys back
	done
'

t 'keys without shares are passed on and reported; the status says so' '
	printf "%s\terror=denied\n.end\t1\n" 00112233445566778899aabbccddeeff >in
	exits 77 ssss-join <in >out 2>err
	same in out
	says "^ssss-join: error: 00112233445566778899aabbccddeeff: .*den" err
	{ ssss-split <keys | grep -v "^\.end"; head -1 in; } >both
	printf ".end\t%d\n" "$(wc -l <both)" >>both
	exits 1 ssss-join <both >out 2>err
	[ "$(grep -c key= out)" = 500 ]
	says "error=denied" out
	for e in "wrong 65" "missing 77" "unavailable 69"; do
		printf "%s\terror=%s\n.end\t1\n" 00112233445566778899aabbccddeeff "${e% *}" >in
		exits "${e#* }" ssss-join <in >out 2>err
	done
'

t 'shares cut at any byte are exit 65' '
	ssss-split <keys | sed -n 1,3p >three
	printf ".end\t3\n" >>three
	ssss-join <three >out
	for n in 0 1 31 32 33 40 300 "$(head -1 three | wc -c)" $(($(wc -c <three) - 1)); do
		head -c "$n" three >cut
		exits 65 ssss-join <cut >out 2>err
	done
'

t 'the threshold of stores(5) holds without an option' '
	printf "threshold\tk=3\nstore\tx=1\turl=sqlite:a\nstore\tx=2\turl=sqlite:b\nstore\tx=3\turl=sqlite:c\n.end\t4\n" >stores
	MDM_STORES=stores exits 65 ssss-join <three >out 2>err
	says "below the threshold" err
	MDM_STORES=stores ssss-split <keys >out
	says "	k=3	n=3	" out
'

t 'a pause of the input does not hold back a key' '
	mkfifo pipe
	ssss-join <pipe >out &
	exec 4>pipe
	grep -v "^\.end" three >&4
	until [ -s out ]; do kill -0 $! || exit 1; done
	head -1 keys >want
	head -c "$(wc -c <want)" out | cmp - want
	head -1 three >&4
	printf ".end\t4\n" >&4
	exec 4>&-
	wait $!
	[ "$(grep -c key= out)" = 1 ]
'

t 'no message shows a share or a key' '
	sed "s/share=..../share=0000/" three >wrong
	exits 65 ssss-join <wrong >out 2>err
	for word in $(tr "\t" "\n" <wrong | sed -n "s/^share=//p"); do
		silent "$word" err
	done
'

t 'a full disk is exit 74, usage 64' '
	exits 74 sh -c "ssss-join <three >/dev/full" 2>err
	exits 64 ssss-join --threshold 1 <three 2>err
	exits 64 ssss-join --hex <three 2>err
	exits 64 ssss-join --plain <three 2>err
	exits 64 ssss-join nope <three 2>err
'

done_testing
