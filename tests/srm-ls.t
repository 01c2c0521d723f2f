#!/bin/bash
# Over root, https and gsiftp: tests/srm-storage.t.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

objects 4 >a.rec
export MDM_STORAGE=file:$dir/st
srm-copy --to '' <a.rec >M
# at N: the file of the manifest's line N
at() { sed -n "$1p" M | tr '\t' '\n' | sed -n 's/^surl=file://p'; }
export -f at

t 'each line: size, checksum, locality and status, in order' '
	srm-ls <M >S
	same <(cut -f 1 M) <(cut -f 1 S)
	for key in guid surl size adler32; do
		same <(field $key M) <(field $key S)
	done
	[ "$(field locality S | uniq -c | tr -s " ")" = " 4 ONLINE" ]
	[ "$(field status S | uniq -c | tr -s " ")" = " 4 online" ]
	[ "$(field mtime S | grep -c "^[1-9][0-9]*$")" -eq 4 ]
	# -o, and cleared when it fails
	srm-ls -o T <M
	cmp S T
	head -n 2 M >cut
	exits 65 srm-ls -o U <cut 2>err
	[ ! -e U ]
'

t 'damaged and missing: 1, and what is right is said too' '
	cp -a st keep
	printf X | dd of="$(at 1)" bs=1 seek=100 conv=notrunc status=none
	echo more >>"$(at 2)"
	rm "$(at 3)"
	exits 1 srm-ls <M >S
	[ "$(field status S | tr "\n" " ")" = "damaged damaged missing online " ]
	[ "$(tail -n 1 S)" = ".end	4" ]
	[ -z "$(sed -n 3p S | grep -o "size=" || :)" ]
	rm -r st && mv keep st
'

t 'all replicas of a line, of all storages that may be asked' '
	srm-copy --to file:two <a.rec >N
	paste M <(field surl N | sed "s/^/surl.2=/"; echo) | sed "/^.end/s/	\$//" >both
	srm-ls --allow file:two --allow file:st <both >S
	[ "$(tail -n 1 S)" = ".end	8" ]
	same <(field surl S | sort) <(cat <(field surl M) <(field surl N) | sort)
	# one that no --allow names is not looked at
	exits 77 srm-ls --allow file:two <M >S 2>err
	says "on no storage that --allow names" err
	[ "$(cat S)" = ".end	0" ]
	sed "2s/	surl=[^	]*//" M >far
	exits 1 srm-ls <far >S 2>err
	says "has no replica" err
	[ "$(tail -n 1 S)" = ".end	3" ]
'

t 'no line leads outside the storage' '
	echo secret >outside
	ln -s "$PWD/outside" st/link
	for surl in file:$PWD/outside file:$PWD/st/../outside file:$PWD/st/link file:$PWD/st; do
		sed "1s,surl=[^	]*,surl=$surl," M >bad
		exits 1 srm-ls <bad >S 2>err
		silent "size=7	" S
		silent "secret" S
	done
	rm st/link
'

t '--all: everything there, in order, and what it is' '
	mkdir -p st/.incoming st/.quarantine
	echo half >st/.incoming/x.1
	echo odd >st/odd
	echo bad >st/.quarantine/y
	srm-ls --all >S
	grep -v "^\.end" S | cut -f 1 | sort -C
	[ "$(field kind S | sort | uniq -c | tr -s " " | tr -d "\n")" = " 1 foreign 1 incoming 4 object 1 quarantined" ]
	grep kind=object S >O
	same <(field surl M | sort) <(field surl O)
	[ "$(tail -n 1 S)" = ".end	7" ]
	rm -r st/.incoming st/.quarantine st/odd
	exits 74 srm-ls --all --allow file:none 2>err
	says "file:none: " err
'

t 'a full disk is 74; what is no storage, or operands: 64' '
	exits 74 sh -c "srm-ls <M >/dev/full" 2>err
	exits 64 srm-ls --allow nix:x <M 2>err
	exits 64 srm-ls M </dev/null 2>err
	exits 65 srm-ls </dev/null 2>err
'

done_testing
