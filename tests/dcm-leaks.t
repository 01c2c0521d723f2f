#!/bin/bash
. "${0%/*}/lib.sh"

# object FILE BYTES...: an object in which BYTES (Python) stand as the value of
# a private element, within a sequence that came as UN
cat >object.py <<'EOP'
import struct, sys
def element(g, e, vr, v):
    if len(v) % 2: v += b" "
    long = vr in (b"OB", b"OW", b"UN", b"SQ")
    return struct.pack("<HH", g, e) + vr + (
        b"\0\0" + struct.pack("<I", len(v)) if long
        else struct.pack("<H", len(v))) + v
def make(hidden=b"", pixels=b"\1\2" * 2000, first=b"", tail=b"",
         syntax=b"1.2.840.10008.1.2.1"):
    item = struct.pack("<HHI", 9, 0x1001, len(hidden)) + hidden
    body = first + element(8, 0x18, b"UI", b"1.2.3\0") + element(
        9, 0x10, b"LO", b"ACME") + element(9, 0x10ff, b"UN",
        struct.pack("<HHI", 0xfffe, 0xe000, len(item)) + item) + element(
        0x10, 0x10, b"PN", b"SOMEBODY^ELSE") + element(
        0x7fe0, 0x10, b"OW", pixels) + tail
    meta = element(2, 0x10, b"UI", syntax + b"\0")
    return bytes(128) + b"DICM" + element(
        2, 0, b"UL", struct.pack("<I", len(meta))) + meta, body
def write(name, *a, **k):
    m, b = make(*a, **k)
    open(name, "wb").write(m + b)
EOP
export PYTHONPATH=$dir

t 'nothing there is 0, with an empty list' '
	$PYTHON -c "from object import *; write(\"o\", b\"nothing\")"
	printf "# a comment\n\nMueller, Hans\n" >words
	dcm-leaks words <o >got
	[ "$(cat got)" = "$(printf ".end\t0")" ]
'

t 'a name in any order, case and separation, in UN in a private block' '
	printf "Meier\nMueller, Hans\n" >words
	for how in "MUELLER^HANS" "hans mueller" "HansMueller" "x-Hans_MUELLER2" \
	    "Mueller^^^Hans" "H.a.n.s Mueller"; do
		$PYTHON -c "from object import *; import sys
write(\"o\", sys.argv[1].encode())" "$how"
		exits 1 dcm-leaks words <o >got
		says "^-	word=2	where=(0009,10ff)	at=[0-9]*	charset=utf-8$" got
		[ "$(wc -l <got)" -eq 2 ]
		silent -i "mueller" got
	done
'

t 'in every character set, precomposed or typed without accents' '
	cat >sets <<-\EOF
	latin_1 Müller^Jürg
	latin_1 MÜLLER^JÜRG
	iso8859-2 Dvořák^Žofie
	iso8859-3 Ĝorĝ^Ŝ
	iso8859-4 Bērziņš^Jānis
	iso8859-5 Люкceмбypг^Иван
	iso8859-6 قباني^لنزار
	iso8859-7 Διονυσιος^Α
	iso8859-8 שרון^דבורה
	iso8859-9 Çavuşoğlu^Çağla
	tis-620 นามสกุล^ชื่อ
	iso2022_jp 山田^太郎
	shift_jis やまだ^たろう
	euc_kr 김희중^길동
	gb2312 张三丰^李
	gb18030 王小东^明
	utf-8 王小东^明
	utf-16-le Smithers^Jo
	utf-16-be Smithers^Jo
	utf-16-le 山田^太郎
	EOF
	while read -r set name; do
		printf "%s\n" "$name" >words
		$PYTHON -c "from object import *; import sys
write(\"o\", b\"ID \" + sys.argv[2].encode(sys.argv[1]) + b\" !\")" "$set" "$name"
		exits 1 dcm-leaks words <o >got
		says "^-	word=1	where=(0009,10ff)" got
		printf "Nobody^%s\n" "$name" >words
		dcm-leaks words <o >got
	done <sets
	printf "Müller^Jörg\n" >words
	for how in "Mueller^Joerg" "MULLER^JORG"; do
		$PYTHON -c "from object import *; write(\"o\", b\"$how\")"
		exits 1 dcm-leaks words <o >got
	done
'

t 'anywhere: preamble, meta information, before, after, beyond the pixels' '
	printf "Canary^Bird\n" >words
	$PYTHON - <<-\EOF
	from object import *
	m, b = make()
	n = b"BIRD CANARY "
	open("preamble", "wb").write(n.ljust(128, b"\0") + m[128:] + b)
	write("meta", syntax=b"1.2.840.10008.1.2.1\0" + n)
	write("first", first=element(8, 8, b"CS", n))
	write("pixels", pixels=b"\1\2" * 400000 + n + b"\1\2" * 400000)
	write("tail", tail=element(0xfffc, 0xfffc, b"OB", n))
	open("beyond", "wb").write(m + b + n)
	open("none", "wb").write(b"no object at all " * 100 + n)
	open("nofile", "wb").write(b + element(8, 8, b"CS", n))
	EOF
	for f in preamble meta first pixels tail beyond none nofile; do
		exits 1 dcm-leaks words <$f >got
		says "	word=1	" got
	done
	exits 1 dcm-leaks words <first >got
	says "where=(0008,0008)" got
	exits 1 dcm-leaks words <pixels >got
	says "where=(7fe0,0010)" got
	exits 1 dcm-leaks words <preamble >got
	says "where=meta" got
'

t 'a deflated data set is looked into; one that cannot be is not clean' '
	$PYTHON - <<-\EOF
	from object import *
	import zlib
	m, b = make(b"Canary", syntax=b"1.2.840.10008.1.2.1.99")
	z = zlib.compressobj(9, zlib.DEFLATED, -15)
	d = z.compress(b) + z.flush()
	open("deflated", "wb").write(m + d)
	open("damaged", "wb").write(m + d[:20])
	m, b = make(syntax=b"1.2.840.10008.1.2.1.99", pixels=bytes(10000000))
	z = zlib.compressobj(9, zlib.DEFLATED, -15)
	open("bomb", "wb").write(m + z.compress(b) + z.flush())
	EOF
	printf "canary\n" >words
	exits 1 dcm-leaks words <deflated >got
	says "where=(0009,10ff)" got
	exits 65 dcm-leaks words <damaged >got 2>err
	says "damaged" err
	exits 65 dcm-leaks --max-dataset 1000000 words <bomb >got 2>err
	rec-pack damaged deflated >two.rec
	exits 1 dcm-leaks words <two.rec >got 2>err
	says "damaged: its deflated data set is damaged" err
	says "^deflated	word=1" got
	printf "nobody\n" >words
	exits 1 dcm-leaks words <two.rec >got 2>err
'

t 'short words count only where they stand alone, in pixels only long ones' '
	printf "Lee\nSmith\n" >words
	$PYTHON - <<-\EOF
	from object import *
	write("alone", b"ID^LEE^X")
	write("within", b"sleep")
	write("spread", b"scale e")
	write("wide", "^Lee^".encode("utf-16-le"))
	write("widewithin", "sleeps".encode("utf-16-le"))
	write("bigwithin", "sleeps".encode("utf-16-be"))
	write("end", b"x LEE")
	write("long", b"GOLDSMITHS")
	write("pixel", pixels=b" SMITH LEE ")
	EOF
	for f in alone wide end long; do
		exits 1 dcm-leaks words <$f >got
	done
	for f in within spread widewithin bigwithin pixel; do
		dcm-leaks words <$f >got
	done
'

t 'records: names, attributes, every one with a hit, once each' '
	$PYTHON -c "from object import *
write(\"a\", b\"canary 1970-01-31 canary\")
write(\"canary.dcm\", b\"31\")
write(\"c\", b\"clean\")"
	printf "Canary\n19700131\n" >words
	rec-pack a canary.dcm c >all.rec
	exits 1 dcm-leaks -o got words <all.rec
	cut -f 1-3 got >some
	cat >want <<-\EOF
	a	word=1	where=(0009,10ff)
	a	word=2	where=(0009,10ff)
	canary.dcm	word=1	where=name
	.end	3
	EOF
	sort some >a1
	sort want >b1
	same b1 a1
	head -c 3000 all.rec >cut
	exits 65 dcm-leaks words <cut >got 2>err
'

t 'where a hit is cut by the pieces that come down the pipe does not matter' '
	printf "Canary^Bird\n" >words
	$PYTHON -c "from object import *
write(\"o\", pixels=b\"\\1\\2\" * 131000 + b\"BIRD CANARY\" * 200)"
	exits 1 dcm-leaks words <o >whole
	for n in 1000 4097 65537; do
		exits 1 dcm-leaks words < <(dd bs=$n <o 2>/dev/null) >got
		same whole got
	done
'

t 'the de-identified has none of what the original has' '
	data=$($PYTHON -c "import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))")/test_files
	dcm-anon --new-site-key key
	printf "CompressedSamples^CT1\n1CT1\nJFK IMAGING CENTER\n" >words
	exits 1 dcm-leaks words <"$data/CT_small.dcm" >got
	says "word=1	where=(0010,0010)" got
	says "word=2	where=(0010,0020)" got
	says "word=3	where=(0008,0080)" got
	dcm-anon -k key <"$data/CT_small.dcm" | dcm-leaks words >got
'

t 'a list that cannot be searched for is refused, by its line' '
	: >o
	for bad in "ab" "^^^" "\377\376abc"; do
		printf "good\n$bad\n" >words
		exits 65 dcm-leaks words <o 2>err
		says "words: line 2: " err
	done
	printf "#\n" >words
	exits 65 dcm-leaks words <o 2>err
	exits 74 dcm-leaks nothing <o 2>err
	exits 64 dcm-leaks <o 2>err
'

done_testing
