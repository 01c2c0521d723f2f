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

t 'modes, as chmod(1) takes them' '
	copy site one
	lfc-chmod 640 1.2/1.2.0/1.2.0.0
	lfc-chmod u+x,o=r 1.2/1.2.0/1.2.0.0
	[ "$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field mode /dev/stdin)" = 0744 ]
	lfc-chmod -R go-rwx 1.2
	[ "$(lfc-ls --manifest -R | field mode /dev/stdin | sort | uniq -c | tr -s " ")" = " 3 0600
 1 0700" ]
	says "^drwx------ .* 1.2$" <(lfc-ls -l)
	lfc-ls --manifest -R 1.2/1.2.1 | lfc-chmod 444 -
	[ "$(lfc-ls --manifest -R 1.2/1.2.1 | field mode /dev/stdin | sort -u)" = 0444 ]
'

t 'what cannot be is named, the rest is done' '
	copy site two
	exits 1 lfc-chmod 400 nix 1.2/1.2.0/1.2.0.0 2>err
	says "^lfc-chmod: error: nix: no such entry" err
	[ "$(lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | field mode /dev/stdin)" = 0400 ]
	exits 64 lfc-chmod 400 2>err
	exits 65 lfc-chmod rwx 1.2 2>err
'

done_testing
