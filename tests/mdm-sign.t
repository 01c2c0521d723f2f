# shellcheck shell=bash
. "${0%/*}/lib.sh"

hex() { printf '%0*d' "$1" "$2"; }
{
	printf 'a/b/c\tguid=%s\tsize=3\tsha256=%s\tgen=1\tplain=%s\tprofile=00ff\n' "$(hex 32 1)" "$(hex 64 2)" "$(hex 64 3)"
	printf 'a/b/d%%0A\tsurl=file:/x\tsize=5\tguid=%s\tsha256=%s\n.end\t2\n' "$(hex 32 4)" "$(hex 64 5)"
} >manifest

t 'a key is made once, for its owner only' '
	mdm-sign --new-sign-key k --as site-1
	[ "$(stat -c %a k)" = 600 ]
	says "^site-1 ed25519 [0-9a-f]\{64\}$" k.pub
	cp k before
	exits 74 mdm-sign --new-sign-key k 2>err
	same k before
	mdm-sign --new-sign-key nameless
	says "^key-[0-9a-f]\{16\} ed25519 " nameless.pub
	exits 64 mdm-sign --new-sign-key k2 --as "a b" 2>err
	[ ! -e k2 ]
'
t 'two fields are added, the rest is as it was' '
	mdm-sign --sign-key k <manifest >signed
	says "by=site-1.sig=[0-9a-f]\{128\}$" signed
	sed "s/\tby=.*//" signed >plain
	same plain manifest
'
t 'the statement is what manifest(5) says' '
	"$PYTHON" - <<-EOF
	from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as K
	k = K.from_public_bytes(bytes.fromhex(open("k.pub").read().split()[2]))
	for line in open("signed"):
	    name, *fields = line.rstrip("\n").split("\t")
	    f = dict(x.split("=", 1) for x in fields if "=" in x)
	    if name == ".end":
	        continue
	    s = "mdm manifest line v1\nname=" + name + "\n"
	    for x in "guid size sha256 plain gen profile".split():
	        if x in f:
	            s += x + "=" + f[x] + "\n"
	    k.verify(bytes.fromhex(f["sig"]), s.encode())
	EOF
'
t 'signing again replaces' '
	mdm-sign --sign-key nameless <signed >again
	[ "$(head -1 again | grep -o "by=" | wc -l)" = 1 ]
	says "by=key-" again
	silent "by=site" again
'
t 'the key comes from the environment or its usual place' '
	MDM_SIGN_KEY=k mdm-sign <manifest | cmp - signed
	exits 77 mdm-sign <manifest >out 2>err
	says "hint: mdm-sign --new-sign-key" err
	mkdir -p home/.local/share/mdm
	cp k home/.local/share/mdm/sign.key
	mdm-sign <manifest | cmp - signed
	chmod 640 k
	exits 77 mdm-sign --sign-key k <manifest >out 2>err
	chmod 600 k
	exits 65 mdm-sign --sign-key <(echo junk) <manifest >out 2>err
'
t 'a line that lacks what is signed, or a cut manifest, is 65' '
	for f in guid size sha256; do
		exits 65 mdm-sign < <(sed "s/\t$f=[^\t]*//" manifest) >out 2>err
		says "no $f" err
		silent "^\.end" out
	done
	exits 65 mdm-sign < <(head -1 manifest) >out 2>err
	silent "^\.end" out
	exits 74 mdm-sign <manifest >/dev/full 2>err
'
done_testing
