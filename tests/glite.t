# shellcheck shell=bash
. "${0%/*}/lib.sh"
PATH=$top/pipelines/glite:$PATH
. "$here/hydra.sh"
export -f keys stores rows locked
stores 2 3
cp "$MDM_STORES" all
MDM_CATALOGUE=sqlite:$dir/catalogue MDM_STORAGE=file:$dir/se MDM_SITE=$dir/none
export MDM_CATALOGUE MDM_STORAGE MDM_SITE
printf 'A quick brown fox\njumps over the\nlazy dog\n' >in
head -c 300000 /dev/urandom >big
cat >say.glite <<'END'
# without X: the list of stores, but that store X does not answer
without() { sed "s/sqlite:s$1/sqlite:gone$1/" all >list; }
back() { cp all list; }
END
export BASH_ENV=$dir/say.glite

t 'shares that the original made are joined' '
	join() { [ "$(glite-ssss-join-"$1" -q "${@:3}")" = "$2" ]; }
	join passwd secret 137c9547aba101ef 6ee7adbbaacac1ef 1256bcc160eda592 fdabc259cdfbacc9 3113be83f203d794
	join passwd secret 137c9547aba101ef NULL 1256bcc160eda592 NULL 3113be83f203d794
	join key 12345678 c86a47f4 7eaf3970 34f42aec eb2a1c68 a16f0de4
	join key 64aa67e55e5a52ac704b58bb0e1c2695 NULL NULL c9952de5f904a1939c223e6bc866dd7e 40986fe02ca1bbe0aabf8af65bdec526
	join key 12345678 NULL 6fbc0334 d2ecd103 NULL NULL ce4a189d
	join passwd "#%&lkXYt" 8190b6ea2758da88d522 03274abe284449c750df 84afde832930b8f7cc8d 064672572a1c2836484a 87ce062b2b089766c3f8
	join passwd "#%&lkXYt" NULL 03274abe284449c750df NULL 064672572a1c2836484a
'

t 'what is split is joined, from any of its shares, with the messages of the original' '
	for n in 4 8 32 64 100; do
		key=$(glite-ssss-generate-key $n)
		[ ${#key} = $n ]
		shares=($(glite-ssss-split-key -q 5 3 "$key"))
		[ ${#shares[@]} = 5 ] && [ ${#shares[0]} = $n ]
		[ "$(glite-ssss-join-key -q NULL "${shares[1]}" "${shares[2]}" NULL "${shares[4]}")" = "$key" ]
	done
	[ "$(glite-ssss-generate-key 7 | wc -c)" = 8 ]
	pass="abc \$x #+&/()"
	shares=($(glite-ssss-split-passwd -q 5 2 "$pass"))
	[ "$(glite-ssss-join-passwd "${shares[@]}")" = "Joined password : $pass" ]
	[ "$(printf %s\\\\n "$pass" | glite-ssss-split-passwd -q 3 2 - | wc -w)" = 3 ]
	glite-ssss-split-key 5 2 12345678 >out
	says "^Key to split (2 of 5): 12345678$" out
	says "^Split keys:$" out
	says "^5. splitKey = [0-9a-f]\{8\} $" out
	glite-ssss-split-passwd 5 2 12345678 >out
	says "^2. splitPasswd = [0-9a-f]* $" out
	[ "$(glite-ssss-join-key c86a47f4 7eaf3970)" = "Joined key : 12345678" ]
'

t 'what the original got wrong is an error: 1 for splitting, 2 for joining' '
	exits 2 glite-ssss-join-key -q NULL NULL 2>err
	exits 2 glite-ssss-join-key -q c86a47f4 2>err
	exits 2 glite-ssss-join-key -q c86a47f4 7eaf39 2>err
	exits 2 glite-ssss-join-passwd -q 137c9547aba101ef 6ee7adbbaacac1ef 2>err
	exits 1 glite-ssss-split-key -q 5 2 fff1 2>err
	exits 1 glite-ssss-split-key -q 5 2 12345 2>err
	exits 1 glite-ssss-split-key -q 2 5 1234 2>err
	exits 1 glite-ssss-split-key -q 65521 2 1234 2>err
	exits 1 glite-ssss-split-key -q 5 2 2>err
	exits 1 glite-ssss-split-key -x 5 2 1234 2>err
	exits 0 glite-ssss-split-key -h >out
'

t 'a key: registered once, used for any object, unregistered' '
	[ "$(glite-eds-key-register /study/series/sop)" = "A key has been generated and registered for ID '\''/study/series/sop'\''" ]
	exits 255 glite-eds-key-register /study/series/sop 2>err
	says "^Error during glite_eds_register: .*another share" err
	for f in in big all; do
		glite-eds-encrypt -q /study/series/sop $f c
		head -1 c | grep -q "^age-encryption.org/v1$"
		glite-eds-decrypt -q /study/series/sop c d
		same $f d
	done
	glite-eds-encrypt /study/series/sop in /dev/null | grep -q "^File '\''in'\'' has been successfully encrypted"
	tar cf tarred in all
	glite-eds-encrypt -q /study/series/sop tarred c # it is no stream to us
	glite-eds-decrypt -q /study/series/sop c d
	same tarred d
	[ "$(glite-eds-key-unregister /study/series/sop)" = "The key has been unregistered for ID '\''/study/series/sop'\''" ]
	exits 255 glite-eds-key-unregister /study/series/sop 2>err
	says "^Error during glite_eds_unregister: " err
	rm d
	exits 255 glite-eds-decrypt /study/series/sop c d 2>err
	says "^Error during glite_eds_decrypt_init: .*key" err
	exits 255 glite-eds-encrypt /study/series/sop in d 2>err
	says "^Error during glite_eds_encrypt_init: .*key" err
	[ ! -e d ]
'

t 'ids are taken as they are: no character is special' '
	for id in testkey_1 testkeyX1 "a:b#c=d.e+f-g/h" $(printf %0250d 7); do
		glite-eds-key-register -q "$id"
	done
	glite-eds-encrypt -q testkey_1 in c
	exits 255 glite-eds-decrypt -q testkeyX1 c d 2>err
	glite-eds-key-unregister -q testkey_1
	glite-eds-encrypt -q testkeyX1 in c
	for id in "" "a b" "a%b" "a;b" "a'\''b" "a[b" - $(printf %0251d 7); do
		exits 255 glite-eds-key-register -q "$id" 2>err
	done
'

t 'an object of another key, altered or swapped, is refused' '
	glite-eds-key-register -q one
	glite-eds-key-register -q two
	glite-eds-encrypt -q one in c
	rm -f d
	exits 255 glite-eds-decrypt -q two c d 2>err
	head -c 100 /dev/urandom >c # not sealed: never opened as an old one
	exits 255 glite-eds-decrypt -q one c d 2>err
	says "not that of a legacy object" err
	[ ! -e d ]
'

t 'with one store gone: no registering, reading goes on, unregistering says where not' '
	glite-eds-key-register -q one-gone
	glite-eds-encrypt -q one-gone in c
	for x in 1 2 3; do
		without $x
		exits 255 glite-eds-key-register -q new-$x 2>err
		says "^Error during glite_eds_register: " err
		glite-eds-decrypt -q one-gone c d
		same in d
		back
		for y in 1 2 3; do
			[ "$(rows $y)" = "$(rows 1)" ] # rolled back
		done
	done
	without 2
	exits 255 glite-eds-key-unregister -q one-gone 2>err
	says "store 2 " err
	back
	[ "$(rows 1)" -lt "$(rows 2)" ]
'

t 'put, get and rm by catalogue name' '
	glite-eds-put big lfn:testfile1 >out
	says "^Transfer Completed:$" out
	says "^  LFN                     : /grid/mdm/testfile1  $" out
	says "^  SURL                    : file:.*/se/" out
	guid=$(sed -n "s/^  GUID                    : \([0-9a-f]*\)  $/\1/p" out)
	[ ${#guid} = 32 ]
	exits 255 glite-eds-put -q in lfn:testfile1 2>err
	says "testfile1" err
	glite-eds-get -q lfn:testfile1 d
	same big d
	glite-eds-get -q /grid/mdm/testfile1 d >out
	[ ! -s out ]
	sealed=$(find se -name "$guid")
	! cmp -s "$sealed" big
	glite-eds-decrypt -q "$guid" "$sealed" d
	same big d
	exits 255 glite-eds-get -q lfn:other d 2>err
	says "^Error during gfal_open: " err
	glite-eds-rm lfn:testfile1 >out
	says "^Unlink Completed:$" out
	exits 255 glite-eds-get -q lfn:testfile1 d 2>err
	[ ! -e "$sealed" ]
	exits 255 glite-eds-decrypt -q "$guid" "$sealed" d 2>err
'

t 'with the key that -i names, in sub-directories, and by file:' '
	glite-eds-put -q -i my/key in lfn:a/b/c
	glite-eds-get -q -i my/key lfn:a/b/c d
	same in d
	exits 255 glite-eds-put -q -i my/key in lfn:a/b/d 2>err
	exits 255 glite-eds-get -q lfn:a/b/d d 2>err
	[ "$(lfc-ls a/b)" = c ]
	glite-eds-rm -q -i my/key lfn:a/b/c
	glite-eds-put -q in "file:$dir/remote"
	! grep -q fox remote
	glite-eds-get -q "file:$dir/remote" d
	same in d
	exits 255 glite-eds-put -q big "file:$dir/remote" 2>err
	glite-eds-get -q "file:$dir/remote" d
	same in d
	glite-eds-rm -q "file:$dir/remote"
	[ ! -e remote ]
	glite-eds-put -q big "file:$dir/remote" -i last
	glite-eds-get -q "file:$dir/remote" d
	same big d
	exits 255 glite-eds-put -u in lfn:clear 2>err
	exits 255 lfc-ls -d clear 2>/dev/null || [ $? = 1 ]
'

t 'a put that fails leaves no key, no file and no name' '
	n=$(rows 1) files=$(find se -type f | wc -l)
	without 3
	exits 255 glite-eds-put -q in lfn:failed 2>err
	exits 255 glite-eds-put -q in "file:$dir/failed" 2>err
	back
	[ "$(rows 1)" = "$n" ] && [ ! -e failed ]
	! lfc-ls --manifest failed 2>/dev/null | grep -q guid=
	exits 255 glite-eds-put -q nothing lfn:failed 2>err
	[ -z "$(find . -name "failed.part*")" ]
'

t 'rm fails only if it removed nothing' '
	glite-eds-put -q in lfn:half
	without 2
	glite-eds-rm -q lfn:half 2>err
	says "warning: the key of .* is not unregistered: .*store 2 " err
	back
	exits 255 glite-eds-rm -q lfn:half 2>err
'

t 'a site that signs reads only what was signed' '
	mkdir -m 700 home2
	export MDM_HOME=$PWD/home2 MDM_SIGN_KEY=$PWD/sign.key
	mdm-sign --new-sign-key sign.key
	cp sign.key.pub home2/signers
	glite-eds-put -q in lfn:signed
	glite-eds-get -q lfn:signed d
	same in d
	unset MDM_SIGN_KEY
	glite-eds-put -q in lfn:unsigned
	exits 255 glite-eds-get -q lfn:unsigned d 2>err
'

t 'what the original encrypted is read by the same commands' '
	iv=0001020304050607 key=000102030405060708090a0b0c0d0e0f
	openssl enc -provider legacy -provider default -bf-cbc -K $key -iv $iv <big >old
	printf "/old/id\tedscipher=bf-cbc\tedskey=$key\tedsiv=$iv\n.end\t1\n" | eds-join | ssss-split | hydra-put >acks
	glite-eds-decrypt -q /old/id old d
	same big d
	glite-eds-get -q -i /old/id "file:$dir/old" d
	same big d
	exits 255 glite-eds-get -q "file:$dir/old" d 2>err
	exits 255 glite-eds-encrypt -q /old/id in c 2>err # nothing new is made so
	says "not a key of 32 bytes" err
'

t 'a service list of the original names the stores' '
	glite-eds-key-register -q listed
	unset MDM_STORES
	{
		echo "<?xml version=\"1.0\"?><services>"
		echo "<service name=\"SE\"><parameters><endpoint>https://x/</endpoint><type>SRM</type></parameters></service>"
		for x in 1 2 3; do
			echo "<service name=\"H$x\">"
			echo "  <parameters>"
			echo "    <endpoint>sqlite:$PWD/s$x</endpoint>"
			echo "    <type>org.glite.Metadata</type>"
			echo "  </parameters></service>"
		done
		echo "</services>"
	} >services.xml
	export GLITE_SD_SERVICES_XML=$PWD/services.xml
	glite-eds-encrypt -q listed in c
	glite-eds-decrypt -q listed c d
	same in d
'

t 'no key that is made here is an argument or in the environment' '
	glite-eds-key-register -q traced
	strace -f -qq -s 4096 -e trace=execve -v -o calls glite-eds-put -q -i traced2 in lfn:traced
	key=$(printf "mdm id v1traced2" | sha256sum | cut -c1-32 | { read -r g; printf "%s\n.end\t1\n" "$g" | hydra-get | ssss-join; } | sed -n "s/.*key=\([0-9a-f]*\).*/\1/p")
	[ ${#key} = 64 ]
	silent "$key" calls
'
done_testing
