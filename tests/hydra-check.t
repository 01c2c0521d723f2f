#!/bin/bash
# hydra-check: with stores in files, and across the network
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 3 --creator /mdm/Role=physician \
    --admin "/DC=test/DC=mdm/O=Users/CN=Bob Researcher" || exit 70
proxy alice alice /mdm/Role=physician /mdm
proxy bob bob /mdm
proxy user01 user01 /mdm/neuro
export X509_CERT_DIR=$dir/pki/certificates

keys 1200 >keys
ssss-split -k 2 -n 3 <keys >in
sed '$d' keys | cut -f1 | sort >ids
export K=$dir/keys IN=$dir/in IDS=$dir/ids

id() { # N: the GUID that is N-th in the stores' order
	sed -n "$1p" "$IDS"
}
change() { # STORE SQL N: to the N-th key's row
	sqlite3 "$1" "$2 where lower(hex(guid)) = '$(id "$3")' or guid = '$(id "$3")'"
}
full() { # three stores with all keys
	stores 2 3
	hydra-put <"$IN" >acks
}
of() { # N...: lines of these keys
	local n
	for n; do id "$n"; done
	printf '.end\t%d\n' $#
}
again() { # FILE [EPOCH]: these keys, split anew
	"$PYTHON" -c 'import sys
ids = {l.split()[0] for l in open(sys.argv[1])}
got = [l for l in open(sys.argv[2]) if l.split()[0] in ids and l[0] != "."]
sys.stdout.write("".join(got) + ".end\t%d\n" % len(got))' "$1" "$K" |
	    ssss-split -k 2 -n 3 -e "${2:-1}"
}
export -f id change full of again

t 'stores that agree: nothing is found' '
	. $HYDRA; full
	hydra-check --all >out 2>err
	[ "$(cat out)" = "$(printf ".end\t0")" ]
	[ ! -s err ]
	hydra-check <acks >out 2>err
	[ "$(cat out)" = "$(printf ".end\t0")" ]
'

t 'a row deleted, damaged, with other rights; another sharing' '
	. $HYDRA; full
	change s2 "delete from share" 1
	change s1 "update share set sealed = zeroblob(length(sealed))" 700
	change s3 "update share set owner = \"/CN=me\"" 1200
	change s3 "delete from share" 600
	change s2 "delete from share" 600
	of 600 >which
	sed "s,url=sqlite:s1,url=sqlite:o1,;s,url=sqlite:s3,url=sqlite:o3," list >list2
	again which | MDM_STORES=$PWD/list2 hydra-put --create >put
	exits 1 hydra-check --all >out 2>err
	{
		printf "%s\tkind=few\tstores=1,3\tmissing=2\twrong=-\tgood=2\n" "$(id 1)"
		printf "%s\tkind=few\tstores=1,2\tmissing=3\twrong=-\tgood=1\n" "$(id 600)"
		printf "%s\tkind=differ\tstores=1,2\tmissing=3\twrong=2\tgood=1\n" "$(id 600)"
		printf "%s\tkind=damaged\tstores=1,2,3\tmissing=-\twrong=1\tgood=2\n" "$(id 700)"
		printf "%s\tkind=rights\tstores=1,2,3\tmissing=-\twrong=3\tgood=3\n" "$(id 1200)"
		printf ".end\t5\n"
	} >want
	same want out
	of 2 700 3 1 >lines
	exits 1 hydra-check <lines >out 2>err
	{ sed -n 4p want; sed -n 1p want; printf ".end\t2\n"; } >want2
	same want2 out
'

t 'a key that only the last store has, and one that none has' '
	. $HYDRA; full
	for s in s1 s2; do sqlite3 $s "delete from share"; done
	exits 1 hydra-check --all >out
	[ "$(grep -c "	kind=few	stores=3	missing=1,2	wrong=-	good=1$" out)" = 1200 ]
	cut -f1 out | grep -v end | same - $IDS
	printf "%032d\n.end\t1\n" 0 | exits 1 hydra-check >out
	says "	kind=few	stores=-	missing=1,2,3	wrong=-	good=0" out
'

t 'a key that one store removed' '
	. $HYDRA; full
	of 5 >one
	sed "s,url=sqlite:s2,url=sqlite:o2,;s,url=sqlite:s3,url=sqlite:o3," list >list2
	printf ".end\t0\n" | MDM_STORES=$PWD/list2 hydra-put --create >put
	MDM_STORES=$PWD/list2 hydra-rm <one >gone
	exits 1 hydra-check --all >out
	[ "$(wc -l <out)" = 2 ]
	says "^$(id 5)	kind=few	stores=2,3	missing=1	wrong=-	good=2	removed=1$" out
'

t 'a store that is not there: 69, and the others are compared' '
	. $HYDRA; full
	change s1 "delete from share" 9
	mv s2 away
	exits 69 hydra-check --all >out 2>err
	says "^hydra-check: error: store 2 (sqlite:/.*/s2): No such file" err
	says "^$(id 9)	kind=few	stores=3	missing=1	" out
	[ "$(wc -l <out)" = 2 ]
'

t 'k below the threshold of the list is not believed' '
	. $HYDRA; full
	sed -i "s/k=2/k=3/" list
	exits 1 hydra-check --all >out
	[ "$(grep -c "	kind=differ	.*wrong=1,2,3	good=0" out)" = 1200 ]
'

t 'one operator of as many stores as open an image' '
	. $HYDRA; stores 2 3
	sed -i "s/site%203/site%201/" list
	hydra-check --all >out 2>err
	says "warning: site 1: runs 2 stores, and any 2 of them" err
	[ "$(wc -l <err)" = 1 ]
'

t 'what is no GUID; cut input; operands; a full disk' '
	. $HYDRA; stores 2 3
	printf "x\n.end\t1\n" | exits 65 hydra-check >out 2>err
	says "x: not a GUID" err
	id 1 >cut
	exits 65 hydra-check <cut >out 2>err
	says "cut short" err
	silent "^.end" out
	exits 64 hydra-check nope 2>err
	exits 74 sh -c "hydra-check --all >/dev/full" 2>err
'

t 'across the network: missing, other rights, other epochs, an admin of all' '
	export MDM_STORES=$dir/s/stores X509_USER_PROXY=$dir/alice.proxy
	hydra-put <$IN >acks
	hydra-check --all >out 2>err
	[ "$(cat out)" = "$(printf ".end\t0")" ]
	says "warning: /DC=test/DC=mdm/O=Users/CN=Bob Researcher: is an admin of 3 stores" err
	[ "$(wc -l <err)" = 1 ]
	sqlite3 "$dir/s/1/db" "delete from share where rowid in (select rowid from share limit 2)"
	printf "%s\tchmod=g+l\n.end\t1\n" "$(id 1100)" >change
	ask alice s/3 /v1/setacl --data-binary @change >/dev/null
	exits 1 hydra-check --all >out 2>err
	[ "$(grep -c "	kind=few	stores=2,3	missing=1	" out)" = 2 ]
	says "^$(id 1100)	kind=rights	stores=.*	wrong=3	good=" out
	[ "$(wc -l <out)" = 4 ]
	X509_USER_PROXY=$dir/bob.proxy exits 1 hydra-check --all >bob 2>err
	same out bob
'

t 'a refresh that stopped half way' '
	export MDM_STORES=$dir/s/stores X509_USER_PROXY=$dir/alice.proxy
	of 500 501 >two
	again two 2 | grep "	x=3	" | rec-list --lines >later
	ask alice s/3 /v1/stage --data-binary @later >answer
	[ "$(grep -c stage=new answer)" = 2 ]
	printf "%s\te=2\n.end\t1\n" "$(id 500)" >switch
	ask alice s/3 /v1/switch --data-binary @switch >answer
	says switch=new answer
	exits 1 hydra-check <two >out
	{
		printf "%s\tkind=epochs\tstores=1,2,3\tmissing=-\twrong=3\tgood=2\tbeside=3\n" "$(id 500)"
		printf "%s\tkind=epochs\tstores=1,2,3\tmissing=-\twrong=-\tgood=3\tbeside=3\n" "$(id 501)"
		printf ".end\t2\n"
	} >want
	same want out
'

t 'who may not list is told so: 77; a store that does not answer: 69' '
	export MDM_STORES=$dir/s/stores
	of 1150 1151 >two
	X509_USER_PROXY=$dir/user01.proxy exits 77 hydra-check <two >out 2>err
	[ "$(grep -c "store 3 does not let us list it" err)" = 2 ]
	[ "$(cat out)" = "$(printf ".end\t0")" ]
	export X509_USER_PROXY=$dir/alice.proxy
	kill -9 "$(cat "$dir/s/2/pid")"
	exits 69 hydra-check --all >out 2>err
	says "error: store 2 (https://" err
	says "	kind=few	stores=3	missing=1	" out
'

done_testing
