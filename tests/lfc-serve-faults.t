#!/bin/bash
# lfc-serve: whole flows over it, many at once, and its death in the midst of them
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/lfc.sh
. "$here/lfc.sh"
# shellcheck source=tests/flow.sh
. "$here/flow.sh"

"$services/pki" pki || exit 70
proxy alice alice /mdm/neuro/Role=physician /mdm
proxy robot robot /mdm/Role=robot
proxy bob bob /mdm
admin='/DC=test/DC=mdm/O=Users/CN=Admin One'

# fresh NAME: a catalogue where the robot may write and physicians may read
fresh() {
	serve_lfc "$1" --creator /mdm/Role=robot --admin "$admin"
	lines_to admin1 "$1" mkdir "/grid/mdm\tparents=1" | has made=1
	lines_to admin1 "$1" setacl "/grid/mdm\tmodify=group:/mdm/Role=robot:rwx%0Adefault:group:/mdm/Role=robot:rwx%0Adefault:group:/mdm/neuro/Role=physician:r-x%0Adefault:other::---" | has mode=
	use robot "$1"
}

# whole NAME N PREFIX...: the catalogue has all of these manifests, once
whole() {
	local p
	use admin1 "$1"
	lfc-ls -R --manifest /grid | grep -v "^\.end" | cut -f 1 | sort >is
	for p in "${@:3}"; do manifest "$2" "$p"; done |
		grep -v "^\.end" | cut -f 1 | sort >should
	same is should
	use robot "$1"
}
export -f fresh whole
export admin

t 'objects go in, come back and go away through a service' '
	fresh flow
	a_site site
	mkdir in
	cp "$DICOM"/{CT_small,MR_small}.dcm in
	mdm-ingest in
	lfc-ls -R --manifest | tail -n 1 >n
	[ "$(cat n)" = ".end	2" ]
	mdm-ingest in 2>err
	use admin1
	mdm-check >check
	same check <(printf ".end\t0\n")
	find "$MDM_HOME/storage" -type f ! -path "*/.incoming/*" | head -n 1 >victim
	mv "$(cat victim)" away
	exits 1 mdm-check >check
	grep -q "	kind=lost" check
	mv away "$(cat victim)"
	use robot
	exits 77 mdm-check >check 2>err
	says "for admins only" err
	use alice
	mdm-get -C got /grid/mdm
	[ "$(find got -type f | wc -l)" = 2 ]
	exits 77 mdm-del /grid/mdm 2>err || :
	use bob
	exits 77 mdm-get -C none /grid/mdm 2>err || exits 1 mdm-get -C none /grid/mdm 2>err
	[ ! -d none ] || [ -z "$(find none -type f)" ]
	use robot
	lfc-ls /grid/mdm >studies
	mdm-del $(cat studies)
	[ "$(lfc-ls -R --manifest | tail -n 1)" = ".end	0" ]
'

t 'several writers at once, of the same and of other objects' '
	fresh many
	for p in a b a c; do
		i=$((${i-0} + 1))
		manifest 1500 $p "$(lease robot many)" >M.$i
		acks <M.$i >A.$i
		lfc-reg --acks A.$i <M.$i >R.$i 2>err.$i &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	whole many 1500 a b c
	[ "$(cat R.1 R.3 | grep -c "	status=new")" = 1500 ]
	[ "$(cat R.1 R.3 | grep -c "	status=same")" = 1500 ]
	lines_to admin1 many info - | has -v oldest=
'

t 'killed in the midst of registering and started again: the run goes on' '
	fresh killed
	manifest 8000 k "$(lease robot killed)" >M
	acks <M >A
	mkfifo slow
	# the client has output for us after its first batch
	MDM_LOCK_WAIT=60 lfc-reg --acks A <M >slow 2>err &
	pid=$!
	exec 5<slow
	head -c 1 <&5 >first
	kill_lfc killed
	cat <&5 >rest &
	reader=$!
	serve_lfc killed --creator /mdm/Role=robot --admin "$admin"
	wait "$pid"
	wait "$reader"
	[ "$(tail -n 1 rest)" = ".end	8000" ]
	whole killed 8000 k
'

t 'gone for good in the midst: exit 69, and a second run finishes the work' '
	fresh gone
	manifest 8000 g "$(lease robot gone)" >M
	acks <M >A
	mkfifo slow2
	MDM_LOCK_WAIT=0 lfc-reg --acks A <M >slow2 2>err &
	pid=$!
	exec 5<slow2
	head -c 1 <&5 >first
	"$services/stop" gone lfc
	cat <&5 >rest
	exits 69 wait "$pid"
	says "https://localhost" err
	serve_lfc gone --creator /mdm/Role=robot --admin "$admin"
	lfc-reg --acks A <M >R
	[ "$(tail -n 1 R)" = ".end	8000" ]
	grep -q status=same R
	grep -q status=new R
	whole gone 8000 g
'

t 'a listing goes on where a dead server left it' '
	use admin1 gone
	mkfifo slow3
	MDM_LOCK_WAIT=60 lfc-ls -R --manifest /grid >slow3 2>err &
	pid=$!
	exec 5<slow3
	head -c 1 <&5 >first
	kill_lfc gone
	serve_lfc gone --creator /mdm/Role=robot --admin "$admin"
	cat <&5 >rest
	wait "$pid"
	cat first rest | grep -v "^\.end" | cut -f 1 | sort >is
	manifest 8000 g | grep -v "^\.end" | cut -f 1 | sort >should
	same is should
'

t 'directories go with all that is in them' '
	use robot gone
	exits 77 lfc-rm -r /grid/mdm 2>err
	lfc-rm -r --manifest /grid/mdm/g.1 >R
	[ "$(tail -n 1 R)" = ".end	1000" ]
	manifest 2000 g | grep -v "^\.end" | tail -n 1000 | cut -f 1 | sort >should
	grep -v "^\.end" R | cut -f 1 | sort >is
	same is should
'

t 'a tree goes, and no line of what was in it is lost with the server' '
	fresh tree
	lfc-rm -r /grid/mdm/1.2
	manifest 8000 t "$(lease robot tree)" >M
	acks <M >A
	lfc-reg --acks A <M >R
	mkfifo slow4
	MDM_LOCK_WAIT=60 lfc-rm -r --manifest /grid/mdm/t.0 /grid/mdm/t.1 /grid/mdm/t.2 \
		/grid/mdm/t.3 /grid/mdm/t.4 /grid/mdm/t.5 /grid/mdm/t.6 /grid/mdm/t.7 >slow4 2>err &
	pid=$!
	exec 5<slow4
	head -c 1 <&5 >first
	kill_lfc tree
	cat <&5 >rest &
	reader=$!
	serve_lfc tree --creator /mdm/Role=robot --admin "$admin"
	wait "$pid"
	wait "$reader"
	cat first rest | grep -v "^\.end" | cut -f 1 | sort >is
	grep -v "^\.end" M | cut -f 1 | sort >should
	same is should
	[ -z "$(lfc-ls /grid/mdm)" ]
'
done_testing
