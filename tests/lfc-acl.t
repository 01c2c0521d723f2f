#!/bin/bash
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"
# shellcheck source=tests/engine.sh
. "$here/engine.sh"

objects 4 >a.rec
site site
ingest a.rec
f=1.2/1.2.0/1.2.0.0
export f

t 'a list is shown, and taken back' '
	copy site one
	lfc-chmod 640 "$f" 1.2/1.2.0/1.2.0.2
	lfc-acl "$f" >before
	says "^# file: $f$" before
	says "^user::rw-$" before
	says "^other::---$" before
	lfc-acl -m "user:/DC=org/CN=Robot: a:r--" -m group:/mdm/neuro:r-- "$f"
	lfc-acl "$f" >list
	says "^user:/DC=org/CN=Robot: a:r--$" list
	says "^group:/mdm/neuro:r--$" list
	says "^mask::r--$" list
	says "^-rw-r-----+ " <(lfc-ls -l "$f")
	[ -n "$(lfc-ls --manifest "$f" | field acl /dev/stdin)" ]
	lfc-acl -m "user:/DC=org/CN=Robot: a:r--" -m group:/mdm/neuro:r-- 1.2/1.2.0/1.2.0.2
	[ "$(sql "select count(*) from acl")" -eq 1 ] # kept once
	lfc-acl --set list 1.2/1.2.1/1.2.1.1
	lfc-acl 1.2/1.2.1/1.2.1.1 | tail -n +2 >same1
	tail -n +2 list >same2
	same same2 same1
	lfc-acl -x group:/mdm/neuro: "$f"
	! lfc-acl "$f" | grep neuro || false
	lfc-acl -b "$f"
	[ "$(lfc-acl "$f" | grep -c ":[^:]")" -le 6 ]
	! lfc-acl "$f" | grep Robot || false
'

t 'all below, and what is made there later' '
	copy site two
	lfc-acl -m default:group:/mdm/neuro:r-x 1.2/1.2.0
	lfc-acl -R -m group:/mdm/all:r-- 1.2
	[ "$(lfc-ls --manifest -R | field acl /dev/stdin | grep -c all)" -eq 4 ]
	objects 6 1000 >more.rec
	ingest more.rec
	lfc-acl 1.2/1.2.0/1.2.0.4 >list
	says "^group:/mdm/neuro:r" list
	! lfc-acl 1.2/1.2.1/1.2.1.5 | grep neuro || false
	lfc-acl -k 1.2/1.2.0
	! lfc-acl 1.2/1.2.0 | grep default || false
'

t 'owners and groups' '
	copy site three
	lfc-acl --owner "/DC=org/CN=A b" --group /mdm -R 1.2
	[ "$(lfc-ls --manifest -R | field owner /dev/stdin | sort -u)" = /DC=org/CN=A%20b ]
	[ "$(lfc-ls --manifest -R | field group /dev/stdin | sort -u)" = /mdm ]
'

t 'nonsense is refused and changes nothing' '
	copy site four
	lfc-acl -R 1.2 >before
	for bad in nobody:x:r-- user:a:rwq user:a group::; do
		exits 65 lfc-acl -m "$bad" "$f" 2>err
	done
	exits 65 lfc-acl -m default:user:a:r-- "$f" 2>err
	exits 1 lfc-acl -m user:a:r-- nix "$f" 2>err
	lfc-acl -x user:a: "$f"
	exits 64 lfc-acl 2>err
	exits 64 lfc-acl -b -k "$f" 2>err
	exits 74 lfc-acl --set nix "$f" 2>err
	exits 74 sh -c "lfc-acl -R 1.2 >/dev/full" 2>err
	lfc-chmod 600 "$f"
	lfc-acl -R 1.2 >after
	grep -v "^mask" before >b && grep -v "^mask" after >a
	same b a
'

done_testing
