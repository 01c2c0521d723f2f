#!/bin/bash
# hydra-acl: rights, in files and across the network
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

keys 3 >k3
ssss-split -k 2 -n 3 <k3 >in3
# field KEY FILE: of its first line
field() { sed 1q "$2" | tr '\t' '\n' | sed -n "s/^$1=//p"; }
export -f field

t 'stores in files: what is shown, and each change' '
	. $HYDRA; stores 2 3
	hydra-put --owner /O=a/CN=b --group /mdm <in3 >acks
	hydra-acl <acks >out
	[ "$(grep -c "	stores=1,2,3$" out)" = 3 ]
	[ "$(field owner out) $(field group out)" = "/O=a/CN=b /mdm" ]
	[ "$(field perms out) $(field acl out)" = "pdrwl-gs,--------,-------- -" ]
	hydra-acl --chmod g+gl,o+l <acks >out
	[ "$(field perms out)" = "pdrwl-gs,----l-g-,----l---" ]
	hydra-acl --perms pdrwl-gs,--------,-------- --owner "/O=a/CN=c d" --group "" <acks >out
	[ "$(field owner out) $(field group out)" = "/O=a/CN=c%20d -" ]
	hydra-acl --modify "/O=a/CN=Robot: x:g" --modify /mdm/x:l <acks >out
	[ "$(field acl out)" = "/O=a/CN=Robot:%20x:------g-%0A/mdm/x:----l---%0A" ]
	hydra-acl --delete "/O=a/CN=Robot: x" --delete /not/there <acks >out
	[ "$(field acl out)" = "/mdm/x:----l---%0A" ]
	printf "# ENTRY: x\n/mdm/y:g\n" >file
	hydra-acl --acl file <acks >out
	[ "$(field acl out)" = "/mdm/y:------g-%0A" ]
	hydra-acl --acl NONE <acks >out
	[ "$(field acl out)" = - ]
	hydra-acl <acks >again
	same out again
'

t 'an id that is no GUID; guid= goes before NAME' '
	. $HYDRA; stores 2 3
	hydra-put <in3 >acks
	printf "some/name\tguid=%s\n.end\t1\n" "$(sed "1q" acks | cut -f1)" >in
	hydra-acl <in >out
	[ "$(cut -f1 out | sed 1q)" = "$(sed 1q acks | cut -f1)" ]
	printf "%%25\n.end\t1\n" >in
	exits 65 hydra-acl --chmod o+g <in >out 2>err
	[ "$(sed 1q out)" = "%25	error=bad" ]
'

t 'a key that is not there is set aside, the others are served' '
	. $HYDRA; stores 2 3
	hydra-put <in3 >acks
	{ echo 0123456789abcdef0123456789abcdef; sed 3q acks; printf ".end\t4\n"; } >in
	exits 1 hydra-acl --chmod o+l <in >out 2>err
	[ "$(sed 1q out)" = "0123456789abcdef0123456789abcdef	error=missing" ]
	[ "$(grep -c "	stores=1,2,3$" out)" = 3 ]
	says "store 2 (.*): has no such key" err
	{ sed 1q in; printf ".end\t1\n"; } >one
	exits 77 hydra-acl <one >out 2>err
'

t 'one store away: the others are changed; again converges' '
	. $HYDRA; stores 2 3
	hydra-put <in3 >acks
	mv s2 away
	exits 69 hydra-acl --chmod g+g <acks >out 2>err
	[ "$(grep -c ": not changed on stores 2$" err)" = 3 ]
	[ "$(grep -c "	stores=1,3$" out)" = 3 ]
	mv away s2
	exits 1 hydra-acl <acks >out 2>err
	[ "$(grep -c "	stores=1,3	differ=2$" out)" = 3 ]
	says "stores 2 differ from stores 1,3" err
	hydra-acl --chmod g+g <acks >out
	hydra-acl <acks >again
	same out again
	[ "$(field perms out) $(field stores out)" = "pdrwl-gs,------g-,-------- 1,2,3" ]
'

t 'a database that was written to, not by its store, is named' '
	. $HYDRA; stores 2 3
	hydra-put --owner /O=a/CN=b <in3 >acks
	sqlite3 s3 "update share set owner = \"/O=a/CN=mallory\""
	exits 1 hydra-acl <acks >out 2>err
	[ "$(grep -c "	stores=1,2	differ=3$" out)" = 3 ]
'

t 'usage' '
	. $HYDRA; stores 2 3
	hydra-put <in3 >acks
	for o in --chmod=g*g --owner=/mdm --perms=r --modify=/mdm --group=x \
	    --modify=/mdm:q "--delete=#x" "--restore --chmod=o+l" nope; do
		# shellcheck disable=SC2086
		set -f; exits 64 hydra-acl $o <acks 2>err
	done
	exits 65 hydra-acl --acl /dev/stdin </dev/zero 2>err
	exits 74 hydra-acl --acl nowhere <acks 2>err
	exits 74 sh -c "hydra-acl <acks >/dev/full" 2>err
	head -c 40 acks >cut
	exits 65 hydra-acl --chmod o+g <cut >out 2>err
	hydra-acl <acks >out
	[ "$(field perms out)" = "pdrwl-gs,--------,--------" ]
'

"$services/pki" pki || exit 70
users=/DC=test/DC=mdm/O=Users
serve s 3 --creator /mdm/Role=physician \
    --admin "$users/CN=Admin One" --admin "$users/CN=Admin Two" || exit 70
proxy alice alice /mdm/Role=physician /mdm
proxy bob bob /mdm
proxy robot robot
proxy admin1 admin1
proxy admin2 admin2
export MDM_STORES=$dir/s/stores X509_CERT_DIR=$dir/pki/certificates
export X509_USER_PROXY=$dir/alice.proxy users
by() { X509_USER_PROXY=$dir/$1.proxy "${@:2}"; }
few() { keys 2 "$1" | ssss-split -k 2 -n 3; }
export -f by few keys

t 'chmod g+g lets a member of the group get, g-g refuses' '
	few a | hydra-put --owner "$users/CN=Alice Physician" --group /mdm >acks
	exits 77 by bob hydra-get <acks >got 2>err
	hydra-acl --chmod g+g <acks >out
	[ "$(field perms out) $(field stores out)" = "pdrwl-gs,------g-,-------- 1,2,3" ]
	by bob hydra-get <acks >got
	[ "$(wc -l <got)" = 5 ]
	hydra-acl --chmod g-g <acks >out
	exits 77 by bob hydra-get <acks >got 2>err
'

t 'an entry of the ACL for a DN with a colon' '
	few b | hydra-put >acks
	exits 77 by robot hydra-get <acks >got 2>err
	hydra-acl --modify "$users/CN=Robot: night:g" <acks >out
	by robot hydra-get <acks >got
	hydra-acl --delete "$users/CN=Robot: night" <acks >out
	exits 77 by robot hydra-get <acks >got 2>err
'

t 'who may neither see nor change is told so: 77, and nothing is changed' '
	few c | hydra-put >acks
	hydra-acl <acks >was
	for o in "" --chmod=o+g; do
		exits 77 by bob hydra-acl $o <acks >out 2>err
		[ "$(grep -c error=denied out)" = 2 ]
		says "store 3 (.*): we may not" err
	done
	hydra-acl <acks >out
	same was out
'

t 'what an admin changes is held until another one confirms what was shown' '
	few d | hydra-put >acks
	by admin1 hydra-acl --chmod o+g <acks >held
	says "	held=" held
	exits 77 hydra-get <acks >got 2>err
	exits 77 by admin1 hydra-acl --restore <held >out 2>err
	exits 65 by admin2 hydra-acl --restore <acks >out 2>err
	says "no state= that was shown" err
	sed "s/state=....../state=000000/" held >other
	exits 1 by admin2 hydra-acl --restore <other >out 2>err
	says "has changed since it was shown" err
	by admin2 hydra-acl --restore <held >out
	silent "	held=" out
	by admin2 hydra-acl --restore <held >again
	same out again
	by bob hydra-get <acks >got
'

t 'a server that is down: the others are changed; again converges' '
	few e | hydra-put --owner "$users/CN=Alice Physician" --group /mdm >acks
	port=$("$PYTHON" -c "import socket; s = socket.socket()
s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])")
	sed "/x=2/s/localhost:[0-9]*/localhost:$port/" "$MDM_STORES" >list
	MDM_STORES=$PWD/list exits 69 hydra-acl --chmod g+g <acks >out 2>err
	[ "$(grep -c ": not changed on stores 2$" err)" = 2 ]
	exits 1 hydra-acl <acks >out 2>err
	[ "$(grep -c "	stores=1,3	differ=2$" out)" = 2 ]
	hydra-acl --chmod g+g <acks >out
	[ "$(grep -c "	stores=1,2,3$" out)" = 2 ]
	by bob hydra-get <acks >got
'

done_testing
