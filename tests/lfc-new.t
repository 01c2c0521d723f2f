#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 4 >a.rec
objects 4 1000 b >b.rec
objects 4 1000 c other >other.rec

t 'what is new passes, with a generation and a lease' '
	site one
	lfc-new <a.rec >out
	rec-list <out >list
	[ "$(tail -n 1 list)" = ".end	4" ]
	[ "$(field gen list | sort -u)" = 1 ]
	[ "$(field lease list | sort -u | grep -cx "[0-9a-f]\{32\}")" -eq 1 ]
	mkdir x && tar -C x -xf out
	[ "$(sql "select count(*) from lease")" -eq 1 ]
'

t 'what is registered is skipped, counted and named' '
	site two
	ingest a.rec
	lfc-new -v --skipped names <b.rec >out 2>err
	[ "$(rec-list <out)" = ".end	0" ]
	says "0 passed, 4 registered already, 0 set aside" err
	[ "$(tail -n 1 names)" = ".end	4" ]
	[ "$(sql "select count(*) from lease")" -eq 0 ]
'

t 'another object of a name is set aside, or superseded' '
	site three
	ingest a.rec
	exits 1 lfc-new <other.rec >out 2>err
	[ "$(grep -c "another object of this name" err)" -eq 4 ]
	[ "$(grep -c "hint: --supersede" err)" -eq 1 ]
	[ "$(rec-list <out)" = ".end	0" ]
	lfc-new --supersede <other.rec | rec-list >list
	[ "$(field gen list | sort -u)" = 2 ]
	lfc-new --supersede <b.rec | rec-list >list
	[ "$(cat list)" = ".end	0" ]
'

t 'a digest that comes after a large body is waited for' '
	site four
	ingest a.rec
	objects 1 3000000 d >big.rec
	$PYTHON - <<-END
	import io, tarfile
	def late(src, dst, plain):
	    a = tarfile.open(src)
	    t = tarfile.open(dst, "w", format=tarfile.PAX_FORMAT)
	    m = a.getmembers()[0]
	    body = a.extractfile(m).read()
	    p = "SCHILY.xattr.user.mdm."
	    h = dict(m.pax_headers)
	    was = h.pop(p + "plain")
	    m.pax_headers = dict(h, **{p + "rec.more": "1"})
	    t.addfile(m, io.BytesIO(body))
	    m.name += ".part1"
	    m.size = 0
	    m.pax_headers = {p + "rec.part": "1", p + "plain": plain or was}
	    t.addfile(m, io.BytesIO(b""))
	    e = a.getmembers()[1]
	    e.pax_headers = {}
	    t.addfile(e, io.BytesIO(b"1\n"))
	    t.close()
	late("big.rec", "late.rec", None)
	late("big.rec", "wrong.rec", "0" * 64)
	END
	[ "$(lfc-new <late.rec | rec-list)" = ".end	0" ]
	exits 1 lfc-new <wrong.rec >out 2>err
	says "another object" err
	lfc-new --supersede <late.rec | rec-list >list
	[ "$(field gen list)" = 2 ]
	[ "$(field plain list)" = "$(rec-list <late.rec | field plain /dev/stdin)" ]
	site fresh
	lfc-new <late.rec | rec-list >list
	[ "$(field gen list)" = 1 ]
	[ "$(field plain list | wc -c)" -eq 65 ]
'

t 'a second record of a name is set aside' '
	site five
	$PYTHON - <<-END
	import tarfile
	a = tarfile.open("a.rec")
	t = tarfile.open("twice.rec", "w", format=tarfile.PAX_FORMAT)
	import io
	m = a.getmembers()
	for i in m[0], m[1], m[0]:
	    t.addfile(i, a.extractfile(i))
	m[4].pax_headers = {}
	t.addfile(m[4], io.BytesIO(b"3\n"))
	t.close()
	END
	exits 1 lfc-new <twice.rec >out 2>err
	says "1.2.0.0: a second record of this name" err
	[ "$(rec-list <out | tail -n 1)" = ".end	2" ]
'

t 'names that lead nowhere good are set aside' '
	site six
	$PYTHON - <<-END
	import io, tarfile
	t = tarfile.open("names.rec", "w", format=tarfile.PAX_FORMAT)
	n = ["../x", "a//b", "a/./b", "/abs/x", "a/" + "y" * 256, "/".join("z" * 70)]
	for i in n + ["ok"]:
	    t.addfile(tarfile.TarInfo(i), io.BytesIO(b""))
	e = tarfile.TarInfo(".end")
	e.size = 2
	t.addfile(e, io.BytesIO(b"%d\n" % (len(n) + 1)))
	t.close()
	END
	exits 1 lfc-new <names.rec >out 2>err
	[ "$(rec-list <out | cut -f 1 | sed -n 1p)" = ok ]
	[ "$(grep -c error: err)" -eq 6 ]
'

t 'an input that is cut is 65, at any byte, and no lease stays' '
	site seven
	size=$(wc -c <a.rec)
	for ((n = 0; n < size; n += 389)); do
		head -c "$n" a.rec >cut
		exits 65 lfc-new <cut >out 2>err
	done
	[ "$(sql "select count(*) from lease")" -eq 0 ]
'

t 'a lease that has expired while it ran is exit 75' '
	site eight
	mkfifo slow
	exits 75 lfc-new --lease-ttl 1 <slow >out 2>err &
	exec 4>slow
	head -c 4096 a.rec >&4
	until sql "update lease set expires = 0; select count(*) from lease" 2>/dev/null | grep -qx 1; do :; done
	now=$(date +%s)
	while [ "$(date +%s)" -le "$((now + 1))" ]; do :; done
	tail -c +4097 a.rec >&4 || :
	exec 4>&-
	wait $!
	says "lease expired" err
'

t 'a catalogue that is damaged, locked or no catalogue' '
	embedded || exit 0
	site nine
	mkdir nine
	head -c 8192 /dev/urandom >nine/catalogue.sqlite
	exits 65 lfc-new <a.rec >out 2>err
	[ "$(wc -l <err)" -eq 1 ]
	rm nine/catalogue.sqlite
	sql "create table mdm_schema (application text, version bigint);
		insert into mdm_schema values (\"mdm store\", 1)"
	exits 65 lfc-new <a.rec >out 2>err
	rm nine/catalogue.sqlite
	ingest a.rec
	mkfifo hold
	sqlite3 nine/catalogue.sqlite <hold >held &
	exec 5>hold
	echo "begin exclusive; select 1;" >&5
	until [ -s held ]; do :; done
	export MDM_LOCK_WAIT=0.1
	exits 75 lfc-new <other.rec --supersede >out 2>err
	says "locked" err
	exec 5>&-
	wait
'

t 'a full disk is 74, usage is 64' '
	site ten
	exits 74 sh -c "lfc-new <a.rec >/dev/full" 2>err
	exits 64 lfc-new x <a.rec 2>err
	exits 64 lfc-new --lease-ttl 0 <a.rec 2>err
	exits 64 lfc-new --catalogue nix: <a.rec 2>err
'

done_testing
