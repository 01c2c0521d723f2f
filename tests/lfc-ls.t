#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

site site
objects 5 >a.rec
ingest a.rec

t 'names, as ls shows them' '
	[ "$(lfc-ls)" = 1.2 ]
	[ "$(lfc-ls 1.2)" = "1.2.0
1.2.1" ]
	[ "$(lfc-ls /grid/mdm/1.2/1.2.1/)" = "1.2.1.1
1.2.1.3" ]
	[ "$(LFC_HOME=/grid lfc-ls mdm/1.2/1.2.1/1.2.1.1)" = mdm/1.2/1.2.1/1.2.1.1 ]
	[ "$(lfc-ls -d 1.2)" = 1.2 ]
	[ "$(lfc-ls /)" = grid ]
'

t '-l: mode, links, owner, group, size, time, name' '
	lfc-ls -l 1.2/1.2.1 >out
	me=$(id -un) us=$(id -gn)
	says "^-rw-------   1 $me  *$us  *1000 [A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9] 1.2.1.1$" out
	lfc-ls -l >out
	says "^drwxr-xr-x   2 .* 1.2$" out
	sql "update entry set status = \"m\", mtime = 0 where name = \"1.2.1.1\""
	lfc-ls -l 1.2/1.2.1 >out
	says "^mrw-------  .* Jan  1  1970 1.2.1.1$" out
	sql "update entry set status = \"-\" where name = \"1.2.1.1\""
'

t '-R: each directory by its name' '
	lfc-ls -R >out
	cat >want <<-\EOF
	/grid/mdm:
	1.2

	/grid/mdm/1.2:
	1.2.0
	1.2.1

	/grid/mdm/1.2/1.2.0:
	1.2.0.0
	1.2.0.2
	1.2.0.4

	/grid/mdm/1.2/1.2.1:
	1.2.1.1
	1.2.1.3
	EOF
	same want out
'

t '--manifest gives all that was registered, and the LFN' '
	lfc-ls --manifest -R >list
	[ "$(tail -n 1 list)" = ".end	5" ]
	for key in guid size sha256 adler32 surl plain gen modality pseudonym; do
		[ "$(field $key list | sort)" = "$(field $key M | sort)" ]
	done
	[ "$(field lfn list | sed -n 1p)" = /grid/mdm/1.2/1.2.0/1.2.0.0 ]
	[ "$(field status list | sort -u)" = online ]
	[ "$(cut -f 1 list | sed -n 1p)" = 1.2/1.2.0/1.2.0.0 ]
	lfc-ls --manifest 1.2/1.2.0/1.2.0.0 >one
	[ "$(head -n 1 one)" = "$(head -n 1 list)" ]
	[ "$(lfc-ls --manifest 1.2)" = ".end	0" ]
'

t 'other fields come back as they were' '
	copy site meta
	objects 1 1000 z zz >z.rec
	lfc-new --supersede <z.rec | srm-copy --to "" >M
	acks M >ACK
	sed -i "1s/\$/	x-odd=%FF%25	comment=a%20b/" M
	lfc-reg --acks ACK <M >R
	lfc-ls --manifest 1.2/1.2.0/1.2.0.0 >list
	[ "$(field x-odd list)" = %FF%25 ]
	[ "$(field comment list)" = a%20b ]
	[ "$(field gen list)" = 2 ]
'

t 'what is not there is named, the rest is listed' '
	exits 1 lfc-ls nix 1.2/1.2.1 2>err
	says "^lfc-ls: error: nix: no such entry" err
	exits 1 lfc-ls --manifest 1.2/1.2.0/1.2.0.0/below 2>err
	exits 65 lfc-ls a/../b 2>err
	exits 1 lfc-ls --manifest -R nix 1.2 >list 2>err
	[ "$(tail -n 1 list)" = ".end	5" ]
'

t 'no catalogue, a damaged one, a full disk, usage' '
	exits 74 lfc-ls --catalogue sqlite:nix 2>err
	[ ! -e nix ]
	head -c 8192 /dev/urandom >junk
	exits 65 lfc-ls --catalogue sqlite:junk 2>err
	exits 74 sh -c "lfc-ls -R >/dev/full" 2>err
	exits 74 sh -c "lfc-ls --manifest -R >/dev/full" 2>err
	exits 64 lfc-ls --manifest -l 2>err
	exits 64 lfc-ls --nope 2>err
'

t 'memory does not grow with the number of entries' '
	site many
	lfc-new <a.rec >out
	sql "
		insert into entry (id, parent, name, type, mode, owner, grp, atime, mtime, ctime)
			values (2, 1, \"d\", \"d\", 493, 1, 1, 0, 0, 0);
		with recursive n(i) as (select 3 union all select i + 1 from n where i < 60000)
		insert into entry (id, parent, name, type, mode, owner, grp, atime, mtime, ctime, status, gen, size, guid)
			select i, 2, \"file.with.a.rather.long.name.\" || i, \"f\", 384, 1, 1, 0, 0, 0, \"-\", 1, 1, null from n"
	[ "$(lfc-ls /d | wc -l)" -eq 59998 ]
	$PYTHON - <<-END
	import os, resource, subprocess
	limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (40 << 20, 40 << 20))
	for args in (["-l", "/d"], ["--manifest", "/d"], ["--manifest", "-R", "/"]):
	    p = subprocess.run(["lfc-ls"] + args, stdout=open("big", "wb"),
	        preexec_fn=None if "obj-san" in os.environ["BIN"] else limit)
	    assert p.returncode == 0, args
	    assert sum(1 for _ in open("big")) in (59998, 59999)
	END
'

done_testing
