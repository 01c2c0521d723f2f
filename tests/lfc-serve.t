#!/bin/bash
# lfc-serve: who may do what in the catalogue, and how it is asked from afar
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

# The tree of the tables below: the robot fills it, physicians read it.
lines_to admin1 c mkdir '/grid/mdm\tparents=1' '/grid/own' >made
lines_to admin1 c chown '/grid/own\towner=/DC=test/DC=mdm/O=Users/CN=Alice%20Physician\tgroup=/mdm' >>made
lines_to admin1 c setacl "/grid/mdm\tmodify=group:/mdm/Role=robot:rwx%0Adefault:group:/mdm/Role=robot:rwx%0Adefault:group:/mdm/neuro/Role=physician:r-x%0Adefault:other::---" >>made

t 'an admin makes the first directories and hands them over' '
	grep -c "	made=1\$" made | has -x 2
	grep -q "^/grid/own	changed=1\$" made
	grep -q "^/grid/mdm	mode=0775	acl=user::rwx%0Agroup::r-x%0Agroup:/mdm/Role=robot:rwx%0Amask::rwx" made
	[ "$(grep -cx 200 made)" = 3 ]
	audited c/lfc op=setacl answer=done ok=1 id=/grid/mdm CN=Admin%20One service=lfc-serve
'

t 'objects are registered under a lease, by those who may' '
	l=$(lease robot c)
	manifest 30 a "$l" >M
	acks <M >A
	use bob c
	exits 77 lfc-reg --acks A <M >R 2>err
	says "permission denied" err
	lines_to bob c lease "$(printf %032d 1)\tnew=1\tttl=9" | has "error=denied"
	use robot c
	l=$(lease robot c)
	manifest 30 a "$l" >M
	lfc-reg --acks A <M >R
	[ "$(grep -c "	status=new" R)" = 30 ]
	lfc-reg --acks A <M >R
	[ "$(grep -c "	status=same" R)" = 30 ]
	lines_to admin1 c info - | has "	admin=1	oldest="
'

t 'what is made has the defaults of its directory, and hands them on' '
	use alice c
	lines_to alice c getacl /grid/mdm/a.0/a.0.0/a.1 >got
	grep -q "mode=0660	owner=/DC=test/DC=mdm/O=Users/CN=Robot:%20night	group=/mdm/Role=robot" got
	grep -q "group:/mdm/neuro/Role=physician:r-x%0Amask::rw-%0Aother::---%0A\$" got
	lines_to alice c getacl /grid/mdm/a.0/a.0.0 | has "default:group:/mdm/neuro/Role=physician:r-x"
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	30" ]
	lfc-ls -l /grid/mdm/a.0/a.0.0 >list
	grep -q "^-rw-rw----+   1 /DC=test.*CN=Robot:%20night /mdm/Role=robot       1001 .* a.1\$" list
'

t 'who may not read gets nothing, and is told so' '
	use bob c
	exits 77 lfc-ls /grid/mdm/a.0 2>err
	says "/grid/mdm/a.0: permission denied" err
	exits 1 lfc-ls --manifest -R >got 2>err
	[ "$(cat got)" = ".end	0" ]
	says "a.0: permission denied" err
	exits 77 lfc-rm /grid/mdm/a.0/a.0.0/a.1 2>err
	audited c/lfc op=rm answer=denied ok=0 CN=Bob
'

t 'the permission table' '
	d=/grid/mdm/a.0/a.0.0
	n=0
	a1_guid=$(lines_to alice c show "$d/a.1" | grep -o "guid=[0-9a-f]*" | cut -d = -f 2)
	while IFS="|" read -r client op line want; do
		[ -n "$client" ] || continue
		n=$((n + 1))
		got=$(lines_to "$client" c "$op" "$line" | head -n 1)
		case $want in
		yes) [[ $got != *error=* && $got != *refused=* && $got == *=* ]] ;;
		*) [[ $got == *"error=$want"* || $got == *"refused=$want"* ]] ;;
		esac || { echo "$client $op $line: $got, not $want"; exit 1; }
	done <<-END
	alice|stat|$d/a.1|yes
	bob|stat|$d/a.1|denied
	robot|stat|$d/a.1|yes
	alice|stat|$d/none|missing
	bob|stat|$d/none|denied
	bob|stat|/grid/mdm|yes
	alice|ls|$d|yes
	bob|ls|$d|denied
	bob|manifest|$d/a.1|denied
	alice|manifest|$d/a.1|yes
	alice|replicas|$d/a.1|yes
	bob|replicas|$d/a.1|denied
	alice|comment|$d/a.1\tcomment=hello|denied
	robot|comment|$d/a.1\tcomment=hello|yes
	alice|chmod|$d/a.1\tmode=0600|denied
	robot|chmod|$d/a.1\tmode=u=rw,g=rw,o=|yes
	alice|setacl|$d/a.1\tmodify=user:/CN=x:r|denied
	robot|setacl|$d/a.1\tmodify=user:/CN=a|bad
	robot|setacl|$d/a.1\tmodify=user:/CN=a:%20b:r|yes
	robot|setacl|$d/a.1\tmodify=default:user::r|bad
	admin1|setacl|$d/a.1\tdelete=user:/CN=a:%20b:|yes
	robot|chown|$d/a.1\towner=/CN=x|denied
	robot|chown|$d/a.1\tgroup=/mdm|denied
	robot|chown|$d/a.1\tgroup=/mdm/Role=robot|yes
	admin1|chown|$d/a.1\tgroup=/mdm/neuro|yes
	alice|mkdir|$d/sub|denied
	robot|mkdir|$d/sub|yes
	alice|rename|$d/a.2\tto=$d/z|denied
	robot|rename|$d/a.2\tto=$d/z|yes
	robot|rename|$d/z\tto=/grid/own/z|denied
	robot|rename|$d/z\tto=$d/a.2|yes
	robot|rename|$d/a.2\tto=$d/a.3|no
	alice|link|$d/l\tto=$d/a.1|denied
	alice|link|/grid/own/l\tto=$d/a.1|yes
	alice|manifest|/grid/own/l|yes
	bob|manifest|/grid/own/l|denied
	alice|rm|/grid/own/l|yes
	bob|rm|/grid/own|denied
	alice|replica|$d/a.1\tadd=root://x//1|denied
	robot|replica|$d/a.1\tadd=root://x//1|yes
	robot|replica|$d/a.1\tbad=root://x//1|yes
	robot|replica|$d/a.3\tremove=root://x//1|no
	robot|replica|$d/a.1\tremove=root://x//1|yes
	alice|rm|$d/a.3|denied
	robot|rm|$d/sub|yes
	robot|rm|$d|no
	robot|rm|$d/none|missing
	alice|lease|$(printf %032d 7)\tnew=1\tttl=9|denied
	robot|lease|$(printf %032d 7)\tttl=9|again
	robot|surls|-|denied
	admin1|surls|-|yes
	robot|guids|-|denied
	robot|whereis|root://x//1|denied
	alice|whereis|$a1_guid|yes
	bob|whereis|$a1_guid|missing
	alice|whereis|$(printf %032d 0)|missing
	robot|mkdir|$d/lost|yes
	robot|mkdir|$d/lost|no
	robot|mkdir|$d/lost\tagain=1|yes
	admin1|mkdir|$d/lost\tagain=1|no
	robot|rename|$d/lost\tto=$d/found|yes
	robot|rename|$d/lost\tto=$d/found|missing
	robot|rename|$d/lost\tto=$d/found\tagain=1|yes
	robot|rename|$d/lost\tto=$d/nowhere\tagain=1|missing
	robot|link|$d/alias\tto=$d/a.1|yes
	robot|link|$d/alias\tto=$d/a.1|no
	robot|link|$d/alias\tto=$d/a.1\tagain=1|yes
	robot|link|$d/alias\tto=$d/a.2\tagain=1|no
	robot|mkdir|$d/alias\tagain=1|no
	robot|rm|$d/alias|yes
	robot|rm|$d/alias|missing
	robot|rm|$d/alias\tagain=1|yes
	robot|rm|$d/found|yes
	admin1|rm|/|no
	bob|mkdir|relative|bad
	END
	[ "$n" -gt 50 ]
'

# shellcheck source=tests/objects.sh
(. "$here/objects.sh" && objects 60) >60.rec # of two series, in turn

t 'a series is asked for once, not object by object' '
	use robot c
	before=$(wc -l <c/lfc/audit)
	lfc-new <60.rec | rec-list >got
	tail -n 1 got | has -x ".end	60"
	tail -n "+$((before + 1))" c/lfc/audit >audit
	has op=ls <audit
	has -v op=stat <audit
	[ "$(grep -c "op=\(ls\|stat\)" audit)" -le 4 ]
'

t 'a search shows what one may read' '
	lines_to alice c find "/grid\twhere=modality=CT" >got
	grep -c "	modality=CT" got | has -x 30
	[ "$(lines_to bob c find "/grid\twhere=modality=CT" | head -n 1)" = ".end	0" ]
	[ "$(lines_to alice c find "/grid\twhere=modality=MR" | head -n 1)" = ".end	0" ]
	lines_to alice c find "/grid\twhere=nothing" | has refused=bad
'

t 'a sticky directory: only owners remove' '
	lines_to admin1 c mkdir "/grid/tmp\tmode=1777" | has made=1
	lines_to alice c mkdir /grid/tmp/a | has made=1
	lines_to bob c rm /grid/tmp/a | has error=denied
	lines_to bob c rename "/grid/tmp/a\tto=/grid/tmp/b" | has error=denied
	lines_to alice c rm /grid/tmp/a | has removed=1
'

t 'the commands, from afar' '
	use alice c
	lfc-mkdir -p /grid/own/x/y
	exits 77 lfc-mkdir /grid/mdm/x 2>err
	says "/grid/mdm/x: permission denied" err
	lfc-ln /grid/mdm/a.0/a.0.0/a.1 /grid/own/x/link
	lfc-ls -l /grid/own/x/ | has "^l.* link -> /grid/mdm/a.0/a.0.0/a.1\$"
	lfc-mv /grid/own/x /grid/own/z
	lfc-acl -m "user:/DC=test/DC=mdm/O=Users/CN=Bob Researcher:r-x" /grid/own/z
	lfc-chmod o= /grid/own/z
	lfc-acl /grid/own/z | has -x "user:/DC=test/DC=mdm/O=Users/CN=Bob Researcher:r-x"
	lfc-acl /grid/own/z | has -x "other::---"
	use bob
	lfc-ls /grid/own/z | has -x y
	exits 77 lfc-mkdir /grid/own/z/bob 2>err
	exits 77 lfc-chmod 777 /grid/own/z 2>err
	use alice
	lfc-find modality=CT /grid | has -x ".end	30"
	lfc-rm -r /grid/own/z
	use robot
	lfc-comment "a remark" /grid/mdm/a.0/a.0.0/a.4
	lfc-ls --manifest /grid/mdm/a.0/a.0.0/a.4 | has "	comment=a%20remark"
'

t 'requests that are none' '
	[ "$(lines_to alice c nothing | tail -n 1)" = 404 ]
	ask alice c/lfc /v1/stat | has -x 405
	ask alice c/lfc /v1/stat --data-binary "x" | has -x 400
	ask alice c/lfc /v1/stat --data-binary ".end	1
" | has -x 400
	[ "$(lines_to alice c ls /a /b | tail -n 1)" = 400 ]
	[ "$(lines_to alice c stat | tail -n 1)" = 200 ]
	ask - c/lfc /v1/stat --data-binary ".end	0
" && exit 1 || :
	use alice
	MDM_CATALOGUE= LFC_HOST=$(sed "s,https://,,; s,/,," "$dir/c/lfc/url") lfc-ls /grid | has -x own
	MDM_CATALOGUE=https://localhost:1/ MDM_LOCK_WAIT=0 exits 69 lfc-ls 2>err
	says "https://localhost:1/: " err
'

t 'many entries are listed in pages, in little memory' '
	mkdir -p "$dir/many/lfc"
	MDM_CATALOGUE=sqlite:$dir/many/lfc/db
	export MDM_CATALOGUE
	manifest 30000 m "$(printf %032d 1)" >M
	acks <M >A
	printf ".end\t0\n" >none
	lfc-reg --acks none <none >/dev/null
	sqlite3 "$dir/many/lfc/db" "insert into lease values (\"$(printf %032d 1)\", 0, 9999999999, \"x\", 1)"
	lfc-reg --acks A <M >/dev/null
	lfc-ls -R --manifest /grid | sort >want
	serve_lfc many --admin "/DC=test/DC=mdm/O=Users/CN=Admin One"
	use admin1 many
	lfc-ls /grid/mdm/m.0/m.0.0 | wc -l | has -x 100
	before=$(memory many)
	lfc-ls -R --manifest /grid >got
	after=$(memory many)
	sort got | cmp - want
	[ "$(tail -n 1 got)" = ".end	30000" ]
	# (a sanitizer keeps what is freed)
	[[ $BIN = *san* ]] || [ "$((after - before))" -lt 12000 ]
	lfc-ls -R /grid | grep -c "^m\." | has -x 30330
'
done_testing
