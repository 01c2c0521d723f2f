#!/bin/bash
# Nearline files from a real DICOM server: published, asked for, fetched, sealed,
# read; and what happens when something is in the way
. "${0%/*}/lib.sh"
# shellcheck source=tests/flow.sh
. "$here/flow.sh"
# shellcheck source=tests/pacs.sh
. "$here/pacs.sh"

orthanc start pacs || exit 1
trap 'orthanc kill "$dir/pacs"; rm -rf "$dir"' EXIT
ct one 12 1.2.840.99.1 StudyDate=20260101 PatientID=SECRET-1 PatientName=Yamada SpecificCharacterSet='ISO_IR 100'
ct two 6 1.2.840.99.2 StudyDate=20260102 PatientID=SECRET-2 PatientName=Tanaka AccessionNumber=SECRET-3
ct burned 2 1.2.840.99.3 BurnedInAnnotation=YES PatientID=SECRET-4
mixed mixed 2>/dev/null
orthanc store pacs one/* two/* mixed/* burned/*
a_site hospital
age-keygen -o id 2>/dev/null
export MDM_PACS MDM_LEDGER=$dir/led MDM_IDENTITY=$dir/id MDM_DICOM_SITE=hospital MDM_LEDGER_TO
MDM_PACS=$(cat pacs/url)
MDM_LEDGER_TO=$(age-keygen -y id)

# what dcm-anon makes of the stored files
find one two mixed burned -type f -print0 >files
rec-pack -0 -T files | dcm-anon $MDM_ANON --rejects rejected 2>/dev/null >want.rec
rec-unpack -C want <want.rec
total=$(find one two mixed burned -type f | wc -l)
rejected=$(grep -vc '^\.end' rejected || :)
export total rejected
[ "$rejected" -gt 0 ] || exit 70 # one at least is what dcm-anon does not let out

# near: how many are nearline; state FILE...: the states that lfc-recall tells
near() { lfc-ls --manifest -R | grep -c status=nearline || :; }
recalld() { mdm-recalld --once "$@" 2>>log; }
# names DAY: the new names of that day's objects
day() { dcm-find -l image "date=$1" | dcm-alias --ledger-to "$MDM_LEDGER_TO" --ledger scratch; }
export -f near recalld day

t 'published: names and what is chosen of them, and no image has moved' '
	mdm-publish StudyDate= 2>log || { cat log >&3; false; }
	says "$total names registered, 0 there already" log
	mdm-publish StudyDate= 2>log || { cat log >&3; false; }
	says "0 names registered, $total there already" log
	[ "$(near)" -eq "$total" ]
	[ ! -d hospital/storage ] || [ "$(find hospital/storage -type f | wc -l)" -eq 0 ]
	lfc-ls --manifest -R | cut -f1 | sort >near.names
	(cd want && find . -type f -printf "%P\n" | sort) | comm -23 - near.names >lacking
	[ ! -s lacking ]
	[ "$(lfc-ls --manifest -R | grep -c "modality=CT.*pseudonym=")" -ge 18 ]
'

t 'recalled by lfc-recall: each as dcm-anon makes it of the stored file' '
	day 20260101 >D
	lfc-recall - <D >asked
	[ "$(grep -c state=queued asked)" -eq 12 ]
	recalld || { cat log >&3; false; }
	says "12 of 12 files are online" log
	lfc-recall --status --wait - <D >asked
	[ "$(grep -c state=online asked)" -eq 12 ]
	study=$(cut -d/ -f1 D | head -n 1)
	mdm-get -C got "$study" 2>err
	diff -r "want/$study" "got/$study" >&3
	[ "$(near)" -eq $((total - 12)) ]
	says "gen=1" <(lfc-ls --manifest -R "$study")
'

t 'all others, by two at once: what is rejected is reported as such' '
	lfc-ls --manifest -R | lfc-recall - >asked
	recalld -n 5 & recalld -n 4 -j 2 || [ $? -eq 1 ]
	wait $! || [ $? -eq 1 ]
	[ "$(near)" -eq "$rejected" ]
	[ "$(grep -vc "^\.end" rejected)" -eq "$rejected" ]
	lfc-ls --manifest -R | lfc-recall --status - >s
	[ "$(grep -c state=online s)" -eq $((total - rejected)) ]
	says "state=failed	reason=.*urned" s
	lfc-ls --manifest -R | grep status=online | rec-list --lines | cut -f1 | grep -v "^\.end" | sed "s,^,/grid/mdm/," >lfns
	rm -rf got
	xargs mdm-get -C got <lfns 2>err
	diff -r want got >&3
	# each was fetched once: one ciphertext for each, and no garbage
	[ "$(find hospital/storage -type f | wc -l)" -eq $((total - rejected)) ]
	mdm-check
'

t 'nothing that identifies is anywhere but in the sealed ledger' '
	[ -s log ] && [ -s led ] && [ "$(sqlite3 hospital/catalogue.sqlite "select count(*) from recall")" -eq "$total" ]
	cat hospital/catalogue.sqlite* hospital/storage/*/* led log | strings >all
	says "files are online" all
	silent "SECRET-[0-9]\|Yamada\|Tanaka\|1\.2\.840\.99\|1\.2\.77\." all
	find hospital -type f -o -type d >paths
	silent "1\.2\.840\.99\|SECRET" paths
	for f in hospital/*.sqlite; do
		sqlite3 "$f" .dump >dump
		silent "SECRET-[0-9]\|Yamada\|1\.2\.840\.99" dump
	done
'

t 'done again after eviction: the next generation' '
	day 20260102 >D
	study=$(cut -d/ -f1 D | head -n 1)
	lfc-ls --manifest -R "$study" | lfc-evict - >gone
	srm-rm <gone >removed
	hydra-rm <gone >removed
	lfc-recall - <D >asked
	recalld || { cat log >&3; false; }
	says "gen=2.*status=online" <(lfc-ls --manifest -R "$study")
	rm -rf got
	mdm-get -C got "$study" 2>err
	diff -r "want/$study" "got/$study" >&3
	mdm-check
'

t 'mdm-get asks and waits; without that, what is nearline is missing' '
	day 20260102 >D
	study=$(cut -d/ -f1 D | head -n 1)
	lfc-ls --manifest -R "$study" | lfc-evict - >gone
	rm -rf got
	exits 1 mdm-get -C got "$study" 2>err
	says "6 objects are nearline" err
	exits 75 mdm-get -C got --recall --timeout 0 "$study" 2>err
	[ ! -d got ] || [ "$(find got -type f | wc -l)" -eq 0 ]
	mdm-recalld --poll 1 2>>log &
	pid=$!
	trap "kill $pid; wait" EXIT
	mdm-get -C got --recall "$study" 2>err
	diff -r "want/$study" "got/$study" >&3
	exits 64 mdm-get --timeout 3 "$study" 2>err
'

done_testing
