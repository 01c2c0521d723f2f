# For tests of catalogue and storage: records as dcm-anon and mdm-encrypt would
# make them, without DICOM and without keys.
# shellcheck shell=bash

# objects N [SIZE [SEED [PLAIN]]]: a record stream of N objects in two series;
# another SEED is another set of GUIDs; another PLAIN another content
objects() {
	$PYTHON - "$1" "${2:-1000}" "${3:-a}" "${4:-p}" <<-'END'
	import hashlib, io, sys, tarfile
	n, size, seed, plain = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
	h = lambda *a: hashlib.sha256(repr(a).encode()).hexdigest()
	t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
	def put(name, body, **attrs):
	    i = tarfile.TarInfo(name)
	    i.size = len(body)
	    i.pax_headers = {"SCHILY.xattr.user.mdm." + k: v for k, v in attrs.items()}
	    t.addfile(i, io.BytesIO(body))
	for i in range(n):
	    body = (h(seed, i).encode() * (size // 64 + 1))[:size]
	    put("1.2/1.2.%d/1.2.%d.%d" % (i % 2, i % 2, i), body, plain=h(plain, i),
	        guid=h(seed, i, "guid")[:32], modality="CT", pseudonym="P 1")
	put(".end", b"%d\n" % n)
	t.close()
	END
}

# acks FILE: the answer of three key stores for the lines of a manifest
acks() {
	awk -F '\t' '/^\.end/ { print; next }
		{ for (i = 2; i <= NF; i++) if ($i ~ /^guid=/)
			print substr($i, 6) "\tack=3\tstores=1,2,3" }' "$1"
}

# ingest FILE [OPTION...]: all steps with the options of lfc-new
ingest() {
	local file=$1
	shift
	lfc-new "$@" <"$file" | srm-copy --to '' >M
	acks M >ACK
	lfc-reg --acks ACK <M >R
}

# field KEY FILE: the values of a field, one a line
field() {
	tr '\t' '\n' <"$2" | sed -n "s/^$1=//p"
}

export -f objects acks ingest field
