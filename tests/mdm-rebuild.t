#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/flow.sh"

mkdir src
cp "$DICOM"/{CT_small,MR_small,rtplan,JPEG2000,image_dfl}.dcm src
# whole: every word of the catalogue
whole() {
	lfc-ls --manifest -R | sort
}
# drop: the catalogue is gone, and what was remembered of it
drop() {
	rm -f "$MDM_HOME"/catalogue.sqlite*
}
# correct FILE: other pixels
correct() {
	$PYTHON -c "
import pydicom
d = pydicom.dcmread(\"$1\")
d.PixelData = bytes(255 - b for b in d.PixelData)
d.save_as(\"$1\")"
}
export -f whole drop correct

t 'several batches, a catalogue that is lost, and everything is there again' '
	a_site one
	MDM_BATCH_OBJECTS=2 accepts mdm-ingest src 2>log
	[ -z "$(ls one/unsaved)" ]
	whole >before
	[ "$(wc -l <before)" -eq 6 ]
	mdm-check
	drop
	mdm-rebuild 2>log
	says "^mdm-rebuild: 5 entries, of 3 manifests$" log
	whole >after
	same before after
	mdm-check
	rec-pack src | dcm-anon $MDM_ANON | rec-unpack -C anon
	readable anon
'

t 'again, over a catalogue that has some of it' '
	export MDM_HOME=$PWD/one
	lfc-rm -r "$(sed -n 1p before | cut -f 1 | cut -d / -f 1)"
	mdm-rebuild 2>log
	whole >after
	same before after
	mdm-rebuild 2>log
	whole >after
	same before after
'

t 'rights come back as they were saved' '
	export MDM_HOME=$PWD/one
	sqlite3 one/catalogue.sqlite "insert into principal values (77, \"/C=UN/CN=Other\");
		update entry set mode = 416, owner = 77 where type = \"f\""
	whole >before
	drop
	mdm-rebuild 2>log
	whole >after
	! cmp -s before after
	sqlite3 one/catalogue.sqlite "insert into principal values (77, \"/C=UN/CN=Other\");
		update entry set mode = 416, owner = 77 where type = \"f\""
	mdm-save /grid/mdm
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
'

t 'the superseded and the deleted stay so' '
	a_site sup
	cp -r src src2
	mdm-ingest src2 2>log
	correct src2/CT_small.dcm
	exits 1 mdm-ingest src2 2>log
	mdm-ingest --supersede src2 2>log
	gone=$(lfc-ls --manifest -R | grep -v "gen=2" | sed -n 2p | tr "\t" "\n" | sed -n "s/^lfn=//p")
	mdm-del "$gone"
	whole >before
	[ "$(grep -c "gen=2" before)" -eq 1 ]
	[ "$(wc -l <before)" -eq 5 ]
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
	# the newer one deleted: the older does not come instead
	mdm-del "$(grep gen=2 before | tr "\t" "\n" | sed -n "s/^lfn=//p")"
	whole >before
	[ "$(wc -l <before)" -eq 4 ]
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
	# and what was deleted and came again is there
	mdm-ingest src2 2>log
	whole >before
	[ "$(wc -l <before)" -eq 6 ]
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
	# with the garbage gone it is the same
	exits 1 mdm-check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	mdm-check
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
'

t 'a deletion that not all stores know: said, and not undone' '
	a_site part
	mdm-ingest src 2>log
	lfc-ls --manifest -R | sed -n 1p | rec-list --lines >M
	lfn=$(tr "\t" "\n" <M | sed -n "s/^lfn=//p")
	# the deletion was begun while stores were away
	mkdir away
	mv part/store-2.sqlite* part/store-3.sqlite* away
	exits 69 mdm-del "$lfn" 2>log
	mv away/* part
	whole | grep -v "^.end\|lfn=$lfn	" >before
	drop
	exits 1 mdm-rebuild 2>log
	says "removed its key, 2 not yet" log
	whole | grep -v "^.end" >after
	same before after
'

t 'forged and damaged manifests are refused' '
	a_site forged
	MDM_BATCH_OBJECTS=3 mdm-ingest src 2>log
	whole >before
	srm-saved >S
	rec-list <S | cut -f 1 | grep -v "^.end" >guids
	[ "$(wc -l <guids)" -eq 2 ]
	# another signer, whose key the readers do not have
	mdm-sign --new-sign-key other.key --as other
	lfc-ls --manifest -R | sed "s/gen=1/gen=9/" >lie
	cp forged/catalogue.sqlite good
	sqlite3 forged/catalogue.sqlite "update entry set gen = 9"
	MDM_SIGN_KEY=$PWD/other.key mdm-save /grid/mdm
	cp good forged/catalogue.sqlite
	drop
	exits 1 mdm-rebuild 2>log
	says "not a signer\|no signer\|unknown signer\|signer" log
	whole >after
	same before after
	# a byte of one of them
	g=$(sed -n 1p guids)
	f=forged/storage/${g:0:2}/$g
	printf X | dd of=$f bs=1 seek=700 conv=notrunc status=none
	drop
	exits 1 mdm-rebuild 2>log
	says "$g" log
	whole >after
	[ "$(comm -13 before after | grep -vc "^.end")" -eq 0 ]
'

t 'everything saved anew in place of the old' '
	a_site anew
	MDM_BATCH_OBJECTS=2 mdm-ingest src 2>log
	mdm-del "$(lfc-ls --manifest -R | sed -n 1p | tr "\t" "\n" | sed -n "s/^lfn=//p")"
	mdm-save --all
	exits 1 mdm-check >found
	[ "$(grep -c "kind=dark" found)" -eq 3 ]
	exits 1 mdm-check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	[ "$(srm-saved | rec-list | tail -n 1)" = ".end	1" ]
	whole >before
	drop
	mdm-rebuild 2>log
	whole >after
	same before after
	# a catalogue that lost something does not destroy what knows it
	lfc-rm -r "$(sed -n 2p before | cut -f 1 | cut -d / -f 1)"
	exits 65 mdm-save --all 2>err
	says "is saved, and not in the catalogue" err
	[ "$(srm-saved | rec-list | tail -n 1)" = ".end	2" ]
	mdm-rebuild 2>log
	whole >after
	same before after
	mdm-save --all
	exits 64 mdm-save --all x 2>err
'

t 'mdm-check knows them, and that they are whole' '
	a_site known
	mdm-ingest src 2>log
	exits 0 mdm-check --repair --quarantine 0 --grace 0 --max-remove 100 >found
	g=$(srm-saved | rec-list | sed -n 1p | cut -f 1)
	sqlite3 known/store-1.sqlite "delete from share where lower(hex(guid)) = \"$g\""
	exits 1 mdm-check >found
	says "^$g	kind=weak	guid=$g	stores=2,3$" found
	rm known/storage/${g:0:2}/$g
	exits 1 mdm-check --repair --max-remove 100 >found
	says "^$g	kind=orphan	.*kept=grace" found
	# it may be on a storage that is not looked at
	mkdir elsewhere
	exits 1 mdm-check --storage file:elsewhere >found
	says "^$g	kind=lost	guid=$g$" found
	# one without any key is garbage as any other
	mkdir -p known/storage/${g:0:2}
	echo x >known/storage/${g:0:2}/$g
	for i in 2 3; do sqlite3 known/store-$i.sqlite "delete from share where lower(hex(guid)) = \"$g\""; done
	exits 1 mdm-check --repair --quarantine 0 --grace 0 --max-remove 100 >found
	says "kind=dark.*done=removed" found
	mdm-check
'

t 'without saving nothing is left, and nothing comes back' '
	a_site none
	mdm-ingest --no-save src 2>log
	[ ! -e none/unsaved ]
	[ "$(srm-saved | rec-list)" = ".end	0" ]
	drop
	mdm-rebuild 2>log
	says "^mdm-rebuild: 0 entries" log
'

t 'an escrow recipient opens them without the key stores' '
	a_site escrow
	age-keygen -o id 2>/dev/null
	mdm-ingest -r "$(age-keygen -y id)" src 2>log
	whole >before
	drop
	mdm-rebuild -i id 2>log
	whole >after
	same before after
'

t 'too few key stores: 69; usage' '
	export MDM_HOME=$PWD/escrow
	cp -r escrow few
	export MDM_HOME=$PWD/few
	rm few/store-1.sqlite few/store-2.sqlite
	exits 69 mdm-rebuild -i id 2>log
	exits 64 mdm-rebuild x 2>log
	exits 64 mdm-rebuild --nope 2>log
	exits 64 mdm-save --nope 2>log
	exits 64 lfc-reg <before 2>log
	exits 64 lfc-reg --restore --acks x <before 2>log
	exits 64 lfc-save x 2>log
	exits 64 lfc-saved x 2>log
	exits 64 srm-saved x 2>log
'

t 'killed at any point, run again, lost, rebuilt: the same' '
	a_site crash
	start=$EPOCHREALTIME
	MDM_BATCH_OBJECTS=2 mdm-ingest src 2>log
	calm=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
	for i in 1 2 3 4 5 6; do
		rm -rf crash
		a_site crash
		MDM_BATCH_OBJECTS=2 setsid -w mdm-ingest src >crash.log 2>&1 &
		pid=$!
		sleep "$(awk -v s=$i -v c="$calm" "BEGIN { print c * (s + rand()) / 8 }")"
		pid=$(pgrep -P "$pid" || echo "$pid")
		pkill -KILL -s "$pid" || :
		wait || :
		# what was killed is not gone at once
		while pgrep -s "$pid" >pids; do :; done
		MDM_BATCH_OBJECTS=3 mdm-ingest src 2>log
		[ -z "$(ls crash/unsaved)" ]
		whole >before
		[ "$(wc -l <before)" -eq 6 ]
		drop
		accepts mdm-rebuild 2>log
		whole >after
		same before after
	done
'

done_testing
