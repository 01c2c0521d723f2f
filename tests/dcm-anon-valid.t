#!/bin/bash
. "${0%/*}/lib.sh"

# What was valid stays valid: dciodvfy finds no error in what comes out that it
# did not find in what went in.  Of what it says, UIDs are cut; where it fails
# an assertion of its own, what it said before that counts.

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
dcm-anon --new-site-key key || exit 70
export data MDM_SITE_KEY=$dir/key
export moved=retain-longitudinal-modified-dates

cat >new-errors <<'EOS'
#!/bin/bash
# new-errors OUT OPTION...: what is wrong with what dcm-anon makes of the files
errors()
{
	(dciodvfy "$1") 2>&1 | grep -a ^Error | sed "s/<[0-9.:]*>//; s/ [0-9.]*$//" | sort -u
}
out=$1
shift
mkdir "$out"
while read -r f; do
	b=${f##*/}
	dcm-anon --accept us,sc,hidden "$@" <"$f" >"$out/$b" 2>/dev/null || continue
	[ -e "$b.was" ] || errors "$f" >"$b.was"
	errors "$out/$b" | comm -13 "$b.was" - | sed "s|^|$b: |"
	echo "$b" >>"$out/done"
done <files 2>/dev/null
EOS
chmod +x new-errors
find "$data" -maxdepth 1 -name '*.dcm' | LC_ALL=C sort >files

t 'the Basic Profile' '
	./new-errors basic >found
	cat found
	[ ! -s found ]
	[ "$(wc -l <basic/done)" -gt 50 ]
'

t 'options that retain' '
	for o in retain-uids "$moved" retain-patient-characteristics \
	    retain-device-identity retain-institution-identity; do
		set -- "$@" --option $o
	done
	./new-errors retain "$@" --shift-time >found
	cat found
	[ ! -s found ]
	[ "$(wc -l <retain/done)" -gt 50 ]
'

t 'the profile tcia' '
	./new-errors tcia --profile tcia >found
	cat found
	[ ! -s found ]
	[ "$(wc -l <tcia/done)" -gt 50 ]
'

t 'the check can fail' '
	dcmodify -nb -ea "(0020,000d)" basic/CT_small.dcm
	dciodvfy basic/CT_small.dcm 2>&1 | grep -a "^Error" >err || true
	says "StudyInstanceUID" err
'

done_testing
