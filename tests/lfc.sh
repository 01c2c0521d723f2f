# For tests of the catalogue as a service; sourced after serve.sh.
# shellcheck shell=bash

serve_lfc() { # NAME OPTION...: a catalogue with these options, in $dir/NAME/lfc
	mkdir -p "$dir/$1"
	[ -e "$dir/$1/pki" ] || ln -s ../pki "$dir/$1/pki"
	"$services/catalogue" "$dir/$1" "${@:2}"
}

use() { # CLIENT [NAME]: be that client of that catalogue from here on
	export X509_CERT_DIR=$dir/pki/certificates
	unset X509_USER_PROXY X509_USER_CERT X509_USER_KEY
	if [ -e "$dir/$1.proxy" ]; then
		export X509_USER_PROXY=$dir/$1.proxy
	else
		export X509_USER_CERT=$dir/pki/$1.pem X509_USER_KEY=$dir/pki/$1.key
	fi
	[ $# -lt 2 ] || MDM_CATALOGUE=$(cat "$dir/$2/lfc/url")
	export MDM_CATALOGUE
}

# CLIENT NAME OPERATION LINE...: the answer to these lines (\t is a tab), then a
# line with the status
lines_to() {
	local client=$1 name=$2 op=$3
	shift 3
	{
		[ $# -eq 0 ] || printf '%b\n' "$@"
		printf '.end\t%d\n' $#
	} >"$dir/.lines.$$"
	ask "$client" "$name/lfc" "/v1/$op" --data-binary "@$dir/.lines.$$"
}

# N [PREFIX [LEASE [FIELDS]]]: a manifest of N objects, the same in every run
manifest() {
	"$PYTHON" - "$1" "${2-a}" "${3-}" "${4-}" <<-'END'
	import hashlib, sys
	n, prefix, lease, more = int(sys.argv[1]), *sys.argv[2:]
	for i in range(n):
	    h = lambda s: hashlib.sha256(b'%s %d %s' % (prefix.encode(), i, s)).hexdigest()
	    g = h(b'guid')[:32]
	    print('%s.%d/%s.%d.0/%s.%d\tlfn=/grid/mdm/%s.%d/%s.%d.0/%s.%d\tsize=%d\tsha256=%s\tadler32=%s'
	        '\tguid=%s\tsurl=file:/se/%s/%s\tplain=%s\tmodality=CT\tpseudonym=p%d%s%s'
	        % (*(prefix, i // 1000, prefix, i // 100, prefix, i) * 2, 1000 + i, h(b'sum'), h(b'a')[:8], g, g[:2], g,
	        h(b'plain'), i // 1000, '\tlease=' + lease if lease else '', more.replace('\\t', '\t')))
	print('.end\t%d' % n)
	END
}

acks() { # manifest > acks
	awk -F '\t' '/^\.end/ { print; next }
		{ for (i = 2; i <= NF; i++) if ($i ~ /^guid=/) print substr($i, 6) "\tack=3" }'
}

has() { # [-x] PATTERN: the input, which is read to its end, has such a line
	grep "$@" >/dev/null
}

# CLIENT NAME: a new lease of a day
lease() {
	local id
	id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	lines_to "$1" "$2" lease "$id\\tnew=1\\tttl=86400" | has expires= || return 1
	echo "$id"
}

kill_lfc() { # NAME: with no time to say anything; until it is no more
	local pid state
	pid=$(cat "$dir/$1/lfc/pid")
	kill -9 "$pid"
	while state=$(sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) &&
	    [ -n "$state" ] && [ "$state" != Z ]; do
		read -rt 0.02 <> <(:) || :
	done
}

memory() { # NAME: the most that server has had, KiB
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat "$dir/$1/lfc/pid")/status"
}
export -f serve_lfc use lines_to manifest acks has lease kill_lfc memory
