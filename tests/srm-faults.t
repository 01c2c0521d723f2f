#!/bin/bash
# Storages that are killed or full, and what a second run makes of it.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a

t 'killed in an upload: 75, nothing under a name; a second run finishes' '
	for u in a_root a_https; do
		clean
		mkfifo in.$u
		MDM_STORAGE_WAIT=1 srm-copy --to "${!u}" <in.$u >M 2>err & pid=$!
		exec 4>in.$u
		head -c 15000000 large.rec >&4
		until [ -s "$(find a/files/mdm/.incoming -type f 2>/dev/null)" ]; do read -rt 0.02 <> <(:) || :; done
		"$services/xrootd" kill a
		tail -c +15000001 large.rec >&4 2>/dev/null || :
		exec 4>&-
		exits 75 wait $pid
		silent "surl=" M
		silent "^.end" M
		[ -z "$(named a/files/mdm)" ]
		"$services/xrootd" again a
		srm-copy --to "${!u}" <large.rec >M
		srm-copy --from --allow "${!u}" <M | rec-list | tail -n 1 >end
		[ "$(cat end)" = ".end	1" ]
	done
'

if mkdir full && ln -s ../pki full/pki && mkdir full/files &&
	mount -t tmpfs -o size=2m none full/files 2>/dev/null; then
	t 'a storage that is full: 74, and nothing half' '
		"$services/xrootd" start full
		for s in root https; do
			url=$(cat full/$s)
			got=0
			srm-copy --to "$url" <large.rec >M 2>err || got=$?
			# by https XRootD hangs up without a word
			[ $got -eq 74 ] || [ $s$got = https75 ] || failed=$got
			[ -z "$(named full/files)" ] || failed=1
		done
		"$services/xrootd" stop full
		[ -z "${failed-}" ]
	'
	"$services/xrootd" stop full
	umount full/files
else
	t 'a storage that is full # SKIP cannot mount a tmpfs here' ':'
fi

done_testing
