#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

export MDM_HOME=$dir/site
mkdir -m 700 site
mdm-sign --new-sign-key site/sign.key
cp site/sign.key.pub site/signers
objects 4 >a.rec
ingest a.rec

t 'the catalogue'"'"'s own lines, under a signed head' '
	lfc-save <M >saved.rec
	rec-list <saved.rec >list
	[ "$(cut -f 1 list)" = "saved/1
.end" ]
	tar xf saved.rec --xform s,saved/,, 1 2>/dev/null || tar xf saved.rec
	f=$(find . -path "*saved/1" -o -name 1 | sed -n 1p)
	head -n 1 "$f" | says "^saved-manifest	" /dev/stdin
	(head -n 1 "$f"; echo ".end	1") | mdm-verify >verified
	sed 1d "$f" | grep -v "^.end" | sort >saved.got
	lfc-ls --manifest -R | grep -v "^.end" | sort >listed
	same listed saved.got
	[ "$(tail -n 1 "$f")" = ".end	5" ]
'

t 'what the catalogue has otherwise, or not, is passed over' '
	cp -r site other
	export MDM_HOME=$dir/other
	objects 4 1000 b b >b.rec
	lfc-new --supersede <b.rec | srm-copy --to "" >M2
	lfc-save <M2 | rec-list >list
	[ "$(cat list)" = ".end	0" ]
	acks M2 >ACK
	lfc-reg --acks ACK <M2 >R
	lfc-save <M | rec-list >list
	[ "$(cat list)" = ".end	0" ]
	lfc-save <M2 | rec-list >list
	[ "$(tail -n 1 list)" = ".end	1" ]
	lfc-rm -r 1.2
	lfc-save --verbose <M2 2>err | rec-list >list
	[ "$(cat list)" = ".end	0" ]
	says "0 entries, 4 that" err
'

t 'more than one manifest holds' '
	export MDM_HOME=$dir/many
	cp -r site many
	rm many/catalogue.sqlite*
	objects 5003 1 many many >many.rec
	ingest many.rec
	lfc-save <M | rec-list >list
	[ "$(tail -n 1 list)" = ".end	2" ]
'

t 'lines without a name or GUID are set aside; input that is cut is refused' '
	{ grep -v "^.end" M | sed "1s/guid=/gu=/"; } | rec-list --lines | exits 1 lfc-save 2>err | rec-list >list
	[ "$(wc -l <err)" -eq 1 ]
	grep -v "^.end" M | exits 65 lfc-save 2>err >out
	exits 77 env MDM_SIGN_KEY=/nonexistent lfc-save <M 2>err >out || exits 74 env MDM_SIGN_KEY=/nonexistent lfc-save <M 2>err >out
	exits 74 sh -c "lfc-save <M >/dev/full" 2>err
	exits 64 lfc-save x 2>err
'

done_testing
