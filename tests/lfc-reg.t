#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 4 >a.rec
objects 4 1000 b >b.rec
objects 4 1000 c other >other.rec

# stored NAME FILE [OPTION...]: all before registering, in NAME, NAME.ack
stored() {
	local name=$1 file=$2
	shift 2
	lfc-new "$@" <"$file" | srm-copy --to '' >"$name"
	acks "$name" >"$name.ack"
}
# entries: how many the catalogue has
entries() {
	lfc-ls --manifest -R / | tail -n 1 | cut -f 2
}
export -f stored entries

t 'what is stored and acknowledged is registered, once' '
	site one
	stored M a.rec
	lfc-reg -v --acks M.ack <M >R 2>err
	[ "$(field status R | sort -u)" = new ]
	[ "$(tail -n 1 R)" = ".end	4" ]
	says "4 lines are not signed" err
	[ "$(entries)" -eq 4 ]
	[ "$(sql "select count(*) from lease")" -eq 0 ]
	lfc-reg --acks M.ack <M >R
	[ "$(field status R | sort -u)" = same ]
	[ "$(entries)" -eq 4 ]
'

t 'through a pipe, and to a file' '
	site pipe
	stored M a.rec
	cat M | lfc-reg --acks <(cat M.ack) -o R
	[ "$(entries)" -eq 4 ]
	[ "$(tail -n 1 R)" = ".end	4" ]
'

t 'a manifest or acks cut at any byte register nothing' '
	site cut
	stored M a.rec
	size=$(wc -c <M)
	for ((n = 0; n < size; n += 29)); do
		head -c "$n" M >part
		exits 65 lfc-reg --acks M.ack <part >R 2>err
	done
	size=$(wc -c <M.ack)
	for ((n = 0; n < size; n++)); do
		head -c "$n" M.ack >part
		exits 65 lfc-reg --acks part <M >R 2>err
	done
	[ "$(entries)" -eq 0 ]
'

t 'a line without enough acknowledgements is set aside' '
	site ack
	stored M a.rec
	sed "1d; s/^.end.*/.end	3/; 2s/ack=3/ack=2/" M.ack >some
	exits 1 lfc-reg --acks some --quorum 3 <M >R 2>err
	[ "$(tail -n 1 R)" = ".end	2" ]
	says "1.2.0.0: no key store acknowledged" err
	says "1.2.1.1: 2 key stores have its key, not 3" err
	[ "$(entries)" -eq 2 ]
	printf ".end\t0\n" >none
	exits 69 lfc-reg --acks none <M >R 2>err
'

t 'two at once: one wins, the other is content' '
	site race
	stored A a.rec
	stored B b.rec
	lfc-reg --acks A.ack <A >RA & first=$!
	lfc-reg --acks B.ack <B >RB
	wait "$first"
	[ "$(entries)" -eq 4 ]
	[ "$(cat RA RB | field status /dev/stdin | sort | uniq -c | tr -s " ")" = " 4 new
 4 same" ]
'

t 'another object of a name is set aside; the next generation replaces it' '
	site sup
	ingest a.rec
	lfc-ls --manifest -R >before
	stored M other.rec --supersede
	sed "s/gen=2/gen=1/" M >old
	exits 1 lfc-reg --acks M.ack <old >R 2>err
	says "another object of this name" err
	sed "s/gen=2/gen=3/" M >skip
	exits 1 lfc-reg --acks M.ack <skip >R 2>err
	lfc-ls --manifest -R >still
	same before still
	sql "update entry set mode = 416 where type = \"f\"" # 0640
	stored M other.rec --supersede
	lfc-reg --acks M.ack <M >R
	[ "$(field status R | sort -u)" = superseded ]
	lfc-ls --manifest -R >after
	[ "$(field gen after | sort -u)" = 2 ]
	[ "$(field mode after | sort -u)" = 0640 ]
	[ "$(field guid after | sort)" = "$(field guid M | sort)" ]
	[ "$(field surl after | sort)" = "$(field surl M | sort)" ]
	[ "$(replicas)" -eq 4 ]
'

t 'no lease, an expired or a used one: nothing is registered' '
	site lease
	stored M a.rec
	sed "s/	lease=[^	]*//" M >bare
	exits 65 lfc-reg --acks M.ack <bare >R 2>err
	says "has no lease" err
	sql "update lease set expires = $(date +%s)"
	exits 75 lfc-reg --acks M.ack <M >R 2>err
	says "lease of this run has expired" err
	says "hint: run the ingest" err
	[ "$(entries)" -eq 0 ]
'

t 'nobody takes a GUID or a surl that another entry has' '
	site steal
	ingest a.rec
	guid=$(field guid M | sed -n 1p) surl=$(field surl M | sed -n 1p)
	stored N other.rec --supersede
	sed "s,^1.2/,9.9/,; s/gen=2/gen=1/; 1s/guid=[0-9a-f]*/guid=$guid/; 1s,surl=[^	]*,surl=$surl,; 2s,surl=[^	]*,surl=$surl," N >bad
	acks bad >bad.ack
	exits 1 lfc-reg --acks bad.ack <bad >R 2>err
	says "9.9/1.2.0/1.2.0.0: another entry .* GUID" err
	says "9.9/1.2.1/1.2.1.1: surl=: the place of another GUID" err
	[ "$(entries)" -eq 6 ]
	[ "$(replicas)" -eq 6 ]
'

t 'killed at any moment and run again, it ends the same' '
	site kill
	objects 3000 10 k >many.rec
	stored M many.rec
	for i in 1 2 3 4 5 6 7 8; do
		lfc-reg --acks M.ack <M >R 2>/dev/null & pid=$!
		for ((n = 0; n < i * 400; n++)); do :; done
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
	lfc-reg --acks M.ack <M >R
	[ "$(entries)" -eq 3000 ]
	[ "$(replicas)" -eq 3000 ]
	! embedded || [ "$(sql "pragma integrity_check")" = ok ]
'

t 'names of odd bytes, and -, .end and %' '
	site odd
	stored M a.rec
	awk -F "\t" -v OFS="\t" "
		NR == 1 { \$1 = \"a%20b/%FF%0A/%25\" } NR == 2 { \$1 = \"-x/%2Eend\"; \$1 = \"%2Eend\" }
		NR == 3 { \$1 = \"%2D\" } NR == 4 { \$1 = \"d/-/e\" } { print }" M >odd.m
	lfc-reg --acks M.ack <odd.m >R
	lfc-ls --manifest -R >list
	[ "$(grep -v "^.end" list | cut -f 1 | sort)" = "$(grep -v "^.end" odd.m | cut -f 1 | sort)" ]
	lfc-reg --acks M.ack <odd.m >R
	[ "$(field status R | sort -u)" = same ]
	lfc-ls --manifest -R | lfc-rm --manifest - >gone
	[ "$(tail -n 1 gone)" = ".end	4" ]
'

t 'what is wrong with a line is said by name' '
	site wrong
	stored M a.rec
	for fault in "s/guid=../guid=XX/" "s/sha256=../sha256=/" "s/size=/size=0/" "s/surl=/url=/" \
		"s/gen=1/gen=0/" "s/gen=1/gen=one/" "s/plain=./plain=/" "s/adler32=./adler32=/" \
		"s,^[^	]*,/abs/x," "s,^[^	]*,a/..," "s/\$/	mode=999/" "s/\$/	lfn=relative/"; do
		sed "1$fault" M >bad
		exits 1 lfc-reg --acks M.ack <bad >R 2>err
		[ "$(wc -l <err)" -eq 1 ] || { cat err >&3; false; }
		lfc-rm -r /grid
		stored M a.rec
	done
'

t 'a full disk is 74 and a rerun is content, usage is 64' '
	site full
	stored M a.rec
	exits 74 sh -c "lfc-reg --acks M.ack <M >/dev/full" 2>err
	lfc-reg --acks M.ack <M >R
	[ "$(tail -n 1 R)" = ".end	4" ]
	exits 64 lfc-reg <M 2>err
	exits 74 lfc-reg --acks nix <M 2>err
	exits 64 lfc-reg --acks M.ack --quorum 0 <M 2>err
'

t 'only signed lines, if asked' '
	site signed
	stored M a.rec
	sed "1s/\$/	by=me	sig=00/" M >half
	exits 1 lfc-reg --signed --acks M.ack <half >R 2>err
	[ "$(tail -n 1 R)" = ".end	1" ]
	[ "$(lfc-ls --manifest -R | field sig /dev/stdin)" = 00 ]
'

done_testing
