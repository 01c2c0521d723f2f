#!/bin/bash
# lfc-queue: takers, those that die, and many at once
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

t 'cancelled; by one of two; priorities; a study together' '
	copy site three
	near 4 3 | lfc-reg --nearline >R
	lfc-recall 7.1/7.1.0/7.1.0.0 7.2/7.2.0/7.2.0.0 7.1/7.1.0/7.1.0.1 >s
	lfc-recall --priority 8 7.4/7.4.0/7.4.0.2 >s
	sql "insert into principal (id, name) values (77, \"other\");
		insert into recall_asker select entry, 77, 1 from recall where study =
		(select study from recall order by entry limit 1)" || :
	lfc-recall --cancel 7.2/7.2.0/7.2.0.0 >s
	says "state=cancelled" s
	take 1 -n 1 >T
	says "^7.4/" T
	take 2 -n 2 >T
	[ "$(cut -d/ -f1 T | sort | uniq -c | tr -s " " | tr "\n" ";")" = " 1 .end	2; 2 7.1;" ]
	lfc-recall --cancel 7.1/7.1.0/7.1.0.0 >s
	says "state=taken" s
'

t 'who dies gives back what it took; who still lives keeps it' '
	copy site four
	lfc-recall 7.1/7.1.0/7.1.0.{0,1,2} >s
	for i in 1 2 3 4; do
		take "$i" --ttl 900 >T
		says "^.end	3" T
		lfc-queue --renew "$(taker "$i")" | says "held=3" /dev/stdin
		sql "update recall set expires = 1"
		exits 1 lfc-queue --renew "$(taker "$i")" >r
		[ "$i" = 1 ] || exits 1 done_as $((i - 1)) failed x <T >r 2>err
	done
	says "is not held by this run any more" err
	lfc-recall --status 7.1/7.1.0/7.1.0.0 | says "state=queued" /dev/stdin
	# one that died after it had registered has not to be done again
	take 5 >T
	head -n 1 T | rec-list --lines | arrive
	sql "update recall set expires = 1"
	take 6 >T
	lfc-recall --status 7.1/7.1.0/7.1.0.{0,1} >s
	says "7.1.0.0	state=online" s
	says "7.1.0.1	state=failed	reason=given%20up" s
	same T <(printf ".end\t0\n")
'

t '1,000 requests for the objects of 10 studies, eight takers at once' '
	copy site five
	near 10 20 | lfc-reg --nearline >R
	lfc-ls --manifest -R >all
	for i in 1 2 3 4 5; do lfc-recall - <all >s; done # 5 x 200
	[ "$(states)" = "q|200 " ]
	for i in 1 2 3 4 5 6 7 8; do
		take "$i" -n 30 >T$i &
	done
	wait
	cat T? | grep -v "^.end" | cut -f1 | sort >taken
	[ "$(uniq -d taken | wc -l)" -eq 0 ]
	[ "$(wc -l <taken)" -eq 200 ]
'

done_testing
