#!/bin/bash
# XRootD as a storage element of nearline files: what the catalogue has is there
# by name, and is brought there when somebody asks
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/near.sh
. "$here/near.sh"

[ -e "$BIN/libmdm-near.so" ] || {
	echo '1..0 # SKIP the headers of XRootD are not there'
	exit
}
trap '"$services/srm" stop srm 2>/dev/null; "$services/xrootd" stop se 2>/dev/null; rm -rf "$dir"' EXIT
PATH=$top/pipelines/xrootd:$PATH
"$services/pki" pki || exit 70
proxy alice alice /mdm
mkdir se srm names
ln -s ../pki se/pki
ln -s ../pki srm/pki

# The catalogue and the storage that XRootD brings objects from.
mkdir -m 700 home/site home/near
export MDM_HOME=$dir/home/site MDM_SE_ROOT=$dir/se/files MDM_SE_NAMES=$dir/names
objects 8 5000 >records
ingest records || exit 70
mdm-names names || exit 70
[ "$(id -u)" -ne 0 ] || chown -R xrootd: home

"$services/xrootd" start se \
    "all.export /mdm stage nocheck nodread" \
    "oss.xfr deny 60 8 100m 1 60" \
    "oss.stagecmd sync $top/pipelines/xrootd/mdm-stage -x" \
    "oss.statlib -2 $BIN/libmdm-near.so $dir/names" \
    "ofs.preplib libXrdOfsPrepGPI.so -admit all -run $top/pipelines/xrootd/mdm-prepare" || exit 70

export X509_USER_PROXY=$dir/alice.proxy X509_CERT_DIR=$dir/pki/certificates
export X509_VOMS_DIR=$dir/pki/vomsdir SSL_CERT_FILE=/dev/null
host=$(sed 's,//mdm$,,' se/root) https=$(cat se/https)
export host https

body() { # N: the ciphertext of object N, as the storage has it
	sed -n "s,^1.2/.*/1\.2\.[01]\.$1	.*surl=file:\([^	]*\).*,\1,p" M
}

online() { # N: is it in XRootD's directory, whole?
	cmp -s "$(body "$1")" "$dir/se/files/mdm/1.2/1.2.$(($1 % 2))/1.2.$(($1 % 2)).$1"
}

path() { # N
	echo "/mdm/1.2/1.2.$(($1 % 2))/1.2.$(($1 % 2)).$1"
}

gfal() { # COMMAND ARGUMENT...
	env PATH="/usr/bin:$PATH" GFAL_CONFIG_DIR="$dir/gfal" timeout 60 "gfal-$1" "${@:2}"
}
cp -r /etc/gfal2.d gfal
sed -i 's/^TURL_PROTOCOLS=.*/TURL_PROTOCOLS=root/' gfal/srm_plugin.conf
sed -i 's/ENABLED=.*/ENABLED=false/' gfal/bdii.conf
sed -i 's/^RETRIEVE_BEARER_TOKEN=.*/RETRIEVE_BEARER_TOKEN=false/' gfal/http_plugin.conf
export -f body online path gfal

t 'names follow the catalogue' '
	[ "$(cd names && find mdm -type f -size 5000c | wc -l)" = 8 ]
	[ "$(du -s --block-size=1 names/mdm/1.2/1.2.0/1.2.0.0 | cut -f1)" = 0 ]
	touch names/mdm/gone
	mkdir -p names/mdm/9/9
	mdm-names names
	[ ! -e names/mdm/gone ] && [ ! -e names/mdm/9 ]
	exits 64 mdm-names 2>err
'

# XRootD has clients wait for some 11 s, and then ask again: so all at once.
lose() { # N: no storage has it
	mv "$(body "$1")" "lost$1"
}
export -f lose
lose 3
get() { # N COMMAND...: what came and its status are in gotN and statusN
	rm -f "status$1"
	{
		XRD_REQUESTTIMEOUT=60 timeout 90 "${@:2}" >"out$1" 2>&1
		echo $? >"status$1"
	} &
}
got() { # N: wait for that, and say its status
	until [ -s "status$1" ]; do read -rt 0.05 <> <(:) || :; done
	cat "status$1"
}
export -f got
get 0 xrdcp -s "$host/$(path 0)" got0
get 1 curl -sSf -L --cacert pki/ca.pem --cert alice.proxy -o got1 "${https%/mdm}$(path 1)"
get 3 xrdcp -s "$host/$(path 3)" got3

t 'a nearline name is said to be one' '
	xrdfs "$host" stat "$(path 7)" >stat
	says "Size: *5000" stat
	says "Offline" stat
	gfal xattr "$host/$(path 7)" user.status >status
	says NEARLINE status
	exits 54 xrdfs "$host" stat /mdm/1.2/none 2>err >&2
'

t 'xrdfs prepare -s and gfal-bringonline bring it beforehand' '
	xrdfs "$host" prepare -s "$(path 2)" "$(path 4)" >id
	until online 2 && online 4; do read -rt 0.05 <> <(:) || :; done
	xrdfs "$host" query prepare "$(tail -n 1 id)" "$(path 2)" "$(path 6)" >answer
	"$PYTHON" -c "
import json
r = {x[\"path\"]: x for x in json.load(open(\"answer\"))[\"responses\"]}
assert r[\"$(path 2)\"][\"online\"] and not r[\"$(path 6)\"][\"online\"], r
assert r[\"$(path 6)\"][\"path_exists\"]"
	gfal bringonline --polling-timeout 50 "$host/$(path 6)"
	online 6
'

t 'xrdcp brings it, and gets the ciphertext' '
	[ "$(got 0)" = 0 ]
	same got0 "$(body 0)"
	online 0
	xrdfs "$host" stat "$(path 0)" >stat
	silent Offline stat
	gfal xattr "$host/$(path 0)" user.status >status
	says ONLINE status
'

t 'so does a GET' '
	[ "$(got 1)" = 0 ]
	same got1 "$(body 1)"
'

t 'what cannot be brought leaves nothing, and an error' '
	[ "$(got 3)" -ne 0 ]
	cat out3
	silent "Operation expired" out3
	[ ! -e got3 ] && [ ! -e "se/files$(path 3)" ]
	[ -z "$(find se/files -name ".srm.stage*")" ]
	exits 64 mdm-stage /elsewhere/x x 2>err
	exits 64 mdm-stage /mdm/../x x 2>err
	exits 1 mdm-stage /mdm/none "$dir/none" 2>err
	says "the catalogue has no such file" err
'

"$services/srm" start srm --root "$dir/se/files" --nearline "$dir/names" \
    --turl "$host/" --stage mdm-stage --creator '*' --admin /mdm || exit 70
url=$(cat srm/url)
export url
t 'gfal-copy by SRM too' '
	gfal xattr "${url%/mdm}$(path 5)" user.status >status
	says NEARLINE status
	gfal copy "${url%/mdm}$(path 5)" "file://$dir/got5"
	same got5 "$(body 5)"
	lose 7
	gfal bringonline --polling-timeout 50 "${url%/mdm}$(path 7)" >out 2>&1 || :
	says "no storage gives it" out
'

t 'what the catalogue has not either is recalled first' '
	MDM_HOME=$dir/home/near
	near 1 1 | lfc-reg --nearline >R
	mdm-names names2
	[ "$(cd names2 && find . -type f)" = ./mdm/7.1/7.1.0/7.1.0.0 ]
	exits 0 mdm-stage /mdm/7.1/7.1.0/7.1.0.0 "$dir/recalled" 2>err &
	stage=$!
	until [ "$(sql "select count(*) from recall" 2>/dev/null)" = 1 ]; do read -rt 0.05 <> <(:) || :; done
	take 1 >T
	arrive <T
	done_as 1 online <T >/dev/null
	wait $stage
	[ -s recalled ]
	near 1 2 | lfc-reg --nearline >R
	exits 1 mdm-stage /mdm/7.1/7.1.0/7.1.0.1 "$dir/recalled2" 2>err &
	stage=$!
	until [ "$(sql "select count(*) from recall where state = \"q\"" 2>/dev/null)" = 1 ]; do read -rt 0.05 <> <(:) || :; done
	take 1 >T
	done_as 1 failed burned-in%20text <T >/dev/null
	wait $stage
	says "burned-in text" err
	[ ! -e recalled2 ]
'
done_testing
