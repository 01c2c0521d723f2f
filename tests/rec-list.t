#!/bin/bash
. "${0%/*}/lib.sh"

printf hello >a
: >'b c'
rec-pack a 'b c' >two.rec

t 'a record becomes one line of plain words' '
	rec-list <two.rec | sed "s,\tvia=[^\t]*,," >got
	cat >want <<-\EOF
	a	size=5	sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824	adler32=062c0215
	b%20c	size=0	sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855	adler32=00000001
	.end	2
	EOF
	sed -i "s/^[ \t]*//" want
	same want got
'

t 'a stream cut at any byte is refused with 65' '
	size=$(stat -c %s two.rec)
	for ((n = 0; n < size; n += n % 64 == 63 ? 1 : n % 64 == 0 ? 1 : 31)); do
		head -c "$n" two.rec >cut
		exits 65 rec-list <cut >/dev/null 2>err
	done
	head -c 2048 two.rec >cut
	tar tf cut >/dev/null
	exits 65 rec-list <cut 2>err >/dev/null
	says "cut short" err
'

t 'anything after the end is refused, zeros in whole blocks are not' '
	{ cat two.rec; head -c 10240 /dev/zero; } | rec-list >/dev/null
	exits 65 rec-list < <(cat two.rec; head -c 100 /dev/zero) >/dev/null
	exits 65 rec-list < <(cat two.rec; echo x) >/dev/null
	exits 65 rec-list < <(cat two.rec two.rec) >/dev/null
'

t 'a wrong count is refused' '
	mkdir w && printf "3\n" >w/.end
	tar -C w -cf e.tar .end
	{ head -c 3584 two.rec; cat e.tar; } >wrong
	exits 65 rec-list <wrong >/dev/null 2>err
	says "wrong count" err
'

t 'other kinds of members are refused' '
	mkdir -p k/d && printf "1\n" >k/.end && ln -s x k/l
	for what in d l; do
		tar -C k -cf k.tar $what .end
		exits 65 rec-list <k.tar >/dev/null 2>err
		says "not a regular file" err
	done
'

t 'the writer never sees SIGPIPE' '
	{ cat two.rec; head -c 3000000 /dev/zero; } | rec-list >/dev/null || :
	[ "${PIPESTATUS[0]}" -eq 0 ]
'

t 'an attribute with any bytes is a word' '
	$PYTHON -c "
import tarfile, io, sys
t = tarfile.open(\"x.rec\", \"w\", format=tarfile.PAX_FORMAT)
m = tarfile.TarInfo(\"n\"); m.size = 1
m.pax_headers = {\"SCHILY.xattr.user.mdm.k\": \"a\tb%\"}
t.addfile(m, io.BytesIO(b\"z\"))
m = tarfile.TarInfo(\".end\"); m.size = 2
t.addfile(m, io.BytesIO(b\"1\n\"))
t.close()"
	rec-list <x.rec >got
	says "	k=a%09b%25	" got
'

t '--lines puts back a last line that fits' '
	rec-list <two.rec | sort -r >sorted
	rec-list --lines <sorted >got
	[ "$(tail -n 1 got)" = "$(printf ".end\t2")" ]
	grep -v "^b" got | rec-list --lines | tail -n 1 | says "^.end	1$" /dev/stdin
	printf "a\tb=c" >cut
	exits 65 rec-list --lines <cut
'

t 'a full disk is 74, -o leaves nothing behind on failure' '
	exits 74 sh -c "rec-list <two.rec >/dev/full" 2>err
	head -c 2048 two.rec >cut
	exits 65 rec-list -o man <cut 2>err
	[ -z "$(find . -name "*man*")" ]
	rec-list -o man <two.rec
	[ "$(wc -l <man)" -eq 3 ]
	exits 64 rec-list operand
'

done_testing
