# shellcheck shell=bash
. "${0%/*}/lib.sh"

age-keygen -o id 2>/dev/null
to=$(grep -o 'age1.*' id)
export to
mkdir in
for n in 0 1 511 512 65535 65536 65537 262144 262145 3000000; do
	head -c $n /dev/urandom >in/$n
done
rec-pack in >records

t 'age opens a bare object, whatever its size' '
	for f in in/[1-9]*; do
		mdm-encrypt -r "$to" <"$f" >sealed
		age -d -i id sealed | cmp - "$f"
	done
'
t 'and one from a pipe, in pieces' '
	{ head -c 700; head -c 70000; cat; } <in/3000000 | mdm-encrypt -r "$to" | age -d -i id | cmp - in/3000000
'
t 'every record is an age file, its GUID an attribute, its key a line' '
	mdm-encrypt --keys keys1 -r "$to" <records >sealed1
	rec-list <sealed1 >list
	[ "$(wc -l <list)" = 11 ]
	says "^\.end.10$" keys1
	cut -f1 keys1 | grep -v "^.end" | sort >a
	grep -o "guid=[0-9a-f]*" list | cut -c6- | sort >b
	same a b
	[ "$(sort -u a | wc -l)" = 10 ]
	says "via=rec-pack/.*%20mdm-encrypt/" list
	mkdir out
	tar xf sealed1 -C out
	for f in in/*; do
		find out -path "out/$f" -o -path "out/$f.part*" | sort | xargs cat | age -d -i id | cmp - "$f"
	done
'
t 'what was known of a record is kept' '
	mdm-encrypt --keys keys2 <sealed1 | rec-list >list
	says "^in/511.*via=rec-pack/.*mdm-encrypt/.*mdm-encrypt/" list
'
t 'a key file is 0600 and never written over' '
	[ "$(stat -c %a keys1)" = 600 ]
	cp keys1 before
	exits 74 mdm-encrypt --keys keys1 <records >/dev/null 2>err
	says keys1 err
	same keys1 before
'
t 'keys go through a descriptor' '
	umask 77
	mdm-encrypt --keys /dev/fd/3 <records 3>keys3 >sealed3
	mdm-decrypt --keys /dev/fd/3 <sealed3 3<keys3 | rec-list >got
	[ "$(wc -l <got)" = 11 ]
'
t 'no key is twice the same, nor any ciphertext' '
	mdm-encrypt --keys k1 <in/511 >c1
	mdm-encrypt --keys k2 <in/511 >c2
	! cmp -s k1 k2
	! cmp -s c1 c2
	silent "$(cut -f2 k1 | sed -n 1p | cut -c5-)" c1
'
t 'a key leaves before the record that it opens has to' '
	mkfifo data keys
	{ cat records; read -r _ <go; } | mdm-encrypt --keys keys >data 2>err &
	mkfifo go
	cat data >/dev/null &
	head -10 keys >ten
	[ "$(wc -l <ten)" = 10 ]
	echo >go
	wait || true
'
t 'recipients come from a file too' '
	printf "# who\n\n%s\n" "$to" >list
	mdm-encrypt -R list <in/1 | age -d -i id | cmp - in/1
'
t 'what is not a recipient is refused' '
	exits 64 mdm-encrypt -r "${to}x" <in/1 >out1 2>err
	says "not an age recipient" err
	exits 64 mdm-encrypt -r "$(grep AGE id)" <in/1 >out1 2>err
	exits 64 mdm-encrypt <in/1 2>err
	exits 64 mdm-encrypt --keys k9 operand <in/1 2>err
	[ ! -s out1 ]
'
t 'an empty input is no object' '
	exits 65 mdm-encrypt --keys k10 </dev/null >out10 2>err
	[ ! -s out10 ]
'
t 'a stream that was cut ends with 65 and without .end' '
	for n in 1000 70000 1000000; do
		rm -f k11
		exits 65 mdm-encrypt --keys k11 < <(head -c $n records) >out11 2>err
		exits 65 rec-list <out11 >/dev/null 2>err
		silent "^\.end" k11
	done
'
t 'a full disk is said' '
	exits 74 mdm-encrypt -r "$to" <in/3000000 >/dev/full 2>err
	exits 74 mdm-encrypt --keys k12 <records >/dev/full 2>err
	exits 74 mdm-encrypt --keys /dev/full <records >/dev/null 2>err
'
t '-o is whole or absent' '
	mdm-encrypt -r "$to" -o whole <in/511
	age -d -i id whole | cmp - in/511
	exits 65 mdm-encrypt --keys k13 -o absent < <(head -c 5000 records) 2>err
	[ ! -e absent ]
'
t '--with seals one object with a key that is there; --bare takes any file for one' '
	(umask 77; printf "%032d\tkey=%064d\n.end\t1\n" 5 7 >with)
	echo hallo >plain
	mdm-encrypt --with with <plain >c
	mdm-decrypt --keys with <c | cmp - plain
	[ "$(sed -n 2p c | cut -d " " -f 3)" = "$(printf %032d 5)" ]
	rec-pack plain | mdm-encrypt --with with | rec-list >l
	says "guid=$(printf %032d 5)" l
	exits 65 mdm-encrypt --with with < <(rec-pack plain with) >c 2>err
	tar cf t plain
	mdm-encrypt --bare --with with <t >c
	mdm-decrypt --keys with <c | cmp - t
	exits 64 mdm-encrypt --with with --keys other <plain 2>err
	(umask 77; printf "%032d\tkey=%048d\n.end\t1\n" 5 7 >short; printf ".end\t0\n" >none)
	exits 65 mdm-encrypt --with short <plain 2>err
	exits 77 mdm-encrypt --with none <plain 2>err
'
done_testing
