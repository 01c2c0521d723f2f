#!/bin/bash
. "${0%/*}/lib.sh"

printf hello >a
: >'b c'
printf 'x' >$'new\nline'
printf 'y' >$'\377'
mkdir -p d/e
printf 'one' >d/1
printf 'two' >d/e/2
ln -s ../a d/link
printf '3' >.end

t 'paths become records; GNU tar and Python list them' '
	rec-pack a "b c" $'"'new\nline'"' $'"'\377'"' .end >s.rec
	tar tf s.rec >tar.out 2>/dev/null
	[ "$(wc -l <tar.out)" -eq 6 ]
	$PYTHON -c "
import tarfile
t = tarfile.open(\"s.rec\")
assert t.extractfile(\"a\").read() == b\"hello\"
m = t.getmember(\"a\")
assert m.pax_headers[\"SCHILY.xattr.user.mdm.via\"].startswith(\"rec-pack/\")
assert t.extractfile(\".end\").read() == b\"5\n\"
assert t.extractfile(\"%2Eend\").read() == b\"3\"
"
'

t 'tar x gives the files back' '
	mkdir x
	tar xf s.rec -C x 2>/dev/null
	same a x/a
	same $'"'new\nline'"' x/$'"'new\nline'"'
'

t 'a directory is walked in order, links below it are not followed' '
	rec-pack d >d.rec 2>err
	tar tf d.rec >got
	printf "%s\n" d/1 d/e/2 .end >want
	same want got
	says "1 links and special files" err
'

t 'lists: by line, by NUL, from standard input' '
	printf "a\nd/1\n" >list
	rec-pack -T list >1.rec
	printf "a\0d/1\0" | rec-pack -0 -T - >2.rec
	same 1.rec 2.rec
	rec-pack -T /dev/fd/7 7<list >3.rec
	same 1.rec 3.rec
	printf "new\nline\0" | rec-pack -0 -T - | rec-list | says "^new%0Aline" /dev/stdin
	exits 64 rec-pack -0 a
'

t 'a tar on standard input, whoever made it' '
	tar --sort=name -cf - a d | rec-pack >t.rec
	tar tf t.rec >got
	printf "%s\n" a d/1 d/e/2 .end >want
	same want got
	truncate -s 300000 hole && printf end >>hole
	tar --sparse -cf - hole | rec-pack | rec-unpack -C sparse
	same hole sparse/hole
	tar --sparse --format=pax -cf - hole | rec-pack | rec-unpack -C sparse2
	same hole sparse2/hole
	head -c 2000 /dev/urandom >noise
	exits 65 rec-pack <noise 2>err
	exits 65 rec-pack </dev/null 2>err
	tar cf cut.tar a "b c" && head -c 1024 cut.tar >cut
	exits 65 rec-pack <cut >/dev/null
'

t 'names do not begin outside' '
	rec-pack "$PWD/a" ./a d/../a >n.rec
	tar tf n.rec >got
	printf "%s\n" "${PWD#/}/a" a d/../a .end >want
	same want got
'

t 'what cannot be read is named, the rest is packed, exit 1' '
	mkfifo pipe
	exits 1 rec-pack a missing pipe >m.rec 2>err
	rec-list <m.rec >got
	[ "$(wc -l <got)" -eq 2 ]
	says "^rec-pack: error: missing: No such file" err
	says "^rec-pack: error: pipe: not a regular file" err
'

t 'no paths are an empty stream; empty stdin is not one' '
	: >none
	rec-pack -T none >e.rec
	rec-list <e.rec >got
	printf ".end\t0\n" >want
	same want got
'

t 'a file larger than what is held, byte for byte' '
	head -c 5000000 /dev/urandom >big
	rec-pack big | rec-unpack -C out
	same big out/big
'

t 'a full disk is 74, a wrong option 64; -o is whole or absent' '
	exits 74 sh -c "rec-pack a >/dev/full" 2>err
	exits 74 sh -c "rec-pack --help >/dev/full"
	exits 64 rec-pack --nope
	exits 64 rec-pack -o x -o y a 2>err
	says "given twice" err
	exits 1 rec-pack -o part.rec missing
	rec-pack -o whole.rec a
	rec-list <whole.rec >/dev/null
	[ -z "$(find . -name ".whole*")" ]
	mkdir ro
	exits 74 rec-pack -o ro/no/x.rec a 2>err
	says "ro/no/x.rec" err
'

done_testing
