# For tests of whole flows: a site with keys, real DICOM, and questions to ask.
# shellcheck shell=bash

DICOM=/usr/lib/python3/dist-packages/pydicom/data/test_files
# The files show nobody; dcm-anon cannot know.
MDM_ANON="--accept us,sc,hidden"
export DICOM MDM_ANON

# a_site DIR: make DIR a state directory and use it; all sites share their keys
a_site() {
	if [ ! -d "$dir/keys" ]; then
		mkdir "$dir/keys"
		dcm-anon --new-site-key "$dir/keys/site.key"
		mdm-sign --new-sign-key "$dir/keys/sign.key"
		cp "$dir/keys/sign.key.pub" "$dir/keys/signers"
	fi
	mkdir -m 700 "$1"
	cp "$dir"/keys/* "$1"
	MDM_HOME=$(cd "$1" && pwd)
	export MDM_HOME
}

# accepts COMMAND...: it ends with 0, or with 1 because objects were set aside
accepts() {
	local got=0
	"$@" || got=$?
	[ "$got" -le 1 ] || { echo "exit $got: $*" >&3; return 1; }
}

# catalogue: what a catalogue says, without what differs from run to run
catalogue() {
	lfc-ls -R --manifest | tr '\t' '\n' | awk '
		/^\.end/ { exit }
		!/=/ { name = $0 }
		/^(plain|status|gen|modality|pseudonym)=/ { print name, $0 }' | sort
}

# readable DIR: everything in the catalogue comes back, as it is in DIR
readable() {
	rm -rf got
	mdm-get -C got /grid/mdm
	diff -r "$1" got >&3
}

export -f a_site accepts catalogue readable
