#!/bin/bash
# lfc-recall, lfc-queue, lfc-evict: nearline files, and the queue of those that
# are to be recalled
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

# near STUDIES N [FIELDS]: lines of N objects in each of so many studies
near() {
	awk -v s="$1" -v n="$2" -v f="${3-}" 'BEGIN {
		for (i = 1; i <= s; i++) for (k = 0; k < n; k++) {
			name = "7." i "/7." i ".0/7." i ".0." k
			printf "%s\tsurl=dicom://hospital/%s\tmodality=CT%s\n", name, name, f
		}
		printf ".end\t%d\n", s * n }'
}
# taker N: a name to take requests by
taker() {
	printf '%032d' "$1"
}
# take N [OPTION...]
take() {
	lfc-queue --take "$(taker "$1")" --site hospital "${@:2}"
}
# states: how many requests there are of each state
states() {
	sql 'select state, count(*) from recall group by state order by state' |
		tr '\n' ' '
}
# done_as N STATE [REASON [DELAY]] < taken: say so of each
done_as() {
	awk -F '\t' -v s="$2" -v r="${3-}" -v d="${4-}" '/^\.end/ { print; next } {
		for (i = 2; i <= NF; i++) if ($i ~ /^(entry|lfn)=/) $1 = $1 "\t" $i
		print $1 "\tstate=" s (r ? "\treason=" r : "") (d != "" ? "\tdelay=" d : "") }' |
		lfc-queue --done "$(taker "$1")"
}
# arrive < taken: the ciphertext of these is there, registered as is done
arrive() {
	cat >taken
	$PYTHON - <<'END' >arrived.rec
import io, os, tarfile, sys
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
n = 0
for l in open("taken"):
    name = l.rstrip("\n").split("\t")[0]
    if name == ".end": continue
    i = tarfile.TarInfo(name); b = os.urandom(100); i.size = len(b)
    i.pax_headers = {"SCHILY.xattr.user.mdm." + k: v for k, v in
        dict(plain="%064x" % hash(name).__abs__(), guid=os.urandom(16).hex(), modality="CT").items()}
    t.addfile(i, io.BytesIO(b)); n += 1
b = b"%d\n" % n
i = tarfile.TarInfo(".end"); i.size = len(b); t.addfile(i, io.BytesIO(b)); t.close()
END
	ingest arrived.rec
}
export -f near taker take states done_as arrive
site site

t 'names are registered without an object, by their source' '
	near 2 3 "	pseudonym=P	study=1" | lfc-reg --nearline >R
	[ "$(field status R | sort -u)" = new ]
	near 2 3 | lfc-reg --nearline >R
	[ "$(field status R | sort -u)" = same ]
	lfc-ls -l 7.1/7.1.0 >list
	[ "$(grep -c "^mrw-------" list)" -eq 3 ]
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 >M
	says "size=0	gen=0	status=nearline" M
	says "modality=CT" M
	silent "surl=\|guid=" M
	lfc-replica 7.1/7.1.0/7.1.0.0 >rep
	says "^dicom://hospital/7.1/7.1.0/7.1.0.0	status=source" rep
	exits 1 lfc-replica --good dicom://hospital/7.1/7.1.0/7.1.0.0 7.1/7.1.0/7.1.0.0 2>err
	says "is a DICOM source" err
'

t 'lines that are not what they say are refused' '
	line() { printf "%s\n.end\t1\n" "$1" | exits 65 lfc-reg --nearline >R 2>>err; }
	: >err
	line "9/9/9"
	line "9/9/9	surl=file:/x"
	line "9/9/9	surl=dicom://hospital/9/9/8"
	line "9/9/9	surl=dicom:///9/9/9"
	line "9/9/9	surl=dicom://ho%20st/9/9/9"
	line "9/9/9	surl=dicom://hospital/9/9/9	guid=00112233445566778899aabbccddeeff"
	line "8/8/8	lfn=/grid/x	surl=dicom://hospital/7.1/7.1.0/7.1.0.0"
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	6" ]
	exits 64 lfc-reg --nearline --acks R </dev/null 2>err
	# and no ordinary registration has a DICOM source for a replica
	objects 1 | lfc-new | srm-copy --to "" | sed "s,surl=file:[^	]*,surl=dicom://hospital/x," >M
	acks M >ACK
	exits 65 lfc-reg --acks ACK <M 2>err
	says "a DICOM source" err
'

t 'asked for, taken, recalled; at most once, however many ask' '
	copy site one
	lfc-recall 7.1/7.1.0/7.1.0.{0,1} >asked
	[ "$(field state asked | uniq)" = queued ]
	lfc-ls --manifest -R /grid/mdm/7.1 | lfc-recall - >asked
	[ "$(states)" = "q|3 " ]
	take 1 >T
	[ "$(grep -c "surl=dicom://hospital/7.1/" T)" -eq 3 ]
	says "gen=0" T
	lfc-recall 7.1/7.1.0/7.1.0.0 | field state /dev/stdin >s && says "^taken$" s
	take 2 >U
	same U <(printf ".end\t0\n")
	take 1 >again
	same T again # an answer that was lost is given again
	arrive <T
	says "gen=1" M
	done_as 1 online <T >got
	done_as 1 online <T >got # likewise
	[ "$(states)" = "o|3 " ]
	lfc-recall --wait 7.1/7.1.0/7.1.0.0 >s && says "state=online" s
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 >L
	says "gen=1.*surl=file:.*status=online" L
	[ "$(lfc-replica 7.1/7.1.0/7.1.0.0 | grep -c "status=source")" -eq 1 ]
'

t 'it says what became of it, and why' '
	copy site two
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >asked
	take 1 -n 2 >T
	[ "$(grep -c surl= T)" -eq 2 ]
	exits 1 done_as 1 online <T >got 2>err
	says "has no replica to read" err
	head -n 1 T | rec-list --lines | done_as 1 failed "burned-in%20text" >got
	sed -n 2p T | rec-list --lines | done_as 1 queued "PACS%20is%20away" 3600 >got
	lfc-recall --status 7.1/7.1.0/7.1.0.{0,1,2} >s
	says "7.1.0.0	state=failed	reason=burned-in%20text" s
	says "7.1.0.1	state=queued	reason=PACS%20is%20away" s
	take 2 >T # one of them waits
	[ "$(cut -f1 T | head -n 1)" = 7.1/7.1.0/7.1.0.2 ]
	says "^.end	1" T
	exits 1 lfc-recall --wait 7.1/7.1.0/7.1.0.0 --status >s 2>err
	says "7.1.0.0: cannot be recalled: burned-in text" err
	exits 75 lfc-recall --wait --timeout 0 7.1/7.1.0/7.1.0.1 >s 2>err
	take 3 >T # asked again, it waits no longer
	[ "$(cut -f1 T | head -n 1)" = 7.1/7.1.0/7.1.0.1 ]
'

t 'cancelled; by one of two; priorities; a study together' '
	copy site three
	near 4 3 | lfc-reg --nearline >R
	lfc-recall 7.1/7.1.0/7.1.0.0 7.2/7.2.0/7.2.0.0 7.1/7.1.0/7.1.0.1 >s
	lfc-recall --priority 8 7.4/7.4.0/7.4.0.2 >s
	sql "insert into principal (id, name) values (77, \"other\");
		insert into recall_asker select entry, 77, 1 from recall where study =
		(select study from recall order by entry limit 1)" || :
	lfc-recall --cancel 7.2/7.2.0/7.2.0.0 >s
	says "state=cancelled" s
	take 1 -n 1 >T
	says "^7.4/" T
	take 2 -n 2 >T
	[ "$(cut -d/ -f1 T | sort | uniq -c | tr -s " " | tr "\n" ";")" = " 1 .end	2; 2 7.1;" ]
	lfc-recall --cancel 7.1/7.1.0/7.1.0.0 >s
	says "state=taken" s
'

t 'who dies gives back what it took; who still lives keeps it' '
	copy site four
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >s
	for i in 1 2 3 4; do
		take "$i" --ttl 900 >T
		says "^.end	3" T
		lfc-queue --renew "$(taker "$i")" | says "held=3" /dev/stdin
		sql "update recall set expires = 1"
		exits 1 lfc-queue --renew "$(taker "$i")" >r
		[ "$i" = 1 ] || exits 1 done_as $((i - 1)) failed x <T >r 2>err
	done
	says "is not held by this run any more" err
	lfc-recall --status 7.1/7.1.0/7.1.0.0 | says "state=queued" /dev/stdin
	# one that died after it had registered has not to be done again
	take 5 >T
	head -n 1 T | rec-list --lines | arrive
	sql "update recall set expires = 1"
	take 6 >T
	lfc-recall --status 7.1/7.1.0/7.1.0.{0,1} >s
	says "7.1.0.0	state=online" s
	says "7.1.0.1	state=failed	reason=given%20up" s
	same T <(printf ".end\t0\n")
'

t '1,000 requests for the objects of 10 studies, eight takers at once' '
	copy site five
	near 10 20 | lfc-reg --nearline >R
	lfc-ls --manifest -R >all
	for i in 1 2 3 4 5; do lfc-recall - <all >s; done # 5 x 200
	[ "$(states)" = "q|200 " ]
	for i in 1 2 3 4 5 6 7 8; do
		take "$i" -n 30 >T$i &
	done
	wait
	cat T? | grep -v "^.end" | cut -f1 | sort >taken
	[ "$(uniq -d taken | wc -l)" -eq 0 ]
	[ "$(wc -l <taken)" -eq 200 ]
'

t 'evicted: nearline again, and the next recall is the next generation' '
	copy site six
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >s
	take 1 >T
	arrive <T
	done_as 1 online <T >got
	objects 2 >own.rec # is no recall
	ingest own.rec
	lfc-queue --cached --site hospital >C
	sql "select * from recall" >&3; sql "select id,gen,status from entry" >&3; says "^.end	3" C
	says "surl=file:.*recalled=" C
	says "^.end	0" <(lfc-queue --cached --site elsewhere)
	exits 1 lfc-evict 7.2/7.2.0/7.2.0.0 2>err # is nearline
	head -n 2 C | rec-list --lines >first
	sed "1s/guid=[0-9a-f]*/guid=00112233445566778899aabbccddeeff/" first >wrong
	exits 1 lfc-evict - <wrong >gone 2>err
	says "has another GUID by now" err
	lfc-evict 7.1/7.1.0/7.1.0.0 >gone
	says "^7.1/7.1.0/7.1.0.0	.*guid=.*surl=file:" gone
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 >L
	says "size=0.*gen=1.*status=nearline" L
	silent "guid=\|surl=\|sha256=\|sig=" L
	lfc-recall 7.1/7.1.0/7.1.0.0 >s
	take 2 >T
	arrive <T
	says "gen=2" M
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 | says "gen=2.*status=online" /dev/stdin
	[ "$(replicas)" -eq 10 ] # 6 sources, 4 objects
'

t 'the last copy of anything without a source is never evicted' '
	copy site seven
	objects 4 >own.rec
	ingest own.rec
	lfc-ls --manifest -R | grep status=online | rec-list --lines >M
	exits 1 lfc-evict - <M >gone 2>err
	[ "$(grep -c "this is the last" err)" -eq 4 ]
	says "has no DICOM source: this is the last" err
'

t 'what is removed is out of the queue; an object does not ask for itself' '
	copy site eight
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >s
	lfc-rm -r /grid/mdm/7.1
	[ "$(states)" = "" ]
	objects 2 >own.rec
	ingest own.rec
	exits 1 lfc-recall 1.2 2>err
	says "is not a file" err
	exits 1 lfc-recall nix 2>err
	exits 64 lfc-recall 2>err
	exits 64 lfc-recall --status --cancel x 2>err
	exits 64 lfc-queue --take x --cached 2>err
	exits 65 lfc-queue --take x --site hospital 2>err
	lfc-replica --remove dicom://hospital/7.2/7.2.0/7.2.0.1 7.2/7.2.0/7.2.0.1
	exits 1 lfc-recall 7.2/7.2.0/7.2.0.1 2>err
	says "no DICOM source to recall it from" err
'

done_testing
