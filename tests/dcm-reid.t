#!/bin/bash
. "${0%/*}/lib.sh"

data=$($PYTHON -c 'import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))')/test_files
export data
dcm-anon --new-site-key key || exit 70
export MDM_SITE_KEY=$dir/key
for i in one two; do
	age-keygen -o $i.id 2>/dev/null
	age-keygen -y $i.id >$i.to
done
cp "$data/CT_small.dcm" "$data/MR_small.dcm" .
rec-pack CT_small.dcm MR_small.dcm >in.rec

ids() { dcmdump -q +P 0020,000d +P 0020,000e +P 0008,0018 +P 0010,0020 "$@" |
	grep -v ABCD | sed 's/.*\[\(.*\)\].*/\1/'; }
declare -f ids >ids.sh

t 'new ids to old and back, and no old id in the ledger file' '
	. ./ids.sh
	dcm-anon --ledger led --ledger-to "$(cat one.to)" <in.rec >out.rec
	rec-unpack -C out <out.rec
	find out -name "*.*" -type f | while read -r f; do ids "$f"; done | sort >new
	{ ids CT_small.dcm; ids MR_small.dcm; } | sort >old
	[ "$(wc -l <new)" -eq 8 ]
	dcm-reid -i one.id led <new >lines
	sed -n "s/.*old=\([^	]*\).*/\1/p" lines | sort >got
	same old got
	dcm-reid -i one.id --forward led <old >lines
	sed -n "s/.*new=\([^	]*\).*/\1/p" lines | sort >got
	same new got
	silent -F -f old led
	base64 -d led 2>err | strings >text || :
	silent -F -f old text
'

t 'the lines of a manifest are asked for as they are' '
	rec-list <out.rec | dcm-reid -i one.id led >lines
	[ "$(grep -c kind=sop lines)" -eq 2 ]
	says "kind=study	old=1.3.6.1.4.1.5962.1.2.1.20040119072730.12322" lines
'

t 'the maps that scorers want' '
	dcm-reid -i one.id --uids uids.csv --patients patients.csv led
	[ "$(head -n 1 uids.csv)" = id_old,id_new ]
	[ "$(wc -l <uids.csv)" -eq 7 ]
	[ "$(wc -l <patients.csv)" -eq 3 ]
	says "^1CT1,P[0-9A-Z]*$" patients.csv
	says "^1.3.6.1.4.1.5962.1.2.1.20040119072730.12322,2.25.[0-9]*$" uids.csv
'

t 'the age program alone opens an entry' '
	head -n 1 led | base64 -d | age -d -i one.id >lines
	says "	patient=1CT1	" lines
	[ "$(tail -n 1 lines)" = "$(printf ".end\t2")" ]
'

t 'by how much dates were moved is in it' '
	dcm-anon --option 113107 --shift-days 5..5 --ledger moved \
	    --ledger-to "$(cat one.to)" <CT_small.dcm >moved.dcm
	base64 -d moved | age -d -i one.id >lines
	says "	shift=+5	minutes=0" lines
	base64 -d led | age -d -i one.id >lines 2>/dev/null || :
	silent "shift=" lines
'

t 'others cannot read it; several recipients can' '
	exits 77 dcm-reid -i two.id led <new >got 2>err
	dcm-anon --ledger led --ledger-to "$(cat one.to)" \
	    --ledger-to "$(cat two.to)" <CT_small.dcm >ct.dcm
	exits 1 dcm-reid -i two.id led <new >got 2>err
	says "led: line 1: sealed to others" err
	says "old=1CT1" got
	dcm-reid -i one.id led <new >got
	exits 74 dcm-reid -i nothing led <new
'

t 'runs that share a ledger all get in, and one that died spoils none' '
	for i in 1 2 3 4 5 6; do
		dcm-anon --ledger many --ledger-to "$(cat one.to)" <CT_small.dcm >/dev/null &
	done
	wait
	[ "$(wc -l <many)" -eq 6 ]
	head -c 200 many >torn
	dcm-anon --ledger torn --ledger-to "$(cat one.to)" <MR_small.dcm >/dev/null
	[ "$(wc -l <torn)" -eq 2 ]
	dcm-reid -i one.id --patients p.csv many
	[ "$(wc -l <p.csv)" -eq 2 ]
	exits 1 dcm-reid -i one.id --patients p.csv torn 2>err
	says "torn: line 1: " err
	says "^4MR1,P" p.csv
	sed "s/A/B/5" many >forged
	exits 1 dcm-reid -i one.id --patients p.csv forged 2>err
	says "forged: line 1: " err
'

t 'only what came out is in the ledger, and it is there when the output is' '
	head -c 20000 CT_small.dcm >cut.dcm
	rec-pack cut.dcm MR_small.dcm >some.rec
	exits 1 dcm-anon --rejects r --ledger some --ledger-to "$(cat one.to)" \
	    <some.rec >out.rec 2>err
	dcm-reid -i one.id --patients p.csv some
	[ "$(wc -l <p.csv)" -eq 2 ]
	says "^4MR1" p.csv
	exits 74 dcm-anon --ledger /dev/full --ledger-to "$(cat one.to)" \
	    <in.rec >cut.rec 2>err
	exits 65 rec-list <cut.rec >/dev/null
'

t 'what is not known is said, by its line; usage' '
	printf "1.2.3\n" >ask
	exits 1 dcm-reid -i one.id led <ask >got 2>err
	says "line:1: not in the ledger" err
	silent "1.2.3" err
	exits 64 dcm-reid -i one.id <ask
	exits 64 dcm-reid led <ask
	exits 64 dcm-anon --ledger led <CT_small.dcm
	exits 64 dcm-anon --ledger-to "$(cat one.to)" <CT_small.dcm
	exits 64 dcm-anon --ledger led --ledger-to age1nonsense <CT_small.dcm
'

done_testing
