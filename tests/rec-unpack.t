#!/bin/bash
. "${0%/*}/lib.sh"

# hostile NAME...: a stream of records with these names, each holding "evil"
cat >hostile <<'EOF2'
import sys, tarfile, io
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
for n in sys.argv[1:]:
    m = tarfile.TarInfo(n)
    m.size = 4
    t.addfile(m, io.BytesIO(b"evil"))
m = tarfile.TarInfo(".end")
b = b"%d\n" % (len(sys.argv) - 1)
m.size = len(b)
t.addfile(m, io.BytesIO(b))
t.close()
EOF2
hostile() { $PYTHON hostile "$@"; }
export -f hostile

t 'records become files, directories are made' '
	mkdir -p in/s/t && printf 1 >in/s/t/1 && printf 2 >in/2
	(cd in && rec-pack s 2) | rec-unpack -C out
	diff -r in out
	[ "$(find out -name ".*" -type f)" = "" ]
'

t 'a name that leads outside is refused, the others are written' '
	hostile ../x /abs a/../../x ./y a//b . good >h.rec
	exits 1 rec-unpack -C safe <h.rec 2>err
	[ "$(find safe -type f)" = safe/good ]
	[ ! -e x ] && [ ! -e /abs ]
	[ "$(grep -c "not a safe name" err)" -ge 5 ]
	hostile ../x >h.rec
	exits 65 rec-unpack -C safe2 <h.rec 2>err
'

t 'nothing is written through a symbolic link' '
	mkdir -p ln outside
	ln -s ../outside ln/dir
	printf keep >outside/f
	ln -s ../outside/f ln/file
	hostile dir/f file >h.rec
	exits 1 rec-unpack -C ln <h.rec 2>err
	[ "$(cat outside/f)" = keep ]
	[ "$(cat ln/file)" = evil ] && [ ! -L ln/file ]
	says "^rec-unpack: error: dir/f: " err
'

t 'a file stands where a directory should: named, exit 1' '
	mkdir -p fd && : >fd/a
	hostile a/b ok >h.rec
	exits 1 rec-unpack -C fd <h.rec 2>err
	says "a/b: cannot enter" err
	[ -e fd/ok ]
'

t 'names with newlines and bytes beyond ASCII come back' '
	mkdir odd
	printf 1 >odd/$'"'new\nline'"'; printf 2 >odd/$'"'\377'"'; printf 3 >odd/é
	(cd odd && rec-pack .) | rec-unpack -C odd2
	diff -r odd odd2
'

t 'a cut stream is 65 and leaves no partial file' '
	head -c 3000000 /dev/urandom >big
	rec-pack big >b.rec
	head -c 2000000 b.rec >cut
	exits 65 rec-unpack -C part <cut 2>err
	[ -z "$(find part -type f)" ]
'

t 'a read-only or full place is 74, named' '
	mkdir f && mount -t tmpfs -o size=1m none f 2>/dev/null || {
		echo "cannot mount here: /dev/full stands in" >&2; rmdir f; ln -s /dev/full f; }
	rec-pack big >b.rec
	exits 74 rec-unpack -C f <b.rec 2>err || { umount f; false; }
	left=$(find f/ -type f 2>/dev/null) || :
	umount f 2>/dev/null || :
	[ -z "$left" ]
	says "^rec-unpack: error: " err
'

done_testing
