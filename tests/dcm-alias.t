#!/bin/bash
. "${0%/*}/lib.sh"

data=/usr/lib/python3/dist-packages/pydicom/data/test_files
dcm-anon --new-site-key key || exit 70
age-keygen -o id 2>/dev/null
age-keygen -y id >to
export MDM_SITE_KEY=$dir/key MDM_LEDGER=$dir/led MDM_DICOM_SITE=hospital
cp "$data/CT_small.dcm" .
$PYTHON - <<'END' >lines
import pydicom
d = pydicom.dcmread("CT_small.dcm")
print("%s/%s/%s\tclass=%s\tpatient=%s\tmodality=CT\tdescription=SECRET\tname=SECRET" % (d.StudyInstanceUID,
    d.SeriesInstanceUID, d.SOPInstanceUID, d.SOPClassUID, d.PatientID))
print(".end\t1")
END
rec-pack CT_small.dcm >in.rec

alias() { dcm-alias --ledger-to "$(cat to)" "$@"; }
declare -f alias >alias.sh

t 'the names, pseudonym and modality are those that dcm-anon will give' '
	. ./alias.sh
	alias <lines >got
	dcm-anon <in.rec | rec-list >want
	for key in study series sop modality pseudonym; do
		tr "\t" "\n" <want | grep "^$key=" >a
		tr "\t" "\n" <got | grep "^$key=" >b
		same a b
	done
	same <(cut -f1 want) <(cut -f1 got)
	name=$(sed -n 1p got | cut -f1)
	says "	surl=dicom://hospital/$name	" got
	alias --project other <lines >third
	! grep -q "^$name" third || false
	alias --catalogue-fields none <lines >none
	silent "modality\|pseudonym" none
'

t 'nothing that identifies goes out, and the ledger leads back' '
	. ./alias.sh
	alias <lines >got 2>err
	silent "SECRET\|1CT1\|1\\.3\\.6\\.1\\.4\\.1\\.5962" got err led
	dcm-reid -i id led <got >back
	says "old=1CT1" <(dcm-reid -i id led <<<"$(sed "s/.*pseudonym=\([^	]*\).*/\1/;q" got)")
	study=$(cut -d/ -f1 lines | head -n 1)
	says "kind=study	old=$study" back
	[ "$(grep -c "kind=sop" back)" -eq 1 ]
'

t 'a list of patients is one, and lines that are no objects are set aside' '
	. ./alias.sh
	echo "1CT1 STUDY-7" >list
	alias --patients list <lines | says "pseudonym=STUDY-7" /dev/stdin
	echo "9 STUDY-7" >list
	exits 65 alias --patients list <lines >out 2>err
	says "line:1: patient=: not a listed patient" err
	{ head -n 1 lines; printf "1.2/3.4\nYamada/1/2\n"; head -n 1 lines; } | rec-list --lines >some
	exits 1 alias <some >out 2>err
	says "^.end	2" out
	says "line:2: " err
	says "line:3: " err
	silent Yamada err
	exits 64 dcm-alias <lines 2>err
	exits 64 alias --site "a b" <lines 2>err
	exits 65 alias <<<"cut" >out 2>err
'

done_testing
