#!/bin/bash
# dcm-find and dcm-get by DICOMweb: QIDO-RS and WADO-RS.
. "${0%/*}/lib.sh"
. "$here/pacs.sh"

orthanc start -w pacs || exit 1
trap 'orthanc kill "$dir/pacs"; rm -rf "$dir"' EXIT
MDM_PACS=$(cat pacs/web)
export MDM_PACS
mixed mixed 2>/dev/null
orthanc store pacs mixed/*
dcm-find date= >studies
N=$(find mixed -type f | wc -l)
export N

# bad_web FAULT...: a server with faults, before the real one; $MDM_PACS
bad_web() {
	rm -f address
	$PYTHON "$here/services/fault-web" address "$(cat pacs/web)" "$@" 3>&- &
	web_pid=$!
	trap 'kill $web_pid 2>/dev/null || :' EXIT
	until [ -s address ]; do
		kill -0 $web_pid || return 1
		read -rt 0.01 <> <(:) || :
	done
	MDM_PACS=$(cat address)
	export MDM_PACS
}
well() {
	kill $web_pid
	wait $web_pid || :
}
export -f bad_web well
export here

t 'the same lines as by C-FIND, at every level' '
	for level in study series image; do
		dcm-find -l $level date= | sort >web
		dcm-find --pacs "$(cat pacs/url)" -l $level date= | sort >dimse
		[ "$(count web)" -gt 9 ]
		same dimse web
	done
	dcm-find date=20030101-20031231 | count /dev/stdin >n && says "^3$" n
	dcm-find "name=Lest*" | count /dev/stdin >n && says "^1$" n
	dcm-find "study=1.2.77\\1.22.333.4.555555.6.7777777777777777777777777777" |
		count /dev/stdin >n && says "^2$" n
	dcm-find -l series study=1.2.77 modality=CT objects | says "objects=5" /dev/stdin
	dcm-find -l image study=1.2.77 rows | says "rows=128" /dev/stdin
	dcm-find date=19010101 >none && same none <(printf ".end\t0\n")
'

t 'the objects of all syntaxes, byte for byte, as by C-GET' '
	dcm-get --verbose <studies >got.rec 2>err
	came got.rec mixed
	says "note: $N announced, $N received, 0 already here, 0 missing" err
	dcm-get -j 1 <studies >1.rec
	dcm-get -j 1 --pacs "$(cat pacs/url)" <studies >2.rec
	for r in 1 2; do
		rec-unpack -C $r <$r.rec
		(cd $r && find . -type f -exec sha256sum {} + | sort -k2) >$r.sums
	done
	same 1.sums 2.sums
'

t 'series, objects, what is there already, what is not' '
	names 1.2.77/1.2.77.0 1.2.77/1.2.77.1/1.2.77.1.1 1.2.77/1.2.77.0/1.2.77.0.0 >in
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 6 ]
	rec-list <got.rec | sed -n "1,9p" | rec-list --lines >have
	dcm-get --have have --verbose <studies 2>err | rec-list >rest
	says "9 already here, 0 missing" err
	[ "$(count rest)" -eq $((N - 9)) ]
	names 1.2.77 1.2.666.13 1.2.77/1.2.77.0/1.2.77.0.13 >in
	exits 1 dcm-get --missing m <in 2>err >some.rec
	says "line:2: the server has nothing of that name" err
	says "line:3: 1 of 1 objects missing: the server does not have it" err
	silent "666\|1\.2\.77" err
	says "^1.2.77/1.2.77.0/1.2.77.0.13	why=" m
	exits 1 dcm-get <m >none 2>err
'

t 'identifiable images touch no disk' '
	strace -f -qq -e trace=openat,open,creat,mkdir,link,rename -o trace \
		dcm-get <studies >/dev/null
	silent "O_WRONLY\|O_RDWR\|O_CREAT\|creat(" <(grep -v "/dev/null\|/dev/tty" trace)
'

t 'an answer that is cut: asked for again; what never comes is said' '
	for how in cut=3 early=3; do
		bad_web $how
		dcm-get --verbose <studies >got.rec 2>err
		came got.rec mixed
		well
	done
	names 1.2.77/1.2.77.0/1.2.77.0.0 >in
	bad_web early=0
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 1 ]
	well
	bad_web half=404
	names 1.2.77 >in
	exits 1 dcm-get --missing m <in >got.rec 2>err
	says "line:1: 4 of 9 objects missing: the server does not have it (HTTP 404)" err
	rec-list <got.rec >got
	[ "$(count got)" -eq 5 ]
	[ "$(count m)" -eq 4 ]
	well
	# the next run completes
	export MDM_PACS=$(cat pacs/web)
	dcm-get <m | rec-list >rest
	[ "$(count rest)" -eq 4 ]
'

t 'larger than what is held, and cut: withdrawn, and asked for again' '
	$PYTHON - <<-END
	import os, pydicom
	ds = pydicom.dcmread(os.environ["DICOM"] + "/CT_small.dcm")
	ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.6", "1.2.6.1"
	ds.Rows = ds.Columns = 3000
	ds.pop(0xfffcfffc, None)
	os.makedirs("big")
	for i in range(2):
	    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.6.1.%d" % i
	    ds.PixelData = os.urandom(18000000)
	    ds.save_as("big/%d.dcm" % i, write_like_original=False)
	END
	for f in big/*; do dcmconv -q -g --padding-off $f big/n; mv big/n $f; done
	orthanc store pacs big/*
	names 1.2.6 >in
	bad_web cut=0
	timeout 60 dcm-get -j 2 <in >big.rec
	came big.rec big
'

t 'refused, busy, failing, gone, nonsense' '
	names 1.2.77 >in
	while read -r fault code text; do
		bad_web $fault
		exits $code dcm-get <in >got.rec 2>err
		says "$text" err
		rec-list <got.rec | says "^.end	0$" /dev/stdin
		well
	done <<-END
		get=403 77 does not allow it (HTTP 403)
		get=406 1 cannot send it as it is stored (HTTP 406)
		get=503 75 out of resources (HTTP 503)
		get=500 69 the server failed (HTTP 500)
		find=401 77 does not allow it (HTTP 401)
		find=500 69 the server failed (HTTP 500)
		short=yes 69 its answer was cut
		text=yes 65 not the object, or damaged
		token=secret 77 does not allow it (HTTP 401)
	END
	exits 69 dcm-get <in 2>err >got.rec
	says "line:1: no DICOMweb server answers" err
	exits 69 dcm-find date= 2>err
	sed "/^1/s/.*/1.2.77\/1.2.77.0\/1.2.77.0.0/" in >in2
	exits 69 dcm-get <in2 2>err >got.rec
	says "line:1: 1 of 1 objects missing: no DICOMweb server answers" err
	bad_web busy=3
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 9 ]
	well
	bad_web plain=yes
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 9 ]
	well
	bad_web other=yes
	exits 1 dcm-get <in 2>err | rec-list >got
	says "8 of 9 objects missing: what was sent is not the object" err
	[ "$(count got)" -eq 1 ]
'

t 'lists that are cut: pages; without them, counts and splits' '
	for i in $(seq 12); do
		ct many 3 1.2.5.$i StudyDate=2020010$((1 + i % 7)) StudyTime=$((9 + i))0000
		orthanc store pacs many/*
	done
	dcm-find date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	bad_web limit=10
	dcm-find date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	well
	bad_web limit=2 warn=yes
	dcm-find date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	names 1.2.77 >in
	dcm-get <in | rec-list >got
	[ "$(count got)" -eq 9 ]
	well
	bad_web limit=4
	dcm-find --cap 4 date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	well
	bad_web limit=4 warn=yes offset=no
	dcm-find date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	exits 1 dcm-get <in 2>err | rec-list >got
	says "line:1: the server cut the list of its objects" err
	well
	bad_web limit=11 offset=no
	dcm-find date=20200101-20200109 | count /dev/stdin >n && says "^12$" n
	well
	bad_web fewer=yes
	exits 1 dcm-get <in 2>err | rec-list >got
	says "some may be missing" err
	[ "$(count got)" -eq 7 ]
	names 1.2.77/1.2.77.0 >one
	exits 1 dcm-get <one 2>err | rec-list >got
	says "some may be missing" err
	[ "$(count got)" -eq 4 ]
	well
	bad_web fewer=yes uncounted=yes
	exits 1 dcm-get <in 2>err | rec-list >got
	says "some may be missing" err
	exits 0 dcm-get <one 2>err | rec-list >got
'

t 'over TLS, with certificates on both sides, and a token' '
	pki "$dir/pki"
	bad_web tls=pki token=secret
	export MDM_DICOM_CA=pki/ca.pem MDM_DICOM_TOKEN=token
	export MDM_DICOM_CERT=pki/robot.pem MDM_DICOM_KEY=pki/robot.key
	(umask 077; echo secret >token; echo guess >guess)
	names 1.2.77 >in
	dcm-find -T in | dcm-get | rec-list >got
	[ "$(count got)" -eq 9 ]
	exits 77 env MDM_DICOM_CA=pki/other.pem dcm-find date= 2>err
	says "the server.s certificate is not trusted" err
	exits 77 env MDM_DICOM_CERT=pki/stranger.pem MDM_DICOM_KEY=pki/stranger.key \
		dcm-find date= 2>err
	says "refuses our certificate" err
	exits 77 env -u MDM_DICOM_CERT -u MDM_DICOM_KEY dcm-get <in 2>err | rec-list >none
	exits 77 dcm-find --tls-name elsewhere.test date= 2>err
	says "has another name" err
	dcm-find --tls-name localhost date= >/dev/null
	dcm-find --tls-name "" date= >/dev/null
	exits 77 dcm-find --token guess date= 2>err
	says "(HTTP 401)" err
	chmod 644 guess
	exits 77 dcm-find --token guess date= 2>err
	silent "guess$" err
'

t 'a token is shown, and never in the clear' '
	(umask 077; echo secret >token)
	exits 64 dcm-find --token token date= 2>err
	says "shown to https" err
	exits 64 dcm-get --move 0 <studies 2>err
	exits 64 dcm-find --pacs "https://" date=
	exits 64 dcm-find --pacs "https://x/?y" date=
	printf "two words" >token
	exits 77 dcm-find --pacs https://127.0.0.1:1/ --token token date= 2>err
	silent "words" err
'

done_testing
