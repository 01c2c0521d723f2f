# shellcheck shell=bash
. "${0%/*}/lib.sh"

# Vectors are "testdata\n" under key 000102... and IV 000102..., as gLite's
# test suite has them, and shares that its own program made.
cat >say.eds <<'END'
# record ID CIPHER SHARE IV [NEEDED INDEX]: a line of eds(5)
record() {
	printf '%s\tedscipher=%s\tedskey=%s\tedsiv=%s\tedskeyinfo=%d' "$1" "$2" "$3" "$4" $((4 * ${#3}))
	[ $# -lt 5 ] || printf '\tedskeysneeded=%s\tedskeyindex=%s' "$5" "$6"
	echo
}
lines() { rec-list --lines; }
# digits N: 000102...
digits() { for ((i = 0; i < $1; i++)); do printf %02x $i; done; }
# old CIPHER KEY IV: encrypt as the original did
old() { openssl enc -provider legacy -provider default "-$1" -K "$2" -iv "$3"; }
bytes() { "$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$1"; }
guid() { printf 'mdm id v1%s' "$1" | sha256sum | cut -c1-32; }
umask 077
END
export BASH_ENV=$dir/say.eds

t 'vectors of the original are opened' '
	while read -r cipher n iv want; do
		record /a/b/c "$cipher" "$(digits "$n")" "$(digits "$iv")" | lines | eds-join >k
		bytes "$want" | mdm-decrypt --legacy --keys k >plain
		[ "$(cat plain)" = testdata ]
		printf "testdata\n" | old "$cipher" "$(digits "$n")" "$(digits "$iv")" | cmp - <(bytes "$want")
	done <<-END
	bf-cbc 16 8 d8c0b5060406565fe053d819f8dd2878
	aes-128-cbc 16 16 d41e722f45e31e9367bee5c3dd29a5e7
	aes-256-cbc 32 16 9e570d15454e90d92a101b1d2ca8957d
	END
'

t 'what openssl encrypts with any cipher comes back, whatever its length' '
	for c in "bf-cbc 16 8" "cast5-cbc 16 8" "des-ede3-cbc 24 8" "aes-192-cbc 24 16" "aes-256-cfb 32 16" "camellia256 32 16" "BF-CBC 16 8"; do
		set -- $c
		record x "$1" "$(digits "$2")" "$(digits "$3")" | lines | eds-join >k
		for n in 0 1 8 15 16 143 144 145 511 512 513 65536 200001; do
			head -c $n /dev/urandom >in
			old "$1" "$(digits "$2")" "$(digits "$3")" <in >c
			[ -s c ] || continue
			mdm-decrypt --legacy --keys k <c | cmp - in
		done
	done
	mdm-decrypt --legacy --keys k --head 100 <c | cmp - <(head -c 100 in)
	mdm-decrypt --legacy --keys k --head 100000 <c | cmp - <(head -c 100000 in)
'

t 'shares that the original made are joined; any two will do' '
	s=(c86a47f4 7eaf3970 34f42aec eb2a1c68 a16f0de4) # of 12345678
	for pair in "0 1" "1 4" "3 2"; do
		set -- $pair
		for i; do record id bf-cbc "${s[i]}${s[i]}" 0001020304050607 2 "$i"; done | lines | eds-join >k
		[ "$(cut -f 2 k | sed -n 1p)" = key=62662d6362630000010203040506071234567812345678 ]
	done
	[ "$(cut -f 1 k | sed -n 1p)" = "$(guid id)" ]
	says "	id=id$" k
'

t 'records that do not go together are set aside, each on its own' '
	s=(c86a47f4 7eaf3970 34f42aec eb2a1c68)
	iv=0001020304050607
	{
		for i in 0 1 2; do record good bf-cbc "${s[i]}${s[i]}" $iv 2 $i; done
		for i in 0 1; do record wrong bf-cbc "${s[i]}${s[i]}" $iv 2 $i; done
		record wrong bf-cbc "${s[3]}${s[3]}" $iv 2 2
		record few bf-cbc "${s[0]}${s[0]}" $iv 2 0
		record twice bf-cbc "${s[0]}${s[0]}" $iv 2 0
		record twice bf-cbc "${s[1]}${s[1]}" $iv 2 0
		record ivs bf-cbc "${s[0]}${s[0]}" $iv 2 0
		record ivs bf-cbc "${s[1]}${s[1]}" 0101020304050607 2 1
		record short aes-256-cbc "${s[0]}${s[0]}" "$(digits 16)"
		record iv bf-cbc "${s[0]}${s[0]}" "$(digits 16)"
		record unknown rot-13 "${s[0]}${s[0]}" $iv
		record aead aes-128-gcm "$(digits 16)" "$(digits 12)"
		record odd bf-cbc 12345 $iv
		record long bf-cbc "$(digits 65)" $iv
		record camellia camellia-256-cbc "$(digits 32)" "$(digits 16)"
		record "a%20b" bf-cbc "${s[0]}${s[0]}" $iv
		printf "none\n"
	} | lines >in
	exits 1 eds-join <in >k 2>err
	[ "$(cut -f 1 k)" = "$(guid good)
.end" ]
	for id in wrong few twice ivs short iv unknown aead odd long camellia none; do
		[ "$(grep -c "^eds-join: error: $id: " err)" = 1 ]
	done
	[ "$(wc -l <err)" = 13 ]
	silent "c86a47f4\|7eaf3970" err
	exits 65 eds-join < <(head -c 300 in) >k 2>err
	record few bf-cbc "${s[0]}${s[0]}" $iv 2 0 | lines >in
	exits 69 eds-join <in >k 2>err
'

t 'a key that the original damaged is repaired by the object' '
	iv=0001020304050607
	dicom() { head -c 128 /dev/zero; printf DICM; head -c "$1" /dev/zero; }
	for key in "fff1 0000" "ffff 000e" "0003 0003" "fff7fff20005ffff 000600010005000e"; do
		set -- $key
		true="$1$(digits 14 | cut -c1-$((32 - ${#1})))"
		kept=$(printf %s "$2" | sed s/05000e/05000e/)$(digits 14 | cut -c1-$((32 - ${#1})))
		[ ${#2} = ${#1} ] || kept="000600010005000e$(digits 14 | cut -c1-16)"
		record x bf-cbc "$kept" $iv | lines | eds-join >k
		for n in 0 8 100000; do
			dicom $n >in
			old bf-cbc "$true" $iv <in >c
			mdm-decrypt --legacy --keys k <c | cmp - in
		done
		printf "short\n" >in # no DICOM: then by its padding
		old bf-cbc "$true" $iv <in >c
		mdm-decrypt --legacy --keys k <c >out || [ ${#1} -gt 4 ]
		[ ${#1} -gt 4 ] || same in out
	done
'

t 'a wrong key, a cut and an empty object are 65' '
	head -c 5000 /dev/urandom >in
	record x aes-256-cbc "$(digits 32)" "$(digits 16)" | lines | eds-join >k
	old aes-256-cbc "$(digits 32)" "$(digits 16)" <in >c
	for n in 1 143 4999 5007; do
		rm -f out
		exits 65 mdm-decrypt --legacy --keys k -o out < <(head -c $n c) 2>err
		[ ! -e out ] || exits 65 false
	done
	exits 65 mdm-decrypt --legacy --keys k </dev/null 2>err
	# one in 256 wrong keys would pass
	bad=0
	for i in 1 2 3 4 5; do
		record x aes-256-cbc "0$i$(digits 31)" "$(digits 16)" | lines | eds-join >wrong
		mdm-decrypt --legacy --keys wrong <c >out 2>err || bad=$((bad + 1))
	done
	[ $bad -ge 3 ]
'

t 'keys of sealed objects are not legacy keys, nor the other way round' '
	echo hallo | mdm-encrypt --keys new >sealed
	exits 65 mdm-decrypt --legacy --keys new <sealed 2>err
	record x aes-256-cbc "$(digits 32)" "$(digits 16)" | lines | eds-join >k
	{ sed -n "s/	.*//p" new | sed 1q | tr "\n" "\t"; cut -f 2 k; } | grep -v "^.end" >mixed
	printf ".end\t1\n" >>mixed
	exits 65 mdm-decrypt --keys mixed <sealed 2>err
	says "not that of a sealed object" err
'

t 'a stream of old objects is opened by their names or GUIDs; the stores keep their keys' '
	. "$here/hydra.sh"
	stores 2 3
	iv=0001020304050607
	mkdir stream
	cd stream
	mkdir -p 1.2/3.4
	for n in 1 2 3; do
		head -c $((n * 70000)) /dev/urandom >1.2/3.4/$n
	done
	cp -r 1.2 plain
	for n in 1 2 3; do
		record /1.2/3.4/$n bf-cbc "0$n$(digits 15)" $iv
		old bf-cbc "0$n$(digits 15)" $iv <plain/3.4/$n >1.2/3.4/$n
	done | lines >records
	eds-join <records | ssss-split | hydra-put >ACK
	for n in 3 1 2; do guid /1.2/3.4/$n; done | lines >want
	rec-pack 1.2 | mdm-decrypt --legacy --keys /dev/fd/3 3< <(hydra-get <want | ssss-join) >opened
	rec-unpack -C out <opened
	diff -r plain out/1.2
	rm -r out
	sed -n 2,3p want | lines >two
	exits 1 mdm-decrypt --legacy --keys /dev/fd/3 3< <(hydra-get <two | ssss-join) < <(rec-pack 1.2) >opened 2>err
	says "1.2/3.4/3: no key" err
	[ "$(rec-list <opened | wc -l)" = 3 ]
	exits 64 mdm-decrypt --legacy -i k </dev/null
'
done_testing
