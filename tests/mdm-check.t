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

# sweep [OPTION...]: a repair that waits for nothing
sweep() {
	mdm-check --repair --quarantine 0 --max-remove 100 "$@"
}
export -f sweep

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
	exits 1 sweep --grace 0 >found
	[ "$(field kept found | sort -u)" = lease ]
	sqlite3 left/catalogue.sqlite "update lease set expires = 0"
	exits 1 sweep >found
	[ "$(field kept found | sort -u)" = grace ]
	[ "$(kinds)" = " 4 dark; 1 incoming; 4 orphan;" ]
	exits 1 sweep --grace 0 >found
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
	exits 1 sweep --grace 0 >found
	[ "$(field done found | grep -c removed)" -eq 8 ]
	[ "$(field kept found | grep -c lease)" -eq 8 ]
	lfc-reg --acks ACK <M >R
	[ "$(field status R | sort -u)" = superseded ]
	exits 1 sweep --grace 0 >found
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
	exits 1 sweep --grace 0 >found
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
	exits 1 sweep --grace 0 >found
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
'

t 'weak and keyless entries' '
	a_copy weak
	guid=$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field guid /dev/stdin)
	other=$(lfc-ls --manifest 1.2/1.2.0/1.2.0.2 | field guid /dev/stdin)
	sqlite3 weak/store-1.sqlite "delete from share where lower(hex(guid)) = \"$guid\""
	for i in 1 2; do sqlite3 weak/store-$i.sqlite "delete from share where lower(hex(guid)) = \"$other\""; done
	exits 1 sweep --grace 0 >found
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
	exits 1 sweep --grace 0 --no-keys >found
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
	exits 1 sweep --grace 0 >found
	exits 1 mdm-check >found
	[ "$(field kind found | sort -u)" = lost ]
'

t 'garbage goes when it has been seen as such for the quarantine' '
	a_copy wait
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	old
	sqlite3 wait/catalogue.sqlite "delete from lease"
	exits 1 mdm-check --repair --max-remove 100 >found
	[ "$(field kept found | sort | uniq -c | tr -s " ")" = " 8 quarantine" ]
	[ "$(field since found | sort -u | wc -l)" -le 2 ]
	# what is younger on the list than it must be stays, to the day
	sed "s/since=[0-9]*/since=$(($(date +%s) - 30 * 86400 + 600))/" \
		-i wait/check/objects wait/check/keys
	exits 1 mdm-check --repair --max-remove 100 >found
	[ "$(field kept found | grep -c quarantine)" -eq 8 ]
	sed "s/since=[0-9]*/since=$(($(date +%s) - 30 * 86400 - 1))/" \
		-i wait/check/objects wait/check/keys
	exits 1 mdm-check >found
	[ "$(kinds)" = " 4 dark; 4 orphan;" ]
	exits 1 mdm-check --repair --max-remove 100 >found
	[ "$(field done found | grep -c removed)" -eq 8 ]
	mdm-check --repair >found
	[ "$(cat wait/check/objects wait/check/keys)" = ".end	0
.end	0" ]
'

t 'what is wanted again leaves the list' '
	a_copy again
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	exits 1 mdm-check --repair >found
	[ "$(tail -n 1 again/check/objects)" = ".end	4" ]
	lfc-reg --acks ACK <M >R
	exits 1 mdm-check --repair >found
	[ "$(tail -n 1 again/check/objects)" = ".end	4" ]
	cut -f 1 <again/check/objects | grep -v "^.end" | sort >listed
	field surl M | sort >registered
	[ -z "$(comm -12 listed registered)" ]
'

t 'a run that dies leaves a list; two at once do not meet' '
	a_copy die
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	exits 1 mdm-check --repair >found
	cp die/check/objects before
	exits 74 sh -c "mdm-check --repair >/dev/full" 2>err
	same before die/check/objects
	exec 9>die/check/lock
	flock 9
	exits 75 mdm-check --repair >found 2>err
	says "another mdm-check" err
	exits 1 mdm-check >found
'

t 'nothing goes when more than a hundredth would' '
	export MDM_HOME=$dir/limit
	objects 150 10 limit >limit.rec
	whole limit.rec 2>err
	guids=$(lfc-ls --manifest -R | field guid /dev/stdin | sort)
	del() {
		sqlite3 limit/catalogue.sqlite "delete from replica where entry in
			(select id from entry where lower(hex(guid)) = \"$1\");
			delete from entry where lower(hex(guid)) = \"$1\""
	}
	set -- $guids
	del $1
	exits 1 mdm-check --repair --quarantine 0 --grace 0 >found
	[ "$(field done found | grep -c removed)" -eq 2 ]
	del $2
	del $3
	exits 77 mdm-check --repair --quarantine 0 --grace 0 >found 2>err
	says "2 of 149 objects would go, more than 1 %" err
	says "2 of 149 keys would go, more than 1 %" err
	[ "$(field kept found | grep -c limit)" -eq 4 ]
	[ -e "limit/storage/${2:0:2}/$2" ]
	exits 1 mdm-check --repair --quarantine 0 --grace 0 --max-remove 1.4 >found
	[ "$(field done found | grep -c removed)" -eq 4 ]
	mdm-check
'

t 'a catalogue that went back destroys nothing' '
	a_copy back
	mdm-check --repair
	cp back/catalogue.sqlite restored
	lfc-new --supersede <b.rec | srm-copy --to "" >M
	keys M >ACK
	lfc-reg --acks ACK <M >R
	exits 1 mdm-check --repair >found
	cp back/catalogue.sqlite now
	cp restored back/catalogue.sqlite
	rm -f back/catalogue.sqlite-*
	exits 65 mdm-check --repair --quarantine 0 --max-remove 100 --grace 0 >found 2>err
	says "went back" err
	exits 1 mdm-check >found
	[ "$(find back/storage -type f | wc -l)" -eq 8 ]
	# its changes have since been as many: the mark tells
	sqlite3 back/catalogue.sqlite "update serial set n = n + 1000"
	exits 65 sweep --grace 0 >found 2>err
	cp now back/catalogue.sqlite
	rm -f back/catalogue.sqlite-*
	exits 1 sweep --grace 0 >found
	# and accepted it is looked at anew
	objects 4 1000 fifth fifth >fifth.rec
	lfc-new --supersede <fifth.rec | srm-copy --to "" >M
	keys M >ACK
	exits 1 mdm-check --repair >found
	sed "s/since=[0-9]*/since=1/" -i back/check/objects back/check/keys
	cp now back/catalogue.sqlite
	rm -f back/catalogue.sqlite-*
	exits 65 mdm-check --repair --max-remove 100 --grace 0 >found 2>err
	exits 1 mdm-check --repair --accept-catalogue --max-remove 100 --grace 0 >found
	silent "removed" found
	says "kept=quarantine" found
	exits 64 mdm-check --accept-catalogue 2>err
'

t 'corrupt objects are found by reading' '
	a_copy rot
	set -- $(lfc-ls --manifest -R | field surl /dev/stdin)
	printf X | dd of="${2#file:}" bs=1 seek=10 conv=notrunc status=none
	mdm-check >found
	exits 1 mdm-check --verify >found
	[ "$(kinds)" = " 1 corrupt;" ]
	says "^/grid/mdm/[^	]*	kind=corrupt	surl=$2	size=1000$" found
	exits 64 mdm-check --verify=0 2>err
	exits 64 mdm-check --verify=101 2>err
	exits 64 mdm-check --verify=x 2>err
'

t 'parts of the objects, run by run, are all of them' '
	export MDM_HOME=$dir/parts
	objects 200 10 parts >parts.rec
	whole parts.rec 2>err
	find parts/storage -type f -exec sh -c "printf X | dd of={} bs=1 conv=notrunc status=none" \;
	: >all
	for i in 1 2 3 4; do
		exits 1 mdm-check --repair --verify=25 >found
		field surl found >part
		[ "$(wc -l <part)" -lt 120 ]
		cat part >>all
	done
	[ "$(sort all | uniq -d | wc -l)" -eq 0 ]
	[ "$(wc -l <all)" -eq 200 ]
'

t 'several storages' '
	export MDM_HOME=$dir/several
	MDM_STORAGE=file:$dir/several/two whole a.rec 2>err
	lfc-new <many.rec | srm-copy --to file:$dir/several/one >M
	keys M >ACK
	lfc-reg --acks ACK <M >R
	both="--storage file:$dir/several/two --storage file:$dir/several/one"
	mdm-check $both
	one=$(sed -n 5p M | field surl /dev/stdin)
	two=$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field surl /dev/stdin)
	rm "${one#file:}"
	for d in one two; do
		mkdir -p several/$d/ff
		echo >several/$d/ff/ff000000000000000000000000000000
	done
	exits 1 mdm-check $both >found
	[ "$(kinds)" = " 2 dark; 1 lost;" ]
	# what is known of one stays known while only the other is looked at
	exits 1 mdm-check --repair --no-keys $both >found
	sed "s/since=[0-9]*/since=77/" -i several/check/objects
	exits 1 mdm-check --repair --no-keys --storage file:$dir/several/two >found
	[ "$(grep -c "/one/.*since=77" several/check/objects)" -eq 1 ]
	[ "$(field kind found)" = dark ]
	exits 64 mdm-check --storage file:several/two --storage file:several/two 2>err
	exits 64 mdm-check --storage file:several/two --storage file:several/two/ff 2>err
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
