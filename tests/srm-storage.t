#!/bin/bash
# Storage elements that exist: XRootD by root:// and https://, and GridFTP.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a g

for u in a_root a_https g_gsiftp; do
	t "$u: put, list, get, a part, remove" '
		u='"$u"' url=${!u}
		clean
		srm-copy --to "$url" --parallel 3 <small.rec >M
		srm-copy --to "$url" <large.rec >L
		same names <(cut -f 1 M)
		[ "$(field surl M | grep -c "^$url/../")" -eq 6 ]
		srm-ls --allow "$url" <M >S
		[ "$(field status S | sort -u)" = online ]
		same <(field adler32 M) <(field adler32 S)
		srm-copy --from --allow "$url" <M | rec-list >got
		same <(field sha256 M) <(field sha256 got)
		same names <(cut -f 1 got)
		srm-copy --from --allow "$url" <L | rec-list >got
		same <(field sha256 L) <(field sha256 got)
		srm-copy --from --range 1000-4999 --allow "$url" <L | tar xO --exclude=.end >part
		cmp part <(tar xOf large.rec --exclude=.end | tail -c +1001 | head -c 4000)
		srm-ls --all --allow "$url" >S
		[ "$(field kind S | sort | uniq -c | tr -s " ")" = " 7 object" ]
		srm-copy --to "$url" <small.rec | cmp - M
		srm-rm --allow "$url" <M >R
		[ "$(field status R | sort -u)" = removed ]
		srm-rm --allow "$url" <M >R
		[ "$(field status R | sort -u)" = absent ]
		exits 69 srm-copy --from --allow "$url" <M >got 2>err
		says "has no such object" err
		exits 1 srm-ls --allow "$url" <M >S
		[ "$(field status S | sort -u)" = missing ]
	'
done

done_testing
