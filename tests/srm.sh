# For tests with storage elements that exist, each below a directory of its own:
# a and b are XRootD, by root:// and https://; g is GridFTP.
# shellcheck shell=bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
export services=$here/services
stop_all() {
	local d
	for d in a b; do [ ! -d "$dir/$d" ] || "$services/xrootd" stop "$dir/$d"; done
	[ ! -d "$dir/g" ] || "$services/gridftp" stop "$dir/g"
}
trap 'stop_all 2>/dev/null; rm -rf "$dir"' EXIT
unset "${!X509_@}" "${!BEARER_@}" "${!XRD_@}" "${!GFAL_@}" XDG_RUNTIME_DIR

# storages D...: they start; their URLs are a_root, a_https, g_gsiftp and so on,
# and alice, of the VO mdm, is who we are
storages() {
	local s u
	"$services/pki" pki
	for s in "$@"; do
		mkdir "$s" && ln -s ../pki "$s/pki"
		case $s in
		g) "$services/gridftp" start g ;;
		*) "$services/xrootd" start "$s" ;;
		esac &
	done
	"$services/proxy" pki alice alice.proxy /mdm/Role=physician /mdm
	wait
	export X509_USER_PROXY=$dir/alice.proxy MDM_STORAGE_WAIT=10
	export X509_CERT_DIR=$dir/$1/trust/certificates
	for u in */root */https */gsiftp; do
		[ ! -s "$u" ] || declare -gx "${u/\//_}=$(cat "$u")"
	done
	objects 6 20000 >small.rec
	objects 1 20000000 large >large.rec
	rec-list <small.rec | cut -f 1 >names
}

clean() { rm -rf "$dir"/[ab]/files/mdm/* "$dir"/[ab]/files/mdm/.inc* "$dir"/g/files/*; }
curls() { curl -sS -m 20 --cacert "$dir/pki/ca.pem" --cert "$dir/alice.proxy" "$@"; }
# named PLACE: the files under names of objects, which no unfinished upload has
named() { find "$1" -type f -path '*/??/*' -not -path '*/.incoming/*'; }
# both M N: the lines of M with N's storage as the second
both() { paste "$1" <(field surl "$2" | sed 's/^/surl.2=/'; echo) | sed '/^.end/s/	$//'; }
# a storage that lies, by https: liar FAULT; its URL in $url; honest ends it
liar() {
	mkfifo "alive.$1"
	"$services/liar" pki "liar.$1" "$1" <"alive.$1" & liar=$!
	exec 6>"alive.$1"
	until [ -s "liar.$1" ]; do read -rt 0.02 <> <(:) || :; done
	# shellcheck disable=SC2034 # what the tests are given
	url=$(cat "liar.$1")
}
honest() {
	exec 6>&-
	wait "$liar"
}
export -f clean curls named both liar honest
