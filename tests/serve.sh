# For tests of services: a test grid in $dir/pki, and stores started from it.
# Sourced by a .t file after lib.sh.
# shellcheck shell=bash

services=$here/services
stop_all() {
	local d
	for d in "$dir"/*/1 "$dir"/*/lfc; do
		[ ! -d "$d" ] || "$services/stop" "${d%/*}"
	done
}
trap 'stop_all 2>/dev/null; rm -rf "$dir"' EXIT
unset "${!X509_@}" "${!BEARER_@}" NOTIFY_SOCKET LISTEN_FDS
export services

serve() { # NAME N OPTION...: N stores with these options, in $dir/NAME
	mkdir -p "$dir/$1"
	[ -e "$dir/$1/pki" ] || ln -s ../pki "$dir/$1/pki"
	"$services/start" "$dir/$1" "${@:2}"
}

proxy() { # USER NAME ...: see services/proxy
	"$services/proxy" "$dir/pki" "$1" "$dir/$2.proxy" "${@:3}"
}

address() { # NAME/X: HOST:PORT of that store
	sed -n 's/^listen 127.0.0.1/localhost/p' "$dir/$1/address"
}

status_of() { # NAME/X PATH
	curl -sS -m 20 "http://$(sed -n 's/^status //p' "$dir/$1/address")$2"
}

as() { # CLIENT: curl's options for a proxy or certificate of that name
	if [ -e "$dir/$1.proxy" ]; then
		echo "--cert $dir/$1.proxy"
	elif [ "$1" != - ]; then
		echo "--cert $dir/pki/$1.pem --key $dir/pki/$1.key"
	fi
}

# CLIENT NAME/X PATH [CURL OPTION]...: the answer, then a line with the status
ask() {
	# shellcheck disable=SC2046 # options
	curl -sS -m 20 --cacert "$dir/pki/ca.pem" $(as "$1") -w '%{http_code}\n' \
	    "${@:4}" "https://$(address "$2")$3" 2>&1
}

audited() { # NAME/X TEXT...: the last line of its audit has all of these
	local line w
	line=$(tail -n 1 "$dir/$1/audit")
	for w in "${@:2}"; do
		grep -qF -- "$w" <<<"$line" || {
			echo "no $w in: $line"
			return 1
		}
	done
}

until_line() { # FILE TEXT [COUNT]: wait until so many lines have it
	until [ "$(grep -cF -- "$2" "$1")" -ge "${3:-1}" ]; do
		read -rt 0.02 <> <(:) || :
	done
}

hup() { # NAME/X: have it read everything again, and wait until it has
	local n
	n=$(grep -c 'read again' "$dir/$1/error" || :)
	kill -HUP "$(cat "$dir/$1/pid")"
	until_line "$dir/$1/error" 'read again' $((n + 1))
}

kill9() { # NAME/X: and wait until it is dead
	local pid
	pid=$(cat "$dir/$1/pid")
	kill -9 "$pid"
	while kill -0 "$pid" 2>/dev/null; do
		read -rt 0.02 <> <(:) || :
	done
}

shares() { # N: share 1 of N new keys
	"$PYTHON" -c 'import os, sys
n = int(sys.argv[1])
for i in range(n): print("%s\tkey=%s" % (os.urandom(16).hex(), os.urandom(32).hex()))
print(".end\t%d" % n)' "$1" | ssss-split -k 2 -n 3 | grep "	x=1	" | rec-list --lines
}
export -f serve proxy address status_of as ask audited until_line hup kill9 shares
