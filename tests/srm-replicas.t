#!/bin/bash
# Several storages: copies between them, and which of them serves.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a b g

t 'copies between storages; the first is gone, the second serves' '
	clean
	export MDM_STORAGE_WAIT=30
	for way in "$a_root $b_root" "$a_root $b_https" "$a_https $g_gsiftp"; do
		read -r one two <<<"$way"
		srm-copy --to "$one" <small.rec >M
		srm-copy --replicate --to "$two" --allow "$one" <M >N
		same <(field sha256 M) <(field sha256 N)
		srm-rm --allow "$one" <M >/dev/null
		both M N >both
		srm-copy --from --allow "$one" --allow "$two" --bad bad <both 2>err | rec-list >got
		same <(field sha256 M) <(field sha256 got)
		[ "$(field error bad | sort -u)" = missing ]
		same <(field surl M) <(field surl bad)
		srm-rm --allow "$two" <N >/dev/null
	done
'

t 'a damaged file: the next replica, and the bad one is named' '
	clean
	srm-copy --to "$a_root" <small.rec >M
	srm-copy --to "$b_https" <small.rec >N
	for f in $(named a/files/mdm); do printf X | dd of=$f bs=1 seek=7000 conv=notrunc status=none; done
	both M N >both
	srm-copy --from --allow "$a_root" --allow "$b_https" --bad bad <both 2>err | rec-list >got
	same <(field sha256 M) <(field sha256 got)
	same <(field surl M) <(field surl bad)
	[ "$(field error bad | sort -u)" = damaged ]
	# the order of --allow is that of preference
	srm-copy --from --allow "$b_https" --allow "$a_root" --bad bad <both 2>err | rec-list >got
	[ "$(cat bad)" = ".end	0" ]
	exits 65 srm-copy --from --allow "$a_root" <M >got 2>err
'

done_testing
