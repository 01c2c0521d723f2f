#!/bin/bash
. "${0%/*}/lib.sh"
id=00112233445566778899aabbccddeeff
hex=404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
printf '%s\tkey=%s\n.end\t1\n' $id $hex >key

t 'a key becomes n lines with all that share(5) says' '
	ssss-split -k 3 -n 5 -e 7 <key >out
	[ "$(wc -l <out)" = 6 ]
	[ "$(cut -f 2-5 out | sed -n 1,5p | tr "\t\n" "  ")" = "x=1 k=3 n=5 e=7 x=2 k=3 n=5 e=7 x=3 k=3 n=5 e=7 x=4 k=3 n=5 e=7 x=5 k=3 n=5 e=7 " ]
	[ "$(cut -f 7,8 out | sed -n 1,5p | sort -u | wc -l)" = 1 ]
	[ "$(cut -f 6 out | sed -n 1,5p | sort -u | wc -l)" = 5 ]
'

t 'check and commit are what the page says' '
	"$PYTHON" - <<-\EOF
	import hashlib, hmac, struct
	rows = [dict(f.split("=") for f in l.split("\t")[1:]) for l in open("out").read().split("\n")[:5]]
	g = b"00112233445566778899aabbccddeeff"
	key = bytes(range(0x40, 0x60))
	check = hmac.new(key, b"mdm check v1" + g + bytes([3, 5, 1]) + struct.pack(">Q", 7), "sha256").hexdigest()[:32]
	commit = "".join(hashlib.sha256(b"mdm share v1" + g + bytes([i + 1]) + struct.pack(">Q", 7) + bytes.fromhex(r["share"])).hexdigest()[:32] for i, r in enumerate(rows))
	for r in rows:
	    assert r["check"] == check and r["commit"] == commit
	EOF
'

t 'two splittings of one key share nothing' '
	ssss-split -k 3 -n 5 -e 7 <key >again
	[ "$(cut -f 6 out again | grep share= | sort -u | wc -l)" = 10 ]
'

t 'with nothing set two of three, and nothing is made' '
	ssss-split <key >out
	says "	k=2	n=3	e=1	" out
	[ ! -e home/.local ]
'

t 'what is no key is set aside' '
	printf "x\tkey=00\n%s\tkey=%s\n%s\tkey=0011\n%s\tkey=zz\n%s\tnokey=1\n.end\t5\n" \
		'$id' '$hex' '$id' '$id' '$id' >in
	exits 1 ssss-split <in >out 2>err
	[ "$(grep -c share= out)" = 3 ]
	[ "$(grep -c "^ssss-split: error: " err)" = 4 ]
	silent '$hex' err
	head -1 in >bad
	printf ".end\t1\n" >>bad
	exits 65 ssss-split <bad >out 2>err
'

t 'bad numbers are usage' '
	for a in "-k 1 -n 3" "-k 4 -n 3" "-k 2 -n 256" "-k 2 -n 3 -e 0" "-k x" "--hex" "--plain --hex" \
		"--plain --hex --password -k 2 -n 3" "--plain --scheme x --hex -k 2 -n 3"; do
		exits 64 ssss-split $a <key >out 2>err
	done
'

t '--plain goes there and back in both schemes' '
	for s in gf256 gf65521; do
		for secret in secret "correct horse battery staple" "#%&lkXYt" x; do
			echo "$secret" | ssss-split --plain --scheme $s --password -k 3 -n 5 >shares
			[ "$(wc -l <shares)" = 5 ]
			sed "1s/.*/NULL/;4s/.*/NULL/" shares | ssss-join --plain --scheme $s --password -k 3 >back
			[ "$(cat back)" = "$secret" ]
		done
		echo 64AA67E55E5A52AC704B58BB0E1C2695 | ssss-split --plain --scheme $s --hex -k 2 -n 9 >shares
		[ "$(head -1 shares | wc -c)" = 33 ]
		[ "$(ssss-join --plain --scheme $s --hex <shares)" = 64aa67e55e5a52ac704b58bb0e1c2695 ]
	done
'

t 'gf65521 refuses what it cannot carry' '
	for h in fff1 ffff 0000fff1 12 123 123456 ""; do
		exits 65 sh -c "echo $h | ssss-split --plain --scheme gf65521 --hex -k 2 -n 3" >out 2>err
		[ ! -s out ]
	done
	echo fff00000 | ssss-split --plain --scheme gf65521 --hex -k 2 -n 3 >out
	exits 65 sh -c "printf \"\\377\\361\" | ssss-split --plain --scheme gf65521 --password -k 2 -n 3" >out 2>err
	exits 64 ssss-split --plain --scheme gf65521 --hex -k 2 -n 65521 <key 2>err
	echo 1234 | ssss-split --plain --scheme gf65521 --hex -k 2 -n 65520 >out
	[ "$(wc -l <out)" = 65520 ]
'

t '-o is whole or absent; a full disk is 74' '
	ssss-split -o f <key
	says "share=" f
	head -c 20 key >cut
	exits 65 ssss-split -o g <cut 2>err
	[ -z "$(ls g* 2>/dev/null)" ]
	exits 74 sh -c "ssss-split <key >/dev/full" 2>err
'

done_testing
