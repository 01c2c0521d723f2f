#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 4 >a.rec

t 'directories, with their parents if asked' '
	site one
	ingest a.rec
	lfc-mkdir new
	[ "$(lfc-ls)" = "1.2
new" ]
	exits 1 lfc-mkdir new 2>err
	says "^lfc-mkdir: error: new: exists already" err
	exits 1 lfc-mkdir x/y/z 2>err
	says "x/y/z: no such entry" err
	lfc-mkdir -p x/y/z x/y /grid
	[ "$(lfc-ls -R x)" = "/grid/mdm/x:
y

/grid/mdm/x/y:
z

/grid/mdm/x/y/z:" ]
	lfc-mkdir -m 750 private
	says "^drwxr-x---  .* private$" <(lfc-ls -l)
	exits 1 lfc-mkdir -p 1.2/1.2.0/1.2.0.0/d 2>err
	says "a directory of it is a file" err
'

t 'usage, and no catalogue' '
	site one
	exits 64 lfc-mkdir 2>err
	exits 65 lfc-mkdir -m 999 q 2>err
	exits 74 lfc-mkdir --catalogue sqlite:nix x 2>err
'

done_testing
