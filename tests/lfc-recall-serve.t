#!/bin/bash
# Recalls through lfc-serve: who may ask, who may serve
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/lfc.sh
. "$here/lfc.sh"

"$services/pki" pki || exit 70
proxy alice alice /mdm/neuro/Role=physician /mdm
proxy robot robot /mdm/Role=robot
proxy bob bob /mdm
serve_lfc c --creator /mdm/Role=robot \
    --admin '/DC=test/DC=mdm/O=Users/CN=Admin One' || exit 70
lines_to admin1 c mkdir '/grid/mdm\tparents=1' >made
lines_to admin1 c setacl "/grid/mdm\tmodify=group:/mdm/Role=robot:rwx%0Agroup:/mdm/neuro/Role=physician:r-x%0Adefault:group:/mdm/Role=robot:rwx%0Adefault:group:/mdm/neuro/Role=physician:r-x%0Adefault:other::---" >>made
T=$(printf %032d 1)
export T

t 'nearline names come from those who may register, and are asked for by readers' '
	for i in 0 1 2; do printf "7/7.0/7.0.%d\tsurl=dicom://h/7/7.0/7.0.%d\n" $i $i; done >lines
	rec-list --lines <lines >near
	use bob c
	exits 77 lfc-reg --nearline <near >R 2>err
	use robot c
	lfc-reg --nearline <near >R
	[ "$(grep -c status=new R)" -eq 3 ]
	use bob c
	exits 77 lfc-recall 7/7.0/7.0.0 2>err
	says "permission denied" err
	exits 77 lfc-recall --status 7/7.0/7.0.0 2>err
	use alice c
	lfc-recall 7/7.0/7.0.0 7/7.0/7.0.1 >got
	[ "$(grep -c state=queued got)" -eq 2 ]
	exits 77 lfc-recall --priority 9 7/7.0/7.0.0 2>err
	says "priorities above 5" err
	audited c/lfc op=recall answer=denied ok=0 id=/grid/mdm/7/7.0/7.0.0
'

t 'only who may register takes requests, renews them and says what became of them' '
	use alice c
	exits 77 lfc-queue --take "$T" --site h 2>err
	exits 77 lfc-queue --renew "$T" 2>err
	exits 77 lfc-queue --cached --site h 2>err
	use robot c
	lfc-recall 7/7.0/7.0.1 >got
	says "askers=2" got
	lfc-queue --take "$T" --site h >taken
	[ "$(grep -c "surl=dicom://h/" taken)" -eq 2 ]
	lfc-queue --renew "$T" | has held=2
	use alice c
	sed "/^.end/!s/$/	state=failed/" taken | exits 77 lfc-queue --done "$T" 2>err
	use robot c
	sed "/^.end/!s/$/	state=failed	reason=no%20such%20study/" taken | lfc-queue --done "$T" >got
	use alice c
	exits 1 lfc-recall --status --wait 7/7.0/7.0.1 2>err
	says "7.0.1: cannot be recalled: no such study" err
'

t 'what two asked for is given up when both have cancelled' '
	use alice c
	lfc-recall 7/7.0/7.0.2 >got
	use robot c
	lfc-recall 7/7.0/7.0.2 >got
	lfc-recall --cancel 7/7.0/7.0.2 | has "state=queued.*askers=1"
	use alice c
	lfc-recall --cancel 7/7.0/7.0.2 | has "state=cancelled"
'

done_testing
