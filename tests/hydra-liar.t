#!/bin/bash
# A key store that lies to the clients: it is found out, named, and never
# believed; one that is not the one of the list is told nothing
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
"$services/pki" pki cert forged /DC=test/DC=mdm/CN=localhost || exit 70
serve s 3 --creator /mdm/Role=physician || exit 70
proxy alice alice /mdm/Role=physician /mdm
export X509_CERT_DIR=$dir/pki/certificates X509_USER_PROXY=$dir/alice.proxy
export MDM_LOCK_WAIT=1 MDM_STORE_WAIT=5

liar() { # CERT: stands before store 2; the list of stores with it is $dir/lied
	local port
	echo no >"$dir/lie"
	: >"$dir/heard"
	coproc LIAR { exec "$PYTHON" "$here/liar.py" "$dir" s/2 alice "$1"; }
	read -r port <&"${LIAR[0]}"
	sed "/x=2/s/localhost:[0-9]*/localhost:$port/" "$dir/s/stores" >"$dir/lied"
	sed '/x=3/d' "$dir/lied" | rec-list --lines >"$dir/two" # and one honest
	export MDM_STORES=$dir/lied
}
# lie HOW: from now on
lie() { echo "$1" >"$dir/lie"; }
export -f liar lie

keys 6 a >k
sort k >sorted
ssss-split -k 2 -n 3 <k >in
MDM_STORES=$dir/s/stores hydra-put <in >acks || exit 70

# right: the keys that are got are those that were put, all of them
right() {
	hydra-get <acks >shares 2>err
	ssss-join <shares | cmp - k
}
export -f right keys

t 'whatever it answers, the keys are right, and it is named' '
	liar host
	right
	for how in share check commit alone more-n epoch other-x another order twice \
	    fewer binary long endless cut no-end count after-end error
	do
		lie $how
		: >said
		right
		# gets ask as many stores as it takes, so not always this one
		for i in {1..40}; do
			right || { echo "$how"; cat err; false; }
			cat err >>said
			! grep -q "store 2 (https" err || break
		done
		grep -q "store 2 (https" said || { echo "$how: not named"; false; }
		[ $how != commit ] || says "store 2 .*: its commitments are not" said
		! grep "store [13] (https" said || { echo "$how: another is named"; false; }
	done
'

t 'with one honest store and a liar there is no key, and nothing is written' '
	liar host
	export MDM_STORES=$dir/two
	right
	sed 1q k | cut -f1 >id
	for how in share check alone more-n epoch other-x another order twice fewer \
	    binary long endless cut count after-end error
	do
		lie $how
		got=0; hydra-get <acks >shares 2>err || got=$?
		[[ $got == @(65|69|77|1) ]] || { echo "$how: $got"; cat err; false; }
		ssss-join <shares >joined 2>err || :
		! grep "key=" joined || { echo "$how"; false; }
	done
	# every line, and no .end: the last is not believed
	lie no-end
	rec-list --lines <id >one
	exits 69 hydra-get <one >shares 2>err
	says "store 2 (https.*it ends before its last line" err
	lie share
	{ printf "%s\tkey=%064d\n.end\t1\n" "$(cat id)" 1; } >made
	head -c 5000 /dev/urandom >plain
	export X=$(cat id)
	exits 77 env PATH="$top/pipelines/glite:$PATH" bash -c "
		glite-eds-encrypt -q $X plain sealed || exit 77" 2>err
	[ ! -e sealed ]
	MDM_STORES=$dir/s/stores PATH="$top/pipelines/glite:$PATH" glite-eds-encrypt -q $X plain sealed
	! PATH="$top/pipelines/glite:$PATH" glite-eds-decrypt -q $X sealed opened 2>err
	[ ! -e opened ]
'

t 'an answer with any bytes changed: never another key' '
	liar host
	lie mutate
	for i in {1..60}; do
		[ $((i % 2)) = 0 ] && MDM_STORES=$dir/two || MDM_STORES=$dir/lied
		got=0; hydra-get <acks >shares 2>err || got=$?
		[[ $got == @(0|1|65|69|75|77) ]] || { echo "exit $got"; cat err; false; }
		ssss-join <shares >joined 2>>err || :
		sed -n "/key=/p" joined | sort | comm -23 - sorted | cmp - /dev/null
	done
'

t 'a store that says yes and keeps nothing: the others have it, hydra-check names it' '
	liar host
	lie deaf
	keys 3 b >k2
	ssss-split -k 2 -n 3 <k2 | hydra-put >acks2
	hydra-get <acks2 2>err | ssss-join | same k2 -
	exits 1 hydra-check <acks2 >found
	[ "$(grep -c "	kind=few	stores=1,3	missing=2	" found)" = 3 ]
'

t 'a store that goes back to a share of before: named, and never mixed' '
	keys 3 c >k3
	ssss-split -k 2 -n 3 <k3 | MDM_STORES=$dir/s/stores hydra-put >acks
	cp k3 k
	liar host
	lie remember
	MDM_STORES=$dir/two right
	ssss-split -k 2 -n 3 -e 2 <k3 >later
	for x in 1 2 3; do
		grep "	x=$x	" later | rec-list --lines >line
		ask alice s/$x /v1/stage --data-binary @line | grep -c stage=new | grep -qx 3
		sed "s/	.*/	e=2/; /^.end/d" line | rec-list --lines >switch
		ask alice s/$x /v1/switch --data-binary @switch | grep -c switch=new | grep -qx 3
		sed "s/e=2/e=1/" switch >drop
		ask alice s/$x /v1/drop --data-binary @drop | grep -c drop=new | grep -qx 3
	done
	lie no
	right
	lie old
	: >said
	for i in {1..40}; do
		right
		cat err >>said
		! grep -q "store 2 (https" err || break
	done
	says "store 2 (https.*its share is" said
	! grep "store [13] (https" said
	export MDM_STORES=$dir/two
	got=0; hydra-get <acks >shares 2>err || got=$?
	[ $got != 0 ]
	ssss-join <shares >joined 2>err || :
	silent "key=" joined
'

t 'a store with a good certificate and another key: it is told nothing' '
	liar forged
	keys 3 d >k4
	exits 77 hydra-put <in >out 2>err
	says "store 2 (https.*its key is not the one that pin= names" err
	ssss-split -k 2 -n 3 <k4 | hydra-put --quorum 2 >acks 2>err
	says "store 2 (https.*its key is not" err
	hydra-get <acks 2>err | ssss-join | same k4 -
	exits 77 hydra-acl --chmod o+g <acks >out 2>err
	says "store 2 (https.*its key is not" err
	exits 77 hydra-rm <acks >out 2>err
	says "store 2 (https.*its key is not" err
	[ ! -s "$dir/heard" ]
'
done_testing
