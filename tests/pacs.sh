# For tests with a DICOM server: objects of many syntaxes, and questions to ask.
# shellcheck shell=bash

DICOM=/usr/lib/python3/dist-packages/pydicom/data/test_files
PATH=$here/services:$PATH
export DICOM

# ct DIR N [STUDY [KEYWORD=VALUE...]]: N small CT objects of one study, in two
# series
ct() {
	$PYTHON - "$@" <<-'END'
	import os, sys
	import pydicom
	d, n, study = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or ["1.2.3"])[0]
	os.makedirs(d, exist_ok=True)
	ds = pydicom.dcmread(os.environ["DICOM"] + "/CT_small.dcm")
	for kv in sys.argv[4:]:
	    k, v = kv.split("=", 1)
	    setattr(ds, k, v)
	ds.StudyInstanceUID = study
	for i in range(n):
	    ds.SeriesInstanceUID = "%s.%d" % (study, i % 2)
	    ds.SOPInstanceUID = "%s.%d.%d" % (study, i % 2, i)
	    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
	    ds.InstanceNumber = i
	    ds.save_as("%s/%04d.dcm" % (d, i), write_like_original=False)
	END
}

# enhanced FILE: an Enhanced CT of three frames
enhanced() {
	$PYTHON - "$1" <<-'END'
	import os, sys
	import pydicom
	from pydicom.dataset import Dataset
	from pydicom.sequence import Sequence
	def item(**kv):
	    d = Dataset()
	    for k, v in kv.items():
	        setattr(d, k, v)
	    return d
	def items(**kv):
	    return Sequence([item(**kv)])
	ds = pydicom.dcmread(os.environ["DICOM"] + "/CT_small.dcm")
	ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
	ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.78", "1.2.78.1"
	ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.78.1.1"
	ds.pop(0xfffcfffc, None)
	ds.NumberOfFrames = 3
	ds.PixelData = ds.PixelData * 3
	ds.DimensionOrganizationSequence = items(DimensionOrganizationUID="1.2.78.9")
	ds.SharedFunctionalGroupsSequence = items(
	    PixelMeasuresSequence=items(PixelSpacing=["1", "1"], SliceThickness="5"),
	    PlaneOrientationSequence=items(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"]))
	ds.PerFrameFunctionalGroupsSequence = Sequence([item(
	    FrameContentSequence=items(StackID="1", InStackPositionNumber=i + 1,
	        DimensionIndexValues=[1, i + 1]),
	    PlanePositionSequence=items(ImagePositionPatient=["0", "0", str(5 * i)]))
	    for i in range(3)])
	ds.save_as(sys.argv[1], write_like_original=False)
	END
}

# mixed DIR: one study of CT in every syntax that there is a tool for, and real
# enhanced, multi-frame, colour and structured objects
mixed() {
	local d=$1 i=0 f
	ct "$d.ct" 9 1.2.77
	mkdir -p "$d" "$d.raw"
	for f in "dcmconv +te" "dcmconv +ti" "dcmconv +tb" "dcmconv +td" dcmcrle \
		dcmcjpeg "dcmcjpeg +ee" dcmcjpls "gdcmconv --j2k"; do
		$f "$d.ct/000$i.dcm" "$d.raw/$i.dcm"
		i=$((i + 1))
	done
	for f in $SAMPLES; do
		cp "$DICOM/$f.dcm" "$d.raw/"
	done
	enhanced "$d.raw/enhanced.dcm"
	# What a server sends is its own encoding; DCMTK's is one that stays.
	for f in "$d.raw"/*; do
		dcmconv -q -g --padding-off "$f" "$d/${f##*/}"
	done
	rm -r "$d.raw" "$d.ct"
}
SAMPLES="MR_small SC_rgb_rle_2frame SC_rgb_jpeg_dcmtk JPEG2000 JPGExtended reportsi
rtplan rtdose rtstruct waveform_ecg liver_1frame 693_J2KI"
export SAMPLES

# sums FILE...: a line for each, SOP Instance UID, transfer syntax, and a digest
# of the data set's bytes, in the order of the UIDs
sums() {
	$PYTHON - "$@" <<-'END' | sort
	import hashlib, sys
	import pydicom
	for f in sys.argv[1:]:
	    b = open(f, "rb").read()
	    m = pydicom.filereader.read_file_meta_info(f)
	    at = 144 + m.FileMetaInformationGroupLength
	    ds = pydicom.dcmread(f, stop_before_pixels=True)
	    print(ds.SOPInstanceUID, m.TransferSyntaxUID,
	        hashlib.sha256(b[at:]).hexdigest())
	END
}

# came RECORDS WANT-DIR: the records are the objects of the directory, each once
came() {
	rm -rf came
	rec-unpack -C came <"$1"
	find came -type f -print0 | xargs -0 bash -c 'sums "$@"' - >got.sums
	find "$2" -type f -print0 | xargs -0 bash -c 'sums "$@"' - >want.sums
	same want.sums got.sums
}

# names WORD...: lines with these names
names() {
	[ $# -eq 0 ] || printf '%s\n' "$@"
	printf '.end\t%d\n' $#
}

# count FILE: how many lines
count() {
	grep -vc '^\.end' "$1" || :
}

# bad_pacs FAULT...: such a server until the test ends; $MDM_PACS is its URL
bad_pacs() {
	rm -f address
	"$O/fault-scp" address "$@" 3>&- &
	bad_pid=$!
	trap 'kill $bad_pid 2>/dev/null || :' EXIT
	until [ -s address ]; do
		kill -0 $bad_pid || return 1
		read -rt 0.01 <> <(:) || :
	done
	MDM_PACS=$(cat address)
	export MDM_PACS
}

# free_port: one that is free now
free_port() {
	$PYTHON -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

O=${O:-$top/obj}
export O
export -f ct enhanced mixed sums came names count bad_pacs free_port
