#!/bin/bash
. "${0%/*}/lib.sh"

# What PS3.15's options retain, move and leave out.  What they clean is in
# tests of its own.

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
dcm-anon --new-site-key key || exit 70
export data MDM_SITE_KEY=$dir/key

# make FILE TAG=VALUE...: a CT object with these, in an item of a sequence too
cat >./make <<'EOS'
#!/usr/bin/python3
import sys
import pydicom
from pydicom.dataset import Dataset
ds = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
inner = Dataset()
for arg in sys.argv[2:]:
    k, v = arg.split("=", 1)
    setattr(ds, k, v.split("\\") if "\\" in v else v)
    if not k.endswith("UID") and k != "PatientID":
        setattr(inner, k, v)
ds.ReferencedSOPSequence = [inner]
ds.save_as(sys.argv[1])
EOS
# show FILE KEYWORD...: their values at the top and in the item
cat >show <<'EOS'
#!/usr/bin/python3
import sys
import pydicom
ds = pydicom.dcmread(sys.argv[1])
inner = ds.ReferencedSOPSequence[0] if "ReferencedSOPSequence" in ds else {}
for k in sys.argv[2:]:
    print(k, ds.get(k, "gone"), inner.get(k, "gone"))
EOS
chmod +x make show

# none LETTER OPTION [-MARK]: nothing survives that the option does not name
cat >none <<'EOS'
#!/bin/bash
"$here/canaries" make p$1 $1
mkdir c$1
for f in p$1/{explicit,un}-*; do
	dcm-anon --accept sc --option $2 <$f >c$1/${f##*/}
done
"$here/canaries" check c$1/* ${3-}
EOS
chmod +x none

full=retain-longitudinal-full-dates moved=retain-longitudinal-modified-dates
export full moved

t 'what an option does not name does not survive it' '
	./none U retain-uids -1.2.777.
	./none D retain-device-identity
	./none I retain-institution-identity
	./none C retain-patient-characteristics
'

t 'nor what the dates options do not name' '
	./none F $full
	./none M $moved
'

t 'what an option names stays as it is' '
	./make in.dcm StationName=CT01 DeviceSerialNumber=S123 \
	    InstitutionName=Charite PatientAge=077Y PatientSex=F PatientWeight=61
	what="StationName DeviceSerialNumber InstitutionName PatientAge PatientSex PatientWeight"
	dcm-anon <in.dcm >out.dcm
	silent "CT01\|S123\|Charite\|077Y\|F\|61" <(./show out.dcm $what | sed "s/^[^ ]* //")
	dcm-anon --option retain-device-identity <in.dcm >out.dcm
	same <(./show in.dcm StationName DeviceSerialNumber) <(./show out.dcm StationName DeviceSerialNumber)
	says "InstitutionName gone " <(./show out.dcm $what)
	dcm-anon --option retain-institution-identity <in.dcm >out.dcm
	says "InstitutionName Charite Charite" <(./show out.dcm $what)
	says "StationName gone " <(./show out.dcm $what)
	dcm-anon --option retain-patient-characteristics <in.dcm >out.dcm
	says "PatientAge 077Y 077Y" <(./show out.dcm $what)
	says "PatientSex F F" <(./show out.dcm $what)
'

t 'above 89 years all are 90' '
	./make old.dcm PatientAge=103Y
	dcm-anon --option 113108 <old.dcm >out.dcm
	says "PatientAge 090Y 090Y" <(./show out.dcm PatientAge)
	./make old.dcm "PatientAge=103 "
	dcm-anon --option 113108 <old.dcm >out.dcm
	silent 103 <(./show out.dcm PatientAge)
'

t 'full dates stay, if they are dates' '
	./make in.dcm StudyDate=20200229 StudyTime=101112.5 PatientBirthDate=19301112 \
	    AcquisitionDateTime=20200229101112.25+0100 TimezoneOffsetFromUTC=+0100 \
	    SeriesDate=Doe SeriesTime=John PatientID=1
	what="StudyDate StudyTime AcquisitionDateTime TimezoneOffsetFromUTC"
	dcm-anon --option $full <in.dcm >out.dcm
	same <(./show in.dcm $what) <(./show out.dcm $what)
	says "(0028,0303) CS .UNMODIFIED" <(dcmdump out.dcm)
	silent "Doe\|John\|19301112" out.dcm
'

t 'modified dates: all of a patient by as much, in every object' '
	d="StudyDate=20200301 StudyTime=101112.5 SeriesDate=20200229 SeriesTime=235959
	    AcquisitionDateTime=20200229101112.25+0100 ContentDate=20191231"
	what="StudyDate SeriesDate ContentDate AcquisitionDateTime"
	./make 1.dcm $d PatientID=A PatientBirthDate=19301112
	./make 2.dcm $d PatientID=B
	./make 3.dcm $d PatientID=A SOPInstanceUID=1.2.3 StudyInstanceUID=1.2.4
	for f in 1 2 3; do dcm-anon --option $moved <$f.dcm >$f.out; done
	same <(./show 1.out $what) <(./show 3.out $what)
	./show 1.out $what >a
	./show 2.out $what >b
	exits 1 cmp -s a b
	says "(0028,0303) CS .MODIFIED" <(dcmdump 1.out)
	silent "19301112" 1.out
	same <(./show 1.dcm StudyTime SeriesTime) <(./show 1.out StudyTime SeriesTime)
	$PYTHON - 1.out <<-\EOF
	import datetime, sys, pydicom
	ds = pydicom.dcmread(sys.argv[1])
	for it in ds, ds.ReferencedSOPSequence[0]:
	    day = lambda s: datetime.datetime.strptime(s[:8], "%Y%m%d")
	    study, series = day(it.StudyDate), day(it.SeriesDate)
	    assert (study - series).days == 1
	    assert (series - day(it.ContentDate)).days == 60
	    assert it.AcquisitionDateTime[8:] == "101112.25+0100"
	    assert day(it.AcquisitionDateTime) == series
	    by = (study - datetime.datetime(2020, 3, 1)).days
	    assert -3650 <= by <= -365, by
	EOF
'

t 'by how much is the site'"'"'s to bound, and a part of a day may be added' '
	./make 1.dcm StudyDate=20200301 StudyTime=233000 \
	    SeriesDate=20200302 SeriesTime=001500 AcquisitionDateTime=20200301233000
	dcm-anon --option $moved --shift-days 10..10 <1.dcm >out.dcm
	says "StudyDate 20200311 20200311" <(./show out.dcm StudyDate)
	says "StudyTime 233000 233000" <(./show out.dcm StudyTime)
	dcm-anon --option $moved --shift-days 10..10 --shift-time <1.dcm >out.dcm
	$PYTHON - out.dcm <<-\EOF
	import datetime, sys, pydicom
	ds = pydicom.dcmread(sys.argv[1])
	for it in ds, ds.ReferencedSOPSequence[0]:
	    at = lambda s: datetime.datetime.strptime(s, "%Y%m%d%H%M%S")
	    study = at(it.StudyDate + it.StudyTime)
	    assert (at(it.SeriesDate + it.SeriesTime) - study).seconds == 2700
	    assert at(it.AcquisitionDateTime) == study
	    by = study - datetime.datetime(2020, 3, 1, 23, 30)
	    assert by.days == 10 and by.seconds >= 60
	EOF
	for bad in 1 1..a 5..4 ..3 1..2x -99999999..1; do
		exits 64 dcm-anon --option $moved --shift-days $bad <1.dcm 2>err
	done
	exits 64 dcm-anon --shift-days 1..2 <1.dcm 2>err
	exits 64 dcm-anon --option $full --option $moved <1.dcm 2>err
	says "exclude each other" err
'

t 'the digest of the rules tells options apart' '
	for o in "--option $full" "--option $moved" \
	    "--option $moved --shift-days 1..2" "--option 113110" ""; do
		rec-pack in.dcm | dcm-anon $o | rec-list | grep -o "profile=[^	]*"
	done >digests || true
	[ "$(grep -c profile= digests)" = 5 ]
	[ "$(sort -u digests | wc -l)" = 5 ]
'

done_testing
