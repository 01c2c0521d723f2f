#!/bin/bash
# Key stores on PostgreSQL: all that their users see, and a server that dies
[ -n "${PG_URL-}" ] ||
	exec "${0%/*}/services/postgres" run bash "$0"
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
for x in v 1 2 3; do
	echo "create schema s$x;"
done | psql -qX "$PG_URL" || exit 70
export DATABASE="$PG_URL&options=-csearch_path%3Ds%X" O=${O:-$top/obj} MDM_STORE_WAIT=2 MDM_LOCK_WAIT=1

# asks X SQL: of that store's database
asks() { psql -qAtX "$PG_URL&options=-csearch_path%3Ds$1" -c "$2"; }
export -f asks keys

t 'a batch that is looked up beforehand is worked off as if it were not' '
	"$O/unit-vault" "$PG_URL&options=-csearch_path%3Dsv" >tap || { grep -v "^ok" tap; false; }
'

"$services/pki" pki || exit 70
proxy alice alice /mdm/neuro /mdm/Role=physician && proxy user01 user01 /mdm/neuro || exit 70
serve grid 3 --creator /mdm/Role=physician || exit 70
export X509_CERT_DIR=$dir/pki/certificates X509_USER_PROXY=$dir/alice.proxy
export MDM_STORES=$dir/grid/stores
keys 2500 >k
ssss-split -k 2 -n 3 <k >in

# joins IDS: the keys that the stores give for them are those of k
joins() {
	hydra-get <"$1" | ssss-join | grep key= | sort >joined
	cut -f1 "$1" | grep -v .end | grep -F -f - k | sort | cmp - joined
}
export -f joins

t 'put, again, got, shared anew, shown, removed for ever' '
	hydra-put <in >acks
	hydra-put <in >again
	same acks again
	[ "$(asks 2 "select count(*) from share")" = 2500 ]
	joins acks
	hydra-refresh <acks >fresh
	[ "$(grep -c "	e=2" fresh)" = 2500 ]
	[ "$(asks 3 "select count(*), min(e), max(e) from share")" = "2500|2|2" ]
	[ "$(asks 3 "select count(*) from epoch")" = 0 ]
	joins acks
	hydra-check --all >found
	[ "$(cat found)" = "$(printf ".end\t0")" ]
	head -n 100 acks | rec-list --lines >few
	by_user01() { X509_USER_PROXY=$dir/user01.proxy "$@"; }
	exits 77 by_user01 hydra-get <few >none 2>err
	hydra-acl --chmod g+g <few >shown
	by_user01 hydra-get <few >shares
	[ "$(grep -c share= shares)" -ge 200 ]
	hydra-acl --chmod g-g <few >shown
	exits 77 by_user01 hydra-get <few >none 2>err
	[ "$(grep -c "error=denied" none)" = 100 ]
	hydra-rm <few >gone
	exits 77 hydra-get <few >none 2>err
	[ "$(grep -c "error=missing" none)" = 100 ]
	[ "$(asks 1 "select count(*) from removed")" = 100 ]
	head -n 300 in | rec-list --lines >old
	exits 1 hydra-put <old >again 2>err
	[ "$(cat again)" = "$(printf ".end\t0")" ]
	[ "$(grep -c "has removed it, for ever" err)" -gt 0 ]
	sed -n 301,303p in | rec-list --lines >old
	exits 1 hydra-put <old >again 2>err # of the epoch before
	says "has another share of it" err
'

t 'the server is killed: all that was acknowledged is kept, and a rerun ends it' '
	keys 9000 kill >many
	ssss-split -k 2 -n 3 <many >in2
		mkfifo fifo
	: >acks
	{
		trap "" PIPE
		head -n 18000 in2
		until_line acks ack= 3000
		"$services/postgres" kill "$PG_DIR" 1>&3 2>&1
		tail -n +18001 in2 || : # when it gives up
	} 3>&1 >fifo 2>/dev/null &
	got=0
	hydra-put <fifo >>acks 2>err || got=$?
	wait $!
	[ $got = 69 ] || [ $got = 75 ]
	says "error: store [123] (https" err
	grep "	ack=3" acks | cut -f1 >acked
	[ "$(wc -l <acked)" -ge 3000 ]
		"$services/postgres" again "$PG_DIR"
	rec-list --lines <acked >ids
	hydra-get <ids | ssss-join | grep key= | sort >joined
	grep -F -f acked many | sort | cmp - joined
		hydra-put <in2 >again
	[ "$(grep -c ack=3 again)" = 9000 ]
	hydra-check --all >found
	[ "$(cat found)" = "$(printf ".end\t0")" ]
'
done_testing
