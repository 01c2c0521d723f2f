#!/bin/bash
. "${0%/*}/lib.sh"

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
export data

# png.py FILE: width, height, and the RGB bytes of a PNG without filters' help
cat >png.py <<'EOP'
import struct, zlib
def read(b):
    assert b[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(b):
        n, kind = struct.unpack(">I4s", b[at:at + 8])
        if kind == b"IHDR":
            w, h = struct.unpack(">II", b[at + 8:at + 16])
        if kind == b"IDAT":
            data += b[at + 8:at + 8 + n]
        at += 12 + n
    raw, rows, last = zlib.decompress(data), [], bytearray(3 * w)
    for y in range(h):
        f, line = raw[0], bytearray(raw[1:1 + 3 * w])
        raw = raw[1 + 3 * w:]
        for i in range(3 * w):
            a = line[i - 3] if i > 2 else 0
            c = last[i - 3] if i > 2 else 0
            b_ = last[i]
            p = a + b_ - c
            d = [abs(p - a), abs(p - b_), abs(p - c)]
            line[i] = line[i] + [0, a, b_, (a + b_) // 2,
                (a, b_, c)[d.index(min(d))]][f] & 255
        rows.append(line)
        last = line
    return w, h, rows
EOP
export PYTHONPATH=$dir

cat >series.py <<'EOP'
import sys, pydicom
ds = pydicom.dcmread(sys.argv[1])
ds.Rows = ds.Columns = 8
ds.BitsAllocated = ds.BitsStored = 8
ds.HighBit = 7
ds.PixelRepresentation = 0
ds.RescaleIntercept, ds.RescaleSlope = 0, 1
ds.WindowCenter, ds.WindowWidth = 128, 256
n = int(sys.argv[2])
multi = len(sys.argv) > 3
if multi:
    ds.NumberOfFrames = n
    ds.PixelData = b"".join(bytes([i]) * 64 for i in range(n))
    ds.save_as("multi.dcm")
else:
    for i in range(n):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.{i}"
        ds.PixelData = bytes([i]) * 64
        ds.save_as("s%03d.dcm" % i)
EOP

t 'first, middle and last of a series, in one page and a PNG' '
	$PYTHON series.py "$data/CT_small.dcm" 200
	rec-pack s*.dcm | dcm-sheet -C out
	[ "$(find out -name "*.html" | wc -l)" -eq 1 ]
	says "objects: 200, frames: 200, <b>not shown: 0" out/*.html
	$PYTHON - out/*/*.png out/*.html <<-\EOF
	import base64, re, sys, png
	b = open(sys.argv[1], "rb").read()
	w, h, rows = png.read(b)
	assert h == 8 and w == 24, (w, h)
	v = [rows[4][3 * x] for x in (4, 12, 20)]
	assert v[0] == 0 and 90 <= v[1] <= 110 and v[2] in (198, 199, 200), v
	text = open(sys.argv[2]).read()
	inside = re.search("base64,([^\"]*)", text).group(1)
	assert base64.b64decode(inside + "=" * (-len(inside) % 4)) == b
	assert "http" not in text and "src=\"data:" in text
	EOF
'

t 'of frames in one object too, of any number' '
	$PYTHON series.py "$data/CT_small.dcm" 101 multi
	rec-pack multi.dcm | dcm-sheet -C multi
	$PYTHON - multi/*/*.png <<-\EOF
	import sys, png
	w, h, rows = png.read(open(sys.argv[1], "rb").read())
	v = [rows[4][3 * x] for x in (4, 12, 20)]
	assert v[0] == 0 and 49 <= v[1] <= 51 and 99 <= v[2] <= 101, v
	EOF
'

t 'what is coded is decoded; what cannot be is said' '
	rec-pack "$data/SC_rgb_rle.dcm" "$data/SC_rgb_jpeg_dcmtk.dcm" \
	    "$data/JPEG2000.dcm" "$data/MR_small_RLE.dcm" | dcm-sheet -C coded 2>err
	[ "$(find coded -name "*.png" | wc -l)" -ge 2 ]
	[ "$(grep -l "not shown: 1" coded/*.html | wc -l)" -eq 1 ]
	$PYTHON - coded/*/*.png <<-\EOF
	import sys, png
	for f in sys.argv[1:]:
	    w, h, rows = png.read(open(f, "rb").read())
	    assert len({bytes(r) for r in rows}) > 1, f
	EOF
'

t 'what is no object is set aside; a cut stream is 65' '
	echo nonsense >x
	rec-pack x "$data/CT_small.dcm" >two.rec
	exits 1 dcm-sheet -C two <two.rec 2>err
	says "x: " err
	[ "$(find two -name "*.png" | wc -l)" -eq 1 ]
	head -c 20000 two.rec >cut
	exits 65 dcm-sheet -C cutdir <cut 2>err
	exits 64 dcm-sheet operand <two.rec
	exits 74 dcm-sheet -C x/y <two.rec
'

t 'a UID that is a path goes nowhere' '
	$PYTHON - "$data/CT_small.dcm" <<-\EOF
	import sys, pydicom
	ds = pydicom.dcmread(sys.argv[1])
	ds["StudyInstanceUID"]._value = "../../evil"
	ds.save_as("evil.dcm")
	EOF
	rec-pack evil.dcm | exits 65 dcm-sheet -C safe 2>err
	[ -z "$(find . -name "*evil*.html")" ]
'

done_testing
