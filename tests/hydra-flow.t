#!/bin/bash
# The life of an image's key as its users see it: with hydra-* and with gLite's
# commands, over stores across the network; and rights that are taken back
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
PATH=$top/pipelines/glite:$PATH

"$services/pki" pki || exit 70
users=/DC=test/DC=mdm/O=Users
serve s 3 --creator /mdm/neuro/Role=physician || exit 70
serve five 5 --creator /mdm/neuro/Role=physician || exit 70
proxy alice alice /mdm/neuro /mdm/neuro/Role=physician &
proxy user01 user01 /mdm/neuro &
proxy bob bob /mdm/cardio
wait
export X509_CERT_DIR=$dir/pki/certificates X509_USER_PROXY=$dir/alice.proxy users
by() { X509_USER_PROXY=$dir/$1.proxy "${@:2}"; }
export -f by
head -c 300000 /dev/urandom >image
# decrypts CLIENT ID: is what comes out the image?
decrypts() {
	rm -f opened
	by "$1" glite-eds-decrypt -q "$2" sealed opened 2>err || return
	cmp -s image opened
}
# refused CLIENT ID: and nothing is written
refused() {
	rm -f opened
	exits 255 by "$1" glite-eds-decrypt -q "$2" sealed opened 2>err
	[ ! -e opened ]
	exits 1 by "$1" glite-eds-chmod a+g "$2" 2>err
	says "^ERROR Missing permission for $2$" err
	exits 1 by "$1" glite-eds-getacl "$2" 2>err
	exits 255 by "$1" glite-eds-key-unregister -q "$2" 2>err
	says "^Error during glite_eds_unregister: " err
}
export -f decrypts refused

for set in s five; do
	export MDM_STORES=$dir/$set/stores id=/1.2.$set/3/4
	t "$set: by gLite's commands" '
		glite-eds-key-register "$id" >out
		[ "$(cat out)" = "A key has been generated and registered for ID '\''$id'\''" ]
		glite-eds-encrypt -q "$id" image sealed
		decrypts alice "$id"
		refused user01 "$id" # of the same group
		glite-eds-chmod g+g "$id"
		decrypts user01 "$id"
		refused bob "$id"
		glite-eds-chmod g-g "$id"
		refused user01 "$id"
		glite-eds-setacl -m "$users/CN=user01:g" "$id"
		decrypts user01 "$id"
		glite-eds-setacl -d "$users/CN=user01" "$id"
		refused user01 "$id"
		glite-eds-setacl -m "/mdm/cardio:g" "$id"
		decrypts bob "$id"
		refused user01 "$id"
		glite-eds-setacl -x NONE "$id"
		refused bob "$id"
		glite-eds-getacl "$id" >out
		printf "%s\n" "# ENTRY: $id" "# User: $users/CN=Alice Physician" \
		    "# Group: /mdm/neuro" \
		    "# Base perms: user pdrwl-gs, group --------, other --------" >want
		same want out
		exits 255 glite-eds-key-register "$id" 2>err
		says "^Error during glite_eds_register: .*another share" err
		decrypts alice "$id" # the first key is kept
		exits 255 by user01 glite-eds-key-register "$id.2" 2>err # may not create
		says "^Error during glite_eds_register: .*create" err
		glite-eds-key-unregister -q "$id"
		rm opened
		exits 255 glite-eds-decrypt -q "$id" sealed opened 2>err
		[ ! -e opened ]
		exits 255 glite-eds-key-register -q "$id" 2>err # its name is never taken again
	'

	t "$set: by ours" '
		n=$(grep -c ^store "$MDM_STORES") k=$(((n + 1) / 2))
		printf "%s\tkey=%s\n.end\t1\n" "$(od -An -tx1 -N16 /dev/urandom | tr -d " \n")" \
		    "$(od -An -tx1 -N32 /dev/urandom | tr -d " \n")" >key
		ssss-split -k $k -n $n <key | hydra-put >acks
		may() { by "$1" hydra-get <acks 2>err | ssss-join 2>>err | cmp -s key; }
		may_not() {
			exits 77 by "$1" hydra-get <acks >got 2>err
			says "deny its key" err
			silent share= got
		}
		may alice
		may_not user01
		hydra-acl --chmod g+g <acks >out
		may user01
		hydra-acl --chmod g-g <acks >out
		may_not user01
		hydra-acl --modify "$users/CN=user01:g" <acks >out
		may user01
		hydra-acl --delete "$users/CN=user01" <acks >out
		may_not user01
		sed "s/key=......../key=00000000/" key | ssss-split -k $k -n $n >other
		exits 1 hydra-put <other >out 2>err
		says "has another share of it" err
		may alice
	'
done

# Connections that were open before: by CLIENT, to every store; each line of
# standard input is a step, each answer a line: share or denied from each.
cat >open.py <<'END2'
import http.client, os, ssl, sys
client, id, stores = sys.argv[1:]
c = ssl.create_default_context(cafile="pki/ca.pem")
c.load_cert_chain(client + ".proxy")
open_ = []
for line in open(stores):
    if line.startswith("store"):
        url = dict(f.split("=", 1) for f in line.strip().split("\t")[1:])["url"]
        h = http.client.HTTPSConnection(url[8:].strip("/"), context=c, timeout=60)
        h.connect()
        h.auto_open = 0 # never another one
        open_.append(h)
for step in sys.stdin:
    said = []
    for h in open_:
        try:
            h.request("POST", "/v1/get", "%s\n.end\t1\n" % id)
            body = h.getresponse().read().decode()
            said.append("share" if "share=" in body else "denied" if "error=denied" in body else "refused")
        except (OSError, http.client.HTTPException):
            said.append("closed")
    print(*said, flush=True)
END2
export MDM_STORES=$dir/s/stores
cat >open.sh <<'END2'
keys 1 "$RANDOM$RANDOM" >key
ssss-split -k 2 -n 3 <key | hydra-put >acks
coproc OPEN { exec "$PYTHON" open.py "$1" "$(sed '1s/	.*//;q' key)" "$MDM_STORES"; }
again() { # WANT: what all stores answer now, on the connections that are open
	local got
	echo >&"${OPEN[1]}"
	read -rt 60 got <&"${OPEN[0]}"
	[ "$got" = "$1" ] || { echo "$got, not $1"; false; }
}
END2
export -f keys

t 'after g-g no store gives a share, on connections that were open before' '
	. ./open.sh user01
	again "denied denied denied"
	hydra-acl --chmod g+g <acks >out
	again "share share share"
	hydra-acl --chmod g-g <acks >out
	again "denied denied denied"
	hydra-acl --modify /mdm/neuro:g <acks >out
	again "share share share"
	hydra-acl --acl NONE <acks >out
	again "denied denied denied"
'

t 'one store is not reached: it alone still gives its share, which opens nothing' '
	. ./open.sh user01
	hydra-acl --chmod g+g <acks >out
	again "share share share"
	sed "/x=2/s/localhost:[0-9]*/localhost:1/" "$MDM_STORES" >away
	exits 69 hydra-acl --stores away --chmod g-g <acks >out 2>err
	says "not changed on stores 2" err
	again "denied share denied"
	exits 77 by user01 hydra-get <acks >got 2>err
	silent share= got
	hydra-acl --chmod g-g <acks >out
	again "denied denied denied"
'

t 'a certificate that is revoked: no store answers it once it has read the CRL' '
	"$services/pki" pki crl
	for x in 1 2 3; do hup s/$x; done
	. ./open.sh user01
	hydra-acl --chmod g+g <acks >out
	again "share share share"
	"$services/pki" pki crl user01
	for x in 1 2 3; do hup s/$x; done
	again "refused refused refused"
	exits 77 by user01 hydra-get <acks >got 2>err
	silent share= got
'
t 'a proxy that ends while its connection is open' '
	echo +0d >clock
	fake=$(echo /usr/lib/*/faketime/libfaketime.so.1)
	export UNDER="env LD_PRELOAD=$fake FAKETIME_TIMESTAMP_FILE=$dir/clock FAKETIME_NO_CACHE=1
	    FAKETIME_DONT_FAKE_MONOTONIC=1 ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0"
	serve t 3 --creator /mdm/neuro/Role=physician
	export MDM_STORES=$dir/t/stores
	. ./open.sh alice
	again "share share share"
	echo +11h >clock
	again "share share share"
	echo +13h >clock
	again "refused refused refused"
	echo +0d >clock
	again "closed closed closed"
	hydra-get <acks >got
'
done_testing
