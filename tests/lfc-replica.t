#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 4 >a.rec
site site
ingest a.rec
f=1.2/1.2.0/1.2.0.0
own=$(lfc-ls --manifest "$f" | field surl /dev/stdin)
export f own

# where: the status of each replica of $f, in their order
where() {
	lfc-replica "$f" | field status /dev/stdin | tr '\n' ' '
}
export -f where

t 'a replica is added, marked, removed; manifests have what can be read' '
	copy site one
	lfc-replica --add file:/other/x "$f"
	lfc-replica --add file:/other/x "$f"
	[ "$(where)" = "good good " ]
	[ "$(lfc-ls --manifest "$f" | field surl.2 /dev/stdin)" = file:/other/x ]
	lfc-replica --bad "$own" "$f"
	[ "$(lfc-ls --manifest "$f" | field surl /dev/stdin)" = file:/other/x ]
	[ "$(lfc-replica "$f" | grep -c status=bad)" -eq 1 ]
	[ "$(lfc-ls --manifest "$f" | field status /dev/stdin)" = online ]
	lfc-replica --remove file:/other/x "$f"
	[ "$(lfc-ls --manifest "$f" | field status /dev/stdin)" = nearline ]
	says "^m" <(lfc-ls -l "$f")
	lfc-replica --good "$own" "$f"
	[ "$(lfc-ls --manifest "$f" | field surl /dev/stdin)" = "$own" ]
	[ "$(lfc-ls --manifest "$f" | field status /dev/stdin)" = online ]
	[ "$(replicas)" -eq 4 ]
	lfc-rm "$f"
	[ "$(replicas)" -eq 3 ]
'

t 'nobody gets what another one has' '
	copy site two
	exits 65 lfc-replica --add "$own" 1.2/1.2.0/1.2.0.2 2>err || exits 1 lfc-replica --add "$own" 1.2/1.2.0/1.2.0.2 2>err
	lfc-replica --add file:/other/x "$f"
	exits 1 lfc-replica --add file:/other/x 1.2/1.2.0/1.2.0.2 2>err
	says "another entry of the catalogue has that replica" err
	exits 1 lfc-replica --bad "$own" 1.2/1.2.0/1.2.0.2 2>err
	says "it has no such replica" err
	exits 1 lfc-replica --remove file:/nix "$f" 2>err
	exits 1 lfc-replica --add file:/d 1.2 2>err
	exits 1 lfc-replica nix 2>err
	exits 64 lfc-replica --add a --bad b "$f" 2>err
	exits 64 lfc-replica 2>err
'

t 'many at once, from manifest lines' '
	copy site three
	lfc-ls --manifest -R >M
	lfc-replica --bad - - <M
	[ "$(lfc-ls --manifest -R | field status /dev/stdin | sort -u)" = nearline ]
	lfc-replica --good - - <M
	lfc-ls --manifest -R | field surl /dev/stdin | sort >after
	field surl M | sort >before
	same before after
	sed "/^.end/!s,surl=file:[^	]*/,surl=file:/copy/," M >N
	lfc-replica --add - - <N
	[ "$(replicas)" -eq 8 ]
	[ "$(lfc-ls --replicas -R | grep -c "^	file:")" -eq 8 ]
	[ "$(lfc-ls --replicas "$f" | sed -n 1p)" = /grid/mdm/$f ]
'

t 'what is bad is written again by the next ingest' '
	copy site four
	lfc-ls --manifest "$f" | lfc-replica --bad - -
	objects 4 1000 again >again.rec
	ingest again.rec
	[ "$(field status R)" = superseded ]
	[ "$(lfc-ls --manifest "$f" | field status /dev/stdin)" = online ]
	[ "$(replicas)" -eq 4 ]
'

done_testing
