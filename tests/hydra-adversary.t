#!/bin/bash
# hydra-serve: the life of a key, stores that lie, databases that were stolen or
# changed, and stores that die
. "${0%/*}/lib.sh"
. "$here/serve.sh"

"$services/pki" pki || exit 70
users=/DC=test/DC=mdm/O=Users
admins=(--admin "$users/CN=Admin One" --admin "$users/CN=Admin Two")
serve s 3 --creator /mdm/Role=physician "${admins[@]}" || exit 70
serve five 5 --creator /mdm/Role=physician || exit 70
proxy alice physician /mdm/Role=physician /mdm
proxy user01 neuro /mdm/neuro
proxy user01 member /mdm

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
	kill9 killed/1
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
