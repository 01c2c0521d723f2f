#!/bin/bash
# Key stores that die, stop or are slow while 10,000 keys are put
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/faults.sh
. "$here/faults.sh"

t 'killed: what is acknowledged is kept, the rest is taken back or found' '
	use a 3
	putting kill9 a/3
	[ $got = 69 ]
	says "error: store 3 (https" err
	sort acked | cmp - <(held 1) # rolled back where it could be
	kept
	up a 3
	converges
'

t 'killed, and enough others: all are put, all can be read without it' '
	use b 3
	opts="--quorum 2"
	putting kill9 b/2
	[ $got = 0 ]
	[ "$(wc -l <acked)" = 10000 ]
	says "	stores=1,3$" acks
	says "warning: store 2 (https" err
	kept
	kill9 b/1 # one is too few
	exits 69 hydra-get <acks >shares 2>err
	silent "share=" shares
	up b 3
	kept
	converges
'

t 'stopped: as if it were dead; what it does when it goes on is found' '
	use c 3
	putting signal STOP 3
	[ $got = 69 ]
	says "error: store 3 (https" err
	kept
	signal CONT 3
	quiet 3
	converges
'

t 'slow: it takes longer' '
	use d 3
	through 3 slow 3000000
	putting true
	[ $got = 0 ]
	[ "$(wc -l <acked)" = 10000 ]
	direct
	kept
'

t 'a connection that breaks again and again: asked again, all are put once' '
	use e 3
	through 2 cut 400000
	putting true
	[ $got = 0 ]
	[ "$(wc -l <acked)" = 10000 ]
	kept
	direct
	converges
	[ "$(held 2 | wc -l)" = 10000 ]
'
done_testing
