#!/bin/bash
. "${0%/*}/lib.sh"

# Profiles: rules of the user's own, ready-made ones, projects.

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
dcm-anon --new-site-key key || exit 70
export data MDM_SITE_KEY=$dir/key

cat >./make <<'EOS'
#!/usr/bin/python3
import sys
import pydicom
from pydicom.dataset import Dataset
ds = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
for k, v in (("StationName", "CT01"), ("InstitutionName", "Charite"),
             ("StudyID", "S1"), ("BodyPartExamined", "CHEST"),
             ("PatientAge", "107Y"), ("StudyDate", "20200229"),
             ("AcquisitionDate", "20200228"), ("PatientBirthDate", "19301112"),
             ("SeriesDescription", "THORAX"), ("ReviewerName", "Roe^Jane"),
             ("ImplantPartNumber", "77"), ("RequestedProcedureID", "rp-9"),
             ("DeviceSerialNumber", "SN42"), ("ImageComments", "nice"),
             ("TransactionUID", "1.2.3.4")):
    setattr(ds, k, v)
block = ds.private_block(0x0043, "OWN 1.0", create=True)
for low, vr, v in ((1, "DS", "1.5"), (2, "LO", "left"), (3, "SH", "secret"),
                   (4, "DA", "20200229"), (5, "UI", "1.2.3.4")):
    block.add_new(low, vr, v)
for arg in sys.argv[2:]:
    k, v = arg.split("=", 1)
    setattr(ds, k, v)
ds.save_as(sys.argv[1])
EOS
cat >show <<'EOS'
#!/usr/bin/python3
import sys
import pydicom
ds = pydicom.dcmread(sys.argv[1])
for k in sys.argv[2:]:
    try:
        if k[0].isdigit():
            print(k, ds.private_block(0x0043, "OWN 1.0")[int(k)].value)
        else:
            print(k, ds[k].value)
    except KeyError:
        print(k, "gone")
EOS
chmod +x make show
./make in.dcm

t 'a rule for a tag holds before the table'"'"'s' '
	cat >p <<-\EOF
	# what one site wants
	name  site-1
	tag 0008,1010 keep
	tag 0008,0080 dummy Some%20Hospital
	tag 0018,0015 remove  # Body Part Examined
	tag 0008,0020 date
	tag 0020,4000 empty
	tag 0018,1000 hash
	tag 0008,103e clean
	tag 0020,0010 empty
	EOF
	dcm-anon --profile p <in.dcm >out.dcm
	./show out.dcm StationName InstitutionName BodyPartExamined StudyDate \
	    ImageComments StudyID DeviceSerialNumber SeriesDescription >is
	cat is
	says "StationName CT01$" is
	says "InstitutionName Some Hospital$" is
	says "BodyPartExamined gone$" is
	says "StudyDate 20200229$" is
	says "ImageComments $" is
	says "StudyID $" is
	says "SeriesDescription THORAX$" is
	grep -xE "DeviceSerialNumber [2-9A-Z]{16}" is
	says "(0012,0063) LO .PS3.15 2026d, profile site-1, rules" <(dcmdump out.dcm)
	silent "Roe\|rp-9\|[^0-9]1\.2\.3\.4\|19301112" out.dcm
'

t 'of rules for the same the later holds, over files too' '
	printf "%s\n" "tag 0008,1010 remove" "tag 0008,1010 keep" >a
	echo "tag 0008,1010 dummy X" >b
	dcm-anon --profile a <in.dcm >out.dcm
	says "StationName CT01" <(./show out.dcm StationName)
	dcm-anon --profile a --profile b <in.dcm >out.dcm
	says "StationName X" <(./show out.dcm StationName)
'

t 'private elements by creator, group and low byte; the creator stays' '
	cat >p <<-\EOF
	private OWN%201.0 0043 01 keep
	private OWN%201.0 0043 02 keep
	private OWN%201.0 0043 03 remove
	private OWN%201.0 0043 05 uid
	private OTHER 0043 04 keep
	option retain-longitudinal-modified-dates
	shift-days 10..10
	EOF
	dcm-anon --profile p <in.dcm >out.dcm
	./show out.dcm 1 2 3 4 5 AcquisitionDate >is
	cat is
	says "^1 1.5$" is
	says "^2 left$" is
	says "^3 gone$" is
	says "^4 gone$" is
	says "^5 2.25." is
	says "AcquisitionDate 20200309" is
	[ "$(dcmdump out.dcm | grep -c "^(00[0-9][13579],")" = 4 ]
	echo "private OWN%201.0 0043 04 date" >>p
	dcm-anon --profile p <in.dcm >out.dcm
	says "^4 20200310$" <(./show out.dcm 4)
	./make other.dcm PatientID=7
	echo "private OWN%201.0 0043 03 reject" >>p
	exits 65 dcm-anon --profile p <other.dcm >out.dcm 2>err
	says "(0043,1103): the profile takes no object" err
	silent secret err
'

t 'a VR, where nothing else has a rule' '
	printf "%s\n" "vr PN dummy NN" "vr CS empty" >p
	dcm-anon --profile p <in.dcm >out.dcm
	says "BodyPartExamined $" <(./show out.dcm BodyPartExamined)
	says "PatientName P" <(./show out.dcm PatientName)
	silent "Roe" out.dcm
'

t 'SOP classes and tags that are not taken' '
	echo "class 1.2.840.10008.5.1.4.1.1.2* reject" >p
	exits 65 dcm-anon --profile p <in.dcm >out.dcm 2>err
	says "no object of this class" err
	echo "class 1.2.840.10008.5.1.4.1.1.2 keep" >>p
	dcm-anon --profile p <in.dcm >out.dcm
	echo "tag 0040,1001 reject" >p
	exits 65 dcm-anon --profile p <in.dcm >out.dcm 2>err
	says "(0040,1001): the profile takes no object" err
	exits 1 dcm-anon --profile p --rejects r < <(rec-pack in.dcm \
	    "$data/MR_small.dcm") >out.rec 2>err
	[ "$(rec-list <out.rec | wc -l)" = 2 ]
'

t 'what a profile may not say, and where it says it' '
	n=0
	while read -r line; do
		printf "name x\n%s\n" "$line" >bad
		exits 65 dcm-anon --profile bad <in.dcm >out 2>err
		says "^dcm-anon: error: bad:2: " err
		n=$((n + 1))
	done <<-\EOF
	tag 0010,0010 keep
	tag 0020,000d keep
	tag 7fe0,0010 remove
	tag 0018,fffe keep
	tag 0008-1010 keep
	tag 0008,1010
	tag 0008,1010 shred
	tag 0008,1010 keep it
	tag 0008,1010 dummy
	tag 0008,1010 dummy %zz
	tag 0028,0010 dummy 7
	private OWN 0042 01 keep
	private OWN 0043 1 keep
	private OWN 0043 01 dummy X
	private - 0043 01 keep
	vr SQ remove
	vr pn remove
	class 1.2.x keep
	class 1.2 empty
	option retain-all
	profile none
	name Über
	name averyveryverylongname
	accept everything
	faces hide
	shift-days 9
	archive now
	and so on
	a b c d e f g h i
	EOF
	[ "$n" = 29 ]
	exits 64 dcm-anon --profile <(echo option 113106; echo option 113107) <in.dcm 2>err
	exits 74 dcm-anon --profile missing <in.dcm 2>err
'

t 'the ready-made ones' '
	dcm-anon <in.dcm >a
	dcm-anon --profile basic <in.dcm >b
	same a b
	dcm-anon --profile tcia <in.dcm >out.dcm
	./show out.dcm PatientAge SeriesDescription ImageComments InstitutionName \
	    AcquisitionDate >is
	cat is
	says "PatientAge 090Y" is
	says "SeriesDescription THORAX" is
	says "ImageComments gone" is
	says "AcquisitionDate 20" is
	silent "20200228\|Charite\|secret\|Roe" out.dcm
	dcmdump out.dcm >dump
	for c in 113100 113104 113105 113107 113108; do says ".$c" dump; done
	says "profile tcia, rules" dump
'

t 'the example of the manual' '
	sed -n "/^.Bd -literal/,/^.Ed/{/^\.[BE]d/!p}" "$top/doc/profile.5" >p
	[ "$(wc -l <p)" = 6 ]
	dcm-anon --profile p <in.dcm >out.dcm
	says "StationName CT01" <(./show out.dcm StationName)
	says "InstitutionName University Hospital" <(./show out.dcm InstitutionName)
'

t 'every line is in the digest of the rules' '
	for line in "tag 0008,1010 keep" "tag 0008,1010 empty" "vr CS empty" \
	    archive "class 1.2 reject" "private A 0043 01 keep" ""; do
		echo "$line" >p
		rec-pack in.dcm | dcm-anon --profile p | rec-list |
			grep -o "profile=[^	]*"
	done >digests
	[ "$(wc -l <digests)" = 7 ]
	[ "$(sort -u digests | wc -l)" = 7 ]
'

t 'two projects have nothing in common' '
	for p in one two; do
		dcm-anon --project $p --option 113107 <in.dcm >$p.dcm
		dcmdump $p.dcm | grep -E "^\((0010,0020|0020,000d|0020,000e|0008,0018|0008,0020|0008,0022|0020,0052)\)" >$p
	done
	[ "$(wc -l <one)" = 7 ]
	[ -z "$(comm -12 <(sort one) <(sort two))" ]
	dcm-anon --project one --option 113107 <in.dcm | cmp - one.dcm
	exits 64 dcm-anon --project "" <in.dcm 2>err
'

t 'patients by a list: their ids from it, and no others' '
	printf "%s\n" "# enrolled" "" "A%201	STUDY-001	HOSP" \
	    "A%201 STUDY-002" "B  STUDY%20003 # the third" >list
	./make 1.dcm "PatientID=A 1" IssuerOfPatientID=HOSP
	./make 2.dcm "PatientID=A 1 " IssuerOfPatientID=OTHER
	./make 3.dcm PatientID=B SOPInstanceUID=1.2.3
	./make 4.dcm PatientID=C SOPInstanceUID=1.2.4
	./make 5.dcm PatientID= SOPInstanceUID=1.2.5
	for f in "1 STUDY-001" "2 STUDY-002" "3 STUDY 003"; do
		dcm-anon --patients list <${f%% *}.dcm >out.dcm
		./show out.dcm PatientID PatientName >is
		says "PatientID ${f#* }$" is
		says "PatientName ${f#* }$" is
	done
	for f in 4 5; do
		exits 65 dcm-anon --patients list <$f.dcm >out.dcm 2>err
		says "(0010,0020): not a listed patient" err
		[ ! -s out.dcm ]
	done
	rec-pack 1.dcm 3.dcm 4.dcm | exits 1 dcm-anon --patients list \
	    --rejects r >out.rec 2>err
	rec-list <out.rec >lines
	[ "$(wc -l <lines)" = 3 ]
	says "pseudonym=STUDY%20003" lines
	says "^4.dcm" r
'

t 'a list that is not in order' '
	for bad in "A" "A B C D" "A%zz B" "- B" "A -" "A X%5CY" "A %00" \
	    "A $(printf "%065d" 1)"; do
		printf "B C\n%s\n" "$bad" >list
		exits 65 dcm-anon --patients list <1.dcm >out.dcm 2>err
		says "list:2: not ID ASSIGNED" err
	done
	printf "A B\nA C\n" >list
	exits 65 dcm-anon --patients list <1.dcm >out.dcm 2>err
	says "one patient is given two ids" err
	./make a.dcm PatientID=A
	printf "A B\nA B\n" >list
	dcm-anon --patients list <a.dcm >out.dcm
	exits 74 dcm-anon --patients missing <1.dcm 2>err
'

done_testing
