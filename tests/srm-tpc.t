#!/bin/bash
# Copies between two XRootDs that fetch from each other by root://.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
PULLS=1 storages a b
"$services/proxy" pki robot robot.proxy
objects 1 20000000 damaged >damaged.rec

t 'what is large goes between them, as robot, and is compared; small objects do not' '
	srm-copy --to "$a_root" <damaged.rec >D
	printf X | dd of="$(named a/files/mdm)" bs=1 seek=7000 conv=notrunc status=none
	srm-copy --to "$a_root" <large.rec >L
	srm-copy --to "$a_root" <small.rec >S
	{ cat D L S | sed /^.end/d; printf ".end\t8\n"; } >M
	exits 1 srm-copy --verbose --replicate --to "$b_root" --allow "$a_root" <M >N 2>err
	grep -q "1 copied between the storages, 6 through us" err
	# both large ones, and nothing else
	[ "$(grep -c "login as .*CN=Robot: night" a/log)" -eq 2 ]
	same <(cat <(field sha256 L) <(field sha256 S)) <(field sha256 N)
	[ "$(find b/files/mdm -type f | wc -l)" -eq 7 ]
	srm-copy --from --allow "$b_root" <N | rec-list >got
	same <(field sha256 N) <(field sha256 got)
	# robot may read nothing by itself
	path=$(field surl L)
	xrdcp -s "$path" by-alice
	! X509_USER_PROXY=$dir/robot.proxy xrdcp -s "$path" by-robot 2>err || false
	grep -qi "permission denied" err
'

t 'a storage that is nobody: through us' '
	clean
	"$services/xrootd" stop b
	rm b/pulls
	env -u X509_USER_PROXY "$services/xrootd" again b
	srm-copy --to "$a_root" <large.rec >M
	srm-copy --verbose --replicate --to "$b_root" --allow "$a_root" <M >N 2>err
	grep -q "0 copied between the storages, 1 through us" err
	same <(field sha256 M) <(field sha256 N)
'

done_testing
