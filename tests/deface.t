#!/bin/bash
. "${0%/*}/lib.sh"

# dcm-anon --faces command: see deface.h.

dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key
mkdir l
$PYTHON "$here/labelled" make l || exit 70

# Two slices of a head, one of another part, a coded head, one of many frames.
$PYTHON - <<'END' || exit 70
import pydicom
from pydicom.uid import generate_uid
def put(name, **more):
    d = pydicom.dcmread("l/clean-ct.dcm")
    d.SliceThickness, d.PixelSpacing = "1.0", ["0.5", "0.25"]
    d.BodyPartExamined = "HEAD"
    d.PatientName, d.PatientID = "CANARY^NAME", "CANARYID"
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for k, v in more.items():
        setattr(d, k, v)
    d.save_as(name)
    return d
d = put("head.dcm")
put("head2.dcm")
put("knee.dcm", BodyPartExamined="KNEE")
put("thick.dcm", SliceThickness="5.0")
put("many.dcm", NumberOfFrames="40", PixelData=d.PixelData * 40)
put("odd.dcm", PixelData=d.PixelData + b"JDOE")
END
dcmcrle head.dcm rle.dcm || exit 70

# The commands: one that works, and what can go wrong.
command() {
	{ echo "#!$PYTHON"; cat; } >"$1"
	chmod +x "$1"
}
command box <<'END'
import os, sys
fds = " ".join(sorted(os.listdir("/proc/self/fd")))
i, o = sys.stdin.buffer, sys.stdout.buffer
head = i.readline().decode()
with open("seen", "a") as f:
    f.write(head)
with open("env", "w") as f:
    f.write("\n".join([*os.environ, fds]))
v = dict(w.split("=") for w in head.split()[1:])
r, c, n = (int(v[k]) for k in ("rows", "columns", "frames"))
b = int(v["allocated"]) // 8
p = bytearray(i.read())
assert len(p) == r * c * n * b
with open("given", "wb") as f:
    f.write(p)
for f in range(n):
    for y in range(10):
        at = (f * r + y) * c * b
        p[at:at + 20 * b] = bytes(20 * b)
o.write(p)
END
command flow <<'END'
import sys
i, o = sys.stdin.buffer, sys.stdout.buffer
i.readline()
while p := i.read(1000):
    o.write(bytes(len(p)))
    o.flush()
END
for how in less more fails late hangs deaf; do
	command $how <<-END
	import os, sys, time
	how = "$how"
	i, o = sys.stdin.buffer, sys.stdout.buffer
	if how == "hangs":
	    time.sleep(1000)
	if how == "deaf":
	    sys.exit(0)
	i.readline()
	p = i.read()
	o.write(p[:-2] if how == "less" else p + b"xx" if how == "more" else p)
	o.flush()
	if how == "fails":
	    sys.exit(3)
	if how == "late":
	    os.close(1)
	    time.sleep(1000)
	END
done

anon() { dcm-anon --faces command --deface "$@"; }
# has FILE TAG PATTERN: an element's line in dcmdump
has() { dcmdump -q +P "$2" "$1" 2>&1 | grep -e "$3" >/dev/null; }
# boxed IN OUT: OUT is IN with the box
boxed() {
	$PYTHON -c '
import sys, pydicom
d, out = (pydicom.dcmread(f) for f in sys.argv[1:])
a, cell = bytearray(d.PixelData), d.BitsAllocated // 8
for f in range(int(d.get("NumberOfFrames", 1))):
    for y in range(10):
        at = (f * d.Rows + y) * d.Columns * cell
        a[at:at + 20 * cell] = bytes(20 * cell)
assert a != d.PixelData and a == out.PixelData' "$@"
}
export -f anon has boxed

t 'a face is removed by the command, and only then is it said to be' '
	rm -f seen
	anon ./box <head.dcm >out.dcm
	boxed head.dcm out.dcm
	has out.dcm 0028,0302 "\[NO\]"
	has out.dcm 0008,0100 "\[113102\]"
	[ "$(wc -l <seen)" = 1 ] # once
	says "mdm-frames-1 rows=" seen
	says " modality=CT spacing=0.5,0.25 thickness=1" seen
	rec-pack head.dcm | anon ./box | rec-list >list
	says "	faces=removed" list
	anon ./box --explain <head.dcm >lines
	says "7fe0,0010.*action=deface" lines
	dcm-anon <head.dcm >out.dcm
	exits 1 has out.dcm 0008,0100 "\[113102\]"
	has out.dcm 0028,0302 "\[YES\]"
'

t 'samples only, and nothing to find a key by' '
	rm -f seen
	anon "$dir/box" <head.dcm >out.dcm
	silent "CANARY" seen given
	silent "MDM_" env
	[ "$(tail -n 1 env)" = "0 1 2 3" ] # 3: the list itself
	$PYTHON -c "
import pydicom
assert open(\"given\", \"rb\").read() == pydicom.dcmread(\"head.dcm\").PixelData"
'

t 'frame after frame, also before all are there, and coded ones' '
	anon ./box <many.dcm >out.dcm
	boxed many.dcm out.dcm
	anon ./flow <many.dcm >out.dcm
	$PYTHON -c "
import pydicom
p = pydicom.dcmread(\"out.dcm\").PixelData
assert len(p) == 40 * 120 * 160 * 2 and not any(p)"
	rec-pack rle.dcm | anon ./box >out.rec
	rec-list <out.rec >list
	says "	pixels=decoded" list
	anon ./box <rle.dcm >out.dcm
	boxed head.dcm out.dcm
'

t 'what is no head does not meet it, and stays what it was' '
	for f in knee thick; do
		anon ./fails <$f.dcm >a.dcm
		dcm-anon --faces reject <$f.dcm >b.dcm
		dcmdump a.dcm | grep -v "^(0012,0063)" >a
		dcmdump b.dcm | grep -v "^(0012,0063)" >b
		sed -i 1,/^\$/d a b
		[ -s a ]
		cmp a b
		exits 1 has a.dcm 0008,0100 "\[113102\]"
	done
'

t 'a command that fails, or gives too little or too much' '
	for how in less:little more:much fails:failed late:long hangs:long \
	    deaf:little; do
		rec-pack head.dcm many.dcm knee.dcm | exits 1 anon \
		    ./${how%:*} --deface-timeout 1 --rejects r >out.rec 2>err
		says "defacing%20command.*${how#*:}" r
		[ "$(grep -c reason= r)" = 2 ]
		[ "$(rec-list <out.rec | grep -c "	sop=")" = 1 ]
		exits 1 anon ./${how%:*} --deface-timeout 1 <head.dcm \
		    -o out 2>err
		[ ! -e out ]
	done
	exits 1 anon ./none <head.dcm >out 2>err
	says "cannot be run" err
	[ ! -s out ]
'

t 'after one that failed the next one is done' '
	rec-pack head.dcm odd.dcm rle.dcm head2.dcm |
	    exits 1 anon ./box --rejects r >out.rec 2>err
	[ "$(rec-list <out.rec | grep -c "	sop=")" = 2 ]
	[ "$(grep -c reason= r)" = 2 ] # odd, and head once more
	says "same%20SOP%20Instance%20UID" r
'

t 'what can be asked for' '
	exits 64 dcm-anon --faces command <head.dcm 2>err
	exits 64 dcm-anon --deface ./box <head.dcm 2>err
	exits 64 dcm-anon --faces reject --deface ./box <head.dcm 2>err
	exits 64 anon ./box --deface-timeout 0 <head.dcm 2>err
	echo faces command >own
	dcm-anon --profile own --deface ./box <head.dcm >out.dcm
	has out.dcm 0008,0100 "\[113102\]"
'

done_testing
