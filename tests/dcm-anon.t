#!/bin/bash
. "${0%/*}/lib.sh"

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
export data
dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key

t 'a site key is for its owner, and never written over' '
	[ "$(stat -c %a key)" = 600 ]
	[ "$(wc -c <key)" = 80 ]
	cp key before
	exits 74 dcm-anon --new-site-key key 2>err
	same before key
'

t 'no site key: an error that says how to make one' '
	exits 77 env -u MDM_SITE_KEY dcm-anon <"$data/CT_small.dcm" >out 2>err
	says "site.key: no site key" err
	says "^dcm-anon: hint: dcm-anon --new-site-key" err
'

t 'a site key that others may read is refused' '
	cp key open
	chmod 644 open
	exits 77 dcm-anon -k open <"$data/CT_small.dcm" >out 2>err
	says "chmod 600" err
	echo nonsense >bad
	chmod 600 bad
	exits 65 dcm-anon -k bad <"$data/CT_small.dcm" >out 2>err
'

t 'one object in, one object out, readable, twice the same' '
	dcm-anon <"$data/CT_small.dcm" >one.dcm
	dcm-anon -o two.dcm <"$data/CT_small.dcm"
	same one.dcm two.dcm
	dcmdump one.dcm >dump
	says "(0012,0062) CS .YES." dump
	says "(0008,0100) SH .113100." dump
	says "(0028,0303) CS .REMOVED." dump
	silent "CompressedSamples\|(0009,\|(0043," dump
'

t 'every file of pydicom comes out readable, or is set aside with a reason' '
	find "$data" -type f | LC_ALL=C sort | rec-pack -T - >all.rec
	exits 1 dcm-anon --accept us,sc,hidden --rejects aside <all.rec >anon.rec 2>err
	all=$(rec-list <all.rec | wc -l) some=$(rec-list <anon.rec | wc -l)
	[ "$((all - 1))" -eq "$((some - 1 + $(wc -l <aside) - 1))" ]
	[ "$some" -gt 40 ]
	[ "$(grep -c "reason=..*" aside)" -eq "$(($(wc -l <aside) - 1))" ]
	rec-unpack -C all <anon.rec
	$PYTHON - all <<-\EOF
	import pathlib, subprocess, sys, pydicom
	for f in pathlib.Path(sys.argv[1]).rglob("*"):
	    if f.is_file():
	        subprocess.run(["dcmdump", "-q", f], check=True,
	                       stdout=subprocess.DEVNULL)
	        ds = pydicom.dcmread(f)
	        list(ds.iterall())
	        want = [ds.StudyInstanceUID, ds.SeriesInstanceUID,
	                ds.SOPInstanceUID]
	        assert list(f.parts[-3:]) == want, f
	EOF
'

t 'of all that identifies nothing survives, wherever it is' '
	"$here/canaries" make planted
	[ "$(ls planted | wc -l)" = 25 ]
	exits 1 "$here/canaries" check planted/* >/dev/null
	mkdir clean
	for f in planted/*; do
		dcm-anon --accept sc <$f >clean/${f##*/}
		dcmdump -q clean/${f##*/} >dump 2>&1
		silent "^[EW]:" dump
	done
	"$here/canaries" check clean/*
	# and what need not go stays
	dcmdump clean/explicit-hidden.dcm >dump
	says "(0018,1020) LO .v1. " dump
	says "(0008,0100) SH .OK. " dump
	says "(0008,1155) UN" dump
	says "(0028,0010) US 16 " dump
'

t 'one map of UIDs and patients over files and runs; others under another key' '
	dcm-anon --new-site-key other
	dcm-anon --accept sc <planted/explicit-top.dcm >a
	dcm-anon --accept sc <planted/implicit-top.dcm >b
	dcm-anon --accept sc -k other <planted/implicit-top.dcm >c
	for f in a b c; do
		dcmdump -s +P 0010,0020 +P 0020,000d +P 0020,000e \
		    +P 0008,0018 $f | grep -o "\[.*\]" >$f.ids
		[ "$(wc -l <$f.ids)" -ge 4 ]
	done
	for id in $(head -4 b.ids); do
		says "$(tr -d "[]" <<<"$id")" a.ids
		silent "$(tr -d "[]" <<<"$id")" c.ids
	done
'

t 'a record says who it is, and nothing of where it came from' '
	mkdir "Doe^John"
	cp "$data/CT_small.dcm" "Doe^John/1962.dcm"
	rec-pack "Doe^John" | dcm-anon >one.rec
	silent "Doe\|1962" one.rec
	rec-list <one.rec | sed -n 1p | tr "\t" "\n" >fields
	for k in study series sop modality=CT pseudonym=P profile plain via=dcm-anon; do
		says "^$k" fields
	done
	study=$(sed -n s/^study=//p fields) sop=$(sed -n s/^sop=//p fields)
	[ "$(head -1 fields | cut -d/ -f1,3)" = "$study/$sop" ]
	rec-pack "Doe^John" | dcm-anon | cmp - one.rec
'

t 'what manifests say is chosen, and never more than the object says' '
	said() {
		rec-pack "$data/CT_small.dcm" | dcm-anon "$@" | rec-list | sed -n 1p | tr "\t" "\n" |
			sed "1d; s/=.*//" | grep -v "^study$\|^series$\|^sop$\|^plain$\|^profile$\|^via$\|^size$\|^sha256$\|^adler32$" |
			sort | tr "\n" " "
	}
	[ "$(said)" = "modality pseudonym " ]
	[ "$(said --catalogue-fields none)" = "" ]
	[ "$(said --catalogue-fields modality)" = "modality " ]
	all=modality,pseudonym,body-part,study-date,acquisition-date,sex,age,laterality,sop-class,manufacturer,model,study-description,series-description,protocol
	said --catalogue-fields $all >out
	silent "study-date\|sex\|age\|study-description" out
	says "^manufacturer modality model pseudonym sop-class " out
	said --catalogue-fields study-date --option retain-longitudinal-modified-dates >out
	[ "$(cat out)" = "study-date " ]
	rec-pack "$data/CT_small.dcm" | dcm-anon --catalogue-fields study-date --option retain-longitudinal-modified-dates >moved.rec
	now=$(rec-list <moved.rec | tr "\t" "\n" | sed -n s/^study-date=//p | sed -n 1p)
	[[ $now =~ ^[0-9]{8}$ ]]
	[ "$now" != 20040119 ]
	exits 64 dcm-anon --catalogue-fields nothing </dev/null 2>err
	says "nothing: no such field" err
	exits 64 dcm-anon --catalogue-fields modality, </dev/null 2>err
'

t 'pixels come out as they went in, in every syntax that is there' '
	$PYTHON - all.rec anon.rec <<-\EOF
	import hashlib, io, os, pydicom, subprocess, sys, tarfile
	def pixels(name):
	    found = {}
	    with tarfile.open(name) as t:
	        for m in t:
	            if m.name == ".end":
	                continue
	            try:
	                ds = pydicom.dcmread(t.extractfile(m), force=True)
	                p = ds.get("PixelData", b"")
	                ts = ds.file_meta.get("TransferSyntaxUID", "")
	                uid = ds.get("SOPInstanceUID")
	            except Exception:
	                continue
	            found.setdefault(hashlib.sha256(p).hexdigest(), set()).add(ts)
	    return found
	old, new = pixels(sys.argv[1]), pixels(sys.argv[2])
	assert len(new) > 30, len(new)
	for digest, ts in new.items():
	    assert digest in old, ts
	    assert ts <= old[digest] | {"1.2.840.10008.1.2.2",
	        "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"}, ts
	EOF
'

t 'a pipe that gives 4 KiB at a time makes no difference' '
	dcm-anon --rejects r1 <all.rec >1.rec 2>err || [ $? = 1 ]
	perl -e "binmode STDIN; \$| = 1; print while sysread STDIN, \$_, 4096" \
	    <all.rec | dcm-anon --rejects r2 >2.rec 2>err || [ $? = 1 ]
	same 1.rec 2.rec
	same r1 r2
'

t 'the first object of a name wins' '
	cp "$data/CT_small.dcm" again.dcm
	rec-pack "$data/CT_small.dcm" again.dcm >two.rec
	exits 1 dcm-anon --rejects r <two.rec 2>err >out.rec
	says "again.dcm: a second object" err
	[ "$(rec-list <out.rec | wc -l)" = 2 ]
	exits 65 dcm-anon <two.rec 2>err >out.rec
	says "hint: with --rejects" err
'

t 'options by name and by code, written into the object; never two that exclude' '
	dcm-anon --option retain-uids --option 113112 <"$data/CT_small.dcm" >o.dcm
	dcmdump o.dcm >dump
	says "(0008,0080) LO .JFK IMAGING CENTER" dump
	for c in 113100 113110 113112; do says "(0008,0100) SH .$c" dump; done
	[ "$(grep -c "(0008,0100) SH .1131" dump)" = 3 ]
	dcmdump "$data/CT_small.dcm" >was
	for u in 0008,0018 0020,000d 0020,000e 0020,0052 0008,1155; do
		same <(grep "($u)" dump) <(grep "($u)" was)
	done
	dcmdump one.dcm >dump
	[ "$(grep -c "(0008,0100) SH .1131" dump)" = 1 ]
	exits 64 dcm-anon --option retain-everything </dev/null 2>err
	exits 64 dcm-anon --option 113106 --option 113107 </dev/null 2>err
'

# what is not whole, or too much: made of a small object by this
cat >spoil <<'EOF'
#!/bin/sh
exec $PYTHON - "$@" <<\PY
import struct, sys, zlib
import pydicom.data
ct = open(pydicom.data.get_testdata_file("CT_small.dcm"), "rb").read()
meta = ct[:ct.index(b"\x02\0\x10\0UI")]
def head(ts, body):
    ts = ts.encode() + b"\0" * (len(ts) % 2)
    m = b"\x02\0\x10\0UI" + struct.pack("<H", len(ts)) + ts
    return bytes(128) + b"DICM" + m + body
el = lambda g, e, v: struct.pack("<HHI", g, e, len(v)) + v
ids = (el(8, 0x16, b"1.2.840.10008.5.1.4.1.1.2\0") + el(8, 0x18, b"1.2.3.4 ") +
       el(0x20, 0xd, b"1.2.3.4.") + el(0x20, 0xe, b"1.2.3.5.") )
kind = sys.argv[1]
implicit = "1.2.840.10008.1.2"
if kind == "deep":
    v = b""
    for i in range(20000):
        v = el(0x8, 0x1115, el(0xfffe, 0xe000, v))
    out = head(implicit, v + ids)
elif kind == "deep-undefined":
    one = struct.pack("<HHIHHI", 8, 0x1115, 2**32-1, 0xfffe, 0xe000, 2**32-1)
    end = struct.pack("<HHIHHI", 0xfffe, 0xe00d, 0, 0xfffe, 0xe0dd, 0)
    out = head(implicit, one * 20000 + end * 20000 + ids)
elif kind == "deep-private":
    v = b""
    for i in range(20000):
        v = el(0x9, 0x1010, el(0xfffe, 0xe000, v))
    out = head(implicit, el(8, 0x1115, el(0xfffe, 0xe000, v)) + ids)
elif kind == "beyond":
    out = head(implicit, ids + struct.pack("<HHI", 0x28, 0x10, 2**31) + b"xx")
elif kind == "inner":
    out = head(implicit, ids + el(0x40, 0x275, el(0xfffe, 0xe000, b"") +
               struct.pack("<HHI", 0xfffe, 0xe000, 99)))
elif kind == "cut":
    out = ct[:-4000]
elif kind == "garbage":
    out = ct[:ct.index(b"\xfc\xff\xfc\xff")] + b"Doe^John was here"
elif kind == "late":
    out = ct[:ct.index(b"\xfc\xff\xfc\xff")] + b"\x28\0\x55\x10LO\x04\0late"
elif kind == "fat":
    out = head(implicit, ids + el(0x28, 0x3006, bytes(3 << 20)))
elif kind == "odd":
    out = head(implicit, ids + el(0x20, 0x13, b"7") + el(0x28, 0x30, b"1\\1"))
elif kind == "deflated":
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = ct[ct.index(b"\x08\0\x05\0CS"):]
    out = head("1.2.840.10008.1.2.1.99", z.compress(body) + z.flush())
elif kind == "bomb":
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    out = head("1.2.840.10008.1.2.1.99", z.compress(bytes(64 << 20)) + z.flush())
elif kind == "bare":
    out = ids
elif kind == "huge":   # 12 MB of pixels, then argv[2]
    out = head(implicit, ids) + struct.pack("<HHI", 0x7fe0, 0x10, 12 << 20)
    out += bytes(range(256)) * (12 << 12)
    if len(sys.argv) > 2 and sys.argv[2] == "garbage":
        out += b"Doe^John was here"
    elif len(sys.argv) > 2:
        out = out[:-100]
elif kind == "fragments":
    out = head("1.2.840.10008.1.2.4.777", b"".join(
        e[:4] + b"UI" + e[4:6] + e[8:] for e in (
        el(8, 0x18, b"1.2.3.9 "), el(0x20, 0xd, b"1.2.3.4."),
        el(0x20, 0xe, b"1.2.3.5."))) +
        struct.pack("<HH", 0x7fe0, 0x10) + b"OB\0\0" + b"\xff" * 4 +
        el(0xfffe, 0xe000, b"") + el(0xfffe, 0xe000, b"\xfe\xff\xdd\xe0" * 999)
        * 1000 + struct.pack("<HHI", 0xfffe, 0xe0dd, 0))
sys.stdout.buffer.write(out)
PY
EOF
chmod +x spoil

t 'what is damaged is set aside, with its name, its tag and no value' '
	for k in deep deep-undefined deep-private beyond inner cut garbage late bomb; do
		./spoil $k >$k.dcm
		exits 65 dcm-anon <$k.dcm >out 2>err || { echo "$k"; false; }
		[ ! -s out ]
		says "^dcm-anon: error: ." err
		silent "Doe\|6f44" err
	done
	exits 1 dcm-anon --rejects r < <(rec-pack deep.dcm cut.dcm \
	    garbage.dcm "$data/MR_small.dcm") >out.rec 2>err
	says "^deep.dcm.*(0008,1115):.*nested%20too%20deeply" r
	[ "$(wc -l <r)" = 4 ]
	[ "$(rec-list <out.rec | wc -l)" = 2 ]
	exits 1 dcm-anon --rejects r < <(rec-pack deep.dcm) >out.rec 2>err
'

t 'no meta information, deflated, odd lengths: read all the same' '
	for k in bare deflated odd fragments; do
		./spoil $k >$k.dcm
		dcm-anon --accept opaque <$k.dcm >out.dcm
		dcmdump +P 0012,0062 out.dcm 2>&1 | grep YES
	done
	dcm-anon <deflated.dcm >a.dcm
	dcm-anon <"$data/CT_small.dcm" >b.dcm
	dcmdump +L +P 7fe0,0010 a.dcm >a
	dcmdump +L +P 7fe0,0010 b.dcm >b
	same a b
	dcmdump +P 0002,0010 a.dcm | grep Deflated
'

t 'more than --max-dataset is set aside, pixels do not count' '
	./spoil fat >fat.dcm
	dcm-anon <fat.dcm >out
	exits 65 dcm-anon --max-dataset 2000000 <fat.dcm >out 2>err
	says "larger than --max-dataset" err
	./spoil huge >huge.dcm
	dcm-anon --max-dataset 2000 <huge.dcm >out.dcm
	tail -c $((12 << 20)) huge.dcm >a
	tail -c $((12 << 20)) out.dcm | cmp - a
	exits 64 dcm-anon --max-dataset 1 <huge.dcm 2>err
'

t 'a large object that proves damaged later is withdrawn' '
	./spoil huge garbage >h1.dcm
	./spoil huge cut >h2.dcm
	rec-pack h1.dcm fat.dcm | exits 1 dcm-anon --rejects r >out.rec 2>err
	rec-list <out.rec >list
	[ "$(wc -l <list)" = 2 ]
	says "^h1.dcm" r
	# its size is known, so not one byte goes out
	rec-pack h2.dcm | exits 1 dcm-anon --rejects r >out.rec 2>err
	[ "$(tar tf out.rec)" = .end ]
	exits 65 dcm-anon <h1.dcm >out 2>err
	rec-pack huge.dcm fragments.dcm | dcm-anon --accept opaque | rec-list >list
	[ "$(wc -l <list)" = 3 ]
	[ "$(grep -c plain= list)" = 2 ]
'

t 'plain is the digest of what comes out, however it went' '
	key=$($PYTHON - <<-\EOF
	import hmac
	key = bytes.fromhex(open("key").read().split()[1])
	prk = hmac.digest(bytes(32), key, "sha256")
	print(hmac.digest(prk, b"mdm site v1 plain\1", "sha256").hex())
	EOF
	)
	rec-pack huge.dcm fragments.dcm "$data/CT_small.dcm" |
	    dcm-anon --accept opaque >p.rec
	rec-unpack -C plain <p.rec
	rec-list <p.rec | grep plain= | while read -r line; do
		name=${line%%	*}
		want=$(openssl dgst -sha256 -mac HMAC -macopt hexkey:$key plain/$name)
		case $line in *plain=${want##* }*) ;; *) exit 1 ;; esac
	done
'

t 'empty input, nonsense, a cut stream, a full disk' '
	exits 65 dcm-anon </dev/null 2>err
	exits 65 dcm-anon <<<"hello" 2>err
	says "not DICOM" err
	head -c 20000 all.rec >cut.rec
	exits 65 dcm-anon --rejects r <cut.rec >out 2>err
	exits 74 sh -c "exec dcm-anon <huge.dcm >/dev/full" 2>err
	exits 74 sh -c "exec dcm-anon --rejects r <anon.rec >/dev/full" 2>err
	exits 64 dcm-anon operand 2>err
'

t 'real files of your own, if DEVSET is set' '
	[ -n "${DEVSET-}" ] || exit 0
	rec-pack "$DEVSET" | dcm-anon --rejects r >dev.rec 2>err || [ $? = 1 ]
	rec-unpack -C dev <dev.rec
	find dev -type f -print0 | xargs -0 -n1 dcmdump -q >dump
'

t '--explain says what is done to every element, and no value' '
	for f in CT_small reportsi MR_small_bigendian rtplan; do
		dcm-anon --explain <"$data/$f.dcm" >lines
		dcm-anon <"$data/$f.dcm" >out.dcm
		$PYTHON - "$data/$f.dcm" out.dcm <<-\EOF
	import re, sys, pydicom
	done = {}
	for line in open("lines"):
	    f = dict(x.split("=", 1) for x in line.rstrip().split("\t")[1:]
	             if "=" in x)
	    if f and f["action"] != "set":
	        done[f["path"]] = f["action"]
	assert done and not any(a == "unknown" for a in done.values())
	def walk(ds, at=""):
	    for tag in ds.keys():
	        path = "%s(%04x,%04x)" % (at, tag.group, tag.element)
	        yield path, ds.get_item(tag)
	        if ds[tag].VR == "SQ":
	            for i, item in enumerate(ds[tag].value, 1):
	                yield from walk(item, "%s[%d]" % (path, i))
	old = dict(walk(pydicom.dcmread(sys.argv[1])))
	new = dict(walk(pydicom.dcmread(sys.argv[2])))
	gone = {p for p, a in done.items()
	        if a in ("remove", "empty", "first", "replace", "drop")}
	def above(path):
	    while "[" in path:
	        path = path[:path.rindex("[")]
	        yield path
	for p in old:
	    assert p in done or any(q in gone for q in above(p)), p
	for p, a in done.items():
	    if a == "remove":
	        assert p not in new or p == "(0012,0062)", p
	    elif a in ("keep", "empty", "replace", "enter"):
	        assert p in new, p
	EOF
	done
	dcm-anon --explain <"$data/CT_small.dcm" >lines
	silent "1CT1\|CompressedSamples\|1\.3\.6\.1" lines
	says "path=(0010,0010)	action=.*rule=E.1-1:Z:Z" lines
	says "path=(7fe0,0010)	action=keep" lines
	rec-pack "$data/CT_small.dcm" "$data/MR_small.dcm" >two.rec
	dcm-anon --explain <two.rec >two
	[ "$(cut -f 1 two | sort -u | wc -l)" -eq 3 ]
	exits 64 dcm-anon --explain --ledger l --ledger-to "$(age-keygen 2>/dev/null |
	    age-keygen -y)" <"$data/CT_small.dcm"
'

t 'what parses does not hold the site key, in its memory or otherwise' '
	mkfifo in
	dcm-anon -k key <in >out &
	parser=$!
	exec 7>in
	head -c 3000 "$data/CT_small.dcm" >&7
	# the first byte out of the pipe: it is past its start
	$PYTHON - "$parser" key <<-\EOF
	import fcntl, os, struct, sys, termios, time
	pid, file = sys.argv[1:]
	while True:
	    n = struct.unpack("i", fcntl.ioctl(7, termios.FIONREAD, bytes(4)))[0]
	    if n == 0:
	        break
	    time.sleep(0.01)
	kids = open(f"/proc/{pid}/task/{pid}/children").read().split()
	assert len(kids) == 1, kids
	text = open(file).read().split()[1]
	key = bytes.fromhex(text)
	def holds(pid):
	    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
	        for line in open(f"/proc/{pid}/maps"):
	            where, mode = line.split()[:2]
	            lo, hi = (int(x, 16) for x in where.split("-"))
	            if mode[0] != "r" or hi > 1 << 47:
	                continue
	            try:
	                mem.seek(lo)
	                b = mem.read(hi - lo)
	            except OSError:
	                continue
	            if key in b or text.encode() in b:
	                return True
	    return False
	try:
	    assert not holds(pid)
	except PermissionError:
	    pass  # it is not root who asks: not even that is to be seen
	assert os.readlink(f"/proc/{pid}/fd/0") != file
	try:
	    fds = os.listdir(f"/proc/{kids[0]}/fd")
	    assert "0" not in fds and "1" not in fds and len(fds) == 2, fds
	except PermissionError:
	    pass
	EOF
	tail -c +3001 "$data/CT_small.dcm" >&7
	exec 7>&-
	wait "$parser"
	dcm-anon -k key <"$data/CT_small.dcm" >want
	same want out
'

t 'a key file that is a descriptor is closed to the parser' '
	dcm-anon -k /dev/fd/9 <"$data/CT_small.dcm" >got 9<key
	dcm-anon -k key <"$data/CT_small.dcm" >want
	same want got
	exits 77 dcm-anon -k /dev/fd/9 <"$data/CT_small.dcm" >got 2>err 9<open
'

done_testing
