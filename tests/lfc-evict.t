#!/bin/bash
# lfc-evict: back to the DICOM server, if there is one
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/near.sh
. "$here/near.sh"

site site
mkdir -p site
near 2 3 "	pseudonym=P	study=1" | lfc-reg --nearline >R

t 'evicted: nearline again, and the next recall is the next generation' '
	copy site six
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >s
	take 1 >T
	arrive <T
	done_as 1 online <T >got
	objects 2 >own.rec # is no recall
	ingest own.rec
	lfc-queue --cached --site hospital >C
	sql "select * from recall" >&3; sql "select id,gen,status from entry" >&3; says "^.end	3" C
	says "surl=file:.*recalled=" C
	says "^.end	0" <(lfc-queue --cached --site elsewhere)
	exits 1 lfc-evict 7.2/7.2.0/7.2.0.0 2>err # is nearline
	head -n 2 C | rec-list --lines >first
	sed "1s/guid=[0-9a-f]*/guid=00112233445566778899aabbccddeeff/" first >wrong
	exits 1 lfc-evict - <wrong >gone 2>err
	says "has another GUID by now" err
	lfc-evict 7.1/7.1.0/7.1.0.0 >gone
	says "^7.1/7.1.0/7.1.0.0	.*guid=.*surl=file:" gone
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 >L
	says "size=0.*gen=1.*status=nearline" L
	silent "guid=\|surl=\|sha256=\|sig=" L
	lfc-recall 7.1/7.1.0/7.1.0.0 >s
	take 2 >T
	arrive <T
	says "gen=2" M
	lfc-ls --manifest 7.1/7.1.0/7.1.0.0 | says "gen=2.*status=online" /dev/stdin
	[ "$(replicas)" -eq 10 ] # 6 sources, 4 objects
'

t 'the last copy of anything without a source is never evicted' '
	copy site seven
	objects 4 >own.rec
	ingest own.rec
	lfc-ls --manifest -R | grep status=online | rec-list --lines >M
	exits 1 lfc-evict - <M >gone 2>err
	[ "$(grep -c "this is the last" err)" -eq 4 ]
	says "has no DICOM source: this is the last" err
'

done_testing
