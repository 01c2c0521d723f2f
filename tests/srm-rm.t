#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

objects 4 >a.rec

t 'what a manifest names is removed; again is success' '
	srm-copy --to file:st <a.rec >M
	srm-rm -v --allow file:st <M >R 2>err
	[ "$(field status R | sort -u)" = removed ]
	[ "$(tail -n 1 R)" = ".end	4" ]
	[ -z "$(find st -type f)" ]
	srm-rm -v --allow file:st <M >R 2>err
	[ "$(field status R | sort -u)" = absent ]
	says "0 removed, 4 were not there" err
'

t 'nothing outside the storage, by no link and no ..' '
	srm-copy --to file:jail <a.rec >M
	mkdir out && echo keep >out/file && ln -s "$PWD/out" jail/link
	for surl in file:$PWD/out/file file:$PWD/jail/../out/file file:$PWD/jail/link/file file:$PWD/jail/aa/.. \
		file:$PWD/jail/.. file:out/file; do
		sed "1s,surl=[^	]*,surl=$surl," M >bad
		exits 1 srm-rm --allow file:jail <bad >R 2>err
		[ -s out/file ]
	done
'

t 'cut input is 65; a full disk 74; usage 64' '
	srm-copy --to file:cut <a.rec >M
	exits 65 srm-rm --allow file:cut <<<"" 2>err
	head -n 2 M >part
	exits 65 srm-rm --allow file:cut <part 2>err
	exits 74 sh -c "srm-rm --allow file:cut <M >/dev/full" 2>err
	exits 64 srm-rm x <M 2>err
'

done_testing
