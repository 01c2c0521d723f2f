# What the tests of hydra-* share: keys, stores, and how to harm a store.
# shellcheck shell=bash

# keys N [SEED]: N keys of key(5), the same in every run
keys() {
	"$PYTHON" - "$1" "${2-}" <<-'END'
	import hashlib, sys
	n = int(sys.argv[1])
	for i in range(n):
	    d = hashlib.sha512(b'%d %s' % (i, sys.argv[2].encode())).hexdigest()
	    print('%s\tkey=%s' % (d[:32], d[64:]))
	print('.end\t%d' % n)
	END
}

# stores K N: a list of N new stores, in $MDM_STORES, any K of which do
stores() {
	local x
	{
		printf 'threshold\tk=%d\n' "$1"
		for x in $(seq "$2"); do
			printf 'store\tx=%d\turl=sqlite:s%d\toperator=site%%20%d\n' "$x" "$x" "$x"
		done
		printf '.end\t%d\n' $(($2 + 1))
	} >list
	MDM_STORES=$PWD/list
	export MDM_STORES
	rm -f s[0-9]*
	printf '.end\t0\n' | hydra-put --create >/dev/null
}

# rows X: how many keys store X holds
rows() {
	sqlite3 "s$1" 'select count(*) from share'
}

# locked FILE: hold its lock until standard input ends
locked() {
	"$PYTHON" -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()' "$1"
}
