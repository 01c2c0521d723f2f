#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/flow.sh"

mkdir src
cp "$DICOM"/{CT_small,MR_small,rtplan}.dcm src

t 'what a saved manifest says is under its signature' '
	a_site lines
	mdm-ingest src 2>log
	lfc-ls --manifest -R | lfc-save >plain
	lfc-saved <plain >M
	lfc-ls --manifest -R | sort >want
	sort M >lines.got
	same want lines.got
	rec-unpack -C plain.d <plain
	for edit in "s/mode=0600/mode=0666/" "s/gen=1[0-9]*/gen=9999999999/" "2d" \
		"s/lfn=.grid.mdm/lfn=\/grid\/xxx/" "s/^saved-manifest/other/" "\$d" "s/.end.*/.end	99/" "1d" "s/by=/bx=/"; do
		rm -rf bad.d
		mkdir -p bad.d/saved
		sed "$edit" plain.d/saved/1 >bad.d/saved/1
		! cmp -s plain.d/saved/1 bad.d/saved/1
		(cd bad.d && rec-pack saved) | exits 65 lfc-saved >M 2>err
		[ "$(cat M)" = ".end	0" ]
	done
	: >bad.d/saved/1
	(cd bad.d && rec-pack saved) | exits 65 lfc-saved >M 2>err
	printf x >bad.d/saved/1
	(cd bad.d && rec-pack saved) | exits 65 lfc-saved >M 2>err
	printf "\n" >bad.d/saved/1
	(cd bad.d && rec-pack saved) | exits 65 lfc-saved >M 2>err
'

t 'the later word counts, in whatever order they come' '
	a_site order
	mdm-ingest src 2>log
	lfc-ls --manifest -R | lfc-save >one.rec
	sqlite3 order/catalogue.sqlite "update entry set mode = 416 where type = \"f\";
		update serial set n = n + 1"
	lfc-ls --manifest -R | lfc-save >two.rec
	lfc-ls --manifest -R | sort >want
	rec-unpack -C u1 <one.rec
	rec-unpack -C u2 <two.rec
	mkdir a b
	cp u1/saved/1 a/1
	cp u2/saved/1 a/2
	cp u2/saved/1 b/1
	cp u1/saved/1 b/2
	for d in a b; do
		rec-pack $d | lfc-saved | sort >lines.got
		same want lines.got
	done
'

t 'what stores have removed is left out' '
	export MDM_HOME=$PWD/order
	sed -n 1p want >/dev/null
	lfc-ls --manifest -R | sed -n "1p" | rec-list --lines >one
	hydra-rm <one >/dev/null
	lfc-saved --verbose <two.rec >left 2>err
	[ "$(tail -n 1 left)" = ".end	2" ]
	says "1 manifests, 2 entries, 1 deleted" err
	silent "$(cut -f 1 one | sed -n 1p)" left
	mv order/store-1.sqlite away
	exits 69 lfc-saved <two.rec >left2 2>err
	same left left2
	mv order/store-2.sqlite away2
	exits 69 lfc-saved <two.rec >left2 2>err
	says "too few key stores" err
	mv away order/store-1.sqlite
	mv away2 order/store-2.sqlite
	exits 74 sh -c "lfc-saved <two.rec >/dev/full" 2>err
	head -c 1000 two.rec | exits 65 lfc-saved 2>err
'

done_testing
