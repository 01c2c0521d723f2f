#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

objects 4 >a.rec
objects 4 1000 other other >b.rec

# keys FILE: split and store a key for each line of a manifest
keys() {
	awk -F '\t' '/^\.end/ { print; next }
		{ for (i = 2; i <= NF; i++) if ($i ~ /^guid=/) {
			g = substr($i, 6); print g "\tkey=" g g } }' "$1" |
		ssss-split | hydra-put
}
# whole FILE [OPTION...]: a complete ingest
whole() {
	local file=$1
	shift
	lfc-new "$@" <"$file" | srm-copy --to '' >M
	keys M >ACK
	lfc-reg --acks ACK <M >R
}
# kinds: how many of each kind were found
kinds() {
	field kind found | sort | uniq -c | tr -s ' ' | tr '\n' ';'
}
# old: no object, no share and no lease is younger than a day
old() {
	find "$MDM_HOME/storage" -exec touch -d '3 days ago' {} +
	for s in "$MDM_HOME"/store-*.sqlite; do
		sqlite3 "$s" 'update share set created = created - 259200'
	done
}
export -f keys whole kinds old

export MDM_HOME=$dir/site
whole a.rec 2>err
a_copy() {
	cp -r "$dir/site" "$1"
	export MDM_HOME=$dir/$1
	sqlite3 "$1/catalogue.sqlite" "update home set name = replace(name, '/site/', '/$1/')"
}
export -f a_copy

t 'nothing to find is 0' '
	a_copy clean
	mdm-check >found
	[ "$(cat found)" = ".end	0" ]
'

t 'what a run left that never registered' '
	a_copy left
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	touch left/storage/.incoming/junk
	exits 1 mdm-check >found
	[ "$(kinds)" = " 4 dark; 1 incoming; 4 orphan;" ]
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(field kept found | sort -u)" = lease ]
	sqlite3 left/catalogue.sqlite "update lease set expires = 0"
	exits 1 mdm-check --repair >found
	[ "$(field kept found | sort -u)" = grace ]
	[ "$(kinds)" = " 4 dark; 1 incoming; 4 orphan;" ]
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(field done found | grep -c removed)" -eq 9 ]
	mdm-check >found
	srm-copy --from < <(lfc-ls --manifest -R) | rec-list >list
	[ "$(tail -n 1 list)" = ".end	4" ]
'

t 'a slow ingest is not disturbed, and what is older than its lease goes' '
	a_copy slow
	lfc-new --supersede <b.rec | srm-copy --to "" >gone
	keys gone >ACK
	old
	sqlite3 slow/catalogue.sqlite "delete from lease"
	objects 4 1000 third third >c.rec
	lfc-new --supersede <c.rec | srm-copy --to "" >M
	keys M >ACK
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(field done found | grep -c removed)" -eq 8 ]
	[ "$(field kept found | grep -c lease)" -eq 8 ]
	lfc-reg --acks ACK <M >R
	[ "$(field status R | sort -u)" = superseded ]
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(kinds)" = " 4 dark; 4 orphan;" ]
	mdm-check
	srm-copy --from < <(lfc-ls --manifest -R) | rec-list >list
	[ "$(tail -n 1 list)" = ".end	4" ]
'

t 'an expired lease never lives again' '
	a_copy dead
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	sqlite3 dead/catalogue.sqlite "update lease set expires = 1"
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(sqlite3 dead/catalogue.sqlite "select count(*) from lease")" -eq 0 ]
	exits 75 lfc-reg --acks ACK <M >R 2>err
	mdm-check
'

t 'lost: gone, or of another size' '
	a_copy lost
	set -- $(lfc-ls --manifest -R | field surl /dev/stdin)
	rm "${1#file:}"
	echo x >>"${2#file:}"
	exits 1 mdm-check >found
	[ "$(kinds)" = " 2 lost;" ]
	says "^/grid/mdm/1.2/1.2.0/1.2.0.0	kind=lost	surl=$1	size=1000$" found
	says "surl=$2	size=1000	found=1002$" found
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
'

t 'weak and keyless entries' '
	a_copy weak
	guid=$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field guid /dev/stdin)
	other=$(lfc-ls --manifest 1.2/1.2.0/1.2.0.2 | field guid /dev/stdin)
	sqlite3 weak/store-1.sqlite "delete from share where lower(hex(guid)) = \"$guid\""
	for i in 1 2; do sqlite3 weak/store-$i.sqlite "delete from share where lower(hex(guid)) = \"$other\""; done
	exits 1 mdm-check --repair --grace 0 >found
	[ "$(kinds)" = " 1 keyless; 1 weak;" ]
	says "^/grid/mdm/1.2/1.2.0/1.2.0.0	kind=weak	guid=$guid	stores=2,3$" found
	says "^/grid/mdm/1.2/1.2.0/1.2.0.2	kind=keyless	guid=$other	stores=3$" found
'

t 'what is not ours is shown and never touched' '
	a_copy alien
	echo hello >alien/storage/README
	mkdir -p alien/storage/aa alien/storage/lost+found
	echo x >alien/storage/aa/0123456789abcdef0123456789abcdef
	find alien/storage -exec touch -d "3 days ago" {} +
	exits 1 mdm-check --repair --grace 0 --no-keys >found
	[ "$(kinds)" = " 3 foreign;" ]
	[ -s alien/storage/README ]
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
'

t 'more than a page of everything' '
	export MDM_HOME=$dir/many
	objects 2300 10 many >many.rec
	whole many.rec 2>err
	mdm-check >found
	lfc-ls --manifest -R | sed -n "1000p;2299p" | field guid /dev/stdin >two
	for g in $(cat two); do rm "many/storage/${g:0:2}/$g"; done
	lfc-rm -r 1.2/1.2.1
	exits 1 mdm-check >found
	[ "$(kinds)" = " 1149 dark; 1 lost; 1150 orphan;" ] ||
		[ "$(kinds)" = " 1150 dark; 2 lost; 1150 orphan;" ]
	exits 1 mdm-check --repair --grace 0 >found
	exits 1 mdm-check >found
	[ "$(field kind found | sort -u)" = lost ]
'

t 'a missing store is 69, a missing catalogue 74' '
	a_copy miss
	rm miss/store-2.sqlite
	exits 69 mdm-check >found 2>err
	says "store 2" err
	mdm-check --no-keys >found
	exits 74 mdm-check --catalogue sqlite:nix >found 2>err
	exits 74 sh -c "mdm-check --no-keys >/dev/full" 2>err
	exits 64 mdm-check x 2>err
'

done_testing
