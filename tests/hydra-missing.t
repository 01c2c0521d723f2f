#!/bin/bash
# Key stores of which one is missing: what each command does, for each kind of
# client; and again when it is back
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
"$services/pki" pki crl revoked || exit 70
users=/DC=test/DC=mdm/O=Users
up() {
	serve s 3 --creator /mdm/Role=physician --admin "$users/CN=Admin One" --admin "$users/CN=Admin Two"
}
up || exit 70
export -f up
{
	proxy alice owner /mdm/Role=physician /mdm
	proxy user01 member /mdm
	proxy user01 othervo /other
	proxy user01 novoms
	proxy admin1 admin1
} &
{
	proxy alice expired /mdm -- -hours 1 -pastproxy 5:00
	proxy alice oldattr /mdm -- -vomslife 1 -pastac 5:00
	proxy alice unlisted /mdm -- -uri elsewhere:15000
	proxy revoked revoked
	proxy stranger stranger
} &
wait
export MDM_STORES=$dir/s/stores X509_CERT_DIR=$dir/pki/certificates users

by() { X509_USER_PROXY=$dir/$1.proxy "${@:2}"; }
# all that a store holds but what marks a run
held() { sqlite3 "$dir/s/$1/db" "select hex(guid), e, hex(sealed), owner, grp, perms, acl, held from share order by guid"; }
# CLIENT OP: what every client tries
try() {
	case $2 in
	put) by "$1" hydra-put <new ;;
	again) by "$1" hydra-put <other ;;
	get) by "$1" hydra-get <acks ;;
	getacl) by "$1" hydra-acl <acks ;;
	chmod) by "$1" hydra-acl --chmod o+x <acks ;;
	rm) by "$1" hydra-rm <acks ;;
	esac >"$1.$2.out" 2>"$1.$2.err"
}
# TABLE: each client of the table tries what it says, and exits as it says
tries() {
	local client list word
	while read -r client list; do
		for word in $list; do
			got=0
			try "$client" "${word%%:*}" || got=$?
			[[ :${word#*:}: == *:$got:* ]] || echo "$client ${word%%:*}: exit $got, not ${word#*:}"
		done >"$client.wrong" &
	done <"$1"
	wait
	! cat ./*.wrong | grep .
}
export -f by held try tries

keys 8 a >k
ssss-split -k 2 -n 3 <k >in
sed 's/key=..../key=0000/' k | ssss-split -k 2 -n 3 >other
keys 3 b | ssss-split -k 2 -n 3 >new
by owner hydra-put --owner "$users/CN=Alice Physician" --group /mdm <in >acks || exit 70
by owner hydra-acl --chmod g+gl <acks >/dev/null || exit 70
for c in othervo novoms expired oldattr unlisted revoked stranger; do
	echo "$c put:77 again:77 get:77 getacl:77 chmod:77 rm:77"
done >refused
cat - refused >all-up <<'T'
owner again:1 get:0 getacl:0
member put:77 again:77 get:0 getacl:0 chmod:77 rm:77
admin1 put:77 again:77 get:77 getacl:0
T

t 'all stores there: who may, and who may not change anything' '
	for x in 1 2 3; do held $x; done >before
	tries all-up
	for x in 1 2 3; do held $x; done >after
	same before after
'

# 69: it takes all stores.  Who would be refused anyway may hear that first.
t 'one missing: nobody puts, all who may read still get, nothing is changed by others' '
	kill9 s/2
	for x in 1 3; do held $x; done >before
	{
		sed "s/:77/:69:77/g; s/get:69:77/get:77/" refused
		echo "owner put:69 again:1:69 get:0 getacl:69"
		echo "member put:69:77 again:69:77 get:0 getacl:69 chmod:69:77 rm:69:77"
		echo "admin1 put:69:77 again:69:77 get:77 getacl:69"
	} >all-down
	tries all-down
	ssss-join <owner.get.out | same k -
	ssss-join <member.get.out | same k -
	says "store 2 (https://.*): " owner.put.err
	for x in 1 3; do held $x; done >after
	same before after # what was put is rolled back, what was there is untouched
'

t 'one missing: rights are changed where they can be, and it is said where not' '
	exits 69 try owner chmod
	[ "$(grep -c ": not changed on stores 2$" owner.chmod.err)" = 8 ]
	[ "$(held 1)" = "$(held 3)" ] || [ "$(held 1 | cut -d"|" -f4-)" = "$(held 3 | cut -d"|" -f4-)" ]
	[ "$(held 1 | grep -c -- "pdrwl-gs,----l-g-,-----x--")" = 8 ]
	up
	exits 1 try owner getacl
	[ "$(grep -c "	stores=1,3	differ=2$" owner.getacl.out)" = 8 ]
	try owner chmod
	try owner getacl
	[ "$(grep -c "	stores=1,2,3$" owner.getacl.out)" = 8 ]
'

t 'one missing: an admin removes where it can; when it is back, all' '
	try owner put
	kill9 s/2
	exits 69 try owner rm
	says "store.* 2" owner.rm.err
	[ "$(held 1 | wc -l) $(held 3 | wc -l)" = "3 3" ]
	exits 77 try owner get # there is one share of each, if any
	silent "share=" owner.get.out
	up
	[ "$(held 2 | wc -l)" = 11 ]
	by admin1 hydra-rm <acks >out # who may remove, whose ever they are
	[ "$(held 1 | wc -l) $(held 2 | wc -l) $(held 3 | wc -l)" = "3 3 3" ]
	exits 1 try owner again # a name is not taken twice
	says "has removed it, for ever" owner.again.err
'
done_testing
