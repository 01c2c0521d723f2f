#!/bin/bash
# srm:// as a storage: our programs at srm-serve, with XRootD behind it.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
stop_srm() { "$services/srm" stop srm; stop_all; }
trap 'stop_srm 2>/dev/null; rm -rf "$dir"' EXIT
storages a
mkdir srm && ln -s ../pki srm/pki
printf '%s\n' 'read /mdm /mdm' 'write /mdm /mdm' >rules
"$services/srm" start srm --root "$dir/a/files" --rules "$dir/rules" \
    --turl "${a_root%//mdm}/" || exit 70
url=$(cat srm/url)
export url

t 'put, ls, get, rm' '
	srm-copy --to "$url" <small.rec >M
	[ "$(named a/files/mdm | wc -l)" -eq 6 ]
	srm-ls --allow "$url" <M >L
	same <(field surl M) <(field surl L)
	same <(field adler32 M) <(field adler32 L)
	[ "$(field status L | uniq -c | tr -s " ")" = " 6 online" ]
	srm-copy --from --allow "$url" <M | rec-list >got
	same <(field sha256 M) <(field sha256 got)
	srm-rm --allow "$url" <M >/dev/null
	[ -z "$(named a/files/mdm)" ]
	exits 1 srm-ls --allow "$url" <M >L
	[ "$(field status L | uniq -c | tr -s " ")" = " 6 missing" ]
	# all of it by way of srm-serve
	for op in put putdone get rm; do
		[ "$(grep -c "	op=$op	answer=allowed" srm/audit)" -eq 6 ]
	done
'

done_testing
