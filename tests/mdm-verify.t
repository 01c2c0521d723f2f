# shellcheck shell=bash
. "${0%/*}/lib.sh"

hex() { printf '%0*d' "$1" "$2"; }
for i in 1 2 3; do
	printf 's/t/%s\tlfn=/grid/mdm/s/t/%s\tguid=%s\tsize=%s\tsha256=%s\tgen=2\tplain=%s\tprofile=aa\tsurl=file:/x\n' \
	    $i $i "$(hex 32 $i)" $i "$(hex 64 $i)" "$(hex 64 9)"
done >lines
{ cat lines; printf '.end\t3\n'; } >manifest
mdm-sign --new-sign-key k --as site
mdm-sign --new-sign-key other --as site2
mdm-sign --sign-key k <manifest >signed
export MDM_SIGNERS=k.pub

t 'what was signed passes unchanged' '
	mdm-verify <signed | cmp - signed
	mdm-verify s/t/1 /grid/mdm/s/t/2 s/t/3/ <signed | cmp - signed
	mdm-verify s <signed | cmp - signed
	LFC_HOME=/grid/mdm/s mdm-verify t <signed | cmp - signed
'
t 'any signed field that was altered is found, and the line named' '
	for e in "s/size=2/size=4/" "s/gen=2/gen=3/" "s/guid=0/guid=1/" "s/sha256=0/sha256=1/" \
	    "s/plain=0/plain=1/" "s/profile=aa/profile=ab/" "s/\tplain=[^\t]*//" "s/\tgen=2//" \
	    "s/by=site/by=site2/" "s/sig=./sig=g/" "s/\tsig=.*//" "s/\tby=site//" \
	    "s,s/t/2,s/t/9,g" "s/profile=aa/profile=-/"; do
		exits 65 mdm-verify < <(sed "2$e" signed) >out 2>err
		[ "$(wc -l <err)" = 1 ]
		says "^mdm-verify: error: s/t/[29]: " err
		silent "^\.end" out
		[ "$(wc -l <out)" -le 1 ]
	done
'
t 'unsigned fields may change' '
	mdm-verify < <(sed "s/surl=[^\t]*/surl=davs:y/" signed) >out
'
t 'objects exchanged between two names are found' '
	{ sed -n "1s,lfn=/grid/mdm/s/t/1,lfn=/grid/mdm/s/t/2,p;2,4p" signed; } >swapped
	exits 65 mdm-verify <swapped >out 2>err
	says "s/t/1: the catalogue gives another object as /grid/mdm/s/t/2" err
	exits 65 mdm-verify < <(sed "1s,lfn=/grid/mdm/s/t/1,lfn=/grid/xs/t/1,;1s,lfn=/grid/x,lfn=," signed) >out 2>err
'
t 'what was not asked for is refused' '
	exits 65 mdm-verify s/t/1 <signed >out 2>err
	says "not asked for" err
	exits 65 mdm-verify s/t/ s/t/1/x s <(:) < <(sed "1s/\tlfn=[^\t]*//" signed) >out 2>err
	exits 65 mdm-verify s/ <signed s/tt >out 2>err || mdm-verify s/ s/tt <signed >out
	exits 65 mdm-verify s/tt <signed >out 2>err
'
t 'a stranger'"'"'s signature is refused, two signers may sign' '
	mdm-sign --sign-key other <manifest >theirs
	exits 65 mdm-verify <theirs >out 2>err
	says "site2, who is not among the signers" err
	cat k.pub other.pub >both
	mdm-verify --signers both <theirs >out
	mdm-verify --signers both <signed >out
	sed "s/^site2/site/" other.pub | cat - k.pub >rotated
	mdm-verify --signers rotated <signed >out
'
t 'an older generation is not brought back' '
	mdm-verify --seen seen <signed >out
	says "^s/t/1.gen=2$" seen
	for g in 1 ""; do
		sed "s/\tgen=2/${g:+\tgen=$g}/" manifest | mdm-sign --sign-key k >old
		exits 65 mdm-verify --seen seen <old >out 2>err
		says "older generation" err
	done
	mdm-verify <old >out
	sed "s/gen=2/gen=10/" manifest | mdm-sign --sign-key k >new
	mdm-verify --seen seen <new >out
	exits 65 mdm-verify --seen seen <signed >out 2>err
	says "^s/t/3.gen=10$" seen
'
t 'a lie teaches nothing, and generation 1 takes no memory' '
	sed "s/gen=2/gen=99/" manifest | mdm-sign --sign-key k | sed "3s/size=3/size=4/" >lie
	cp seen before
	exits 65 mdm-verify --seen seen <lie >out 2>err
	same seen before
	sed "s/gen=2/gen=1/" manifest | mdm-sign --sign-key k | mdm-verify --seen none >out
	[ ! -e none ]
'
t 'a manifest or a memory that was cut is 65' '
	exits 65 mdm-verify < <(head -3 signed) >out 2>err
	silent "^\.end" out
	head -2 seen >cut
	exits 65 mdm-verify --seen cut <signed >out 2>err
	[ ! -s out ]
'
t 'signers are needed, and must be right' '
	unset MDM_SIGNERS
	exits 74 mdm-verify <signed >out 2>err
	says "signers" err
	mkdir -p home/.local/share/mdm
	{ echo "# trusted"; echo; cat k.pub; } >home/.local/share/mdm/signers
	mdm-verify <signed >out
	echo "site ed25519 00" >bad
	exits 65 mdm-verify --signers bad <signed >out 2>err
	says "bad: line 1" err
'
t 'a full disk is said, -o is whole or absent' '
	exits 74 mdm-verify <signed >/dev/full 2>err
	exits 65 mdm-verify -o absent <swapped 2>err
	[ ! -e absent ]
'
done_testing
