#!/bin/bash
# hydra-rm and the receipts of stores: true ones, forged ones, none
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 3 --creator /mdm/Role=physician || exit 70
proxy alice alice /mdm/Role=physician
export MDM_STORES=$dir/s/stores X509_CERT_DIR=$dir/pki/certificates
export X509_USER_PROXY=$dir/alice.proxy

# In place of store X: the same, but for what `sed SCRIPT' does to its answers.
cat >liar.py <<'END'
import http.server, ssl, subprocess, sys, urllib.request
top, real, script = sys.argv[1:]
out = ssl.create_default_context(cafile=top + "/pki/ca.pem")
out.load_cert_chain(top + "/alice.proxy")
class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        got = urllib.request.urlopen(real + self.path, body, context=out).read()
        got = subprocess.run(["sed", script], input=got, stdout=-1, check=True).stdout
        self.send_response(200)
        self.send_header("Content-Length", str(len(got)))
        self.end_headers()
        self.wfile.write(got)
    do_GET = do_POST = answer
    def log_message(self, *a):
        pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(top + "/pki/host.pem", top + "/pki/host.key")
s.socket = c.wrap_socket(s.socket, server_side=True)
print(s.server_port, flush=True)
s.serve_forever()
END
few() { # N SEED: acks of N new keys
	keys "$1" "$2" | ssss-split -k 2 -n 3 | hydra-put
}
lie() { # X SCRIPT: from now on
	: >"$dir/port.$1"
	"$PYTHON" "$dir/liar.py" "$dir" "https://$(address "s/$1")" "$2" >"$dir/port.$1" &
	liars+=($!)
	until [ -s "$dir/port.$1" ]; do
		read -rt 0.02 <> <(:) || :
	done
	sed "/x=$1	/s/localhost:[0-9]*/localhost:$(cat "$dir/port.$1")/" "$MDM_STORES" >"$dir/list.$1"
	MDM_STORES=$dir/list.$1
}
export -f few lie keys

t 'receipts are kept, and openssl believes them' '
	few 3 a >acks
	hydra-rm --receipts kept <acks >gone
	same acks gone
	[ "$(tail -n 1 kept)" = ".end	9" ]
	for x in 1 2 3; do
		sign=$(ask alice s/$x /v1/store | sed -n "s/.*	sign=\([0-9a-f]*\).*/\1/p")
		[ "$(grep -c "	x=$x	.*	sign=$sign	" kept)" = 3 ]
	done
	sed -n 1p kept | tr "\t" "\n" >f
	field() { sed -n "s/^$1=//p" f; }
	printf "mdm removal v1\nstore=%s\nguid=%s\nremoved=%s\n" \
	    "$(field store)" "$(head -n 1 f)" "$(field removed)" >text
	field receipt | xxd -r -p >sig
	{ echo 302a300506032b6570032100; field sign; } | xxd -r -p |
	    openssl pkey -pubin -inform DER -out public
	openssl pkeyutl -verify -pubin -inkey public -rawin -in text -sigfile sig
	exits 74 hydra-rm --receipts kept <acks >gone 2>err # never written over
	hydra-rm --receipts again <acks >gone
	diff <(sort kept) <(sort again)
'

t 'all stores say so: shredded' '
	few 3 b >acks
	hydra-rm --verbose <acks >gone 2>err
	says "^hydra-rm: note: 3 keys shredded" err
'

t 'stores in files give theirs too' '
	. $HYDRA; stores 2 3
	few 3 c >acks
	hydra-rm --verbose --receipts new <acks >gone 2>err
	says "note: 3 keys shredded" err
	[ "$(grep -c "	receipt=" new)" = 9 ]
	hydra-rm --receipts new2 <acks >gone
	diff <(sort new) <(sort new2)
'

t 'a receipt that is altered, of another key or another store is none' '
	for script in "s/receipt=./receipt=_/;s/receipt=_\(.*\)/receipt=\1/" \
	    "/receipt=/s/removed=1/removed=2/" \
	    "/receipt=/s/store=.\{8\}/store=00000000/" \
	    "s/	receipt=[0-9a-f]*//" \
	    "/^store	/s/sign=......../sign=00000000/"; do
		few 1 "d$script" >acks
		(
			lie 2 "$script"
			exits 65 hydra-rm --verbose --receipts mine <acks >gone 2>err
			kill "${liars[@]}"
		)
		says "store 2 (https:.*): its receipt is not signed by it; shredded all the same" err
		says "note: 1 keys shredded" err
		[ "$(wc -l <gone) $(grep -c receipt= mine)" = "1 2" ]
		rm mine
		hydra-rm <acks >gone
		same acks gone
	done
'

t 'when too few confirm, it is not shredded' '
	few 2 e >acks
	(
		lie 2 "s/	receipt=[0-9a-f]*//"
		lie 3 "s/	receipt=[0-9a-f]*//"
		exits 65 hydra-rm --verbose <acks >gone 2>err
		kill "${liars[@]}"
	)
	says "its receipt is not signed by it; not shredded" err
	says "note: 0 keys shredded" err
	few 2 f >acks
	sed "/x=[23]	/s/localhost:[0-9]*/localhost:1/" "$MDM_STORES" >"$dir/list"
	MDM_STORES=$dir/list exits 69 hydra-rm --verbose <acks >gone 2>err
	[ "$(grep -c "not removed from stores 2,3; not shredded$" err)" = 2 ]
	sed "/x=3	/s/localhost:[0-9]*/localhost:1/" "$MDM_STORES" >"$dir/list"
	MDM_STORES=$dir/list exits 69 hydra-rm --verbose <acks >gone 2>err
	[ "$(grep -c "not removed from stores 3; shredded all the same$" err)" = 2 ]
'

t 'a key that no store knows is gone, and nobody vouches for it' '
	proxy bob bob /mdm
	printf "%032d\n.end\t1\n" 5 >line
	X509_USER_PROXY=$dir/bob.proxy hydra-rm --verbose --receipts none <line >gone 2>err
	same line gone
	says "note: 0 keys shredded" err
	[ "$(cat none)" = ".end	0" ]
'

done_testing
