#!/bin/bash
# The flows that mdm(7) spells out, as it spells them.
. "${0%/*}/lib.sh"
. "$here/flow.sh"

# flow SECTION: the commands of the first example under that heading
flow() {
	sed -n "/^\.Ss $1/,/^\.Ed/p" "$top/doc/mdm.7" |
		sed -n '/^\.Bd/,/^\.Ed/{/^\./!p}' | sed 's/\\e/\\/g'
}
export -f flow
export SE=file:$dir/se MDM_STORAGE=file:$dir/se

t 'ingest' '
	a_site site
	mkdir study
	cp "$DICOM"/{CT_small,MR_small,rtplan}.dcm study
	flow "Ingest, by hand" >ingest
	says "mdm-encrypt --keys /dev/fd/3" ingest
	bash -euo pipefail ingest >registered
	[ "$(grep -c "	status=new" registered)" -eq 3 ]
	mdm-check
'

t 'retrieve' '
	export MDM_HOME=$PWD/site
	STUDY=$(lfc-ls | sed -n 1p)
	export STUDY
	flow "Retrieve, by hand" >retrieve
	bash -euo pipefail retrieve
	[ "$(find out -type f | wc -l)" -eq "$(lfc-ls -R --manifest "$STUDY" | grep -vc "^.end")" ]
'

t 'other key stores' '
	export MDM_HOME=$PWD/site OLD=$PWD/site/stores NEW=$PWD/site/stores.new
	sed "s/x=2	url=\([^	]*\)/x=4	url=\1.other/" $OLD >$NEW
	flow "Other key stores, by hand" >other
	says "hydra-refresh --from" other
	rm -rf out
	bash -euo pipefail other
	says "x=4" $OLD
	STUDY=$(lfc-ls | sed -n 1p)
	export STUDY
	flow "Retrieve, by hand" >retrieve
	bash -euo pipefail retrieve
	[ "$(find out -type f | wc -l)" -eq "$(lfc-ls -R --manifest "$STUDY" | grep -vc "^.end")" ]
	mdm-check
'

t 'deleting' '
	export MDM_HOME=$PWD/site
	STUDY=$(lfc-ls | sed -n 1p)
	export STUDY
	flow "Deleting, by hand" >delete
	bash -euo pipefail delete >/dev/null
	[ "$(lfc-ls -R --manifest "$STUDY" | tail -n 1)" = ".end	0" ]
	mdm-check
'

done_testing
