#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/pacs.sh"

port=$(free_port)
export port
orthanc start -o MovePort="$port" pacs || exit 1
trap 'orthanc kill "$dir/pacs"; [ ! -e "$dir/tls/pid" ] || orthanc kill "$dir/tls"
	rm -rf "$dir"' EXIT
MDM_PACS=$(cat pacs/url)
export MDM_PACS
mixed mixed 2>/dev/null
orthanc store pacs mixed/*
dcm-find date= >studies

t 'objects of all syntaxes come as they are stored, byte for byte' '
	dcm-get --verbose <studies >got.rec 2>err
	came got.rec mixed
	cut -d" " -f2 got.sums | sort -u >syntaxes
	[ "$(wc -l <syntaxes)" -ge 9 ]
	dcm-find -l image date= frames >all
	says "class=1.2.840.10008.5.1.4.1.1.2.1.*frames=3" all
	n=$(find mixed -type f | wc -l)
	says "note: $n announced, $n received, 0 already here, 0 missing" err
'

t 'each is a DICOM file, under its own name' '
	rec-unpack -C files <got.rec
	for f in $(find files -type f); do
		dcmftest "$f" >/dev/null
	done
	find files -type f -printf "%P\n" | sort >names.got
	dcm-find -l image date= | cut -f1 | grep -v "^\.end" | sort >names.want
	same names.want names.got
'

t 'by C-MOVE, to a storage SCP of our own' '
	dcm-get --move 127.0.0.1:$port <studies >moved.rec
	came moved.rec mixed
'

t 'one association or eight, requests of one or of many' '
	dcm-get -j 1 --batch 1 <studies >1.rec
	came 1.rec mixed
	dcm-get -j 8 --batch 900 <studies >2.rec
	came 2.rec mixed
	dcm-get --pdu 4096 <studies >3.rec
	came 3.rec mixed
'

t 'series, objects, and lines that already say the class' '
	names 1.2.77/1.2.77.0 1.2.77/1.2.77.1/1.2.77.1.1 1.2.77/1.2.77.0/1.2.77.0.0 >in
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 6 ]
	dcm-find -l image study=1.2.77 | dcm-get | rec-list >got
	[ "$(count got)" -eq 9 ]
'

t 'it goes on where it stopped: --have' '
	rec-list <got.rec | sed -n "1,9p" | rec-list --lines >have
	dcm-get --have have --verbose <studies 2>err | rec-list >rest
	says "9 already here, 0 missing" err
	n=$(find mixed -type f | wc -l)
	[ "$(count rest)" -eq $((n - 9)) ]
	[ -z "$(cut -f1 have rest | grep -v "^\.end" | sort | uniq -d)" ]
'

t 'what the server does not have is said by line, never by name' '
	names 1.2.77 1.2.666.13 1.2.77/1.2.77.0 nonsense >in
	exits 1 dcm-get <in 2>err >got.rec
	says "line:2: the server has nothing of that name" err
	says "line:4: a name that is not" err
	silent "666\|1\.2\.77" err
	rec-list <got.rec >got
	[ "$(count got)" -eq 9 ]
	names 1.2.77/1.2.77.0/1.2.77.0.0 1.2.77/1.2.77.0/1.2.77.0.13 |
		sed "/^1/s/$/	class=1.2.840.10008.5.1.4.1.1.2/" >in
	exits 1 dcm-get --missing m <in 2>err >got.rec
	says "line:2: 1 of 1 objects missing" err
	says "^1.2.77/1.2.77.0/1.2.77.0.13	class=1.2.840.10008.5.1.4.1.1.2	why=" m
	says "^.end	1$" m
	# the lines of what is missing are input again
	exits 69 dcm-get <m >none 2>err
'

t 'identifiable images touch no disk' '
	strace -f -qq -e trace=openat,open,creat,mkdir,link,rename -o trace \
		dcm-get <studies >/dev/null
	silent "O_WRONLY\|O_RDWR\|O_CREAT\|creat(" <(grep -v "/dev/null\|/dev/tty" trace)
'

t 'the hours of --between, and the rate' '
	h=$(date +%H)
	open=$(printf "%02d:00-%02d:00" $(((10#$h + 23) % 24)) $(((10#$h + 2) % 24)))
	closed=$(printf "%02d:00-%02d:00" $(((10#$h + 3) % 24)) $(((10#$h + 5) % 24)))
	dcm-get --between $open --rate 100M <studies | rec-list >got
	[ "$(count got)" -gt 9 ]
	exits 75 dcm-get --between $closed <studies >none 2>err
	says "the time of --between is over" err
	rec-list <none | says "^.end	0$" /dev/stdin
	names 1.2.77/1.2.77.0/1.2.77.0.0 1.2.77/1.2.77.1/1.2.77.1.1 >in
	start=$(date +%s%N)
	dcm-get --rate 100k <in >/dev/null
	[ $(($(date +%s%N) - start)) -ge 500000000 ]
'

t 'over TLS, with certificates on both sides' '
	pki "$dir/pki"
	orthanc start -t pki -o MovePort=$port tls
	orthanc store tls mixed/[0-8].dcm
	export MDM_PACS=$(cat tls/url) MDM_DICOM_CA=pki/ca.pem
	export MDM_DICOM_CERT=pki/robot.pem MDM_DICOM_KEY=pki/robot.key
	dcm-find date= | dcm-get | rec-list >got
	[ "$(count got)" -eq 9 ]
	mkdir nine
	cp mixed/[0-8].dcm nine
	dcm-find date= | dcm-get --move 127.0.0.1:$port >moved.rec
	came moved.rec nine
	# a server that we do not trust; that does not trust us; of another name
	exits 77 env MDM_DICOM_CA=pki/other.pem dcm-find date= 2>err
	says "a certificate is not trusted" err
	exits 77 env MDM_DICOM_CERT=pki/stranger.pem MDM_DICOM_KEY=pki/stranger.key \
		dcm-find date= 2>err
	exits 77 dcm-find --tls-name elsewhere.test date= 2>err
	says "has another name" err
	dcm-find --tls-name localhost date= >/dev/null
	exits 64 env MDM_DICOM_KEY=pki/host.key dcm-find date= 2>err
	exits 69 dcm-find --pacs "dicom://${MDM_PACS#*//}" --timeout 1 date= 2>err
	orthanc kill tls
'

t 'a full disk is 74, wrong settings 64' '
	names 1.2.77 >in
	exits 74 dcm-get <in >/dev/full 2>err
	exits 64 dcm-get x <in
	exits 64 dcm-get -j 0 <in
	exits 64 dcm-get --batch 1000 <in
	exits 64 dcm-get --between 9-17 <in
	exits 64 dcm-get --rate x <in
	exits 65 dcm-get </dev/null
	exits 65 dcm-get --have studies <in 2>err
	mkdir out
	exits 65 dcm-get -o out/x.rec </dev/null
	[ -z "$(ls -A out)" ]
'

done_testing
