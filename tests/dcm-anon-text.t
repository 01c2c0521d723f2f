#!/bin/bash
. "${0%/*}/lib.sh"

dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key

# make NAME [SYNTAX]: an object of that name, with text, private elements and a
# tree of content that hold the names and ids of its patient
cat >./make <<'EOF_MAKE'
#!/bin/sh
exec $PYTHON - "$@" <<\PY
import sys, warnings
warnings.simplefilter("ignore")
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
kind = sys.argv[1]
syntax = ImplicitVRLittleEndian if "implicit" in sys.argv else ExplicitVRLittleEndian
ds = Dataset()
ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.777.1%d" % len(kind), "1.2.777.2", "1.2.777.3"
ds.Modality = "CT"
ds.PatientName = "Quimby^Zara=" if kind != "sets" else ""
ds.PatientID = "HX-4711001"
ds.PatientBirthDate, ds.StudyDate, ds.StudyTime = "19510709", "20190304", "141516"
ds.InstitutionName = "Fernwald General Hospital"
ds.ReferringPhysicianName = "Oakes^Tobias"
ds.PatientAddress = "17 Larchmont Alley, 54321 Birkdale"
ds.PatientTelephoneNumbers = "0555/1234567"
ds.StationName = "KRYPTON7"
def code(value, scheme, meaning):
    c = Dataset()
    c.CodeValue, c.CodingSchemeDesignator, c.CodeMeaning = value, scheme, meaning
    return Sequence([c])
if kind == "text":
    ds.StudyDescription = "CT abdomen Quimby, ZARA w/o contrast"
    ds.SeriesDescription = "zquimby axial 5 mm"
    ds.ProtocolName = "Fernwald_Abdomen"
    ds.ImageComments = ("Ref. T. Oakes, pat hx4711001, born 9.7.1951 or July 9, 1951; "
                        "call 0555-1234567. Lives in Birkdale. Liver normal.")
    ds.AdditionalPatientHistory = "nothing of note\0Quimby was here"
    ds.RequestAttributesSequence = Sequence([Dataset()])
    ds.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Knee of Quimby"
    ds.ProcedureCodeSequence = code("363679005", "SCT", "Imaging for Zara Quimby")
if kind == "sets":
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    ds.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ds.StudyDescription = "腹部 山田太郎 検査"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.ScheduledProcedureStepDescription = "胸部 太郎 ヤマダ routine"
    ds.RequestAttributesSequence = Sequence([item])
if kind == "private":
    a = ds.private_block(0x19, "GEMS_ACQU_01", create=True)
    a.add_new(0x23, "DS", "1.25")                    # safe
    a.add_new(0x9e, "LO", "SEQ Quimby T2")           # safe, but text
    a.add_new(0x02, "SL", 777)                       # not safe
    p = ds.private_block(0x09, "GEMS_PETD_01", create=True)
    p.add_new(0x05, "DT", "20190304141516")          # shifted by the archive
    p.add_new(0x07, "LO", "CNRY-STUDY")              # hashed by the archive
    b = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    b.add_new(0x06, "CS", "N")
    inner = Dataset()
    inner.SliceThickness = "5"
    inner.PatientName = "Quimby^Zara"
    inner.StudyDescription = "plane of Quimby"
    c = inner.private_block(0x2001, "Philips Imaging DD 001", create=True)
    c.add_new(0x2d, "SS", 9)
    d = inner.private_block(0x2001, "NOBODY", create=True)
    d.add_new(0x2d, "SS", 9)
    b.add_new(0x5f, "SQ", Sequence([inner]))
    e = ds.private_block(0x29, "NOBODY", create=True)
    e.add_new(0x10, "LO", "CNRY")
    f = ds.private_block(0x31, "CLAIMED", create=True)
    f.add_new(0x10, "LO", "claimed Quimby value")
    f.add_new(0x11, "OB", b"\0\1\2\3Quimby\0\0")
    f.add_new(0x12, "OB", b"\0\1\2\3harmless\0\0")
    claim = Dataset()
    claim.PrivateGroupReference, claim.PrivateCreatorReference = 0x31, "CLAIMED"
    claim.BlockIdentifyingInformationStatus = "SAFE"
    ds.PrivateDataElementCharacteristicsSequence = Sequence([claim])
if kind == "sr":
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    ds.Modality = "SR"
    ds.ValueType = "CONTAINER"
    ds.ContinuityOfContent = "SEPARATE"
    ds.ConceptNameCodeSequence = code("126000", "DCM", "Imaging Measurement Report")
    def item(kind, concept, *more, **values):
        i = Dataset()
        i.RelationshipType, i.ValueType = "CONTAINS", kind
        i.ConceptNameCodeSequence = code(*concept)
        for k, v in values.items():
            setattr(i, k, v)
        if more:
            i.ContentSequence = Sequence(more)
        return i
    n = Dataset()
    n.NumericValue, n.MeasurementUnitsCodeSequence = "12.5", code("mm", "UCUM", "millimeter")
    ref = Dataset()
    ref.ReferencedSOPClassUID, ref.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.777.9"
    note = Dataset()
    note.UnformattedTextValue = "Beat of Quimby"
    note.AnnotationGroupNumber = 1
    ds.WaveformAnnotationSequence = Sequence([note])
    ds.ContentSequence = Sequence([
        item("PNAME", ("121008", "DCM", "Person Observer Name"), PersonName="Oakes^Tobias"),
        item("PNAME", ("999", "99X", "Someone"), PersonName="Oakes^Tobias"),
        item("TEXT", ("121022", "DCM", "Accession Number"), TextValue="CNRY1"),
        item("TEXT", ("999", "99X", "Finding"), TextValue="Liver of Quimby normal"),
        item("TEXT", ("121106", "DCM", "Comment"), TextValue="Spleen of Quimby large"),
        item("DATE", ("999", "99X", "A date"), Date="19990102"),
        item("UIDREF", ("112039", "DCM", "Tracking"), UID="1.2.777.8"),
        item("CONTAINER", ("125007", "DCM", "Measurement Group"),
             item("NUM", ("410668003", "SCT", "Length"), MeasuredValueSequence=Sequence([n])),
             item("TEXT", ("999", "99X", "Inner"), TextValue="deep Zara"),
             item("IMAGE", ("999", "99X", "Image"), ReferencedSOPSequence=Sequence([ref]))),
    ])
ds.file_meta = FileMetaDataset()
ds.file_meta.TransferSyntaxUID = syntax
ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
ds.is_little_endian, ds.is_implicit_VR = True, syntax == ImplicitVRLittleEndian
ds.save_as(sys.stdout.buffer, write_like_original=False)
PY
EOF_MAKE
chmod +x make
# show FILE: every element as pydicom reads it, without its new identity
cat >./show <<'EOF_SHOW'
#!/bin/sh
exec $PYTHON - "$@" <<\PY
import sys, warnings
warnings.simplefilter("ignore")
import pydicom
sys.stdout.reconfigure(encoding="utf-8")
def show(ds, at):
    for e in ds:
        if e.VR == "SQ":
            print(at + str(e.tag), "SQ", len(e.value))
            for i in e.value:
                i.decode()
                show(i, at + " >")
        else:
            print(at + str(e.tag), str(e.VR)[-2:], repr(e.value))
ds = pydicom.dcmread(sys.argv[1])
ds.decode()
show(ds, "")
PY
EOF_SHOW
chmod +x show
export names='quimby\|zara\|oakes\|tobias\|4711001\|fernwald\|birkdale\|1951\|1234567\|krypton'

t 'clean descriptors: the text stays, the identity in it goes' '
	for s in explicit implicit; do
		./make text $s >in.dcm
		dcm-anon --option clean-descriptors <in.dcm >out.dcm
		./show out.dcm >out
		grep -aiq "$names" in.dcm
		exits 1 grep -aio "$names" out.dcm
		says "(0008, 1030) LO .CT abdomen \*, \* w/o contrast." out
		says "(0008, 103e) LO .\* axial 5 mm." out
		says "(0018, 1030) LO .\*Abdomen.\|(0018, 1030) LO .\*_Abdomen." out
		says "Lives in \*. Liver normal" out
		says "(0010, 21b0) LT .nothing of note." out
		says "(0040, 0007) LO .Knee of \*." out
		says "(0008, 0100) SH .113105." out
	done
'

t 'without the option no such text stays' '
	dcm-anon <in.dcm >plain.dcm
	./show plain.dcm >out
	silent "abdomen\|axial\|Liver\|113105" out
'

t 'names are found in every character set of the object' '
	./make sets >in.dcm
	dcm-anon --option 113105 <in.dcm >out.dcm
	./show out.dcm >out
	says "(0008, 1030) LO .腹部  *検査\|(0008, 1030) LO .腹部 \** *検査" out
	says "胸部 \*.* routine" out
	silent "山田\|太郎\|ヤマダ\|Tarou" out
'

t 'words of the site go too, and are part of the rules' '
	./make text >in.dcm
	printf "abdomen\nliver  NORMAL\n" >words
	dcm-anon --option clean-descriptors --words words <in.dcm >out.dcm
	./show out.dcm >out
	silent "abdomen\|Liver" out
	says "w/o contrast" out
	dcm-anon --option clean-descriptors --words words <in.dcm | cmp - out.dcm
	dcm-anon --option clean-descriptors <in.dcm >without.dcm
	exits 1 cmp -s without.dcm out.dcm
	grep "0012, 0063" out >with
	dcm-anon --option clean-descriptors <in.dcm >out.dcm
	./show out.dcm | grep "0012, 0063" >without
	exits 1 cmp -s with without
	exits 64 dcm-anon --words words <in.dcm >out.dcm 2>err
	exits 74 dcm-anon --option 113105 --words missing <in.dcm >out.dcm 2>err
'

t 'private elements that are known to be safe stay, with their creators' '
	for s in explicit implicit; do
		./make private $s >in.dcm
		dcm-anon --option retain-safe-private <in.dcm >out.dcm
		./show out.dcm >out
		says "(0019, 0010) LO .GEMS_ACQU_01." out
		says "(0019, 1023)" out
		silent "(0019, 1002)\|NOBODY\|(0029" out
		exits 1 grep -aio "$names\|CNRY" out.dcm
		says "(2001, 1006)" out
		says "^(2001, 105f)" out
		says "(0031, 1012)" out
		silent "(0031, 1011)" out
		says "claimed \* value" <(tr -d "\0" <out.dcm)
		grep -a "SEQ \* T2" out.dcm
	done
	dcm-anon <in.dcm >out.dcm
	./show out.dcm >out
	silent "(0019\|(2001\|(0031" out
'

t 'private elements as the archive has them, one by one' '
	for s in explicit implicit; do
		./make private $s >in.dcm
		dcm-anon --profile tcia <in.dcm >out.dcm
		./show out.dcm >out
		says "(0019, 1002)" out
		says "(0009, 1005) DT .[0-9]*141516" out
		silent "(0009, 1005) DT .20190304" out
		says "(0009, 1007)" out
		exits 1 grep -aio "$names\|CNRY" out.dcm
	done
'

t 'a sequence in a private element is one, however it came' '
	for s in explicit implicit; do
		./make private $s >in.dcm
		dcm-anon --option retain-safe-private <in.dcm >out.dcm
		dcmdump -q +P 2001,105f out.dcm >/dev/null
		$PYTHON - out.dcm <<-\EOF
		import sys, pydicom
		ds = pydicom.dcmread(sys.argv[1])
		e = ds[0x2001, 0x105f]
		data = e.value if e.VR == "SQ" else None
		i = e.value[0]
		assert e.VR == "SQ" and i.SliceThickness == 5, e
		assert i.PatientName == "" and (0x2001, 0x102d) in i, i
		assert i[0x2001, 0x10].value == "Philips Imaging DD 001"
		assert (0x2001, 0x11) not in i and (0x2001, 0x112d) not in i, i
		EOF
	done
'

t 'structured content: names, ids and dates go, findings stay' '
	for s in explicit implicit; do
		./make sr $s >in.dcm
		dcm-anon --option clean-structured-content <in.dcm >out.dcm
		./show out.dcm >out
		exits 1 grep -aio "$names\|CNRY\|19990102\|1\.2\.777" out.dcm
		says "Liver of \* normal" out
		says "deep \*" out
		silent "Beat" out
		says "12.5" out
		says "Imaging Measurement Report" out
		silent "Accession Number\|Spleen" out
		says "ANONYMIZED" out
		says "(0040, a124) UI .2\.25\." out
		says "(0008, 1155) UI .2\.25\." out
		dcm-anon --option 113104 --option 113105 <in.dcm >out.dcm
		./show out.dcm >out
		says "Spleen of \* large" out
		says "Beat of \*" out
	done
	dcm-anon <in.dcm >out.dcm
	./show out.dcm >out
	silent "Liver\|deep\|12\.5\|Beat" out
'

t 'canaries: what no option names does not survive options' '
	"$here/canaries" make planted
	mkdir clean
	for f in planted/*; do
		dcm-anon --accept sc --option 113105 --option 113104 \
		    --option 113111 <$f >clean/${f##*/}
		dcmdump -q clean/${f##*/} >dump 2>&1
		silent "^[EW]:" dump
	done
	"$here/canaries" check clean/* | sed -n 1,20p
'

t 'the same in any order, and in one run or several' '
	for k in text private sr; do
		./make $k >$k.dcm
	done
	opts="--option 113104 --option 113105 --option 113111"
	rec-pack text.dcm private.dcm sr.dcm text.dcm | dcm-anon $opts --rejects r |
	    rec-unpack -C a || [ $? = 1 ]
	[ "$(find a -type f | wc -l)" = 3 ]
	for k in sr text private; do
		dcm-anon $opts <$k.dcm >one.dcm
		find a -type f -exec cmp -s one.dcm {} \; -print | grep .
	done
'

done_testing
