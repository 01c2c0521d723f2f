# For tests of nearline files, after objects.sh and engine.sh: their lines, and a
# recall without DICOM.
# shellcheck shell=bash

# near STUDIES N [FIELDS]: lines of N objects in each of so many studies
near() {
	awk -v s="$1" -v n="$2" -v f="${3-}" 'BEGIN {
		for (i = 1; i <= s; i++) for (k = 0; k < n; k++) {
			name = "7." i "/7." i ".0/7." i ".0." k
			printf "%s\tsurl=dicom://hospital/%s\tmodality=CT%s\n", name, name, f
		}
		printf ".end\t%d\n", s * n }'
}
# taker N: a name to take requests by
taker() {
	printf '%032d' "$1"
}
# take N [OPTION...]
take() {
	lfc-queue --take "$(taker "$1")" --site hospital "${@:2}"
}
# states: how many requests there are of each state
states() {
	sql 'select state, count(*) from recall group by state order by state' |
		tr '\n' ' '
}
# done_as N STATE [REASON [DELAY]] < taken: say so of each
done_as() {
	awk -F '\t' -v s="$2" -v r="${3-}" -v d="${4-}" '/^\.end/ { print; next } {
		for (i = 2; i <= NF; i++) if ($i ~ /^(entry|lfn)=/) $1 = $1 "\t" $i
		print $1 "\tstate=" s (r ? "\treason=" r : "") (d != "" ? "\tdelay=" d : "") }' |
		lfc-queue --done "$(taker "$1")"
}
# arrive < taken: the ciphertext of these is there, registered as is done
arrive() {
	cat >taken
	$PYTHON - <<'END' >arrived.rec
import io, os, tarfile, sys
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
n = 0
for l in open("taken"):
    name = l.rstrip("\n").split("\t")[0]
    if name == ".end": continue
    i = tarfile.TarInfo(name); b = os.urandom(100); i.size = len(b)
    i.pax_headers = {"SCHILY.xattr.user.mdm." + k: v for k, v in
        dict(plain="%064x" % hash(name).__abs__(), guid=os.urandom(16).hex(), modality="CT").items()}
    t.addfile(i, io.BytesIO(b)); n += 1
b = b"%d\n" % n
i = tarfile.TarInfo(".end"); i.size = len(b); t.addfile(i, io.BytesIO(b)); t.close()
END
	ingest arrived.rec
}
export -f near taker take states done_as arrive
