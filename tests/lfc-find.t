#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

# known: objects of which something is known, in three series
known() {
	objects 12 1000 k | lfc-new | srm-copy --to '' |
		awk -F '\t' -v OFS='\t' '/^\.end/ { print; next } {
			i = NR % 3
			gsub(/\tmodality=[^\t]*|\tpseudonym=[^\t]*/, "")
			$1 = $1; sub(/^1.2\/1.2.[01]/, "1.2/1.2.9" i)
			print $0, "study=1.2", "series=1.2.9" i,
				"modality=" (i == 0 ? "MR" : "CT"), "pseudonym=" (i == 2 ? "P%202" : "P1"),
				"study-date=20" (19 + i) "0615" (i == 1 ? "\tbody-part=HEAD" : "")
		}' >M
	acks M >ACK
	lfc-reg --acks ACK <M >R
}
# found EXPRESSION: how many there are
found() {
	lfc-find "$@" >found
	tail -n 1 found | cut -f 2
}
export -f known found
site site
known

t 'fields, and, or, not, parentheses' '
	[ "$(found modality=CT)" -eq 8 ]
	[ "$(found "modality=CT and study-date>=20210101")" -eq 4 ]
	[ "$(found "modality=MR or body-part=HEAD")" -eq 8 ]
	[ "$(found "not body-part=HEAD")" -eq 8 ]
	[ "$(found "body-part!=HEAD")" -eq 8 ]
	[ "$(found "not (modality=CT and not body-part=HEAD)")" -eq 8 ]
	[ "$(found "modality=XX")" -eq 0 ]
	[ "$(found "series=1.2.90 and pseudonym=P1")" -eq 4 ]
	[ "$(found "pseudonym=\"P 2\"")" -eq 4 ]
'

t 'ranges, patterns, size, status, name' '
	[ "$(found "study-date=20190101..20201231")" -eq 8 ]
	[ "$(found "study-date=..2020")" -eq 4 ]
	[ "$(found "study-date=2021..")" -eq 4 ]
	[ "$(found "study-date<20200615")" -eq 4 ]
	[ "$(found "study-date<=20200615")" -eq 8 ]
	[ "$(found "study-date>20200615 and modality~[A-Z]*")" -eq 0 ]
	[ "$(found "pseudonym~P*")" -eq 12 ]
	[ "$(found "pseudonym~P?")" -eq 4 ] || [ "$(found "pseudonym~P?")" -eq 8 ]
	[ "$(found "series~1.2.9[0-9]")" -eq 0 ]
	[ "$(found "series~*1")" -eq 4 ]
	[ "$(found "size=1000 and status=online")" -eq 12 ]
	[ "$(found "size<1000")" -eq 0 ]
	[ "$(found "name=1.2.0.0")" -eq 1 ]
'

t 'what is found are manifest lines, below a directory if one is named' '
	lfc-find modality=MR >list
	lfc-ls --manifest -R | grep "modality=MR" | sort >want
	grep -v "^.end" list | sort >have
	same want have
	[ "$(found modality=CT 1.2/1.2.91)" -eq 4 ]
	[ "$(found modality=CT /)" -eq 8 ]
	[ "$(found modality=CT 1.2/1.2.9)" -eq 0 ]
	lfc-find modality=MR | lfc-chmod 640 -
	[ "$(lfc-find modality=MR | field mode /dev/stdin | sort -u)" = 0640 ]
'

t 'more than a page of files, and of series' '
	site many
	objects 2500 10 m >many.rec
	ingest many.rec
	[ "$(found modality=CT)" -eq 2500 ]
	[ "$(cut -f 1 found | sort -u | wc -l)" -eq 2501 ]
	sed "s/^1.2\/1.2.\([01]\)/1.2\/\1/; s,^1.2/\([01]\)/\(.*\)\(\tsize\),1.2/\1.\2/x\3," M >one
	lfc-rm -r 1.2
	sed "/^.end/!s/\$/	study-date=2020/" one >two
	lfc-new <many.rec | rec-list | field lease /dev/stdin | sort -u >lease
	sed "s/	lease=[^	]*/	lease=$(cat lease)/" two >three
	lfc-reg --acks ACK <three >R
	[ "$(found study-date=2019..2021)" -eq 2500 ]
	[ "$(found modality=CT)" -eq 2500 ]
	[ "$(found not modality=MR)" -eq 2500 ] || [ "$(found "not modality=MR")" -eq 2500 ]
	[ "$(cut -f 1 found | sort -u | wc -l)" -eq 2501 ]
	[ "$(sql "select count(*) from facts where study_date is not null")" -eq 2500 ]
'

t 'mistakes are shown before anything is asked' '
	for bad in "" modality "modality=" "modality=CT and" "(modality=CT" "nix=1" "size=x" "modality CT" \
		"size~1*" "study-date=.." "modality=CT)" "pseudonym=\"P"; do
		exits 64 lfc-find --catalogue sqlite:nix "$bad" 2>err
		says "at byte" err
	done
	exits 64 lfc-find 2>err
	exits 74 lfc-find --catalogue sqlite:nix modality=CT 2>err
	exits 74 sh -c "lfc-find modality=CT >/dev/full" 2>err
'

done_testing
