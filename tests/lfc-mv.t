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
lfc-ls --manifest -R | cut -f 1,3- | sort >all

t 'a file, a directory, into a directory: signed names and all else stay' '
	copy site one
	lfc-mv 1.2/1.2.0/1.2.0.0 1.2/other
	lfc-ls --manifest 1.2/other >list
	[ "$(head -n 1 list | cut -f 1,2)" = "1.2/1.2.0/1.2.0.0	lfn=/grid/mdm/1.2/other" ]
	lfc-mkdir else
	lfc-mv 1.2 else
	[ "$(lfc-ls)" = else ]
	lfc-ls --manifest -R | sed "s/	lfn=[^	]*//" | sort >now
	lfc-ls --manifest -R | cut -f 1,3- | sort >now
	same all now
	lfc-mv else/1.2/1.2.0 else/1.2/1.2.1 /grid
	lfc-mv -T /grid/1.2.1 /grid/x
	[ "$(lfc-ls /grid)" = "1.2.0
mdm
x" ]
	lfc-ls --manifest -R /grid | cut -f 1,3- | sort >now
	same all now
'

t 'no cycle, nothing is replaced, nothing half done' '
	copy site two
	lfc-ls -R / >before
	exits 1 lfc-mv 1.2 1.2/1.2.0/in 2>err
	says "cannot go below itself" err
	exits 1 lfc-mv 1.2 1.2 2>err
	exits 1 lfc-mv -T 1.2/1.2.0 1.2/1.2.1 2>err
	says "the new name exists already" err
	exits 1 lfc-mv nix 1.3 2>err
	says "^lfc-mv: error: nix: no such entry" err
	exits 1 lfc-mv 1.2 no/where 2>err
	exits 1 lfc-mv / x 2>err
	exits 64 lfc-mv 1.2/1.2.0 1.2/1.2.1 nix 2>err
	exits 64 lfc-mv 1.2 2>err
	lfc-ls -R / >after
	same before after
'

t 'two at once against each other: one wins, there is no loop' '
	copy site three
	lfc-mkdir -p a/x b/y
	for i in 1 2 3 4; do
		lfc-mv a b/y 2>e1 & first=$!
		lfc-mv b a/x 2>e2 || :
		wait "$first" || :
		lfc-ls -R / >list
		[ "$(grep -c "/[ab]:$" list)" -eq 2 ]
		! lfc-ls -d b/y/a >out 2>err || lfc-mv b/y/a /grid/mdm
		! lfc-ls -d a/x/b >out 2>err || lfc-mv a/x/b /grid/mdm
	done
'

done_testing
