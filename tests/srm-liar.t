#!/bin/bash
# Storages that lie about what they have, are busy, or know no checksums.
# shellcheck source=tests/srm.sh
. "${0%/*}/srm.sh"
storages a

t 'a storage that lies about checksum or length: 74, and no name' '
	for fault in sum size; do
		liar "$fault"
		exits 74 srm-copy --to "$url" <small.rec >M 2>err
		says "not what was sent" err
		silent "surl=" M
		[ -z "$(curls "${url%/se}/names")" ]
		honest
	done
'

t 'a storage that is busy, makes no checksums, or cuts off' '
	for fault in busy nodigest short; do
		liar "$fault"
		MDM_STORAGE_WAIT=20 srm-copy --to "$url" --parallel 1 <small.rec >M
		[ "$(tail -n 1 M)" = ".end	6" ]
		want=0
		[ $fault != short ] || want=75
		MDM_STORAGE_WAIT=1 exits $want srm-copy --from --parallel 6 --allow "$url" <M >got 2>err
		[ $want -ne 0 ] || [ "$(rec-list <got | tail -n 1)" = ".end	6" ]
		honest
	done
'

done_testing
