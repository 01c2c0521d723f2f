#!/bin/bash
. "${0%/*}/lib.sh"

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
export data
dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key

t 'a site key is for its owner, and never written over' '
	[ "$(stat -c %a key)" = 600 ]
	[ "$(wc -c <key)" = 80 ]
	cp key before
	exits 74 dcm-anon --new-site-key key 2>err
	same before key
'

t 'no site key: an error that says how to make one' '
	exits 77 env -u MDM_SITE_KEY dcm-anon <"$data/CT_small.dcm" >out 2>err
	says "site.key: no site key" err
	says "^dcm-anon: hint: dcm-anon --new-site-key" err
'

t 'a site key that others may read is refused' '
	cp key open
	chmod 644 open
	exits 77 dcm-anon -k open <"$data/CT_small.dcm" >out 2>err
	says "chmod 600" err
	echo nonsense >bad
	chmod 600 bad
	exits 65 dcm-anon -k bad <"$data/CT_small.dcm" >out 2>err
'

t 'one object in, one object out, readable, twice the same' '
	dcm-anon <"$data/CT_small.dcm" >one.dcm
	dcm-anon -o two.dcm <"$data/CT_small.dcm"
	same one.dcm two.dcm
	dcmdump one.dcm >dump
	says "(0012,0062) CS .YES." dump
	says "(0008,0100) SH .113100." dump
	says "(0028,0303) CS .REMOVED." dump
	silent "CompressedSamples\|(0009,\|(0043," dump
'

t 'every file of pydicom comes out readable, or is set aside with a reason' '
	find "$data" -type f | LC_ALL=C sort | rec-pack -T - >all.rec
	exits 1 dcm-anon --rejects aside <all.rec >anon.rec 2>err
	all=$(rec-list <all.rec | wc -l) some=$(rec-list <anon.rec | wc -l)
	[ "$((all - 1))" -eq "$((some - 1 + $(wc -l <aside) - 1))" ]
	[ "$some" -gt 40 ]
	[ "$(grep -c "reason=..*" aside)" -eq "$(($(wc -l <aside) - 1))" ]
	rec-unpack -C all <anon.rec
	$PYTHON - all <<-\EOF
	import pathlib, subprocess, sys, pydicom
	for f in pathlib.Path(sys.argv[1]).rglob("*"):
	    if f.is_file():
	        subprocess.run(["dcmdump", "-q", f], check=True,
	                       stdout=subprocess.DEVNULL)
	        ds = pydicom.dcmread(f)
	        list(ds.iterall())
	        want = [ds.StudyInstanceUID, ds.SeriesInstanceUID,
	                ds.SOPInstanceUID]
	        assert list(f.parts[-3:]) == want, f
	EOF
'

done_testing
