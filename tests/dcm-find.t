#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/pacs.sh"

orthanc start pacs || exit 1
trap 'orthanc kill "$dir/pacs"; rm -rf "$dir"' EXIT
MDM_PACS=$(cat pacs/url)
export MDM_PACS
ct one 4 1.2.1 StudyDate=20260101 StudyTime=101500 PatientID=SECRET-1 \
	PatientName='Yamada^Tarou=山田^太郎' SpecificCharacterSet='ISO_IR 192'
ct two 3 1.2.2 StudyDate=20260102 Modality=MR PatientID=SECRET-2
orthanc store pacs one/* two/*

t 'studies, as lines, with what identifies them' '
	dcm-find StudyDate= >got
	[ "$(count got)" -eq 2 ]
	says "^1.2.1	date=20260101	time=101500" got
	says "patient=SECRET-2" got
	says "name=Yamada^Tarou=%E5%B1%B1%E7%94%B0^%E5%A4%AA%E9%83%8E" got
	rec-list --lines <got >again
	same got again
'

t 'keys by keyword, field and tag; ranges, lists and wild cards' '
	dcm-find PatientID=SECRET-1 | says "^1.2.1	" /dev/stdin
	dcm-find patient=SECRET-1 >a
	dcm-find 00100020=SECRET-1 >b
	same a b
	dcm-find date=20260102- | count /dev/stdin >n && says "^1$" n
	dcm-find "study=1.2.1\\1.2.2" | count /dev/stdin >n && says "^2$" n
	dcm-find "PatientID=SECRET*" | count /dev/stdin >n && says "^2$" n
	dcm-find "name=Yamada*" id 00081048 | says "^1.2.1	" /dev/stdin
	dcm-find date=19990101 >none
	same none <(printf ".end\t0\n")
'

t 'series and objects, below names or found on the way' '
	dcm-find date= | dcm-find -l series | cut -f1 | sort >got
	printf "%s\n" .end 1.2.1/1.2.1.0 1.2.1/1.2.1.1 1.2.2/1.2.2.0 1.2.2/1.2.2.1 >want
	same want got
	dcm-find -l image date= >all
	[ "$(count all)" -eq 7 ]
	says "^1.2.1/1.2.1.0/1.2.1.0.2	class=1.2.840.10008.5.1.4.1.1.2	number=2" all
	dcm-find -l image Modality=MR | count /dev/stdin >n && says "^3$" n
	names 1.2.1/1.2.1.0 1.2.2/1.2.2.0/1.2.2.0.0 1.2.2 >in
	dcm-find -l image -T in | cut -f1 >got
	[ "$(count got)" -eq 5 ]
	names 1.2.2 >in
	dcm-find -l image -T in rows columns | says "rows=128	columns=128" /dev/stdin
'

t 'nothing that identifies is printed' '
	names 1.2.1 Yamada 1.2.1 >in
	exits 1 dcm-find -T in >got 2>err
	says "^dcm-find: error: line:2: a name that is not" err
	[ "$(count got)" -eq 1 ]
	exits 64 dcm-find "PatientNam=Yamada" 2>>err
	exits 64 dcm-find "PatientName=$(printf "Yamada\377")" 2>>err
	exits 64 dcm-find -l study SeriesDescription=Yamada 2>>err
	silent "Yamada$\|Yamada[^ ]" err
'

t 'a server that says that it cut: Orthanc with limits' '
	orthanc start -o LimitFindResults=2 -o LimitFindInstances=2 cap
	trap "orthanc kill cap" EXIT
	export MDM_PACS=$(cat cap/url)
	for i in 1 2 3 4 5 6 7; do
		ct s$i 1 1.2.3.$i StudyDate=2026010$((1 + i % 3)) \
			StudyTime=$((10 + i))0000
		orthanc store cap s$i/*
	done
	dcm-find --verbose date=20251201-20260201 >got 2>err
	[ "$(count got)" -eq 7 ]
	# without a date in the query the last century is looked through too
	dcm-find date= >got
	[ "$(count got)" -eq 7 ]
	# what cannot be split is said
	ct many 9 1.2.4
	orthanc store cap many/*
	exits 1 dcm-find -l image study=1.2.4 >got 2>err
	says "query: the server cut" err
'

t 'one that says nothing: a count that equals the cap' '
	bad_pacs studies=300 cap=30 capped=0000
	dcm-find --cap 30 date=20260101-20260103 >got
	[ "$(count got)" -eq 300 ]
	cut -f1 got | sort -u | wc -l >n && says "^301$" n
	# the cap, if it is not said, is found out, wherever it is
	dcm-find date=20260101-20260103 | count /dev/stdin >n && says "^300$" n
	dcm-find date=20260101 | count /dev/stdin >n && says "^100$" n
	kill $bad_pid
	bad_pacs studies=300 cap=37 capped=0000 same=yes
	dcm-find date= | count /dev/stdin >n && says "^300$" n
'

t 'one that stops at a round number is asked again, unasked' '
	bad_pacs studies=350 cap=100 capped=0000
	dcm-find date=20260101-20260103 | count /dev/stdin >n && says "^350$" n
'

t 'A700, and many at one time: by modality; what has none of those is said' '
	bad_pacs studies=300 cap=60 capped=a700 same=yes
	dcm-find date=20260101- >got
	[ "$(count got)" -eq 300 ]
	kill $bad_pid
	bad_pacs studies=300 cap=60 capped=a700 same=yes odd=yes
	exits 1 dcm-find date=20260101- >got 2>err
	says "some may be missing" err
	kill $bad_pid
	bad_pacs studies=300 cap=5 capped=a700 same=yes
	exits 1 dcm-find date=20260101- >got 2>err
	says "cannot be split further" err
'

t 'a server that fails, refuses or is not there' '
	bad_pacs find=c001
	exits 69 dcm-find date= >got 2>err
	says "the server failed (C001)" err
	silent "^.end" got
	kill $bad_pid
	bad_pacs reject=calling
	exits 77 dcm-find date= 2>err
	says "refuses our AE title" err
	kill $bad_pid
	bad_pacs reject=busy
	exits 75 dcm-find date=
	kill $bad_pid
	wait $bad_pid || :
	exits 69 dcm-find date= 2>err
	says "no DICOM server answers" err
	exits 77 dcm-find --pacs "dicom://OTHER@${MDM_PACS#*@}" date= 2>err ||
		exits 69 dcm-find date=
'

t 'settings that cannot be' '
	exits 64 dcm-find --pacs ftp://x date=
	exits 64 dcm-find --pacs dicom://x:1 date=
	exits 64 dcm-find --pacs dicom://AE@x date=
	exits 64 dcm-find --pacs dicom://THIS-IS-TOO-LONG-A-TITLE@x:1 date=
	exits 64 dcm-find --pdu 1 date=
	exits 64 dcm-find --level patient date=
	exits 64 env -u MDM_PACS dcm-find date=
	exits 64 dcm-find --pacs dicoms://A@localhost:1 date= 2>err
	says "MDM_DICOM_CERT" err
	exits 74 dcm-find date= >/dev/full
'

done_testing
