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

t 'a comment comes with the manifest, and goes' '
	lfc-comment "seen by two" 1.2/1.2.0/1.2.0.0 1.2
	[ "$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field comment /dev/stdin)" = seen%20by%20two ]
	lfc-ls --manifest -R 1.2/1.2.1 | lfc-comment x -
	[ "$(lfc-ls --manifest -R 1.2/1.2.1 | field comment /dev/stdin)" = "x
x" ]
	lfc-comment -d 1.2/1.2.0/1.2.0.0
	[ -z "$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field comment /dev/stdin)" ]
	exits 1 lfc-comment x nix 2>err
	exits 64 lfc-comment x 2>err
	exits 64 lfc-comment -d 2>err
'

done_testing
