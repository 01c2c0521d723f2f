#!/bin/bash
# What dcm-get does on a server's bad days.
. "${0%/*}/lib.sh"
. "$here/pacs.sh"

ct ct 10 1.2.5
mkdir ct.as-sent
for f in ct/*; do
	dcmconv -q -g --padding-off "$f" "ct.as-sent/${f##*/}"
done

t 'the server ends in the middle: what came is whole, the rest is named' '
	for how in drop=4 cut=4; do
		bad_pacs $how ct/*
		names 1.2.5 >in
		exits 1 dcm-get -j 1 --missing m <in >got.rec 2>err
		says "line:1: [0-9]* of 10 objects missing: the association was lost" err
		rec-list <got.rec >got
		[ $(($(count got) + $(count m))) -eq 10 ]
		[ "$(count got)" -ge 3 ]
		kill $bad_pid
		# the next run completes
		rm -rf a b
		bad_pacs ct/*
		dcm-get <m >rest.rec
		rec-unpack -C a <got.rec
		rec-unpack -C a <rest.rec
		sums $(find a -type f) >a.sums
		dcm-get <in >all.rec
		rec-unpack -C b <all.rec
		sums $(find b -type f) >b.sums
		same a.sums b.sums
		[ "$(wc -l <a.sums)" -eq 10 ]
		kill $bad_pid
	done
'

t 'it answers that it cannot: A701, A702, A801, A900, B000, C-FIND too' '
	names 1.2.5 >in
	while read -r status code text; do
		bad_pacs get=$status ct/*
		exits $code dcm-get <in >got.rec 2>err
		says "$text" err
		rec-list <got.rec | says "^.end	0$" /dev/stdin
		kill $bad_pid
	done <<-END
		A701 75 out of resources (A701)
		A702 75 out of resources (A702)
		A801 77 does not know our AE title as a destination (A801)
		A900 69 does not understand the request (A900)
		B000 1 could not send it (B000)
		C001 69 the server failed (C001)
		0000 1 did not send it
	END
	bad_pacs find=A700 ct/*
	exits 1 dcm-get <in >got.rec 2>err
	says "cut the list" err
	kill $bad_pid
	bad_pacs ct/*
	exits 77 dcm-get --move 0 <in 2>err >got.rec
	says "A801" err
'

t 'by C-MOVE the same: the sending association ends, or does not come' '
	port=$(free_port)
	names 1.2.5 >in
	bad_pacs move=$port ct/*
	dcm-get --move 127.0.0.1:$port <in >got.rec
	came got.rec ct.as-sent
	kill $bad_pid
	for how in drop=4 cut=4; do
		bad_pacs move=$port $how ct/*
		exits 1 dcm-get -j 1 --move 127.0.0.1:$port --missing m <in >got.rec 2>err
		says "line:1: [0-9]* of 10 objects missing: the server is out of resources (A702)" err
		rec-list <got.rec >got
		[ $(($(count got) + $(count m))) -eq 10 ]
		[ "$(count got)" -ge 3 ]
		kill $bad_pid
	done
	bad_pacs move=$port half=B000 ct/*
	exits 1 dcm-get --move 127.0.0.1:$port --missing m <in >got.rec 2>err
	rec-list <got.rec >got
	[ "$(count got)" -ge 4 ] && [ $(($(count got) + $(count m))) -eq 10 ]
	kill $bad_pid
	bad_pacs move=$port other=yes ct/*
	names 1.2.5/1.2.5.1/1.2.5.1.1 >in
	exits 1 dcm-get --move 127.0.0.1:$port <in 2>err >got.rec
	says "objects that nobody asked for were refused" err
	kill $bad_pid
	# it sends elsewhere, where nobody is
	bad_pacs move=$(free_port) ct/*
	exits 75 dcm-get --move 127.0.0.1:$port <in 2>err >got.rec
	says "1 of 1 objects missing: the server is out of resources (A702)" err
'

t 'half of a study, with a warning or without a word' '
	names 1.2.5 >in
	for status in B000 0000; do
		bad_pacs half=$status ct/*
		exits 1 dcm-get --missing m <in >got.rec 2>err
		says "objects missing" err
		rec-list <got.rec >got
		[ "$(count got)" -ge 4 ] && [ "$(count got)" -lt 10 ]
		[ $(($(count got) + $(count m))) -eq 10 ]
		kill $bad_pid
	done
'

t 'a server that takes no lists of UIDs is asked for one at a time' '
	bad_pacs lists=no log=log ct/*
	names 1.2.5 >in
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 10 ]
'

t 'what nobody asked for is refused' '
	bad_pacs other=yes ct/*
	names 1.2.5/1.2.5.1/1.2.5.1.1 >in
	exits 1 dcm-get <in 2>err >got.rec
	says "objects that nobody asked for were refused" err
	rec-list <got.rec | says "^.end	0$" /dev/stdin
'

t 'no association: refused, busy, not there' '
	names 1.2.5 >in
	bad_pacs reject=called ct/*
	exits 77 dcm-get <in 2>err >got.rec
	says "line:1: the server does not have the AE title" err
	kill $bad_pid
	bad_pacs reject=busy ct/*
	exits 75 dcm-get <in 2>err >got.rec
	kill $bad_pid
	wait $bad_pid || :
	exits 69 dcm-get <in 2>err >got.rec
	rec-list <got.rec | says "^.end	0$" /dev/stdin
	sed "/^1/s/.*/1.2.5\/1.2.5.0\/1.2.5.0.0	class=1.2.840.10008.5.1.4.1.1.2/" in >in2
	exits 69 dcm-get <in2 2>err >got.rec
	says "line:1: 1 of 1 objects missing: no DICOM server answers" err
'

t 'killed in the middle: the next run completes' '
	bad_pacs ct/*
	names 1.2.5 >in
	dcm-get -j 1 --rate 100k <in >cut.rec & pid=$!
	until [ "$(stat -c %s cut.rec)" -gt 100000 ]; do read -rt 0.01 <> <(:) || :; done
	kill -KILL $pid
	wait $pid || :
	exits 65 rec-unpack -C some <cut.rec 2>/dev/null
	names $(find some -type f -printf "%P\n") >have
	[ "$(count have)" -ge 1 ]
	dcm-get --have have <in | rec-list >rest
	[ $(($(count have) + $(count rest))) -eq 10 ]
'

t 'larger than what is held, in a stream with others; and too large' '
	$PYTHON - <<-END
	import os, pydicom
	ds = pydicom.dcmread(os.environ["DICOM"] + "/CT_small.dcm")
	ds.StudyInstanceUID = "1.2.6"
	os.makedirs("big")
	for i in range(4):
	    ds.SeriesInstanceUID = "1.2.6.1"
	    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.6.1.%d" % i
	    ds.Rows = ds.Columns = 64 if i == 3 else 3000
	    ds.PixelData = os.urandom(2 * ds.Rows * ds.Columns)
	    ds.pop(0xfffcfffc, None)
	    ds.save_as("big/%d.dcm" % i, write_like_original=False)
	END
	for f in big/*; do dcmconv -q -g --padding-off $f big/n; mv big/n $f; done
	bad_pacs big/*
	names 1.2.6 >in
	dcm-get --batch 1 <in >big.rec
	came big.rec big
	exits 1 dcm-get --max-size 10000000 <in 2>err | rec-list >got
	says "3 of 4 objects missing: larger than --max-size" err
	[ "$(count got)" -eq 1 ]
	kill $bad_pid
	bad_pacs cut=2 big/*
	exits 1 dcm-get -j 1 <in >got.rec 2>err
	rec-list <got.rec >got
'

t 'memory does not grow with objects' '
	bad_pacs big/*
	names 1.2.6 >in
	bash -c "ulimit -v 900000; dcm-get -j 2 <in" | rec-list >got
	[ "$(count got)" -eq 4 ]
'

done_testing
