#!/bin/bash
# Who may not, who has no proxy any more, and names that lead elsewhere.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a
"$services/proxy" pki bob bob.proxy
faketime -f -3d "$services/proxy" pki alice old.proxy /mdm

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

t 'a manifest that names the files of another VO: 77, and they stay' '
	clean
	srm-copy --to "$a_https" <small.rec >M
	mkdir -p a/files/other/aa
	chmod 755 a/files/other/aa
	echo secret >a/files/other/aa/secret
	chmod 644 a/files/other/aa/secret
	for u in a_root a_https; do
		other=${!u%mdm}other
		sed "s,surl=[^	]*,surl=$other/aa/secret," M >bad
		# below no storage that is allowed; below one, but not ours
		for allow in "${!u}" "$other"; do
			exits 77 srm-copy --from --allow "$allow" <bad >got 2>err
			[ "$(rec-list <got)" = ".end	0" ]
			exits 77 srm-rm --allow "$allow" <bad >R 2>err
			exits 77 srm-ls --allow "$allow" <bad >S 2>err
			silent "secret" got
		done
	done
	[ "$(cat a/files/other/aa/secret)" = secret ]
'

done_testing
