#!/bin/bash
# The whole flow over a grid's services: two storage elements, a catalogue on
# PostgreSQL, three key stores, and people who may and may not.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/grid.sh
. "$here/grid.sh"
a_grid
patients in 2 3
"$PYTHON" -c 'import sys; print("\n".join(sys.argv[1:]))' "${canaries[@]}" >canaries

t 'a robot ingests; another run finds nothing to do' '
	as robot mdm-ingest --group /mdm/neuro in 2>err
	says "6 objects taken, 6 registered" err
	as robot mdm-ingest in 2>err
	says "0 registered, 6 already there" err
	[ "$(entries)" -eq 6 ]
	[ "$(on $grid/se1 | wc -l)" -eq 7 ] # and the saved manifest
'

t 'nobody else has it yet; the group has when the robot says so' '
	study=$(as robot lfc-ls)
	for who in alice bob other; do
		exits 77 as $who mdm-get -C $who.out "$study" 2>err
	done
	as robot mdm-set-right group "$study"
	as alice mdm-get -C alice.out "$study" 2>err
	rec-pack in | MDM_SITE_KEY=$dir/robot/site.key dcm-anon 2>err | rec-unpack -C anon
	[ "$(find anon -type f | wc -l)" -eq 6 ]
	diff -r anon alice.out >&3
'

t 'a member of the VO, and one of another, get 77 and nothing' '
	study=$(as robot lfc-ls)
	as alice lfc-ls -R --manifest "$study" >M
	for who in bob other; do
		rm -rf $who.out
		exits 77 as $who mdm-get -C $who.out "$study" 2>err
		exits 77 as $who hydra-get <M >shares 2>err
		[ "$(grep -vc -e "error=denied$" -e "^.end" shares)" -eq 0 ]
		exits 77 as $who mdm-del "$study" 2>err
		exits 77 as $who mdm-set-right group "$study" 2>err
		[ ! -e $who.out ] || [ -z "$(find $who.out -type f)" ]
	done
	exits 77 as other srm-copy --from <M >out 2>err
	exits 77 as bob mdm-ingest in 2>err
	exits 77 env -u X509_USER_PROXY HOME=$PWD/nobody mdm-get -C nobody.out "$study" 2>err
	[ ! -e nobody.out ] || [ -z "$(find nobody.out -type f)" ]
	[ "$(entries)" -eq 6 ]
'

t 'copied to another storage and registered; the first is gone, it serves' '
	study=$(as robot lfc-ls)
	as robot lfc-ls -R --manifest "$study" >M
	export MDM_STORAGE="$se1_root $se2_https" MDM_STORAGE_WAIT=1
	as robot srm-copy --replicate --to "$se2_https" <M >N
	as robot lfc-replica --add - - <N
	as robot lfc-ls -R --manifest "$study" >M
	same <(grep -o "surl=[^	]*" N) <(grep -o "surl.2=[^	]*" M | sed s/.2//)
	"$services/xrootd" kill "$grid/se1"
	as alice mdm-get -C moved "$study" 2>err || failed=$?
	"$services/xrootd" again "$grid/se1"
	[ "${failed-0}" -eq 0 ] || { cat err >&3; false; }
	says "another replica has it" err
	diff -r anon moved >&3
	# it was not the first that served
	MDM_STORAGE=$se2_https as alice mdm-get -C second "$study" 2>err
	diff -r anon second >&3
'

t 'no identity on any storage, in the catalogue, the key stores or a log' '
	[ "$(on "$grid/se1" | wc -l)" -ge 7 ]
	on "$grid/se1" | while IFS= read -r f; do
		[ "$(head -c 21 "$f")" = age-encryption.org/v1 ]
	done
	as robot lfc-ls -R --manifest >M
	as robot lfc-ls -lR >L
	(cd "$grid" && find . -type f -not -path "./pki/*" -exec grep -lFf "$dir/canaries" {} +) >found || :
	same /dev/null found
	exits 1 grep -Ff canaries M L err
	exits 1 grep -rlF -e DICM "$grid/se1/files" "$grid/se2/files"
'

done_testing
