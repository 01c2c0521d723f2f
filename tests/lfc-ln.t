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

t 'a link is listed, and followed' '
	copy site one
	lfc-ln -s 1.2/1.2.0 latest
	lfc-ls -l >out
	says "^lrwxrwxrwx .* latest -> /grid/mdm/1.2/1.2.0$" out
	[ "$(lfc-ls latest/)" = "$(lfc-ls 1.2/1.2.0)" ]
	[ "$(lfc-ls --manifest latest)" = "$(lfc-ls --manifest 1.2/1.2.0)" ]
	lfc-ln 1.2/1.2.0/1.2.0.2 file
	[ "$(lfc-ls --manifest file)" = "$(lfc-ls --manifest 1.2/1.2.0/1.2.0.2)" ]
	lfc-mkdir latest/below
	[ "$(lfc-ls -d 1.2/1.2.0/below)" = 1.2/1.2.0/below ]
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ] # none twice
'

t 'loops end, and a link goes without what it leads to' '
	copy site two
	lfc-ln b a
	lfc-ln a b
	exits 1 lfc-ls a 2>err
	says "too many symbolic links" err
	exits 1 lfc-ln 1.2 a 2>err
	says "exists already" err
	lfc-rm a b
	lfc-ln 1.2 c
	lfc-rm c
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
	exits 64 lfc-ln a 2>err
	exits 64 lfc-ln a b c 2>err
'

done_testing
