#!/bin/bash
# mdm-recalld, when something is in the way; mdm-evict
. "${0%/*}/lib.sh"
# shellcheck source=tests/flow.sh
. "$here/flow.sh"
# shellcheck source=tests/pacs.sh
. "$here/pacs.sh"

ct ct 6 1.2.840.99.1 PatientID=SECRET-1 PatientName=Yamada
age-keygen -o id 2>/dev/null
export MDM_LEDGER=$dir/led MDM_IDENTITY=$dir/id MDM_DICOM_SITE=hospital MDM_LEDGER_TO
MDM_LEDGER_TO=$(age-keygen -y id)

# published NAME: a site of that name, with six files that were asked for
published() {
	a_site "$1"
	bad_pacs "$dir"/ct/*
	mdm-publish date= 2>>log
	lfc-ls --manifest -R | lfc-recall - >asked
	kill "$bad_pid"
}
recalld() {
	local got=0
	mdm-recalld --once 2>>log || got=$?
	echo "$got" >status
}
states() { lfc-ls --manifest -R | lfc-recall --status - | tr "\t" "\n" | sed -n "s/^state=//p" | sort | uniq -c | tr -s " \n" " "; }
reasons() { lfc-ls --manifest -R | lfc-recall --status - | tr "\t" "\n" | sed -n "s/^reason=//p" | sort -u; }
# then_all: a server without faults, asked again: all come, and nothing is left over
then_all() {
	bad_pacs "$dir"/ct/*
	lfc-ls --manifest -R | lfc-recall - >asked
	recalld
	[ "$(states)" = " 6 online " ]
	rm -rf got
	mdm-get -C got / 2>>log
	[ "$(find got -type f | wc -l)" -eq 6 ]
	silent "1\.2\.840\.99\|SECRET\|Yamada" log
}
export -f published recalld states reasons then_all

for fault in reject=called find=A700 get=A702 get=A801 half=A702 half=B000 drop=3 cut=2; do
	t "a DICOM server that does $fault: said, nothing half done, the next run completes" "
		published '$fault'
		bad_pacs '$fault' \"\$dir\"/ct/*
		recalld
		[ \"\$(states)\" != ' 6 online ' ] || [ '$fault' = drop=3 ] || [ '$fault' = cut=2 ]
		if [ \"\$(states)\" != ' 6 online ' ]; then
			[ -n \"\$(reasons)\" ]
			[ \"\$(cat status)\" -ne 0 ]
		fi
		! states | grep -q 'failed\\|taken' || { states; reasons; } >&3
		! states | grep -q 'failed\\|taken'
		then_all
	"
done

t 'no server at all' '
	published away
	export MDM_PACS=dicom://PACS@127.0.0.1:1
	recalld
	[ "$(states)" = " 6 queued " ]
	says "DICOM%20server%20cannot%20be%20asked%20(69)" <(reasons)
	then_all
'

t 'what the server or the ledger no longer has, fails' '
	published gone
	bad_pacs "$dir"/ct/000[0-3].dcm
	recalld
	[ "$(states)" = " 2 failed 4 online " ]
	says "does%20not%20have%20it" <(reasons)
	then_all
	published ledger
	bad_pacs "$dir"/ct/*
	: >empty
	MDM_LEDGER=$PWD/empty recalld
	[ "$(states)" = " 6 failed " ]
	says "ledger" <(reasons)
	then_all
'

t 'killed at any moment, it loses and doubles nothing' '
	published killed
	bad_pacs "$dir"/ct/*
	for step in lfc-queue dcm-get mdm-encrypt hydra-put lfc-reg; do
		mkdir -p "stop"
		# that step kills the whole of it
		printf "#!/bin/sh\nkill -9 \"\$(cat %s/recalld.pid)\"; exit 1\n" "$PWD" >stop/$step
		[ $step != lfc-reg ] || printf "#!/bin/bash\n%s/lfc-reg \"\$@\"; kill -9 \$(cat %s/recalld.pid)\n" "$BIN" "$PWD" >stop/$step
		chmod +x stop/$step
		cp "$top"/pipelines/mdm-* stop
		bash -c "echo \$\$ >recalld.pid; exec stop/mdm-recalld --once" 2>>log || :
		rm -r stop
		sqlite3 killed/catalogue.sqlite "update recall set expires = 0, tries = 1 where state = \"t\""
	done
	[ "$(states)" = " 6 online " ] # it had registered
	recalld
	then_all
	[ "$(sqlite3 killed/catalogue.sqlite "select distinct gen from entry where type = \"f\"")" = 1 ]
'

t 'the entry decides who may get the key' '
	a_site rights
	bad_pacs "$dir"/ct/*
	mdm-publish --owner "/O=site/CN=A B" --group /vo/neuro --mode 640 date= 2>>log
	lfc-ls --manifest -R >M
	says "mode=0640	owner=/O=site/CN=A%20B	group=/vo/neuro" M
	lfc-acl -m "user:/O=site/CN=C:r--" - <M
	lfc-recall - <M >asked
	recalld
	[ "$(states)" = " 6 online " ]
	lfc-ls --manifest -R | hydra-acl >A
	[ "$(grep -c "owner=/O=site/CN=A%20B	group=/vo/neuro	perms=[^,]*g[^,]*,[^,]*g[^,]*,--------" A)" -eq 6 ]
	[ "$(grep -c "acl=/O=site/CN=C:[^	]*g" A)" -eq 6 ]
'

t 'evicted by age and by space; what has no source is never' '
	published evict
	bad_pacs "$dir"/ct/*
	recalld
	size=$(lfc-queue --cached | tr "\t" "\n" | sed -n "s/^size=//p" | awk "{ n += \$1 } END { print n }")
	mdm-evict --age 1000 --space "$size" 2>err
	says "0 files are nearline again" err
	mdm-evict -n --space "$((size - 1))" >would 2>err
	says "^.end	1" would
	mdm-evict --space "$((size / 2))" 2>err
	says "3 files are nearline again" err
	[ "$(find evict/storage -type f | wc -l)" -eq 3 ]
	[ "$(states)" = " 3 nearline 3 online " ]
	sqlite3 evict/catalogue.sqlite "update recall set changed = 1"
	mdm-evict --age 1000 2>err
	says "3 files are nearline again" err
	[ "$(find evict/storage -type f | wc -l)" -eq 0 ]
	mdm-check
	then_all
	exits 64 mdm-evict 2>err
	exits 64 mdm-evict --age x 2>err
'

done_testing
