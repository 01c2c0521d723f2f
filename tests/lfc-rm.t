#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 5 >a.rec
site site
ingest a.rec
lfc-ls --manifest -R >all

t 'a file goes with its replicas, and its line is written' '
	copy site one
	lfc-rm --manifest 1.2/1.2.0/1.2.0.0 >gone
	[ "$(head -n 1 gone)" = "$(head -n 1 all)" ]
	[ "$(tail -n 1 gone)" = ".end	1" ]
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
	[ "$(replicas)" -eq 4 ]
	lfc-rm -v --manifest 1.2/1.2.0/1.2.0.0 >gone 2>err
	[ "$(cat gone)" = ".end	0" ]
	says "0 removed, 1 were not there" err
'

t 'a directory only when it is empty, or with -r' '
	copy site two
	exits 1 lfc-rm 1.2 2>err
	says "1.2: is not empty" err
	exits 1 lfc-rm -r / 2>err
	lfc-rm -r --manifest 1.2/ >gone
	[ "$(sort gone)" = "$(sort all)" ]
	[ -z "$(lfc-ls)" ]
	[ "$(sql "select count(*) from entry")" -eq 3 ]
	lfc-rm /grid/mdm
	exits 1 lfc-ls 2>err
'

t 'more than one transaction' '
	site three
	objects 1100 10 >many.rec
	ingest many.rec
	lfc-rm -r --manifest /grid >gone
	[ "$(tail -n 1 gone)" = ".end	1100" ]
	[ "$(cut -f 1 gone | sort -u | wc -l)" -eq 1101 ]
	[ "$(sql "select count(*) from entry")" -eq 1 ]
	[ "$(replicas)" -eq 0 ]
	ingest many.rec
	lfc-ls --manifest -R | lfc-rm --manifest - >gone
	[ "$(tail -n 1 gone)" = ".end	1100" ]
'

t 'lines: all or, when they are cut, nothing of the last transaction' '
	copy site four
	head -n 3 all >cut
	exits 65 lfc-rm - <cut 2>err
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	5" ]
	lfc-rm - <all
	[ "$(lfc-ls --manifest -R)" = ".end	0" ]
	lfc-rm - <all
'

t 'an entry that was superseded meanwhile is left alone' '
	copy site five
	objects 1 1000 x other >x.rec
	ingest x.rec --supersede
	exits 1 lfc-rm - <all 2>err
	says "1.2.0.0: has another GUID by now" err
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	1" ]
'

t 'a link to a directory goes, and what it leads to stays' '
	copy site link
	lfc-ln 1.2 alias
	lfc-rm -r --manifest alias >out
	[ "$(cat out)" = ".end	0" ]
	exits 1 lfc-ls -d alias 2>err
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	5" ]
'

t 'usage and a full disk' '
	copy site six
	exits 64 lfc-rm 2>err
	exits 74 sh -c "lfc-rm --manifest -r 1.2 >/dev/full" 2>err
	exits 74 lfc-rm --catalogue sqlite:nix x 2>err
'

done_testing
