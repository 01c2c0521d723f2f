# For tests of whole flows over a grid's services; sourced after lib.sh.
# shellcheck shell=bash

services=$here/services
grid=$dir/grid
parts=(storage catalogue keys)
trap '"$services/grid" stop "$grid" "${parts[@]}" 2>/dev/null; rm -rf "$dir"' EXIT
unset "${!X509_@}" "${!BEARER_@}" "${!XRD_@}" "${!GFAL_@}" XDG_RUNTIME_DIR NOTIFY_SOCKET LISTEN_FDS
export services grid

# What is looked for where no identity may be.
# shellcheck disable=SC2034
canaries=(Canary^Yellow CanaryPatient7 CanaryHospital 1.2.826.0.1.3680043.10.7)

# patients DIR SERIES OBJECTS [SIDE]: a study, each image of SIDE x SIDE pixels
patients() {
	mkdir -p "$1"
	"$PYTHON" - "$@" <<-'END'
	import os, sys
	from pydicom import dcmread
	from pydicom.data import get_testdata_file
	out, series, objects = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	side = int(sys.argv[4]) if len(sys.argv) > 4 else 0
	d = dcmread(get_testdata_file("CT_small.dcm"))
	d.PatientName, d.PatientID, d.InstitutionName = "Canary^Yellow", "CanaryPatient7", "CanaryHospital"
	root = "1.2.826.0.1.3680043.10.7"
	d.StudyInstanceUID = root + ".1"
	if side:
	    d.Rows = d.Columns = side
	    d.PixelData = bytes(2 * side * side)
	for s in range(series):
	    d.SeriesInstanceUID = "%s.2.%d" % (root, s)
	    for i in range(objects):
	        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = "%s.3.%d.%d.%d" % (root, side, s, i)
	        d.InstanceNumber = i
	        d.save_as(os.path.join(out, "%d-%d-%d.dcm" % (side, s, i)))
	END
}

# a_grid [PART...]: it serves, and the robot's site has its keys
a_grid() {
	[ $# -eq 0 ] || parts=("$@")
	"$services/grid" start "$grid" "${parts[@]}" >&2 || { echo 'Bail out! no grid'; exit 1; }
	mkdir -m 700 "$dir/robot"
	dcm-anon --new-site-key "$dir/robot/site.key"
	mdm-sign --new-sign-key "$dir/robot/sign.key"
	cp "$dir/robot/sign.key.pub" "$dir/signers"
	for place in se1/root se1/https se2/root se2/https; do
		declare -gx "${place/\//_}=$(cat "$grid/$place" 2>/dev/null)"
	done
	# shellcheck source=/dev/null
	. "$grid/env"
	export MDM_SIGNERS=$dir/signers MDM_STORAGE_WAIT=5
	unset X509_USER_PROXY
}

# as NAME COMMAND...: as that person, with a state directory of theirs
as() {
	[ -d "$dir/$1" ] || mkdir -m 700 "$dir/$1"
	MDM_HOME=$dir/$1 X509_USER_PROXY=${PROXY-$grid/$1.proxy} "${@:2}"
}

# A run that stops and waits.  held PROGRAM [BYTES]: flows from $dir/held run
# PROGRAM when `go' was said, or let so many bytes of its input through before.
# It says so: reached waits for that.
held() {
	rm -rf "$dir/held" "$dir/go" "$dir/reached"
	mkdir "$dir/held"
	cp "$top"/pipelines/mdm-* "$dir/held"
	cat >"$dir/held/$1" <<-END
	#!/bin/bash
	[ ! -e "$dir/go" ] || exec "$BIN/$1" "\$@"
	{
		head -c ${2:-0}
		: >"$dir/reached"
		until [ -e "$dir/go" ] || [ ! -d "$dir/held" ]; do read -rt 0.02 <> <(:) || :; done
		cat
	} | "$BIN/$1" "\$@"
	exit "\${PIPESTATUS[1]}"
	END
	chmod +x "$dir/held/$1"
}
reached() { is_so test -e "$dir/reached"; }
is_so() { # COMMAND...: wait until it succeeds; if it never does, fail
	local end=$((SECONDS + 40))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -rt 0.02 <> <(:) || :
	done
}
later() { # COMMAND...: it ends with a status that says to try again later
	local got=0
	"$@" || got=$?
	[ "$got" -eq 69 ] || [ "$got" -eq 75 ] || { echo "exit $got: $*" >&3; return 1; }
}
go() { : >"$dir/go"; }

# on DIR: the objects under names on a storage that was started in DIR
on() {
	find "$1/files/mdm" -type f -path '*/??/*' -not -path '*/.*'
}
entries() { # how many the catalogue has
	as robot lfc-ls -R --manifest | grep -vc '^\.end' || :
}
export -f as held reached is_so later go on entries patients
