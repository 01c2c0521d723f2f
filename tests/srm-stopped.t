#!/bin/bash
# A storage that does not answer: another serves, and later a second run does.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a b

t 'stopped: another replica, or 75; when it goes on, all is done' '
	clean
	srm-copy --to "$a_https" <small.rec >M
	srm-copy --to "$b_root" <small.rec >N
	both M N >both
	export MDM_STORAGE_WAIT=1
	kill -STOP "$(cat a/pid)"
	srm-copy --from --allow "$a_https" --allow "$b_root" --bad bad <both 2>err | rec-list >got
	exits 75 srm-copy --to "$a_https" <small.rec >/dev/null 2>err || failed=1
	exits 75 srm-copy --to "$a_root" <small.rec >/dev/null 2>err || failed=1
	kill -CONT "$(cat a/pid)"
	[ -z "${failed-}" ]
	same <(field sha256 M) <(field sha256 got)
	[ "$(field error bad | sort -u)" = silent ]
	srm-copy --to "$a_https" <small.rec | cmp - M
'

done_testing
