# shellcheck shell=bash
. "${0%/*}/lib.sh"

age-keygen -o id 2>/dev/null
to=$(grep -o 'age1.*' id)
# shellcheck disable=SC2154 # lib.sh sets it
vectors=$here/vectors/sealed
export to vectors
mkdir in
for n in 0 1 511 65535 65536 65537 262145 3000000; do
	head -c $n /dev/urandom >in/$n
done
rec-pack in >records
mdm-encrypt --keys keys -r "$to" <records >sealed
chmod 600 keys

t 'what age seals is opened' '
	for f in in/*; do
		age -r "$to" <"$f" | mdm-decrypt -i id | cmp - "$f"
	done
'
t 'every vector of sealed(5)' '
	for v in "$vectors"/[a-z]*[!y]; do
		sed "/^$/q" "$v" >head
		tail -c +$(($(wc -c <head) + 1)) "$v" >object
		field() { sed -n "s/^$1: //p" head; }
		want=$(field expect)
		if [ -n "$(field identity)" ]; then
			field identity >k
			set -- -i k
		else
			{ [ -z "$(field key)" ] || printf "%s\tkey=%s\n.end\t1\n" "$(field guid)" "$(field key)"; [ -n "$(field key)" ] || printf ".end\t0\n"; } >k
			set -- --keys k
		fi
		chmod 600 k
		exits "${want/ok/0}" mdm-decrypt "$@" <object >plain 2>err || { echo "in ${v##*/}"; cat err; false; }
		if [ "$want" = ok ]; then
			[ "$(sha256sum <plain | cut -c1-64)" = "$(field sha256)" ]
		fi
	done
	[ "$(find "$vectors" -type f ! -name make.py | wc -l)" -ge 60 ]
'
t 'an age of another make agrees about the vectors' '
	for v in "$vectors"/ok-escrow "$vectors"/ok-x25519; do
		sed "/^$/q" "$v" >head
		grep -h "^identity: " "$vectors"/ok-x25519 | sed "s/.*: //" >k
		tail -c +$(($(wc -c <head) + 1)) "$v" | age -d -i k >plain
		[ "$(sha256sum <plain | cut -c1-64)" = "$(sed -n "s/^sha256: //p" head)" ]
	done
'
t 'a stream comes back as it was' '
	mdm-decrypt --keys keys <sealed >opened
	mkdir out
	rec-unpack -C out <opened
	diff -r in out/in
	mdm-decrypt -i id <sealed | rec-list | cut -f1 >a
	rec-list <opened | cut -f1 >b
	same a b
'
t 'keys may come in another order, and more of them' '
	(umask 77; { head -8 keys | sort -r; printf "%032d\tkey=%064d\n.end\t9\n" 7 8; } >other)
	mdm-decrypt --keys other <sealed | rec-list | cut -f1 >a
	same a b
'
t 'every truncation of a small object is found' '
	mdm-encrypt -r "$to" <in/511 >c
	for ((i = 1; i < $(stat -c %s c); i++)); do
		exits 65 mdm-decrypt -i id < <(head -c $i c) >out1 2>err
		[ ! -s out1 ]
	done
'
t 'every flipped bit is found' '
	"$PYTHON" - <<-EOF
	import subprocess
	c = open("c", "rb").read()
	# (in its own stanza a recipient may look like somebody elses: 77)
	for i in list(range(0, len(c), 3)):
	    d = bytearray(c)
	    d[i] ^= 1 << i % 8
	    p = subprocess.run(["mdm-decrypt", "-i", "id"], input=bytes(d), capture_output=True)
	    assert p.returncode in (65, 77) and p.stdout == b"", (i, p)
	    assert p.returncode == 65 or i < 120, i
	EOF
'
t 'what was written before the damage is authentic' '
	mdm-encrypt -r "$to" <in/3000000 >c
	exits 65 mdm-decrypt -i id < <(head -c 2000000 c) >part 2>err
	cmp -n "$(stat -c %s part)" part in/3000000
	[ "$(($(stat -c %s part) % 65536))" = 0 ]
	exits 65 mdm-decrypt -i id -o whole < <(head -c 2000000 c) 2>err
	[ ! -e whole ]
'
t '--head writes the first bytes, and needs no more than their chunks' '
	for n in 0 1 100 65535 65536 65537 200000 2999999 3000000 4000000; do
		mdm-decrypt --head $n -i id <c | cmp - <(head -c $n in/3000000)
		mdm-decrypt --head $n --keys keys <sealed >h
		mkdir h.$n
		rec-unpack -C h.$n <h
		for f in in/*; do
			cmp "h.$n/$f" <(head -c $n "$f")
		done
	done
	printf x | dd of=c bs=1 seek=2500000 conv=notrunc status=none
	mdm-decrypt --head 100000 -i id <c | cmp - <(head -c 100000 in/3000000)
	exits 65 mdm-decrypt --head 2990000 -i id <c >/dev/null 2>err
'
t 'a record without its key is set aside, the others served' '
	(umask 77; { sed -n "1p;3,8p" keys; printf ".end\t7\n"; } >some)
	exits 1 mdm-decrypt --keys some <sealed >opened 2>err
	[ "$(rec-list <opened | wc -l)" = 8 ]
	says "in/.*: no key" err
	(umask 77; printf ".end\t0\n" >none)
	exits 77 mdm-decrypt --keys none <sealed >opened 2>err
	[ "$(rec-list <opened)" = "$(printf ".end\t0")" ]
	exits 77 mdm-decrypt --keys none <c 2>err
'
t 'answers of the key stores are told apart' '
	for e in denied:1 missing:1 wrong:1; do
		(umask 77; sed "2s/key=.*/error=${e%:*}/" keys >some)
		exits ${e#*:} mdm-decrypt --keys some <sealed >opened 2>err
		[ "$(rec-list <opened | wc -l)" = 8 ]
	done
	for e in denied:77 missing:77 wrong:65; do
		(umask 77; sed "s/key=.*/error=${e%:*}/" keys >some)
		exits ${e#*:} mdm-decrypt --keys some <sealed >opened 2>err
		[ "$(wc -l <err)" = 8 ]
	done
'
t 'a wrong key is 65' '
	(umask 77; sed "s/key=.*/key=$(printf %064d 9)/" keys >wrong)
	exits 65 mdm-decrypt --keys wrong <sealed >opened 2>err
	says "does not open" err
'
t 'a ciphertext under another name is found' '
	"$PYTHON" - sealed swapped <<-EOF
	import sys, tarfile
	a, b = tarfile.open(sys.argv[1]), tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT)
	m = a.getmembers()
	k = "SCHILY.xattr.user.mdm.guid"
	x, y = [e for e in m if e.name in ("in/1", "in/511")]
	x.pax_headers[k], y.pax_headers[k] = y.pax_headers[k], x.pax_headers[k]
	for e in m:
	    b.addfile(e, a.extractfile(e))
	b.close()
	EOF
	exits 1 mdm-decrypt --keys keys <swapped >opened 2>err
	[ "$(grep -c "another object" err)" = 2 ]
	[ "$(rec-list <opened | wc -l)" = 7 ]
'
t 'a damaged record is withdrawn, the others pass' '
	"$PYTHON" - sealed damaged <<-EOF
	import sys
	d = bytearray(open(sys.argv[1], "rb").read())
	d[-1000000] ^= 1
	open(sys.argv[2], "wb").write(d)
	EOF
	exits 1 mdm-decrypt --keys keys <damaged >opened 2>err
	says "altered" err
	[ "$(wc -l <err)" = 1 ]
	[ "$(rec-list <opened | wc -l)" = 8 ]
	rm -rf out
	mkdir out
	rec-unpack -C out <opened
	[ "$(find out -type f | wc -l)" = 7 ]
'
t 'a withdrawn record stays withdrawn, and is nobody else'"'"'s complaint' '
	mdm-encrypt --keys k2 <opened >again 2>err
	says "^.end.7$" k2
	mdm-decrypt --keys k2 <again >twice 2>err
	[ ! -s err ]
	[ "$(rec-list <twice | wc -l)" = 8 ]
'
t 'streams and keys that were cut are 65' '
	exits 65 mdm-decrypt --keys keys < <(head -c 300000 sealed) >opened 2>err
	exits 65 rec-list <opened >/dev/null 2>err
	(umask 77; head -8 keys >cut)
	exits 65 mdm-decrypt --keys cut <sealed >opened 2>err
	exits 65 rec-list <opened >/dev/null 2>err
'
t 'keys and identities that others may read are refused' '
	cp keys open
	chmod 644 open
	exits 77 mdm-decrypt --keys open <sealed 2>err
	cp id open
	chmod 644 open
	exits 77 mdm-decrypt -i open <sealed 2>err
'
t 'what is not ours is said by name' '
	exits 65 mdm-decrypt -i id < <(head -c 100 /dev/zero) 2>err
	says "not an age file" err
	exits 65 mdm-decrypt -i id < <(age -a -r "$to" <in/1) 2>err
	says armor err
	exits 65 mdm-decrypt -i id </dev/null 2>err
	says empty err
	exits 64 mdm-decrypt <sealed 2>err
	exits 64 mdm-decrypt -i id --keys keys <sealed 2>err
'
t 'a full disk is said' '
	exits 74 mdm-decrypt --keys keys <sealed >/dev/full 2>err
	exits 74 mdm-decrypt -i id < <(age -r "$to" <in/3000000) >/dev/full 2>err
'
done_testing
