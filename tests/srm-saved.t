#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

export MDM_HOME=$dir/site
mkdir -m 700 site
# saved N SE: N saved manifests to a storage; their manifest
saved() {
	local i
	for i in $(seq "$1"); do echo "text $i" >"m$i"; done
	rec-pack $(seq -f m%g "$1") | mdm-encrypt --manifests --keys "$2.keys" | srm-copy --to "file:$dir/$2"
}
export -f saved

t 'those among other objects, and no others' '
	objects 20 | srm-copy --to file:$dir/se >M
	saved 3 se >S
	srm-saved --storage file:$dir/se >S.rec
	rec-list <S.rec | grep -v "^.end" | cut -f 1 | sort >found
	field guid S | sort >want
	same want found
	mdm-decrypt --keys se.keys <S.rec | rec-unpack -C out
	cat out/* | sort >text
	printf "text %s\n" 1 2 3 | same text /dev/stdin
'

t 'no GUID but of a manifest is taken for one' '
	g=$(sed -n 1p want)
	flip=$(printf %s "$g" | tr 0123456789abcdef 123456789abcdef0 | cut -c 32)
	for bad in "${g%?}$flip" "$(printf %s "$g" | rev)"; do
		mkdir -p se/${bad:0:2}
		cp se/${g:0:2}/$g se/${bad:0:2}/$bad
	done
	cp se/${g:0:2}/$g se/.incoming/$g
	srm-saved --storage file:$dir/se | rec-list >list
	[ "$(tail -n 1 list)" = ".end	3" ]
'

t 'on several storages: each once' '
	saved 2 two >S2
	mkdir -p two/${g:-$(sed -n 1p want | cut -c 1-2)}
	g=$(sed -n 1p want)
	mkdir -p two/${g:0:2}
	cp se/${g:0:2}/$g two/${g:0:2}/$g
	srm-saved --storage file:$dir/se --storage file:$dir/two | rec-list >list
	[ "$(tail -n 1 list)" = ".end	5" ]
	[ -z "$(cut -f 1 list | sort | uniq -d)" ]
'

t 'none, no storage, a full disk' '
	mkdir empty
	srm-saved --storage file:$dir/empty | rec-list >list
	[ "$(cat list)" = ".end	0" ]
	exits 74 srm-saved --storage file:$dir/missing 2>err >text2
	exits 74 sh -c "srm-saved --storage file:$dir/se >/dev/full" 2>err
	exits 64 srm-saved x 2>err
'

done_testing
