#!/bin/bash
# Copies between two XRootDs that fetch from each other by root://.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
PULLS=1 storages a b
"$services/proxy" pki robot robot.proxy

t 'what is large goes from storage to storage, as robot; small objects do not' '
	{ srm-copy --to "$a_root" <large.rec | sed /^.end/d; srm-copy --to "$a_root" <small.rec; } |
	    sed "s/^.end.*/.end	7/" >M
	srm-copy --verbose --replicate --to "$b_root" --allow "$a_root" <M >N 2>err
	grep -q "1 copied between the storages, 6 through us" err
	[ "$(grep -c "login as .*CN=Robot: night" a/log)" -eq 1 ]
	same <(field sha256 M) <(field sha256 N)
	srm-copy --from --allow "$b_root" <N | rec-list >got
	same <(field sha256 M) <(field sha256 got)
'

t 'what the source has damaged gets no name' '
	clean
	srm-copy --to "$a_root" <large.rec >M
	printf X | dd of="$(named a/files/mdm)" bs=1 seek=7000 conv=notrunc status=none
	exits 1 srm-copy --verbose --replicate --to "$b_root" --allow "$a_root" <M >N 2>err
	[ "$(grep -c "login as .*CN=Robot: night" a/log)" -eq 2 ]
	[ -z "$(find b/files/mdm -type f)" ]
'

t 'robot may read nothing by itself' '
	path=$(field surl M)
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
