#!/bin/bash
# lfc-recall: names without objects, and what comes of asking for them
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/near.sh
. "$here/near.sh"

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
