#!/bin/bash
# gLite's commands for the rights on keys
. "${0%/*}/lib.sh"
PATH=$top/pipelines/glite:$PATH
export HYDRA=$here/hydra.sh

t 'what getacl prints, after each change' '
	. $HYDRA; stores 2 3
	glite-eds-key-register -q /a/b/c
	glite-eds-chmod -v g+lg,o=l /a/b/c >out
	[ "$(cat out)" = "Changed permissions on /a/b/c" ]
	glite-eds-setacl -v -m "/O=x y/CN=Robot: z:gl" -m /mdm/y:g /a/b/c >out
	[ "$(cat out)" = "Changed ACLs on /a/b/c" ]
	glite-eds-getacl /a/b/c >out
	printf "%s\n" "# ENTRY: /a/b/c" "# User: " "# Group: " \
	    "# Base perms: user pdrwl-gs, group ----l-g-, other ----l---" \
	    "/O=x y/CN=Robot: z:----l-g-" /mdm/y:------g- >want
	same want out
	glite-eds-setacl -d /mdm/y /a/b/c
	glite-eds-setacl -D out /a/b/c
	[ "$(glite-eds-getacl /a/b/c | wc -l)" = 4 ]
	glite-eds-setacl -X out /a/b/c
	glite-eds-getacl /a/b/c >again
	same out again
	glite-eds-setacl -x NONE /a/b/c
	glite-eds-setacl -M out /a/b/c
	glite-eds-getacl /a/b/c >again
	same out again
'

t 'failures: ERROR and 1' '
	. $HYDRA; stores 2 3
	exits 1 glite-eds-getacl /not/there 2>err
	[ "$(cat err)" = "ERROR No such key: /not/there" ]
	glite-eds-key-register -q k
	exits 1 glite-eds-chmod g*g k 2>err
	says "^ERROR k: " err
	exits 1 glite-eds-chmod g+g 2>err
	exits 1 glite-eds-setacl k 2>err
	mv s2 away
	exits 1 glite-eds-chmod g+g k 2>err
	says "^ERROR k: store 2 " err
	mv away s2
	exits 1 glite-eds-getacl k >out 2>err
	says "^ERROR k: .*stores 2 differ from stores 1,3" err
	glite-eds-chmod g+g k
	glite-eds-getacl k >out
'

done_testing
