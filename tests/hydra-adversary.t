#!/bin/bash
# hydra-serve: who may do what, stores that lie, databases that were stolen or
# changed, and stores that die
. "${0%/*}/lib.sh"
. "$here/serve.sh"

"$services/pki" pki || exit 70
users=/DC=test/DC=mdm/O=Users
admins=(--admin "$users/CN=Admin One" --admin "$users/CN=Admin Two")
serve one 1 --creator "$users/CN=Robot: night" "${admins[@]}" || exit 70
serve s 3 --creator /mdm/Role=physician "${admins[@]}" || exit 70
serve five 5 --creator /mdm/Role=physician || exit 70
proxy alice physician /mdm/Role=physician /mdm
proxy alice novoms
proxy user01 neuro /mdm/neuro
proxy user01 neurorole /mdm/neuro/Role=physician
proxy user01 cardio /mdm/cardio /mdm/Role=NULL
proxy user01 sub /mdm/neuro/sub
proxy user01 member /mdm

# A table of who may do what: one key for each client, each place where a
# grant can be, and each bit.  gen writes the lines, check compares answers.
cat >table.py <<'END'
import hashlib, os, sys
users = '/DC=test/DC=mdm/O=Users/CN='
bits = 'pdrwlxgs'
places = 'owner group other dn fqan'.split()
who = {  # places whose grants each has; admins have p, d and l besides
    'novoms': 'owner other', 'bob': 'dn other', 'neuro': 'group other',
    'neurorole': 'other', 'sub': 'other', 'cardio': 'fqan other', 'user01': 'other',
    'admin1': 'other', 'robot': 'other'}
needs = {'getacl': 'l', 'get': 'g', 'stage': 's', 'setacl': 'p', 'rm': 'd'}

def word(s):
    s = ''.join(chr(c) if 0x21 <= c <= 0x7e and c != 0x25 else '%%%02X' % c for c in s.encode())
    return s or '-'
def one(bit):
    return ''.join(b if b == bit else '-' for b in bits)
def keys(client):
    for place in places:
        for bit in bits:
            id = '%s/%s_%s' % (client, place, bit)
            yield hashlib.sha256(b'mdm id v1' + id.encode()).hexdigest()[:32], id, place, bit
def end(lines):
    for l in lines:
        print(l)
    print('.end\t%d' % len(lines))

cmd = sys.argv[1]
if cmd == 'keys':
    end([k[0] + '\tkey=' + hashlib.sha256(b'k' + k[1].encode()).hexdigest() for c in who for k in keys(c)])
elif cmd == 'put':  # adds rights to share lines
    of = {k[0]: k for c in who for k in keys(c)}
    out = []
    for line in sys.stdin.read().splitlines()[:-1]:
        f = line.split('\t')
        if 'x=1' not in f:
            continue
        _, id, place, bit = of[f[0]]
        none = one('')
        sets = [one(bit) if place == p else none for p in ('owner', 'group', 'other')]
        acl = {'dn': users + 'Bob Researcher:' + one(bit) + '\n', 'fqan': '/mdm/cardio:' + one(bit) + '\n'}.get(place, '')
        out.append('\t'.join(f + ['owner=' + word(users + 'Alice Physician'), 'group=' + word('/mdm/neuro'),
                                 'perms=' + ','.join(sets), 'acl=' + word(acl)]))
    end(out)
elif cmd == 'ask':  # the lines with which a client asks for all of its keys
    op, client = sys.argv[2:4]
    share = {l.split('\t')[0]: l for l in open('later').read().splitlines() if '\tx=1\t' in l} if op == 'stage' else {}
    end([share.get(k[0], k[0] + ('\tchmod=u+x' if op == 'setacl' else '')) for k in keys(client)])
elif cmd == 'check':
    op, client = sys.argv[2:4]
    lines = sys.stdin.read().splitlines()
    assert lines[-1] == '200' and lines[-2] == '.end\t40', (op, client, lines[-2:])
    for (guid, id, place, bit), line in zip(keys(client), lines):
        may = place in who[client].split() and bit == needs[op]
        may |= client.startswith('admin') and needs[op] in 'pdl'
        got = line.split('\t')
        assert got[0] == guid, (op, id)
        assert ('error=denied' not in got) == may and (may or len(got) == 2), (op, id, may, line[:100])
        assert not any(f.startswith('error=') for f in got) or not may, (op, id, line)
END

t 'who may do what: every bit, every place a grant can be, every kind of client' '
	(umask 77; "$PYTHON" table.py keys >keys)
	ssss-split -k 2 -n 3 <keys | "$PYTHON" table.py put >put
	ssss-split -k 2 -n 3 -e 2 <keys >later
	ask member one/1 /v1/put --data-binary @put >got
	[ "$(grep -c "	error=denied$" got)" = 360 ] # not a creator
	ask robot one/1 /v1/put --data-binary @put >got
	[ "$(grep -c "	put=new$" got)" = 360 ]
	for c in novoms bob neuro neurorole sub cardio user01 admin1 robot; do
		for op in getacl get stage setacl rm; do
			"$PYTHON" table.py ask $op $c >lines
			ask $c one/1 /v1/$op --data-binary @lines | "$PYTHON" table.py check $op $c
		done
	done
'

cat >flow.sh <<'END'
umask 77
# each NAME CLIENT PATH FILE: the same lines to every store; their answers to
# NAME.1, NAME.2 ...
each() {
	local d
	rm -f answer.?
	for d in "$dir/$1"/[0-9]; do
		ask "$2" "$1/${d##*/}" "/v1/$3" --data-binary @"$4" >"answer.${d##*/}"
		grep -qx 200 "answer.${d##*/}"
	done
}
# put NAME CLIENT: every store its shares of the file shares
put() {
	local d x
	rm -f answer.?
	for d in "$dir/$1"/[0-9]; do
		x=${d##*/}
		grep "	x=$x	" shares | rec-list --lines >lines
		ask "$2" "$1/$x" /v1/put --data-binary @lines >answer.$x
	done
}
# got NAME: what the stores answered, one after the other, by key
got() { cat answer.[0-9] | grep -h "	share=\|	error=" | sort | rec-list --lines; }
one() { printf '%s\n.end\t1\n' "$1"; }
# have NAME CLIENT: joins the shares that CLIENT gets of the key in the file id
have() { one "$(cat id)" >want; each "$1" "$2" get want; got "$1" >all; ssss-join -k "$k" <all; }
new() { # K N: a key in files key, id, shares
	"$PYTHON" -c 'import os; print("%s\tkey=%s\n.end\t1" % (os.urandom(16).hex(), os.urandom(32).hex()))' >key
	sed '1s/	.*//;q' key >id
	ssss-split -k "$1" -n "$2" <key >shares
	k=$1
}
change() { printf '%s\t%s\n.end\t1\n' "$(cat id)" "$3" >line; each "$1" "$2" setacl line; }
END

t 'the life of a key, with three stores and with five' '
	. ./flow.sh
	for c in "s 2 3" "five 3 5"; do
		set -- $c
		new "$2" "$3"
		put "$1" member
		[ "$(grep -h "	error=denied" answer.? | wc -l)" = "$3" ]
		put "$1" physician
		[ "$(grep -h "	put=new" answer.? | wc -l)" = "$3" ]
		have "$1" physician | cmp - key
		exits 77 have "$1" member # of the same group
		change "$1" physician chmod=g+g
		[ "$(grep -h "	error=" answer.? | wc -l)" = 0 ]
		exits 77 have "$1" member # the group is physician: a role is no group
		change "$1" physician group=/mdm
		have "$1" member | cmp - key
		change "$1" physician chmod=g-g
		exits 77 have "$1" member
		change "$1" member chmod=o+g
		[ "$(grep -h "	error=denied" answer.? | wc -l)" = "$3" ]
		change "$1" physician "modify=$(printf %s /DC=test/DC=mdm/O=Users/CN=user01:------g-%0A)"
		have "$1" member | cmp - key
		have "$1" neuro | cmp - key # it is the DN that counts
		exits 77 have "$1" bob
		change "$1" physician "delete=/DC=test/DC=mdm/O=Users/CN=user01%0A"
		exits 77 have "$1" member
		cp key first
		printf "%s\tkey=%064d\n.end\t1\n" "$(cat id)" 7 >other # register it twice
		ssss-split -k "$2" -n "$3" <other >shares
		put "$1" physician
		[ "$(grep -h "	error=other" answer.? | wc -l)" = "$3" ]
		have "$1" physician | cmp - first
		one "$(cat id)" >want
		each "$1" member rm want
		have "$1" physician | cmp - first
		each "$1" physician rm want
		[ "$(grep -h "	receipt=" answer.? | wc -l)" = "$3" ]
		exits 77 have "$1" physician
		put "$1" physician # its name is never taken again
		[ "$(grep -h "	error=removed" answer.? | wc -l)" = "$3" ]
	done
'

t 'after g-g an open connection gets nothing' '
	. ./flow.sh
	new 2 3
	put s physician
	change s physician "modify=/DC=test/DC=mdm/O=Users/CN=Bob%20Researcher:------g-%0A"
	mkfifo to from
	"$PYTHON" - "$(address s/1)" "$(cat id)" <<-\END &
	import http.client, ssl, sys
	host, id = sys.argv[1:]
	c = ssl.create_default_context(cafile="pki/ca.pem")
	c.load_cert_chain("pki/bob.pem", "pki/bob.key")
	h = http.client.HTTPSConnection(*host.rsplit(":", 1), context=c, timeout=30)
	with open("to") as to, open("from", "w") as out:
	    for step in to:
	        try:
	            if h.sock is None and step != "first\n":
	                raise OSError("closed")
	            h.request("POST", "/v1/get", "%s\n.end\t1\n" % id)
	            r = h.getresponse()
	            body = r.read().decode()
	            print(r.status, "share" if "share=" in body else "denied" if "error=denied" in body else "-", file=out, flush=True)
	        except OSError:
	            print("closed -", file=out, flush=True)
	END
	exec 5>to 6<from
	ask_open() { echo "$1" >&5; read -rt 60 answer <&6; [ "$answer" = "$2" ] || { echo "$1: $answer" >&3; false; }; }
	ask_open first "200 share"
	ask_open again "200 share"
	change s physician "delete=/DC=test/DC=mdm/O=Users/CN=Bob%20Researcher%0A"
	ask_open revoked-right "200 denied"
	change s physician chmod=o+g
	ask_open anyone "200 share"
	exec 5>&- 6<&-
	wait
'

t 'a store that lies is named, and never believed' '
	. ./flow.sh
	new 2 3
	put s physician
	have s physician | cmp - key
	cp all good
	printf "%s\tkey=%064d\n.end\t1\n" "$(cat id)" 9 >other
	ssss-split -k 2 -n 3 <other >another # the same name, another key
	ssss-split -k 2 -n 3 -e 2 <key >later
	lied() { # the file lie: with two honest stores it is named, with one there is no key
		{ grep "	x=[13]	" good; cat lie; } | rec-list --lines | ssss-join -k 2 >out 2>err
		same key out
		says "share 2 is\|share 2 \|share that cannot be used" err
		got=0
		{ grep "	x=1	" good; cat lie; } | rec-list --lines | ssss-join -k 2 >out 2>err || got=$?
		[ $got = 65 ] || [ $got = 69 ]
		silent "key=" out
	}
	mine() { grep "	x=2	" "$1"; }
	flip() { sed "s/\(	$1=.\)0/\11/; t; s/\(	$1=.\)./\10/"; }
	mine good | flip share >lie && lied          # a wrong share
	mine good | flip check >lie && lied
	mine good | sed "s/	k=2	/	k=1	/" >lie && lied # "I alone am enough"
	mine another >lie && lied                    # of another key
	sed "s/^[0-9a-f]*/$(cat id)/" another | grep "	x=2	" >lie && lied
	mine later >lie && lied                      # of another epoch
	mine good | sed "s/	n=3	/	n=4	/" >lie && lied
'

t 'a refresh that is replayed is refused' '
	. ./flow.sh
	new 2 3
	put s physician
	cp shares old
	ssss-split -k 2 -n 3 -e 2 <key >new
	line() { grep "	x=1	" "$1" | rec-list --lines >line; }
	step() { ask physician s/1 "/v1/$1" --data-binary @line >got; }
	say_epoch() { printf "%s\te=%s\n.end\t1\n" "$(cat id)" "$1" >line; }
	say_epoch 2; step switch; says "	error=missing" got
	line new; step stage; says "	stage=new" got
	step stage; says "	stage=same" got
	ssss-split -k 2 -n 3 -e 2 <key >again # other shares of that epoch
	line again; step stage; says "	error=" got
	say_epoch 2; step switch; says "	switch=new" got
	line old; step stage; says "	error=old" got
	step put; says "	error=other\|	put=same" got
	say_epoch 1; step switch; says "	error=old" got
	one "$(cat id)" >line; step get; says "	e=2	" got
	say_epoch 1; step drop; says "	drop=new" got
	line old; step stage; says "	error=old" got
	line old; grep "	x=1	" old | sed "s/	e=1	/	e=3	/" | rec-list --lines >line
	step stage # a share that its own commitments do not cover
	says "	error=" got
'

t 'a stolen database is not a store' '
	. ./flow.sh
	new 2 3
	put s physician
	sqlite3 s/1/db ".backup stolen"
	share=$(grep "	x=1	" shares | sed "s/.*	share=\([0-9a-f]*\).*/\1/")
	"$PYTHON" -c "import sys; d = open(\"stolen\", \"rb\").read(); s = sys.argv[1]; sys.exit(bytes.fromhex(s) in d or s.encode() in d)" "$share"
	again() {
		timeout 20 "$BIN/hydra-serve" --store 1 --database sqlite:stolen --listen 127.0.0.1:0 \
			--cert pki/host.pem --key pki/host.key --ca-dir pki/certificates --voms-dir pki/vomsdir \
			--audit stolen.audit -o stolen.address "$@" </dev/null 2>err
	}
	got=0; again || got=$?
	[ $got -ge 64 ] && [ $got -lt 124 ] && [ ! -e stolen.address ]
	got=0; again --create || got=$?
	[ $got -ge 64 ] && [ $got -lt 124 ] && [ ! -e stolen.address ]
	cp s/2/db.key stolen.key
	got=0; again || got=$?
	[ $got -ge 64 ] && [ $got -lt 124 ] && [ ! -e stolen.address ]
'

t 'who writes to the database grants nothing' '
	. ./flow.sh
	new 2 3; put s physician; cp id mine; cp key mykey
	new 2 3
	grep "	x=1	" shares | sed "s|$|	owner=/DC=test/DC=mdm/O=Users/CN=Bob%20Researcher	group=-|" | rec-list --lines >line
	ask physician s/1 /v1/put --data-binary @line >got
	says "	put=new" got
	cp id theirs
	cp mine id
	g=$(cat mine) h=$(cat theirs)
	sql() { sqlite3 -cmd ".timeout 20000" s/1/db "$1"; }
	sql "create table keep as select * from share where guid = x'\''$g'\''"
	for change in \
		"owner = '\''/DC=test/DC=mdm/O=Users/CN=user01'\''" \
		"grp = '\''/mdm'\'', perms = '\''pdrwl-gs,pdrwl-gs,--------'\''" \
		"perms = replace(perms, '\''--------'\'', '\''pdrwlxgs'\'')" \
		"acl = '\''/mdm:pdrwlxgs'\'' || char(10)" \
		"(owner, grp, perms, acl, held, mac) = (select owner, grp, perms, acl, held, mac from share where guid = x'\''$h'\'')" \
		"mac = zeroblob(32)" \
		"(sealed, tag, commits) = (select sealed, tag, commits from share where guid = x'\''$h'\'')"
	do
		sql "update share set $change where guid = x'\''$g'\''"
		one "$g" >want
		for c in member bob; do
			ask $c s/1 /v1/get --data-binary @want >got
			says "	error=" got
			silent "share=" got
		done
		ask physician s/1 /v1/get --data-binary @want >got
		says "	error=damaged" got
		sql "delete from share where guid = x'\''$g'\''; insert into share select * from keep"
		ask physician s/1 /v1/get --data-binary @want >got
		says "	share=" got
	done
	have s physician | cmp - mykey
'

t 'killed while it takes keys: what it answered is there, in whole' '
	. ./flow.sh
	serve killed 1 --creator /mdm/Role=physician
	for i in 1 2 3 4 5 6 7 8; do shares 500 >in.$i; done
	for i in 1 2 3 4 5 6 7 8; do
		ask physician killed/1 /v1/put --data-binary @in.$i >out.$i || :
		[ $i != 3 ] || mkfifo done.fifo
	done &
	until [ -p done.fifo ]; do read -rt 0.02 <> <(:) || :; done
	kill -9 "$(cat killed/1/pid)"
	wait
	serve killed 1 --creator /mdm/Role=physician
	cat out.? | grep "	put=new$" | cut -f 1 >acked || :
	[ "$(wc -l <acked)" -ge 1500 ]
	rec-list --lines <acked >want
	ask physician killed/1 /v1/get --data-binary @want >got
	[ "$(grep -c "	share=" got)" = "$(wc -l <acked)" ]
	grep -h "	share=" in.? | cut -f 1-7 | sort >had
	[ "$(grep "	share=" got | cut -f 1-7 | sort | comm -23 - had | wc -l)" = 0 ]
'
done_testing
