#!/bin/bash
# What keeps a grid in order, over storage by root and by https and a catalogue
# that is a service: mdm-check, mdm-save, mdm-rebuild, mdm-del.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/grid.sh
. "$here/grid.sh"
a_grid
patients in 2 2
export MDM_STORAGE="$se1_root $se2_https"

check() { as admin1 mdm-check "$@"; }
kinds() { tr '\t' '\n' <"$1" | sed -n 's/^kind=//p' | sort | uniq -c | tr -s ' ' | paste -sd ';'; }
export -f check kinds

t 'half by root, half by https: all agrees, every byte was read' '
	as robot mdm-ingest --group /mdm/neuro in/*-0-* 2>err
	MDM_STORAGE="$se2_https $se1_root" as robot mdm-ingest --group /mdm/neuro in 2>err
	says "2 registered, 2 already there" err
	[ "$(on "$grid/se1" | wc -l)" -eq 3 ]
	[ "$(on "$grid/se2" | wc -l)" -eq 3 ]
	check --verify >found
	same <(echo ".end	0") found
	exits 77 as bob mdm-check 2>err
'

t 'dark, lost and corrupt things, an orphan and an upload are told apart' '
	for se in se1 se2; do
		on "$grid/$se" | while IFS= read -r f; do
			echo "${f##*/} $f"
		done | sort >$se.files
	done
	as robot lfc-ls -R --manifest >M
	guids() { tr "\t" "\n" <M | sed -n "s/^guid=//p" | sort; }
	join <(guids) se1.files >one
	join <(guids) se2.files >two
	[ "$(wc -l <one)" -eq 2 ] && [ "$(wc -l <two)" -eq 2 ]
	read -r _ lost <one
	read -r _ bad <two
	mv "$lost" "$PWD/away"
	cp -p "$bad" "$PWD/good"
	printf X | dd of="$bad" bs=1 seek=3000 conv=notrunc status=none
	for se in se1 se2; do
		mkdir -p "$grid/$se/files/mdm/ab" "$grid/$se/files/mdm/.incoming"
		for f in ab/abababababababababababababababab .incoming/x.1 ab/foreign; do
			cp "$PWD/good" "$grid/$se/files/mdm/$f"
		done
		chown -R --reference="$grid/$se/files/mdm" "$grid/$se/files/mdm"/{ab,.incoming}
	done
	"$PYTHON" -c "import os; print(\"%s\tkey=%s\n.end\t1\" % (os.urandom(16).hex(), os.urandom(32).hex()))" |
		ssss-split -k 2 -n 3 | as robot hydra-put >ack
	exits 1 check --verify >found
	[ "$(kinds found)" = " 1 corrupt; 2 dark; 2 foreign; 2 incoming; 1 lost; 1 orphan" ] ||
		{ cut -c 1-150 found >&3; false; }
	says "^$se1_root/ab/ab.*kind=dark" found
	says "^$se2_https/ab/ab.*kind=dark" found
	mv "$PWD/away" "$lost" && mv "$PWD/good" "$bad"
	chown --reference="$grid/se1/files/mdm" "$lost" "$bad"
'

t 'a repair waits, then removes the garbage and nothing else' '
	exits 1 check --repair >found
	[ "$(grep -c "kept=" found)" -eq 5 ] && ! says "done=" found
	exits 1 check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	[ "$(grep -c "done=removed" found)" -eq 5 ] || { cut -c 1-150 found >&3; false; }
	[ ! -e "$grid/se1/files/mdm/ab/abababababababababababababababab" ]
	[ ! -e "$grid/se2/files/mdm/ab/abababababababababababababababab" ]
	rm "$grid"/se?/files/mdm/ab/foreign
	check --verify >found
	[ "$(entries)" -eq 4 ]
	as robot mdm-get -C got "$(as robot lfc-ls)" 2>err
	[ "$(find got -type f | wc -l)" -eq 4 ]
'

t 'a catalogue that is lost is made again from the storages' '
	as robot mdm-set-right group "$(as robot lfc-ls)"
	as robot mdm-save --all
	# the manifests before have no keys any more
	exits 1 check --repair --grace 0 --quarantine 0 --max-remove 100 >found
	[ "$(kinds found)" = " 2 dark" ]
	as robot lfc-ls -R --manifest | sort >before
	"$services/grid" stop "$grid" catalogue
	rm -rf "$grid/postgres" "$grid/lfc"
	"$services/grid" start "$grid" catalogue
	. "$grid/env"
	export MDM_STORAGE="$se1_root $se2_https"
	[ "$(entries)" -eq 0 ]
	# whose keys the manifests have opens them; an admin of the catalogue registers
	as robot mdm-rebuild --list >M
	[ "$(tail -n 1 M)" = ".end	4" ]
	exits 77 as robot lfc-reg --restore <M 2>err
	as admin1 lfc-reg --restore <M >registered
	as admin1 lfc-ls -R --manifest | sort >after
	same before after
'

t 'what is deleted is gone from both storages, and its keys' '
	. "$grid/env"
	export MDM_STORAGE="$se1_root $se2_https"
	as admin1 lfc-ls -R --manifest >M
	study=$(as admin1 lfc-ls)
	# directories that were made again are open, what is in them is not
	exits 1 as bob mdm-del "$study" 2>err
	says "denied" err
	[ "$(as admin1 lfc-ls -R --manifest | tail -n 1)" = ".end	4" ]
	as admin1 mdm-del "$study" 2>err
	says "4 objects deleted" err
	as robot hydra-get <M >shares 2>err || :
	[ "$(grep -c "error=" shares)" -eq 4 ]
	tr "\t" "\n" <M | sed -n "s/^guid=//p" | while IFS= read -r g; do
		[ -z "$(find "$grid"/se?/files -name "$g")" ]
	done
'

done_testing
