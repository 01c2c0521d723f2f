#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

objects 4 >a.rec
objects 2 3000000 big >big.rec

t 'up: objects under their GUIDs, lines with their sums' '
	srm-copy --to file:up <a.rec >M
	[ "$(tail -n 1 M)" = ".end	4" ]
	for i in 1 2 3 4; do
		guid=$(field guid M | sed -n ${i}p)
		path=up/${guid:0:2}/$guid
		[ "$(field surl M | sed -n ${i}p)" = "file:$PWD/$path" ]
		[ "$(field sha256 M | sed -n ${i}p)" = "$(sha256sum <$path | cut -d " " -f 1)" ]
		[ "$(field size M | sed -n ${i}p)" = "$(stat -c %s $path)" ]
		[ "$(stat -c %a $path)" = 600 ]
	done
	$PYTHON -c "
import zlib, sys
for l in open(\"M\"):
    f = dict(x.split(\"=\", 1) for x in l.split()[1:] if \"=\" in x)
    if f: assert \"%08x\" % zlib.adler32(open(f[\"surl\"][5:], \"rb\").read()) == f[\"adler32\"]"
	[ -z "$(ls up/.incoming)" ]
	[ "$(field pseudonym M | sort -u)" = P%201 ]
'

t 'down: the same records, with the fields as attributes' '
	for f in a big; do
		srm-copy --to file:st <$f.rec >M
		srm-copy --from --allow file:st <M >back
		rec-list <$f.rec | cut -f 1 >want
		rec-list <back >list
		cut -f 1 list >got
		same want got
		[ "$(field guid list | sed -n 1p)" = "$(field guid M | sed -n 1p)" ]
		[ "$(field sha256 list)" = "$(field sha256 M)" ]
	done
	MDM_STORAGE=file:$PWD/st srm-copy --from <M | cmp - back
'

t 'the same object again is the same; another of its GUID is refused' '
	srm-copy --to file:again <a.rec >M
	srm-copy --to file:again <a.rec >M2
	same M M2
	guid=$(field guid M | sed -n 1p)
	path=again/${guid:0:2}/$guid
	echo x >>$path
	before=$(sha256sum <$path)
	exits 1 srm-copy --to file:again <a.rec >M2 2>err
	says "1.2.0.0: the storage has another object of its GUID" err
	[ "$(tail -n 1 M2)" = ".end	3" ]
	[ "$before" = "$(sha256sum <$path)" ]
	[ -z "$(ls again/.incoming)" ]
'

t 'what was not encrypted does not go to a storage' '
	mkdir plain && echo hello >plain/x
	exits 65 sh -c "rec-pack plain | srm-copy --to file:none >M" 2>err
	says "not encrypted" err
	[ -z "$(find none -type f)" ]
'

t 'a record that is withdrawn leaves nothing' '
	$PYTHON - <<-END
	import io, tarfile
	a = tarfile.open("big.rec")
	t = tarfile.open("void.rec", "w", format=tarfile.PAX_FORMAT)
	p = "SCHILY.xattr.user.mdm."
	m = a.getmembers()
	h = dict(m[0].pax_headers)
	body = a.extractfile(m[0]).read()
	name = m[0].name
	m[0].pax_headers = dict(h, **{p + "rec.more": "1"})
	t.addfile(m[0], io.BytesIO(body))
	v = tarfile.TarInfo(name + ".part1")
	v.pax_headers = {p + "rec.part": "1", p + "rec.void": "1"}
	t.addfile(v, io.BytesIO(b""))
	t.addfile(m[1], a.extractfile(m[1]))
	e = tarfile.TarInfo(".end"); e.size = 2
	t.addfile(e, io.BytesIO(b"1\n"))
	t.close()
	END
	srm-copy --to file:void <void.rec >M
	[ "$(tail -n 1 M)" = ".end	1" ]
	[ "$(find void -type f | wc -l)" -eq 1 ]
'

t 'cut input is 65, and no partial object has a name' '
	size=$(wc -c <a.rec)
	for ((n = 0; n < size; n += 487)); do
		head -c "$n" a.rec >cut
		exits 65 srm-copy --to file:cutdir <cut >M 2>err
	done
	[ -z "$(find cutdir -path "*/??/??/*" -type f ! -size 1000c)" ]
	srm-copy --to file:cutdir <a.rec >M
	size=$(wc -c <M)
	for ((n = 0; n < size; n += 31)); do
		head -c "$n" M >part
		exits 65 srm-copy --from --allow file:cutdir <part >out 2>err
	done
'

t 'damage is found, the storage named, and nothing of it is passed' '
	for f in a big; do
		rm -rf hurt
		srm-copy --to file:hurt <$f.rec >M
		path=$(field surl M | sed -n 1p | cut -c 6-)
		$PYTHON - "$path" <<-END
		import sys
		f = open(sys.argv[1], "r+b"); f.seek(-1, 2); c = f.read(1)[0]
		f.seek(-1, 2); f.write(bytes([c ^ 1]))
		END
		exits 1 srm-copy --from --allow file:hurt <M >out 2>err
		says "the storage has it damaged (file:$PWD/hurt/" err
		[ "$(rec-list <out | grep -c "1.2.0.0	")" -eq 0 ]
		echo >>"$path"
		exits 1 srm-copy --from --allow file:hurt <M >out 2>err
		says "in another size" err
		rm "$path"
		exits 1 srm-copy --from --allow file:hurt <M >out 2>err
		says "has no such object" err
		head -n 1 M >one && printf ".end\t1\n" >>one
		exits 69 srm-copy --from --allow file:hurt <one >out 2>err
		[ "$(rec-list <out)" = ".end	0" ]
	done
'

t 'another replica takes over' '
	srm-copy --to file:r1 <a.rec >M
	srm-copy --to file:r2 <a.rec >M2
	paste M <(field surl M2 | sed "s/^/surl.2=/"; echo) | sed "/^.end/s/	\$//" >both
	rm -r r1/??
	srm-copy --from --allow file:r1 --allow file:r2 <both >out 2>err
	[ "$(rec-list <out | tail -n 1)" = ".end	4" ]
	says "warning: .*no such object.*another replica has it" err
'

t 'MDM_STORAGE may name several: the first is written to, all are read' '
	export MDM_STORAGE="file:one by one file:two  file:$PWD/three"
	srm-copy --to "" <a.rec >M
	srm-copy --to file:two <a.rec >M2 && mkdir three
	[ "$(field surl M | grep -c "^file:$PWD/one%20by%20one/")" -eq 4 ]
	for m in M M2; do srm-copy --from <$m | rec-list | tail -n 1; done >ends
	[ "$(sort -u ends)" = ".end	4" ]
	sed "1s,/two/,/four/," M2 >bad
	exits 1 srm-copy --from <bad >got 2>err
	[ "$(rec-list <got | tail -n 1)" = ".end	3" ]
'

t 'a surl leads nowhere else, by no link and no ..' '
	srm-copy --to file:jail <a.rec >M
	guid=$(field guid M | sed -n 1p)
	path=jail/${guid:0:2}
	cp $path/$guid secret
	mkdir out && cp secret out/$guid
	export MDM_STORAGE=file:jail
	for way in openat2 steps; do
		[ $way = openat2 ] || export MDM_NO_OPENAT2=1
		for surl in file:/etc/passwd file:$PWD/secret file:$PWD/jail/../secret file:$PWD/jail/aa/../../secret \
			file:$PWD/jailx/secret file:secret file:$PWD/jail https://example.org/x file:$PWD/jail/./../secret; do
			sed "1s,surl=[^	]*,surl=$surl," M >bad
			exits 1 srm-copy --from <bad >got 2>err
			[ "$(rec-list <got | tail -n 1)" = ".end	3" ]
		done
		rm -f $path/$guid && ln -s $PWD/secret $path/$guid
		exits 1 srm-copy --from <M >got 2>err
		says "through a link" err
		rm $path/$guid && mkfifo $path/$guid
		exits 1 srm-copy --from <M >got 2>err
		says "not a regular file" err
		rm $path/$guid && mv $path jail.moved && ln -s $PWD/out $path
		exits 1 srm-copy --from <M >got 2>err
		rm $path && mv jail.moved $path && cp secret $path/$guid
		srm-copy --from <M >got
	done
'

t 'killed at any moment and run again' '
	objects 300 20000 k >k.rec
	for i in 1 2 3 4 5 6; do
		srm-copy --to file:killed <k.rec >M 2>/dev/null & pid=$!
		for ((n = 0; n < i * 700; n++)); do :; done
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
	srm-copy --to file:killed <k.rec >M
	srm-copy --from --allow file:killed <M | rec-list | tail -n 1 >end
	[ "$(cat end)" = ".end	300" ]
'

t 'an idle input lets the lines out' '
	mkfifo in lines
	srm-copy --to file:idle <in >lines & pid=$!
	exec 4>in 5<lines
	head -c "$(($(wc -c <a.rec) - 5120))" a.rec >&4
	read -r line <&5
	[[ $line == 1.2/* ]]
	tail -c 5120 a.rec >&4
	exec 4>&-
	cat <&5 >rest
	wait "$pid"
	says "^.end" rest
'

t 'a full disk, a read-only place, usage' '
	exits 74 sh -c "srm-copy --to file:u <a.rec >/dev/full" 2>err
	srm-copy --to file:u <a.rec >M
	exits 74 sh -c "srm-copy --from --allow file:u <M >/dev/full" 2>err
	exits 74 srm-copy --to file:/proc/nix <a.rec 2>err
	[ "$(wc -l <err)" -eq 1 ]
	exits 64 srm-copy --to nix:x <a.rec 2>err
	exits 64 srm-copy --to file:u --from <M 2>err
	exits 74 srm-copy --from --allow file:none-such <M 2>err
'

if mkdir small && mount -t tmpfs -o size=1m none small 2>/dev/null; then
	t 'a storage that fills up: 74, and no partial object' '
		exits 74 srm-copy --to file:small <big.rec >M 2>err
		says "No space left" err
		[ -z "$(find small -type f)" ]
		silent "^.end" M
	'
	umount small
else
	t 'a storage that fills up # SKIP cannot mount a tmpfs here' ':'
fi

done_testing
