#!/bin/bash
# One command for the rights on objects, wherever they are kept.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"
PATH=$top/pipelines:$PATH
export PATH

# sealed: four objects, their keys on three stores, registered
sealed() {
	objects 4 >a.rec
	lfc-new <a.rec | srm-copy --to '' >M
	awk -F '\t' '/^\.end/ { print; next } { for (i = 2; i <= NF; i++) if ($i ~ /^guid=/) {
		g = substr($i, 6); print g "\tkey=" g g } }' M | ssss-split |
		hydra-put --owner /O=x/CN=owner --group /mdm >ACK
	lfc-reg --acks ACK <M >R
}
# keyed FIELD: what all keys have there
keyed() { lfc-ls --manifest -R | hydra-acl | field "$1" /dev/stdin | sort | uniq -c | tr -s ' '; }
# moded [LFN]: the modes of files, then of directories
moded() {
	lfc-ls --manifest -R "$@" | field mode /dev/stdin | sort | uniq -c | tr -s ' '
	lfc-ls -lR "$@" | sed -n 's/^\(d[^ ]*\) .*/\1/p' | sort -u
}
# all: everything that says who may do what
all() { lfc-ls --manifest -R | sort; lfc-ls --manifest -R | hydra-acl; lfc-acl -R 1.2; }
export -f sealed keyed moded all

site site
sealed

t 'rights of owner, group and others' '
	mdm-set-right rwxrw-r-- 1.2
	[ "$(keyed perms)" = " 4 pdrwl-gs,----l-gs,----l-g-" ]
	[ "$(moded)" = " 4 0764
drwxrwxr-x" ]
	mdm-set-right private 1.2/1.2.0
	[ "$(keyed perms)" = " 2 pdrwl-gs,--------,--------
 2 pdrwl-gs,----l-gs,----l-g-" ]
	[ "$(moded 1.2/1.2.0)" = " 2 0700" ]
	[ "$(moded 1.2/1.2.1)" = " 2 0764" ]
	mdm-set-right group 1.2
	[ "$(keyed perms)" = " 4 pdrwl-gs,----l-g-,--------" ]
	mdm-set-right anonymous 1.2
	[ "$(keyed perms)" = " 4 pdrwl-gs,----l-g-,----l-g-" ]
	[ "$(moded)" = " 4 0755
drwxr-xr-x" ]
'

t 'objects by their GUIDs' '
	mdm-set-right private 1.2
	f=1.2/1.2.0/1.2.0.2
	guid=$(lfc-ls --manifest "$f" | field guid /dev/stdin)
	lfc-ls --guid "$guid" | grep -qx "/grid/mdm/$f"
	lfc-ls --manifest --guid "$guid" | grep -q "lfn=/grid/mdm/$f	"
	mdm-set-right group "$guid"
	[ "$(moded)" = " 3 0700
 1 0750
drwx------" ]
	[ "$(keyed perms)" = " 3 pdrwl-gs,--------,--------
 1 pdrwl-gs,----l-g-,--------" ]
	mdm-set-right anonymous "$guid" 1.2/1.2.1
	[ "$(moded)" = " 1 0700
 3 0755
drwx------
drwxr-xr-x" ]
	exits 1 mdm-set-right group "$guid" 00000000000000000000000000000000 2>err
	says "00000000000000000000000000000000: no such entry" err
	[ "$(lfc-ls --manifest "$f" | field mode /dev/stdin)" = 0750 ]
	exits 64 lfc-ls --guid 2>err
	exits 1 lfc-ls --guid 1.2 2>err || exits 65 lfc-ls --guid 1.2 2>err
'

t 'those who are named, and off again; others keep theirs' '
	mdm-set-right private 1.2
	mdm-set-right r-- -u "/O=x/CN=Robot: a" -g /mdm/neuro 1.2/1.2.0 1.2/1.2.1/1.2.1.1
	[ "$(keyed acl | tr -d "\n")" = " 1 - 3 /O=x/CN=Robot:%20a:----l-g-%0A/mdm/neuro:----l-g-%0A" ]
	lfc-acl 1.2/1.2.0 >list
	says "^user:/O=x/CN=Robot: a:r-x$" list
	lfc-acl 1.2/1.2.0/1.2.0.0 >list
	says "^user:/O=x/CN=Robot: a:r--$" list
	says "^group:/mdm/neuro:r--$" list
	[ "$(keyed perms)" = " 4 pdrwl-gs,--------,--------" ]
	mdm-set-right --- -u "/O=x/CN=Robot: a" 1.2
	[ "$(keyed acl | tr -d "\n")" = " 1 - 3 /mdm/neuro:----l-g-%0A" ]
	! lfc-acl -R 1.2 | grep Robot || false
'

t 'run again it changes nothing; killed between its steps, the rerun ends right' '
	mdm-set-right rwxr-x--- 1.2
	mdm-set-right rw- -g /mdm/write 1.2
	all >want
	mdm-set-right rwxr-x--- 1.2
	mdm-set-right rw- -g /mdm/write 1.2
	all >again
	same want again
	mkdir -p stub
	for at in hydra-acl lfc-chmod lfc-acl; do
		mdm-set-right private 1.2
		mdm-set-right --- -g /mdm/write 1.2
		# The first run dies where this is called.
		printf "#!/bin/sh\nkill -9 \$PPID\n" >"stub/$at"
		chmod +x "stub/$at"
		cp "$here/../pipelines/mdm-set-right" stub/
		for rights in rwxr-x--- "rw- -g /mdm/write"; do
			stub/mdm-set-right $rights 1.2 2>/dev/null || :
		done
		rm "stub/$at"
		mdm-set-right rwxr-x--- 1.2
		mdm-set-right rw- -g /mdm/write 1.2
		all >now
		same want now
	done
'

t 'manifest lines; what is not there; a store that is gone; usage' '
	lfc-ls --manifest 1.2/1.2.0/1.2.0.0 | mdm-set-right anonymous -
	keyed perms >have
	says "^ 1 pdrwl-gs,----l-g-,----l-g-$" have
	exits 1 mdm-set-right private nix 1.2/1.2.0 2>err
	says "nix: no such entry" err
	[ "$(moded 1.2/1.2.0)" = " 2 0700" ]
	for bad in "" rwx rwxrwxrw "private -u x 1.2" "r-- 1.2" "private" "-q private 1.2" "r-- -u"; do
		exits 64 mdm-set-right $bad 2>err
	done
	rm "$MDM_HOME"/*3*.sqlite
	mdm-set-right group 1.2 2>err && false || [ $? -ne 64 ]
	[ "$(moded 1.2/1.2.0)" = " 2 0700" ] # the catalogue never gives what the keys do not
'

done_testing
