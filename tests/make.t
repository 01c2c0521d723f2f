#!/bin/bash
# What make does for users beside building: install, packages, progress.
. "${0%/*}/lib.sh"

t 'install puts programs, flows and pages where asked' '
	make -s -C "$top" install DESTDIR="$PWD/root" PREFIX=/opt/mdm >log 2>&1
	for p in rec-pack dcm-anon mdm-encrypt hydra-get lfc-ls mdm-ingest mdm-status; do
		[ -x "root/opt/mdm/bin/$p" ]
	done
	for p in man1/rec-pack.1 man1/mdm-ingest.1 man5/sealed.5 man7/mdm.7; do
		[ -s "root/opt/mdm/share/man/$p" ]
	done
	root/opt/mdm/bin/mdm-ingest --version | says "^rec-pack " /dev/stdin
'

t 'every program has a page, a test and an answer to --help' '
	for f in "$top"/filters/*.c; do
		p=${f##*/}
		p=${p%.c}
		[ -s "$top/doc/$p.1" ] || [ -s "$top/doc/$p.8" ] || { echo "no page: $p" >&3; false; }
		[ -s "$top/tests/$p.t" ] || { echo "no test: $p" >&3; false; }
		"$BIN/$p" --help >help
		says "Usage: $p" help
		"$BIN/$p" --version | says "^$p " /dev/stdin
		exits 64 "$BIN/$p" --no-such-option </dev/null 2>err
		[ "$(wc -l <err)" -ge 1 ]
	done
'

# The group on that page of each header: NAME GROUP.
groups() {
	awk '/^[A-Z].*/ && !/^  / { g++ } /^  [a-z]/ {
		sub(/^  /, ""); sub(/  .*/, ""); n = split($0, a, " ")
		for (i = 1; i <= n; i++) print a[i], g }' "$top/lib/README"
}
# Includes that point down that page, and files that have no place on it.
upward() {
	awk 'function placed() { if (file && !(n in group)) print file ": nowhere" }
	NR == FNR { group[$1] = $2; next }
	FNR == 1 { placed(); file = n = FILENAME
		sub(/.*\//, "", n); sub(/\.[a-z]+$/, "", n)
		while (!(n in group) && sub(/_[a-z0-9]*$/, "", n)) { } }
	/^#include "/ { h = $2; gsub(/"|\.h/, "", h)
		if (!(n in group) && h ~ /_impl$/) n = h
		if (n in group && h in group && group[h] > group[n])
			print file ": " h }
	END { placed() }' groups "$@"
}
export -f groups upward

t 'lib/README names each header once, and what a file uses is not below it' '
	groups >groups
	cut -d" " -f1 groups | sort >named
	(cd "$top/lib" && printf "%s\n" *.h | sed "s/\.h$//" | sort) >headers
	diff headers named >&3
	mkdir lib
	cp "$top"/lib/*.c "$top"/lib/*.cc "$top"/lib/*.h lib
	upward lib/* >bad
	[ ! -s bad ] || { cat bad >&3; false; }
	echo "#include \"copy.h\"" >>lib/word.c
	echo >lib/stray.c
	upward lib/* >bad
	printf "lib/%s\n" "stray.c: nowhere" "word.c: copy" | cmp - bad
'

t 'without root, the line to run is printed' '
	cp "$top/pipelines/deps" . && chmod 755 deps . ..
	if [ "$(id -u)" -eq 0 ]; then as="setpriv --reuid=65534 --clear-groups"; else as=; fi
	mkdir stub
	printf "#!/bin/sh\nexit 1\n" >stub/sudo
	chmod -R 755 stub
	chmod 755 "$dir"
	PATH=$PWD/stub:$PATH
	exits 69 $as sh ./deps dpkg no-such-package-a no-such-package-b 2>err
	says "apt-get install --no-install-recommends no-such-package-a no-such-package-b" err
	silent "recommends.*dpkg" err
	$as sh ./deps dpkg
'

t '--progress: on a terminal only' '
	head -c 3000000 /dev/zero >a
	rec-pack --progress a >a.rec 2>err
	[ ! -s err ]
	script -qec "rec-pack --progress a >a.rec" /dev/null </dev/null >tty
	says "rec-pack: 1 objects, 3.0 MB, .* objects/s, .* MB/s, " tty
	script -qec "rec-list --progress <a.rec >/dev/null" /dev/null </dev/null >tty
	says "rec-list: 1 objects, 3.0 MB" tty
'

done_testing
