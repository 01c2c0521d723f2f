#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/flow.sh"

a_site site
mdm-ingest "$DICOM"/{CT_small,MR_small,rtplan}.dcm 2>ingest.log || exit 70
mapfile -t names < <(lfc-ls -R --manifest | grep -v '^\.end' | cut -f 1)
export name0=${names[0]}

t 'an object: key, ciphertext and entry are gone, the others are not' '
	lfc-ls --manifest "$name0" >M
	surl=$(tr "\t" "\n" <M | sed -n "s/^surl=file://p")
	[ -f "$surl" ]
	mdm-del --receipts evidence "$name0" 2>log
	says "1 objects deleted" log
	[ "$(grep -c "	receipt=" evidence)" = 3 ]
	[ ! -e "$surl" ]
	exits 1 lfc-ls "$name0" 2>log
	got=0
	hydra-get <M >shares 2>log || got=$?
	[ "$got" -eq 77 ]
	silent "share=" shares
	mdm-check
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	2" ]
	exits 1 lfc-ls "${name0%%/*}" 2>log
	[ "$(lfc-ls | wc -l)" -eq 2 ]
'

t 'again: it is not there, exit 1' '
	exits 1 mdm-del "$name0" 2>log
	says "${name0##*/}" log
'

t 'a store that is away: said, the entry stays, the next run finishes' '
	mv site/store-3.sqlite hidden
	mkdir site/store-3.sqlite
	got=0
	mdm-del /grid/mdm 2>log || got=$?
	[ "$got" -gt 1 ]
	says "store-3" log
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	2" ]
	rmdir site/store-3.sqlite
	mv hidden site/store-3.sqlite
	mdm-del /grid/mdm 2>log
	[ "$(find site/storage -type f | wc -l)" -eq "$(srm-saved | rec-list | grep -vc "^.end")" ]
	mdm-check
'

done_testing
