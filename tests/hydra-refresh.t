#!/bin/bash
# hydra-refresh: keys shared anew, stores lost, added, moved and replaced
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"

keys 40 >keys
export K=$dir/keys
export REFRESH=$here/refresh.sh

t 'shared anew in place: other shares, the same keys' '
	. $REFRESH; full 2 3
	hydra-get <acks >old
	hydra-refresh <acks >new 2>err
	[ ! -s err ]
	acked new "ack=3	stores=1,2,3	e=2"
	cut -f1 acks | same - <(cut -f1 new)
	clean list
	hydra-get <acks >now
	grep -o "	share=.*	check=" old | sort >a
	grep -o "	share=.*	check=" now | sort >b
	[ -z "$(comm -12 a b)" ]
	for s in s1 s2 s3; do
		[ "$(sqlite3 $s "select count(*), min(e), max(e) from share")" = "40|2|2" ]
		[ "$(sqlite3 $s "select count(*) from epoch")" = 0 ]
		[ "$(sqlite3 $s "select count(*) from removed")" = 0 ]
	done
'

t 'old and new shares do not go together, whatever is said of them' '
	. $REFRESH; full 2 3
	hydra-get <acks | grep "	x=1	" >old
	hydra-refresh <acks >new
	hydra-get <acks | grep "	x=2	" >now
	sort old now | end >mixed
	exits 65 ssss-join <mixed >out 2>err
	silent key= out
	"$PYTHON" - old now >forged <<-"END"
	import sys
	for o, n in zip(sorted(open(sys.argv[1])), sorted(open(sys.argv[2]))):
	    o, n = (dict(f.split("=") for f in ("guid=" + l.rstrip("\n")).split("\t")) for l in (o, n))
	    for l in (dict(n, x="1", share=o["share"]), n):
	        print(l.pop("guid") + "".join("\t%s=%s" % i for i in l.items()))
	END
	end <forged >mixed
	exits 65 ssss-join <mixed >out 2>err
	silent key= out
'

t 'threshold raised and lowered, stores added and removed' '
	. $REFRESH; full 2 3
	list to 3 1=sqlite:s1 2=sqlite:s2 3=sqlite:s3 4=sqlite:s4 6=sqlite:s6
	exits 69 hydra-refresh --to to <acks >new 2>err
	says "store 4 (sqlite:/.*/s4): No such file" err
	clean list
	hydra-refresh --to to --create <acks >new
	acked new "ack=5	stores=1,2,3,4,6	e=2"
	clean to
	[ "$(sqlite3 s6 "select distinct k, n, e from share")" = "3|6|2" ]
	list back 2 2=sqlite:s2 4=sqlite:s4
	hydra-refresh --from to --to back <acks >new
	acked new "ack=2	stores=2,4	e=3"
	clean back
	for s in s1 s3 s6; do
		[ "$(sqlite3 $s "select count(*) from share")" = 0 ]
		[ "$(sqlite3 $s "select count(*) from removed")" = 40 ]
	done
	exits 1 hydra-refresh --from back --to list <acks >new 2>err
	says "store 1 (.*): has removed it, for ever" err
	clean back
'

t 'a store that moved, and one that only has another name' '
	. $REFRESH; full 2 3
	list to 2 1=sqlite:s1 2=sqlite:s9 3=sqlite:s3
	hydra-refresh --to to --create <acks >new
	acked new "ack=3	stores=1,2,3	e=2"
	clean to
	[ "$(rows 2)" = 0 ]
	ln -s s1 link; ln -s s1.key link.key
	list to2 2 1=sqlite:link 2=sqlite:s9 3=sqlite:s3
	hydra-refresh --from to --to to2 <acks >new
	clean to2
	[ "$(rows 1)" = 40 ]
'

t 'a store that is lost: shared anew among others; too few that answer' '
	. $REFRESH; full 2 3
	rm s2 s2.key
	list to 2 1=sqlite:s1 3=sqlite:s3 4=sqlite:s4
	exits 69 hydra-refresh <acks 2>err >out
	says "store 2 .*: No such file" err
	hydra-refresh --to to --create <acks >new 2>err
	says "warning: store 2 (sqlite:.*): No such file" err
	acked new "ack=3	stores=1,3,4	e=2"
	clean to
	list two 2 5=sqlite:s5 6=sqlite:s6
	rm s1 s3
	exits 69 hydra-refresh --from to --to two --create <acks >new 2>err
	says "1 stores have good shares that go together, and 2 do not answer" err
	[ "$(cat new)" = "$(printf ".end\t0")" ]
'

t 'old shares that stay at k stores that do not answer: said, exit 69' '
	. $REFRESH; full 2 4
	list to 2 3=sqlite:s3 4=sqlite:s4
	mv s1 away1; mv s2 away2
	exits 69 hydra-refresh --to to <acks >new 2>err
	says "2 of its old shares stay at stores that are left: enough" err
	mv away1 s1; mv away2 s2
	hydra-refresh --to to <acks >new
	clean to
'

t '--epoch leaves what is done, and finishes what is half done' '
	. $REFRESH; full 2 3
	head -n 10 acks | end >ten
	hydra-refresh <ten >new
	hydra-refresh --epoch 2 <acks >new
	[ "$(sqlite3 s1 "select count(*) from share where e = 2")" = 40 ]
	sqlite3 s1 "insert into epoch select guid, x, k, n, 7, sealed, tag, commits, created from share limit 5"
	exits 1 hydra-check --all >found
	hydra-refresh --epoch 2 <acks >new
	acked new "ack=3	stores=1,2,3	e=2"
	clean list
	for e in 11 12 13 14; do # as many as a store keeps
		sqlite3 s1 "insert into epoch select guid, x, k, n, $e, sealed, tag, commits, created from share"
	done
	hydra-refresh <acks >new
	acked new "ack=3	stores=1,2,3	e=15"
	clean list
	hydra-refresh --epoch 9 <acks >new
	acked new "ack=3	stores=1,2,3	e=15"
	hydra-refresh --epoch 29 <acks >new
	acked new "ack=3	stores=1,2,3	e=29"
	clean list
'

t 'rebuild: the lost share again, with its rights, and no other touched' '
	. $REFRESH; full 2 3
	printf "%s\n.end\t1\n" "$(head -n1 acks | cut -f1)" |
	    hydra-acl --owner /CN=me --group /vo --modify /vo/a:g --chmod g+l >/dev/null
	ROW="select hex(guid), x, k, n, e, hex(tag), hex(commits), owner, grp, perms, quote(acl) from share order by guid"
	for s in s1 s2 s3; do
		sqlite3 $s "$ROW" >$s.was
	done
	hydra-get <acks >was
	rm s2 s2-wal s2-shm s2.key 2>/dev/null || :
	exits 69 hydra-refresh --rebuild 2 <acks >new 2>err
	hydra-refresh --rebuild 2 --create <acks >new 2>err
	[ ! -s err ]
	acked new "ack=3	stores=1,2,3	e=1"
	clean list
	for s in s1 s2 s3; do
		sqlite3 $s "$ROW" | same $s.was -
	done
	hydra-get <acks | same was -
	sqlite3 s3 "delete from share where rowid in (select rowid from share limit 7)"
	hydra-check --all >found || :
	hydra-refresh --rebuild 3 <found >new
	[ "$(wc -l <new)" = 8 ]
	clean list
'

t 'rebuild: of no use for a damaged share, or a store that came later' '
	. $REFRESH; full 2 3
	sqlite3 s1 "update share set sealed = zeroblob(length(sealed)) where rowid = 1"
	exits 1 hydra-refresh --rebuild 1 <acks >new 2>err
	says "store 1 has a share that is damaged, or does not go with the others.: share it anew" err
	[ "$(wc -l <new)" = 40 ]
	list four 2 1=sqlite:s1 2=sqlite:s2 3=sqlite:s3 4=sqlite:s4
	MDM_STORES=four exits 1 hydra-refresh --rebuild 4 --create <acks >new 2>err
	says "it has 3 shares, none of them for store 4" err
	hydra-refresh <acks >new
	clean list
	exits 64 hydra-refresh --rebuild 9 <acks 2>err
	says "no store 9 in the list" err
'

t 'a database put back to an old epoch is named, and mended' '
	. $REFRESH; full 2 3
	sqlite3 s2 .dump >dump
	hydra-refresh <acks >new
	rm s2 s2-wal s2-shm 2>/dev/null || :
	sqlite3 s2 <dump
	exits 1 hydra-check --all >found
	[ "$(grep -c "	kind=epochs	.*wrong=2	good=2$" found)" = 40 ]
	hydra-get <acks >got 2>err
	says "store 2 (.*): its share is of an earlier epoch: it missed a refresh, or was put back" err
	ssss-join <got | same $K -
	cp s2 old2
	hydra-refresh --rebuild 2 <acks >new 2>err
	[ "$(grep -c "store 2 (.*): has epoch 1, the others 2: it missed a refresh, or was put back" err)" = 40 ]
	clean list
	rm s2; cp old2 s2
	hydra-refresh <acks >new 2>err
	says "store 2 (.*): has epoch 1, the others 2" err
	clean list
'

t 'a store that lies: of an epoch far away, of a share' '
	. $REFRESH; full 2 3
	g=$(head -n1 acks | cut -f1)
	printf "%s\n.end\t1\n" $g >one
	sqlite3 s2 "insert into epoch select guid, x, k, n, 9223372036854775807, sealed, tag, commits, created from share"
	exits 65 hydra-refresh <one >new 2>err
	says "$g: store 2 (.*): speaks of epoch 9223372036854775807, where others are at 1" err
	sqlite3 s2 "delete from epoch"
	sed "s,sqlite:s1,sqlite:o1,;s,sqlite:s3,sqlite:o3," list >other
	sqlite3 s2 "delete from share"
	"$PYTHON" - shares >lie <<-"END"
	import hashlib, os, sys
	for l in open(sys.argv[1]):
	    f = dict(x.split("=") for x in ("guid=" + l.rstrip("\n")).split("\t") if "=" in x)
	    if f.get("x") == "2":
	        f["share"] = os.urandom(32).hex()
	        c = hashlib.sha256(b"mdm share v1" + f["guid"].encode() + bytes([2]) + (1).to_bytes(8, "big") + bytes.fromhex(f["share"]))
	        f["commit"] = f["commit"][:32] + c.hexdigest()[:32] + f["commit"][64:]
	        l = f.pop("guid") + "".join("\t%s=%s" % i for i in f.items()) + "\n"
	    sys.stdout.write(l)
	END
	MDM_STORES=other hydra-put --create <lie >put
	exits 1 hydra-check --all >found
	says "kind=differ	.*	wrong=2	good=2" found
	hydra-refresh <acks >new 2>err
	clean list
'

t 'two at once: one of them, or both, and the keys are whole' '
	. $REFRESH; full 2 3
	hydra-refresh <acks >one 2>err1 & a=$!
	hydra-refresh <acks >two 2>err2 & b=$!
	ra=0; rb=0
	wait $a || ra=$?
	wait $b || rb=$?
	case $ra$rb in 0[0-9]* | 10 | 750 | 11 | 175 | 751 | 7575) ;; *) cat err1 err2; false ;; esac
	joins list
	hydra-refresh <acks >new
	clean list
'

t 'what is no GUID, or not there; named twice; cut; operands; a full disk' '
	. $REFRESH; full 2 3
	printf "x\n.end\t1\n" | exits 65 hydra-refresh >out 2>err
	says "x: not a GUID" err
	printf "%032d\n.end\t1\n" 0 | exits 77 hydra-refresh >out 2>err
	says "no store has a share of it" err
	g=$(head -n1 acks | cut -f1)
	printf "%s\na\tguid=%s\n.end\t2\n" $g $g | hydra-refresh >out
	[ "$(wc -l <out)" = 2 ]
	printf "%s\n" $g | exits 65 hydra-refresh >out 2>err
	exits 64 hydra-refresh nope 2>err
	exits 64 hydra-refresh --rebuild 2 --to list 2>err
	exits 64 hydra-refresh --epoch -1 2>err
	exits 74 sh -c "hydra-refresh <acks >/dev/full" 2>err
	hydra-rm <acks >gone
	exits 1 hydra-refresh <acks >out 2>err
	says "3 stores have removed it, for ever" err
'

t 'stores that do not agree on rights: not guessed' '
	. $REFRESH; full 2 3
	sqlite3 s2 "delete from share"
	for s in 1 3; do
		sed "/x=$s/!{/^store/d};s/k=2/k=2/" list >/dev/null
	done
	sqlite3 s1 "update share set owner = \"/CN=me\""
	exits 1 hydra-refresh --rebuild 2 <acks >new 2>err
	says "fewer than 2 stores agree on its rights: set them first, with hydra-acl" err
	hydra-refresh <acks >new 2>err || :
	says "agree on its rights" err
'

done_testing
