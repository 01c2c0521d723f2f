#!/bin/bash
# Storage elements that exist: XRootD by root:// and https://, and GridFTP.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
export services=$here/services
stop_all() {
	local d
	for d in a b; do "$services/xrootd" stop "$dir/$d"; done
	"$services/gridftp" stop "$dir/g"
}
trap 'stop_all 2>/dev/null; rm -rf "$dir"' EXIT
unset "${!X509_@}" "${!BEARER_@}" "${!XRD_@}" "${!GFAL_@}" XDG_RUNTIME_DIR

"$services/pki" pki
for s in a b g; do mkdir $s && ln -s ../pki $s/pki; done
"$services/xrootd" start a &
"$services/xrootd" start b &
"$services/gridftp" start g &
wait
"$services/proxy" pki alice alice.proxy /mdm/Role=physician /mdm
"$services/proxy" pki bob bob.proxy
faketime -f -3d "$services/proxy" pki alice old.proxy /mdm
export X509_CERT_DIR=$dir/a/trust/certificates X509_USER_PROXY=$dir/alice.proxy
export MDM_STORAGE_WAIT=10
for u in a/root a/https b/root b/https g/gsiftp; do
	declare -x "${u/\//_}=$(cat $u)"
done

objects 6 20000 >small.rec
objects 1 20000000 large >large.rec
rec-list <small.rec | cut -f 1 >names
clean() { rm -rf "$dir"/[ab]/files/mdm/* "$dir"/[ab]/files/mdm/.inc* "$dir"/g/files/*; }
curls() { curl -sS -m 20 --cacert "$dir/pki/ca.pem" --cert "$dir/alice.proxy" "$@"; }
# hidden PLACE: the uploads that did not end, and objects under names of theirs
named() { find "$1" -type f -path '*/??/*' -not -path '*/.incoming/*'; }
export -f clean curls named

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

t 'copies between storages; the first is gone, the second serves' '
	clean
	export MDM_STORAGE_WAIT=30
	for way in "$a_root $b_root" "$a_root $b_https" "$a_https $g_gsiftp"; do
		read -r one two <<<"$way"
		srm-copy --to "$one" <small.rec >M
		srm-copy --replicate --to "$two" --allow "$one" <M >N
		same <(field sha256 M) <(field sha256 N)
		srm-rm --allow "$one" <M >/dev/null
		paste M <(field surl N | sed "s/^/surl.2=/"; echo) | sed "/^.end/s/	\$//" >both
		srm-copy --from --allow "$one" --allow "$two" --bad bad <both 2>err | rec-list >got
		same <(field sha256 M) <(field sha256 got)
		[ "$(field error bad | sort -u)" = missing ]
		same <(field surl M) <(field surl bad)
		srm-rm --allow "$two" <N >/dev/null
	done
'

t 'a damaged file: the next replica, and the bad one is named' '
	clean
	srm-copy --to "$a_root" <small.rec >M
	srm-copy --to "$b_https" <small.rec >N
	for f in $(named a/files/mdm); do printf X | dd of=$f bs=1 seek=7000 conv=notrunc status=none; done
	paste M <(field surl N | sed "s/^/surl.2=/"; echo) | sed "/^.end/s/	\$//" >both
	srm-copy --from --allow "$a_root" --allow "$b_https" --bad bad <both 2>err | rec-list >got
	same <(field sha256 M) <(field sha256 got)
	same <(field surl M) <(field surl bad)
	[ "$(field error bad | sort -u)" = damaged ]
	# the order of --allow is that of preference
	srm-copy --from --allow "$b_https" --allow "$a_root" --bad bad <both 2>err | rec-list >got
	[ "$(cat bad)" = ".end	0" ]
	exits 65 srm-copy --from --allow "$a_root" <M >got 2>err
'

t 'killed in an upload: 75, nothing under a name; a second run finishes' '
	for u in a_root a_https; do
		clean
		mkfifo in.$u
		MDM_STORAGE_WAIT=1 srm-copy --to "${!u}" <in.$u >M 2>err & pid=$!
		exec 4>in.$u
		head -c 15000000 large.rec >&4
		until [ -s "$(find a/files/mdm/.incoming -type f 2>/dev/null)" ]; do read -rt 0.02 <> <(:) || :; done
		"$services/xrootd" kill a
		tail -c +15000001 large.rec >&4 2>/dev/null || :
		exec 4>&-
		exits 75 wait $pid
		silent "surl=" M
		silent "^.end" M
		[ -z "$(named a/files/mdm)" ]
		"$services/xrootd" again a
		srm-copy --to "${!u}" <large.rec >M
		srm-copy --from --allow "${!u}" <M | rec-list | tail -n 1 >end
		[ "$(cat end)" = ".end	1" ]
	done
'

t 'stopped: another replica, or 75; when it goes on, all is done' '
	clean
	srm-copy --to "$a_https" <small.rec >M
	srm-copy --to "$b_root" <small.rec >N
	paste M <(field surl N | sed "s/^/surl.2=/"; echo) | sed "/^.end/s/	\$//" >both
	export MDM_STORAGE_WAIT=1
	kill -STOP "$(cat a/pid)"
	srm-copy --from --allow "$a_https" --allow "$b_root" --bad bad <both 2>err | rec-list >got
	exits 75 srm-copy --to "$a_https" <small.rec >/dev/null 2>err || failed=1
	exits 75 srm-copy --to "$a_root" <small.rec >/dev/null 2>err || failed=1
	kill -CONT "$(cat a/pid)"
	[ -z "${failed-}" ]
	same <(field sha256 M) <(field sha256 got)
	[ "$(field error bad | sort -u)" = silent ]
	srm-copy --to "$a_https" <small.rec | cmp - M
'

t 'who may not: no VO, another VO, an old proxy: 77, at once' '
	clean
	for u in a_root a_https; do
		exits 77 env X509_USER_PROXY="$dir/bob.proxy" srm-copy --to "${!u}" <small.rec 2>err
		exits 77 srm-copy --to "${!u%mdm}other" <small.rec 2>err
		exits 77 env X509_USER_PROXY="$dir/old.proxy" srm-copy --to "${!u}" <small.rec 2>err
		says "expired" err
		[ "$(wc -l <err)" -eq 1 ]
	done
	cp alice.proxy open.proxy && chmod 644 open.proxy
	exits 77 env X509_USER_PROXY="$dir/open.proxy" srm-copy --to "$a_https" <small.rec 2>err
'

t 'the proxy expires in mid-run: 77; with a new one a second run finishes' '
	clean
	cp alice.proxy run.proxy
	mkfifo in.p lines.p
	X509_USER_PROXY=$dir/run.proxy srm-copy --to "$a_https" <in.p >lines.p 2>err & pid=$!
	exec 4>in.p 5<lines.p
	head -c $(($(wc -c <small.rec) - 30000)) small.rec >&4
	read -r line <&5
	"$services/xrootd" stop a
	cat old.proxy >run.proxy
	"$services/xrootd" again a
	tail -c 30000 small.rec >&4
	exec 4>&-
	cat <&5 >rest
	exits 77 wait $pid
	says "expired" err
	silent "^.end" rest
	srm-copy --to "$a_https" <small.rec >M
	[ "$(tail -n 1 M)" = ".end	6" ]
'

t 'bearer tokens: by variable, by file, by where WLCG has it; wrong ones 77' '
	clean
	token=$(curls -X POST -H "Content-Type: application/macaroon-request" \
		-d "{\"caveats\":[\"activity:DOWNLOAD,UPLOAD,DELETE,LIST,MANAGE\"],\"validity\":\"PT1H\"}" \
		"$a_https/" | sed -n "s/.*\"macaroon\":\"\([^\"]*\)\".*/\1/p")
	unset X509_USER_PROXY
	exits 77 srm-copy --to "$a_https" <small.rec 2>err
	BEARER_TOKEN=$token srm-copy --to "$a_https" <small.rec >M
	(umask 077; echo "$token" >token; mkdir run; cp token run/bt_u$(id -u))
	BEARER_TOKEN_FILE=token srm-copy --from --allow "$a_https" <M | rec-list >got
	same <(field sha256 M) <(field sha256 got)
	XDG_RUNTIME_DIR=$PWD/run srm-rm --allow "$a_https" <M >R
	[ "$(field status R | sort -u)" = removed ]
	exits 77 env BEARER_TOKEN=nonsense srm-copy --to "$a_https" <small.rec 2>err
	chmod 644 token
	exits 77 env BEARER_TOKEN_FILE=token srm-copy --to "$a_https" <small.rec 2>err
'

t 'a storage that lies about checksum or length: 74, and no name' '
	for fault in sum size; do
		mkfifo alive.$fault
		$services/liar pki liar.$fault $fault <alive.$fault & pid=$!
		exec 6>alive.$fault
		until [ -s liar.$fault ]; do read -rt 0.02 <> <(:) || :; done
		url=$(cat liar.$fault)
		exits 74 srm-copy --to "$url" <small.rec >M 2>err
		says "not what was sent" err
		silent "surl=" M
		[ -z "$(curls "${url%/se}/names")" ]
		exec 6>&-
		wait $pid
	done
'

t 'a storage that is busy, makes no checksums, or cuts off' '
	for fault in busy nodigest short; do
		mkfifo alive.$fault
		$services/liar pki liar.$fault $fault <alive.$fault & pid=$!
		exec 6>alive.$fault
		until [ -s liar.$fault ]; do read -rt 0.02 <> <(:) || :; done
		url=$(cat liar.$fault)
		MDM_STORAGE_WAIT=20 srm-copy --to "$url" --parallel 1 <small.rec >M
		[ "$(tail -n 1 M)" = ".end	6" ]
		want=0
		[ $fault != short ] || want=75
		MDM_STORAGE_WAIT=1 exits $want srm-copy --from --parallel 6 --allow "$url" <M >got 2>err
		[ $want -ne 0 ] || [ "$(rec-list <got | tail -n 1)" = ".end	6" ]
		exec 6>&-
		wait $pid
	done
'

t 'what is no storage, and names that lead elsewhere' '
	for url in nix://x/y s3:/x https:// root://localhost https://localhost/ https://u:p@localhost/x \
		"https://localhost/x?y" "root://localhost//x#y" https://localhost/a/../b https://-x/y \
		https://localhost:x/y https://localhost:123456/y https://localhost/%2e; do
		exits 64 srm-copy --to "$url" <small.rec 2>err
	done
	clean
	srm-copy --to "$a_https" <small.rec >M
	echo secret >a/files/other/secret
	chmod 644 a/files/other/secret
	for tail in "/../other/secret" "/aa/../../other/secret" "?x" "/aa?authz=x" "/aa%2f..%2fx" "x/secret" "//" "/a b" ""; do
		awk -F "\t" -v OFS="\t" -v s="surl=${a_https//&/\\&}${tail// /%20}" \
			"NR == 1 { for (i = 2; i <= NF; i++) if (\$i ~ /^surl=/) { \$i = s; gsub(/%2/, \"%252\", \$i) } } 1" M >bad
		exits 1 srm-copy --from --allow "$a_https" <bad >got 2>err
		[ "$(rec-list <got | tail -n 1)" = ".end	5" ]
	done
	# the same storage by its other names
	srm-copy --from --allow "davs${a_https#https}" <M | rec-list | tail -n 1 >end
	[ "$(cat end)" = ".end	6" ]
'

if mkdir full && ln -s ../pki full/pki && mkdir full/files &&
	mount -t tmpfs -o size=2m none full/files 2>/dev/null; then
	t 'a storage that is full: 74, and nothing half' '
		"$services/xrootd" start full
		for s in root https; do
			url=$(cat full/$s)
			got=0
			srm-copy --to "$url" <large.rec >M 2>err || got=$?
			# by https XRootD hangs up without a word
			[ $got -eq 74 ] || [ $s$got = https75 ] || failed=$got
			[ -z "$(named full/files)" ] || failed=1
		done
		"$services/xrootd" stop full
		[ -z "${failed-}" ]
	'
	"$services/xrootd" stop full
	umount full/files
else
	t 'a storage that is full # SKIP cannot mount a tmpfs here' ':'
fi

done_testing
