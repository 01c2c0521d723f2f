# For tests of what fails while 10,000 keys are put or got.  Sourced by a .t
# file after hydra.sh and serve.sh.
# shellcheck shell=bash

"$services/pki" pki || exit 70
proxy alice alice /mdm/Role=physician /mdm || exit 70
export X509_CERT_DIR=$dir/pki/certificates X509_USER_PROXY=$dir/alice.proxy
export MDM_STORE_WAIT=2 MDM_LOCK_WAIT=1
keys 10000 >k
ssss-split -k 2 -n 3 <k >in3
ssss-split -k 3 -n 5 <k >in5

up() { # NAME N: all of its stores that do not run
	serve "$1" "$2" --creator /mdm/Role=physician
}

# use NAME N: these stores, from here on
use() {
	up "$1" "$2" "${@:3}"
	s=$1 n=$2
	in=$dir/in$n
	export MDM_STORES=$dir/$1/stores
}

# through X KIND BYTES: a list in which store X is reached by a relay
through() {
	local port
	coproc RELAY { exec "$PYTHON" "$here/serve.py" relay "$dir" "$s/$1" "${@:2}"; }
	read -r port <&"${RELAY[0]}"
	sed "/x=$1/s/localhost:[0-9]*/localhost:$port/" "$dir/$s/stores" >list
	export MDM_STORES=$PWD/list
}
direct() { export MDM_STORES=$dir/$s/stores; }

# putting FAULT...: put them; when 2,000 are acknowledged, and while the rest
# comes, FAULT is done.  The status goes to $got, the rest to acks and err.
putting() {
	rm -f fifo acks
	mkfifo fifo
	: >acks
	{
		trap '' PIPE
		head -n $((n * 3000)) "$in"
		until_line acks ack= 2000
		"$@" 1>&3 &
		tail -n +$((n * 3000 + 1)) "$in" || : # when it gives up
		wait $!
	} 3>&1 >fifo 2>/dev/null &
	got=0
	hydra-put $opts <fifo >>acks 2>err || got=$?
	wait $!
	grep "	ack=" acks | cut -f1 >acked || :
	[ "$(wc -l <acked)" -ge 2000 ]
}

# getting FAULT...: the same for getting; the shares go to shares.  With
# first=1, FAULT is over before the rest comes.
getting() {
	rm -f fifo
	mkfifo fifo
	: >shares
	{
		trap '' PIPE
		head -n 3000 k | cut -f1
		until_line shares share= 2000
		"$@" 1>&3 &
		[ "${first-0}" = 0 ] || wait $!
		tail -n +3001 k | sed 's/	key=.*//' || : # when it gives up
		wait $!
	} 3>&1 >fifo 2>/dev/null &
	got=0
	hydra-get <fifo >>shares 2>err || got=$?
	wait $!
}

# what was acknowledged is there, from the stores that there are
kept() {
	rec-list --lines <acked | hydra-get >shares 2>err.get
	ssss-join <shares | sort >joined
	grep -F -f acked k | sort | diff -q - <(grep key= joined) >&3
}

held() { # X: the ids that this store holds
	sqlite3 -cmd '.timeout 5000' "$dir/$s/$1/db" 'select lower(hex(guid)) from share' | sort
}

# nothing is half registered but what hydra-check finds; and the same put
# again makes all well
converges() {
	local x
	for ((x = 1; x <= n; x++)); do held $x; done | sort | uniq -c |
		awk -v n="$n" '$1 < n { print $2 }' >half
	hydra-check --all >found 2>err.check || [ $? = 1 ] || { cat err.check; false; }
	sed -n "/	kind=few	/s/	.*//p" found | sort | same half -
	hydra-put <"$in" >again 2>err.again
	[ "$(grep -c "	ack=$n	" again)" = 10000 ]
	hydra-check --all >found 2>err.check
	[ "$(cat found)" = "$(printf '.end\t0')" ]
}

signal() { # SIGNAL X...
	local x
	for x in "${@:2}"; do kill "-$1" "$(cat "$dir/$s/$x/pid")"; done
}
quiet() { # X: wait until it has nothing more to do
	until status_of "$s/$1" /metrics | grep -qx 'hydra_connections 0'; do
		read -rt 0.02 <> <(:) || :
	done
}
export -f quiet up use through direct putting getting kept held converges signal
opts='' got=0
export opts got
