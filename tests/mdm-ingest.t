#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/flow.sh"

t 'real files: taken, set aside and registered add up' '
	a_site one
	accepts mdm-ingest --rejects rejects "$DICOM" 2>log
	n=$(find "$DICOM" -type f | wc -l)
	line=$(tail -n 1 log)
	[[ $line =~ ^mdm-ingest:\ ([0-9]+)\ objects\ taken,\ ([0-9]+)\ registered,\ 0\ already\ there,\ ([0-9]+)\ set\ aside$ ]]
	[ "${BASH_REMATCH[1]}" -eq "$n" ]
	[ "${BASH_REMATCH[2]}" -ge 40 ]
	[ $((BASH_REMATCH[2] + BASH_REMATCH[3])) -eq "$n" ]
	[ "$(tail -n 1 rejects)" = ".end	${BASH_REMATCH[3]}" ]
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	${BASH_REMATCH[2]}" ]
	catalogue >one.cat
'

t 'everything registered comes back as dcm-anon made it' '
	MDM_HOME=$PWD/one
	export MDM_HOME
	rec-pack "$DICOM" | dcm-anon $MDM_ANON --rejects again 2>/dev/null | rec-unpack -C anon || :
	readable anon
	mdm-check
'

t 'a second run registers nothing and changes nothing' '
	export MDM_HOME=$PWD/one
	cp one/catalogue.sqlite before
	accepts mdm-ingest "$DICOM" 2>log
	says " 0 registered, " log
	catalogue >again.cat
	same one.cat again.cat
	[ "$(find one/storage -type f | wc -l)" -eq \
		$(($(lfc-ls -R --manifest | grep -vc "^.end") + $(srm-saved | rec-list | grep -vc "^.end"))) ]
'

t 'batches of any size give the same catalogue' '
	a_site two
	MDM_BATCH_OBJECTS=7 accepts mdm-ingest "$DICOM" 2>log
	catalogue >two.cat
	same one.cat two.cat
	a_site three
	MDM_BATCH_BYTES=100000 accepts mdm-ingest "$DICOM" 2>log
	catalogue >three.cat
	same one.cat three.cat
'

t 'lists, with any names in them' '
	a_site lists
	mkdir odd
	cp "$DICOM/CT_small.dcm" odd/$'"'new\nline'"'
	cp "$DICOM/MR_small.dcm" "odd/ -T blank "
	find odd -type f -print0 >list
	mdm-ingest -0 -T list 2>log
	says " 2 objects taken, 2 registered" log
	printf "%s\n" "$DICOM/rtplan.dcm" >list
	mdm-ingest -T list 2>log
	says " 1 objects taken, 1 registered" log
'

t 'by make: one target a list, at once, resumable' '
	a_site made
	make -s -f "$top/pipelines/ingest.mk" -j2 IN="$DICOM" BATCH=20 2>log
	catalogue >made.cat
	same one.cat made.cat
	make -f "$top/pipelines/ingest.mk" -j2 IN="$DICOM" BATCH=20 >out 2>&1
	silent registered out
	rm "$(find .ingest -name "*.done" | sed -n 1p)"
	make -s -f "$top/pipelines/ingest.mk" IN="$DICOM" BATCH=20 2>log
	[ "$(grep -c " 0 registered" log)" -eq 1 ]
	[ "$(wc -l <log)" -ge 1 ]
'

t 'two at once of the same files end as one does' '
	a_site race
	mdm-ingest "$DICOM" 2>log1 &
	a=$!
	MDM_BATCH_OBJECTS=30 mdm-ingest "$DICOM" 2>log2 &
	b=$!
	accepts wait $a
	accepts wait $b
	catalogue >race.cat
	same one.cat race.cat
	readable anon
'

t 'a corrected object is set aside, or supersedes' '
	a_site sup
	mkdir src
	cp "$DICOM/CT_small.dcm" "$DICOM/MR_small.dcm" src
	mdm-ingest src 2>log
	lfc-ls -R --manifest | sort >gen1
	$PYTHON -c "
import pydicom
d = pydicom.dcmread(\"src/CT_small.dcm\")
d.PixelData = bytes(255 - b for b in d.PixelData)
d.save_as(\"src/CT_small.dcm\")"
	exits 1 mdm-ingest src 2>log
	says "supersede" log
	lfc-ls -R --manifest | sort >still
	same gen1 still
	mdm-ingest --supersede src 2>log
	lfc-ls -R --manifest | sort >gen2
	[ "$(comm -13 gen1 gen2 | grep -c "	gen=2")" -eq 1 ]
	[ "$(comm -12 gen1 gen2 | grep -c "	gen=1")" -eq 1 ]
	rec-pack src | dcm-anon $MDM_ANON | rec-unpack -C src.anon
	readable src.anon
	exits 1 mdm-check >found
	says "dark" found
	says "orphan" found
	exits 1 mdm-check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	mdm-check
	readable src.anon
'

t 'a slow ingest held open across a repair loses nothing' '
	a_site slow
	mkfifo gate
	rec-pack "$DICOM/CT_small.dcm" "$DICOM/MR_small.dcm" "$DICOM/rtplan.dcm" |
		dcm-anon $MDM_ANON | lfc-new -o new.rec
	{ { mdm-encrypt --keys /dev/fd/3 <new.rec | srm-copy --to "" >M 3>&-; } 3>&1 |
		ssss-split | hydra-put >ACK; }
	exits 1 mdm-check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	[ "$(grep -c "kind=dark" found)" -eq 3 ]
	mdm-sign <M | lfc-reg --acks ACK >registered
	[ "$(grep -vc "^.end" registered)" -eq 3 ]
	mdm-check
	mdm-get -C slow.out /grid/mdm
	[ "$(find slow.out -type f | wc -l)" -eq 3 ]
'

t 'a store that is missing: said, nothing registered, the next run does it' '
	a_site miss
	mdm-ingest "$DICOM/CT_small.dcm" 2>log
	mv miss/store-2.sqlite hidden
	mkdir miss/store-2.sqlite
	exits 69 mdm-ingest "$DICOM/MR_small.dcm" 2>log
	says "store-2.sqlite" log
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	1" ]
	mdm-ingest --quorum 2 "$DICOM/MR_small.dcm" 2>log
	rmdir miss/store-2.sqlite
	mv hidden miss/store-2.sqlite
	mdm-get -C miss.out /grid/mdm
	[ "$(find miss.out -type f | wc -l)" -eq 2 ]
'

t 'storage that cannot be written, a catalogue that is damaged' '
	a_site bad
	: >bad/storage
	exits 74 mdm-ingest "$DICOM/CT_small.dcm" 2>log
	rm bad/storage
	mdm-ingest "$DICOM/CT_small.dcm" 2>log
	a_site bad2
	head -c 8192 /dev/urandom >bad2/catalogue.sqlite
	exits 65 mdm-ingest "$DICOM/CT_small.dcm" 2>log
	says "catalogue.sqlite" log
'

t 'usage, and a site without keys' '
	exits 64 mdm-ingest 2>log
	exits 64 mdm-ingest --nope x 2>log
	exits 64 mdm-ingest -T 2>log
	mkdir nokeys
	MDM_HOME=$PWD/nokeys
	export MDM_HOME
	got=0
	mdm-ingest "$DICOM/CT_small.dcm" 2>log || got=$?
	[ "$got" -gt 1 ]
	says "new-site-key" log
	exits 1 mdm-ingest missing-file "$DICOM/CT_small.dcm" 2>log || :
	says "missing-file" log
'

t 'no name or id of a patient is in what leaves the hospital or in a message' '
	a_site names
	accepts mdm-ingest --rejects names.rejects "$DICOM" >names.log 2>&1
	lfc-ls -R --manifest >names.manifest
	lfc-ls -l -R >>names.manifest
	for f in "$DICOM"/*.dcm; do
		$PYTHON - "$f" <<-"END" 2>/dev/null || :
			import re, sys, pydicom
			d = pydicom.dcmread(sys.argv[1], stop_before_pixels=True)
			for k in ("PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID"):
			    v = str(d.get(k, ""))
			    # a short number may be part of any other
			    if len(v) > (5 if re.search("[^0-9.]", v) else 12): print(v)
		END
	done | sort -u >identities
	[ "$(wc -l <identities)" -gt 50 ]
	exits 1 grep -aFf identities names.log names.manifest names/catalogue.sqlite
	exits 1 grep -rlaFf identities names/storage
'

done_testing
