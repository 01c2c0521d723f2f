#!/bin/bash
. "${0%/*}/lib.sh"

# What dcm-anon does about images: see risk.h, mask(5), hide.h and burnin.h.

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
export data
dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key
mkdir l
$PYTHON "$here/labelled" make l || exit 70
labelled() { $PYTHON "$here/labelled" "$@"; }
# has FILE TAG PATTERN: an element's line in dcmdump
has() { dcmdump -q +P "$2" "$1" 2>&1 | grep -e "$3" >/dev/null ||
	{ { echo "no $3 in $2 of $1:"; dcmdump +P "$2" "$1"; } >&3; return 1; }; }
# set_to FILE KEYWORD VALUE: another object, of an own name
set_to() {
	$PYTHON -c '
import sys, pydicom
d = pydicom.dcmread(sys.argv[1])
setattr(d, sys.argv[2], eval(sys.argv[3]))
d.save_as("set.dcm")' "$@"
}
export -f labelled has set_to

t 'nothing with text gets through, clean radiographs and slices do' '
	exits 1 labelled check l/text-*.dcm >seen
	[ "$(wc -l <seen)" = 10 ]
	labelled check l/clean-*.dcm
	for k in us us-planar us-422 us-multi sc cr cr-big dx; do
		exits 1 dcm-anon <l/text-$k.dcm >out 2>err
		says "may show who it is" err
		[ ! -s out ]
	done
	for k in cr cr-big dx ct mr; do
		dcm-anon <l/clean-$k.dcm >out.dcm
		labelled same l/clean-$k.dcm out.dcm
	done
	rec-pack l/*.dcm | exits 1 dcm-anon --rejects r 2>err >out.rec
	[ "$(rec-list <out.rec | wc -l)" = 8 ]
	silent "DOE" r err
'

t 'what is accepted by its name passes, and nothing else' '
	dcm-anon --accept us <l/text-us.dcm >out.dcm
	labelled same l/text-us.dcm out.dcm
	dcm-anon --accept sc,us <l/text-sc.dcm >out.dcm
	exits 1 dcm-anon --accept us <l/text-sc.dcm >out.dcm 2>err
	exits 1 dcm-anon --accept us --accept sc <l/text-cr.dcm >out.dcm 2>err
	dcm-anon --accept text <l/text-cr.dcm >out.dcm
	exits 64 dcm-anon --accept ultrasound <l/text-us.dcm 2>err
	says "ultrasound: no risk of that name" err
	# who accepts can be told from the profile
	dcm-anon <l/clean-ct.dcm >a
	dcm-anon --accept us <l/clean-ct.dcm >b
	exits 1 cmp -s a b
'

t 'a mask blackens, wherever samples are, and nothing beside it' '
	for f in l/*.dcm; do
		dcm-anon --mask l/masks <$f >out.dcm
		labelled check out.dcm
		labelled same $f out.dcm
		has out.dcm 0028,0301 "\[NO\]"
		has out.dcm 0008,0100 "\[113101\]"
	done
	rec-pack l/text-us.dcm | dcm-anon --mask l/masks | rec-list >list
	says "	mask=acme" list
	silent "pixels=" list
'

t 'coded frames are decoded, blackened, and said to be' '
	for k in us us-multi sc cr dx mr; do
		f=l/text-$k.dcm
		dcmcrle $f rle.dcm
		dcmcjpeg +e1 $f jpeg.dcm
		dcmcjpls $f jls.dcm
		for c in rle jpeg jls; do
			dcm-anon --mask l/masks <$c.dcm >out.dcm
			labelled check out.dcm || { echo $k $c; false; }
			labelled same $f out.dcm
			has out.dcm 0002,0010 "=LittleEndianExplicit"
			has out.dcm 0028,0301 "\[NO\]"
			dcm-anon --mask l/masks <$c.dcm | cmp - out.dcm
		done
	done
	rec-pack rle.dcm | dcm-anon --mask l/masks | rec-list >list
	says "	mask=acme.*	pixels=decoded\|pixels=decoded.*	mask=acme" list
	dcmcjpeg +eb l/text-us.dcm lossy.dcm
	has lossy.dcm 0028,0004 YBR
	dcm-anon --mask l/masks <lossy.dcm >out.dcm
	labelled check out.dcm
	labelled same l/text-us.dcm out.dcm 60
	has out.dcm 0028,0004 "\[RGB\]"
	has out.dcm 0028,2110 "\[01\]"
	# text is found behind a coder, too
	dcmcjpeg +e1 l/text-cr.dcm jpeg.dcm
	exits 1 dcm-anon <jpeg.dcm >out.dcm 2>err
	says "(text)" err
	dcmcjpeg +e1 l/clean-cr.dcm jpeg.dcm
	dcm-anon <jpeg.dcm >out.dcm
'

t 'what cannot be decoded to be masked is rejected' '
	echo "all rows=* columns=* black=0,0,*,10" >all
	exits 1 dcm-anon --mask all <"$data/MR_small_jp2klossless.dcm" 2>err >out
	says "cannot be decoded" err
	[ ! -s out ]
	dcmcrle l/text-us-multi.dcm rle.dcm
	set_to rle.dcm NumberOfFrames 2
	exits 65 dcm-anon --mask l/masks <set.dcm 2>err >out
	says "more frames than it says" err
	set_to rle.dcm NumberOfFrames 4
	exits 65 dcm-anon --mask l/masks <set.dcm 2>err >out
	rec-pack set.dcm l/text-us.dcm | exits 1 dcm-anon --mask l/masks \
	    --rejects r >out.rec 2>err
	[ "$(rec-list <out.rec | wc -l)" = 2 ]
	dcmcjpeg +e1 l/text-us.dcm jpeg.dcm
	set_to jpeg.dcm BitsAllocated 16
	exits 65 dcm-anon --mask l/masks <set.dcm 2>err >out
'

t 'the first mask that matches, by what it names' '
	cat >m <<-\EOF
	# nothing of this is for us
	a manufacturer=other rows=* columns=* keep=0,0,*,*
	b modality=US rows=121 columns=160 keep=0,0,*,*

	c class=1.2.840.10008.5.1.4.1.1.6.1 type=* rows=120 columns=* black=0,0,*,30
	d rows=* columns=* keep=0,0,*,*	# what is known to be clean
	EOF
	dcm-anon --mask m <l/text-us.dcm >out.dcm
	labelled check out.dcm
	rec-pack l/text-us.dcm l/text-sc.dcm | dcm-anon --mask m >m.rec
	rec-list <m.rec | tr "\t" "\n" | grep mask= | sort >got
	printf "mask=c\nmask=d\n" | cmp - got
	echo "k rows=120 columns=160 keep=0,40,*,*" >k
	dcm-anon --mask k <l/text-us.dcm >out.dcm
	labelled check out.dcm
	# another mask is another profile
	rec-list <m.rec | tr "\t" "\n" | grep profile= | sort -u >one
	rec-pack l/text-us.dcm | dcm-anon --mask k | rec-list |
	    tr "\t" "\n" | grep profile= | cmp -s - one && exit 1
	while read -r bad; do
		printf "# one\n%s\n" "$bad" >wrong
		exits 64 dcm-anon --mask wrong <l/text-us.dcm 2>err >out
		says "^dcm-anon: error: --mask: wrong: line 2: " err
	done <<-\EOF
	x rows=1 columns=1
	x black=0,0,1,1
	x rows=10 columns=10 black=5,5,6,1
	x rows=10 columns=10 black=0,0,0,1
	x rows=10 columns=10 black=0,0,1
	x rows=10 columns=10 black=0,0,1,1,
	x rows=10 columns=10 black=-1,0,1,1
	x rows=10 columns=10 blacken=0,0,1,1
	x rows=99999 columns=10 black=0,0,1,1
	x model=%zz rows=* columns=* black=0,0,1,1
	x model=a model=b rows=* columns=* black=0,0,1,1
	x=y rows=* columns=* black=0,0,1,1
	EOF
	exits 74 dcm-anon --mask nowhere <l/text-us.dcm 2>err || [ $? = 1 ]
'

t 'large pixels are blackened as they pass' '
	$PYTHON - <<-\EOF
	import pydicom
	d = pydicom.dcmread("l/text-us.dcm")
	d.NumberOfFrames = 150
	d.PixelData = bytes(d.PixelData) * 150
	d.save_as("large.dcm")
	d.Rows, d.Columns, d.NumberOfFrames = 4001, 801, 1
	d.PixelData = bytes([7]) * (4001 * 801 * 3 + 1)
	d.save_as("odd.dcm")
	EOF
	rec-pack large.dcm | dcm-anon --mask l/masks | rec-unpack -C large
	dcm-anon --mask l/masks <large.dcm >one.dcm
	cmp one.dcm "$(find large -type f)"
	perl -e "binmode STDIN; \$| = 1; print while sysread STDIN, \$_, 4097" \
	    <large.dcm | dcm-anon --mask l/masks | cmp - one.dcm
	dcmcrle large.dcm rle.dcm
	rec-pack rle.dcm | dcm-anon --mask l/masks | rec-unpack -C rle
	$PYTHON - one.dcm "$(find rle -type f)" <<-\EOF
	import sys, pydicom
	a, b = (pydicom.dcmread(f).PixelData for f in sys.argv[1:])
	assert a == b and len(a) == 150 * 120 * 160 * 3
	one = a[:120 * 160 * 3]
	assert a == one * 150
	EOF
	echo "m rows=4001 columns=801 black=1,3999,800,2" >m
	dcm-anon --mask m <odd.dcm >out.dcm
	$PYTHON - <<-\EOF
	import pydicom
	p = pydicom.dcmread("out.dcm").PixelData
	row = 801 * 3
	assert set(p[:3999 * row]) == {7}
	assert p[3999 * row:4001 * row] == (b"\7\7\7" + bytes(800 * 3)) * 2
	EOF
'

t 'what says that it shows somebody is believed' '
	set_to l/clean-ct.dcm BurnedInAnnotation \"YES\"
	exits 1 dcm-anon <set.dcm 2>err >out
	says "(burned-in)" err
	dcm-anon --accept burned-in <set.dcm >out.dcm
	dcm-anon --mask l/masks <set.dcm >out.dcm
	has out.dcm 0028,0301 "\[NO\]"
	set_to l/clean-ct.dcm ImageType \[\"DERIVED\",\"SECONDARY\",\"SCREEN\ SAVE\"\]
	exits 1 dcm-anon <set.dcm 2>err >out
	says "(screen)" err
	set_to l/clean-ct.dcm ImageType \[\"ORIGINAL\",\"PRIMARY\",\"LABEL\",\"NONE\"\]
	exits 1 dcm-anon <set.dcm 2>err >out
	says "(label)" err
	set_to l/clean-ct.dcm ImageType \[\"ORIGINAL\",\"PRIMARY\",\"OVERVIEW\",\"NONE\"\]
	exits 1 dcm-anon <set.dcm 2>err >out
	says "(overview)" err
	for m in XC ES XA; do
		set_to l/clean-ct.dcm Modality \"$m\"
		exits 1 dcm-anon <set.dcm 2>err >out
		says "(${m,,})" err
	done
	set_to l/clean-ct.dcm SOPClassUID \"1.2.840.10008.5.1.4.1.1.104.1\"
	exits 1 dcm-anon <set.dcm 2>err >out
	says "(document)" err
	exits 1 dcm-anon --mask l/masks <set.dcm 2>err >out
	dcm-anon --accept document <set.dcm >out.dcm
'

# the first fragment of a coded object, changed by an expression of b
cat >recode <<'EOF'
#!/usr/bin/python3
import sys, warnings, pydicom
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.encaps import generate_pixel_data_frame
warnings.simplefilter("ignore")
d = pydicom.dcmread(sys.argv[1])
b = next(generate_pixel_data_frame(d.PixelData, 1))
d.PixelData = encapsulate([eval(sys.argv[2])])
if len(sys.argv) > 3:
    d.file_meta.TransferSyntaxUID = sys.argv[3]
d.save_as("recoded.dcm")
EOF
chmod +x recode

t 'text in the bytes of coded pixels is found, or wiped' '
	dcmcjpeg +e1 l/clean-mr.dcm jpeg.dcm
	dcmcjpls l/clean-mr.dcm jls.dcm
	dcmcrle l/clean-mr.dcm rle.dcm
	cp "$data/MR_small_jp2klossless.dcm" j2k.dcm
	for c in jpeg jls rle j2k; do
		dcm-anon <$c.dcm >out.dcm
	done
	try() { # FILE EXPRESSION REASON [kept: cannot be wiped]
		./recode $1.dcm "$2"
		grep -aq "DOE.JOHN" recoded.dcm
		exits 1 dcm-anon <recoded.dcm 2>err >out
		says "$3" err
		silent "DOE" err
		[ ! -s out ]
		dcm-anon --accept hidden <recoded.dcm >out.dcm
		grep -aq "DOE.JOHN" out.dcm
		[ "${4-}" != kept ] || return 0
		dcm-anon --option clean-pixel-data <recoded.dcm >out.dcm
		exits 1 grep -aq "DOE" out.dcm
		dcm-anon --option clean-pixel-data <$1.dcm >was.dcm
		case $1 in
		jpeg) u=dcmdjpeg ;;
		jls) u=dcmdjpls ;;
		rle) u=dcmdrle ;;
		*) return 0 ;;
		esac
		$u out.dcm a.dcm
		$u was.dcm b.dcm
		dcmdump +L +P 7fe0,0010 a.dcm >a
		dcmdump +L +P 7fe0,0010 b.dcm >b
		same a b
	}
	segment="b[:2] + bytes((255, %s, 0, 16)) + b\"DOE^JOHN^1962 \" + b[2:]"
	try jpeg "${segment/\%s/0xfe}" "a JPEG comment"
	try jpeg "${segment/\%s/0xe1}" "a JPEG application segment"
	try jpeg "${segment/\%s/0xee}" "a JPEG application segment"
	try jpeg "${segment/\%s/0xe0}" "a JPEG application segment"
	try jpeg "b + b\"DOE JOHN\"" "bytes after a coded image"
	try jls "${segment/\%s/0xfe}" "a JPEG comment"
	try jls "b + b\"DOE JOHN\"" "bytes after a coded image"
	try rle "b + b\"DOE JOHN\"" "bytes after an RLE segment"
	try rle "b[:44] + b\"DOE JOHN\" + b[52:]" "an RLE header" kept
	try jpeg "b\"DOE JOHN\" + b" "not an image" kept
	n="4 + b[4] * 256 + b[5]"
	try j2k "b[:$n] + bytes((255, 0x64, 0, 14, 0, 1)) + b\"DOE^JOHN62\" + b[$n:]" \
	    "a comment of JPEG 2000"
	try j2k "b + b\"DOE JOHN\"" "bytes after a coded image"
'

t 'text in bits and bytes that no sample uses is found, or wiped' '
	$PYTHON - <<-\END
	import struct, pydicom
	def save(source, name, change, **kw):
	    d = pydicom.dcmread("l/clean-%s.dcm" % source)
	    p = bytearray(d.PixelData)
	    d.PixelData = bytes(change(p) or p)
	    for k, v in kw.items():
	        setattr(d, k, v)
	    d.save_as(name + ".dcm")
	def plane(p, i=1, n=400):
	    for k in range(i, n, 2):
	        p[k] |= 0x80
	save("mr", "overlay", plane)
	save("cr-big", "overlay-big", lambda p: plane(p, 0))
	save("mr", "after", lambda p: p + b"DOE^JOHN")
	save("mr", "zeros", lambda p: p + bytes(8))
	def pad(p):
	    for k in range(0, 400, 2):
	        p[k:k + 2] = struct.pack("<H", 0xf830)
	save("mr", "padding", pad)
	d = pydicom.dcmread("padding.dcm")
	d.add_new(0x00280120, "US", 0xf830)
	d.save_as("padding.dcm")
	def signed(p):
	    for k in range(0, len(p), 2):
	        v = struct.unpack_from("<h", p, k)[0]
	        struct.pack_into("<h", p, k, max(-2048, min(2047, v)))
	save("ct", "signed", signed, BitsStored=12, HighBit=11)
	def forged(p):
	    signed(p)
	    plane(p, 22401, 22801) # where it is bright
	save("ct", "forged", forged, BitsStored=12, HighBit=11)
	END
	for f in zeros padding signed; do
		dcm-anon <$f.dcm >out.dcm
		dcm-anon --option clean-pixel-data <$f.dcm >out2.dcm
		dcmdump +L +P 7fe0,0010 $f.dcm >a
		dcmdump +L +P 7fe0,0010 out2.dcm >b
		same a b
	done
	for f in overlay overlay-big forged after; do
		exits 1 dcm-anon <$f.dcm 2>err >out
		says "text may be hidden" err
		dcm-anon --accept hidden <$f.dcm >out.dcm
		dcm-anon --option clean-pixel-data <$f.dcm >$f-wiped.dcm
	done
	labelled same l/clean-mr.dcm overlay-wiped.dcm
	labelled same l/clean-cr-big.dcm overlay-big-wiped.dcm
	exits 1 grep -aq "DOE" after-wiped.dcm
	dcmcrle overlay.dcm rle.dcm
	exits 1 dcm-anon <rle.dcm 2>err >out
	says "bits above" err
'

t 'overlays: removed, or kept where a mask cleans them' '
	$PYTHON - <<-\END
	import pydicom
	d = pydicom.dcmread("l/clean-mr.dcm")
	bits = bytearray(b"\xff" * (120 * 160 // 8))
	for tag, vr, v in ((0x10, "US", 120), (0x11, "US", 160), (0x22, "LO", "DOE"),
	                   (0x40, "CS", "G"), (0x50, "SS", [1, 1]), (0x100, "US", 1),
	                   (0x102, "US", 0), (0x1500, "LO", "DOE"),
	                   (0x3000, "OW", bytes(bits) + b"DOE DOE ")):
	    d.add_new(0x60020000 | tag, vr, v)
	d.save_as("overlaid.dcm")
	END
	dcm-anon --mask l/masks <overlaid.dcm >out.dcm
	dcmdump out.dcm >dump
	silent "(6002," dump
	dcm-anon --option clean-graphics <overlaid.dcm >out.dcm
	dcmdump out.dcm >dump
	silent "(6002," dump
	dcm-anon --option clean-graphics --mask l/masks <overlaid.dcm >out.dcm
	exits 1 grep -aq "DOE" out.dcm
	has out.dcm 0008,0100 "\[113103\]"
	$PYTHON - <<-\END
	import pydicom
	d = pydicom.dcmread("out.dcm")
	p = d[0x6002, 0x3000].value
	assert len(p) == 120 * 160 // 8
	for i in range(120 * 160):
	    y, x = divmod(i, 160)
	    black = 4 <= x < 104 and 6 <= y < 24
	    assert (p[i // 8] >> i % 8 & 1) == (not black), (y, x)
	assert (0x6002, 0x22) not in d and (0x6002, 0x1500) not in d
	END
'

t 'heads in thin slices: said, or rejected' '
	set_to l/clean-ct.dcm SliceThickness \"1.0\"
	cp set.dcm thin.dcm
	dcm-anon --faces reject <thin.dcm >out.dcm
	set_to thin.dcm BodyPartExamined \"HEAD\"
	dcm-anon <set.dcm >out.dcm
	has out.dcm 0028,0302 "\[YES\]"
	rec-pack set.dcm | dcm-anon | rec-list >list
	says "	faces=yes" list
	exits 1 dcm-anon --faces reject <set.dcm 2>err >out
	says "may show a face" err
	set_to set.dcm SliceThickness \"5.0\"
	dcm-anon --faces reject <set.dcm >out.dcm
	exits 64 dcm-anon --faces hide <set.dcm 2>err
'

t 'a radiograph that cannot be searched for text is rejected' '
	set_to "$data/MR_small_jp2klossless.dcm" Modality "\"CR\""
	rec-pack set.dcm | exits 1 dcm-anon --accept hidden --rejects r >out 2>err
	says "cannot be searched for drawn text" err
	[ "$(rec-list <out | tail -n 1)" = ".end	0" ]
	rec-pack set.dcm | dcm-anon --accept hidden,text >out
	[ "$(rec-list <out | tail -n 1)" = ".end	1" ]
'

done_testing
