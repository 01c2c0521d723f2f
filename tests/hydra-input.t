#!/bin/bash
# hydra-serve: input that is wrong, strange or too much, in every request
. "${0%/*}/lib.sh"
export HYDRA=$here/hydra.sh
# shellcheck source=tests/hydra.sh
. "$HYDRA"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

"$services/pki" pki || exit 70
serve s 1 --creator '*' || exit 70
serve quiet 1 --audit /dev/null || exit 70

cat >ask.py <<'END2'
# One connection, as Bob; what was put at the beginning must be there at the end.
import hashlib, http.client, re, socket, ssl, subprocess, sys
c = ssl.create_default_context(cafile="pki/ca.pem")
c.load_cert_chain("pki/bob.pem", "pki/bob.key")
host = dict(l.split() for l in open("s/1/address"))["listen"].replace("127.0.0.1", "localhost")
h = http.client.HTTPSConnection(host, context=c, timeout=60)
OPS = "put undo get rm getacl setacl stage switch drop stat".split()
good = [l for l in open("in").read().splitlines() if "\tx=1\t" in l]
wrong = 0
def fault(*what):
    global wrong
    wrong += 1
    print(*[repr(w)[:200] for w in what])
def ask(op, body, method="POST"):
    h.request(method, "/v1/" + op, body)
    r = h.getresponse()
    return r.status, r.read()
def lines(list):
    return b"".join(l + b"\n" for l in list) + b".end\t%d\n" % len(list)
def everything():
    return ask("list", None, "GET")[1], [ask(o, lines([l.split("\t")[0].encode() for l in good]))[1] for o in ("get", "getacl")]
# names: what is no id, and ids that a database or a file system might misread
ID = b"victim_1"
names = [b"x" * 251, b"x" * 5000, b"%00", b"%0A", b"%09", b"%25", b"%5F%25", b"%C3%A9", b"%FF", b"-",
         b"a%20b", b"a;b", b"a'b", b"a\"b", b"a'%20or%201=1--", b"';drop%20table%20share;--", b"a\\b", b"a*b",
         b"a?b", b"a|b", b"$(id)", b"`id`", b"a&b", b"a<b>", b"[a]", b"{a}", b"~", b"a,b", b"@a", b"a!"]
ids = [b"x" * 250, b"victim%", b"victim__", b"victim", b"VICTIM_1", b"victim_1/", b"./victim_1", b"victim_1#",
       b"../../etc/passwd", b"/", b"//", b".", b"..", b"#", b":", b"=", b"+", b"a" * 32, b"A" * 32,
       good[0].split("\t")[0].upper().encode(), good[0].split("\t")[0][:31].encode(), good[0].split("\t")[0].encode() + b"0"]
def junk(which):
    global wrong
    before = everything()
    if which == "names":
        for op in OPS:
            extra = {"setacl": b"\tchmod=a+g", "switch": b"\te=2", "drop": b"\te=1", "undo": b"\trun=" + b"0" * 32}.get(op, b"")
            for n in names + ids:
                if op in ("put", "stage"):
                    extra = b"\t" + good[0].split("\t", 1)[1].encode()
                status, got = ask(op, lines([n + extra]))
                if op == "rm" and n in ids or n == b"victim%":
                    continue # a creator may bury a name that was never there
                ok = b"\terror=" in got or op == "undo" and b"undone=0" in got
                if status == 400 or status == 200 and ok and got.count(b"\n") == 2:
                    continue
                fault(op, n, status, got)
    elif which == "shares":
        fields = dict(f.split("=") for f in good[0].split("\t")[1:])
        guid = hashlib.sha256(b"new").hexdigest()[:32].encode()
        values = {"share": [b"", b"-", b"00", b"0" * 63, b"0" * 65, b"Z" * 64, b"0" * 64, b"0" * 20000, b"%00" * 32, b"\xff" * 64, b"\0" * 64],
                  "check": [b"", b"00", b"0" * 32, b"0" * 34], "commit": [b"", b"0" * 95, b"0" * 96, b"0" * 98, b"f" * 16000],
                  "k": [b"0", b"1", b"4", b"256", b"-2", b"2.0", b"02", b"99999999999999999999", b"%32"],
                  "n": [b"0", b"1", b"256", b"4294967299", b"-1"], "x": [b"0", b"2", b"256", b"257", b"-1", b"1%00"],
                  "e": [b"0", b"-1", b"9223372036854775808", b"18446744073709551617", b"1e0", b"%31"],
                  "owner": [b"%00", b"/CN=a%0A", b"/O=a" * 400, b"/mdm", b"/", b"%09"], "group": [b"/CN=x", b"/a%0Ab", b"/%00"],
                  "perms": [b"-", b"pdrwlxgs", b"pdrwlxgs,pdrwlxgs", b"g,g,g", b"pdrwlxgs,pdrwlxgs,pdrwlxgq", b"gggggggg,--------,--------"],
                  "acl": [b"x", b":g", b"/CN=a:q", b"/CN=a", b"/mdm:%00", b"".join(b"/CN=%d:g%%0A" % i for i in range(3000))],
                  "run": [b"0", b"0" * 31, b"0" * 33, b"g" * 32], "held": [b"%00", b"/CN=a%0A" * 9]}
        for op in ("put", "stage"):
            for key, list in values.items():
                if op == "stage" and key not in fields:
                    continue
                for v in list:
                    f = {**{a: b.encode() for a, b in fields.items()}, key: v}
                    status, got = ask(op, lines([guid + b"".join(b"\t%s=%s" % (a.encode(), b) for a, b in f.items())]))
                    if not (status in (400, 413) or status == 200 and b"\terror=" in got):
                        fault(op, key, v, status, got)
        for body in (lines([guid]), lines([guid + b"\tshare"]), lines([guid + b"\t=x"]), lines([guid + b"\tk=2\tk=3"]), lines([guid + b"\t"]),
                     b".end\t0\n.end\t0\n", b"\n.end\t1\n", b"\r\n.end\t1\r\n", guid + b"\n", guid, b".end\t-1\n", b".end\t00\n", bytes(range(256)) * 40):
            for op in OPS:
                status, got = ask(op, body)
                if not (status == 400 or status == 200 and (b"\terror=" in got or op in ("undo", "rm"))):
                    fault(op, body, status, got)
    elif which == "changes":
        guid = good[1].split("\t")[0].encode()
        for f in (b"chmod=", b"chmod=-", b"chmod=z+g", b"chmod=u*g", b"chmod=u+q", b"chmod=u+g,", b"chmod=" + b"u+g," * 5000, b"perms=x",
                  b"owner=-", b"owner=/mdm", b"owner=%00", b"group=/CN=x", b"acl=zzz", b"modify=zzz", b"delete=%23", b"delete=%00",
                  b"modify=" + b"".join(b"/CN=%d:g%%0A" % i for i in range(3000)), b"restore=00", b"restore=" + b"0" * 64, b"restore=" + b"0" * 64 + b"\tchmod=o+g"):
            status, got = ask("setacl", lines([guid + b"\t" + f]))
            if not (status in (400, 413) or status == 200 and b"\terror=" in got):
                fault("setacl", f, status, got)
        for op in ("get", "switch", "drop"):
            for e in (b"0", b"-1", b"x", b"9223372036854775808", b"99", b"%31", b"1%00"):
                status, got = ask(op, lines([guid + b"\te=" + e]))
                if not (status == 400 or status == 200 and (b"\terror=" in got or op == "drop" and e == b"99")):
                    fault(op, e, status, got)
    elif which == "paths":
        for path, method, want in (("../v1/get", "POST", {404}), ("get/", "POST", {404}), ("GET", "POST", {404}), ("get%00", "POST", {404}), ("get?x=1", "POST", {400}),
                       ("get?", "POST", {400, 200}), ("", "GET", {404}), ("get", "GET", {405}), ("list", "POST", {405}), ("get", "PUT", {405}), ("rm", "DELETE", {405}),
                       ("store", "HEAD", {405}), ("list?max=0", "GET", {400}), ("list?max=-1", "GET", {400}), ("list?max=1e9", "GET", {400}), ("list?max=99999999999999999999", "GET", {400}),
                       ("list?after=zz", "GET", {400}), ("list?after=" + "0" * 31, "GET", {400}), ("list?after='or 1=1--".replace(" ", "%20"), "GET", {400}), ("list?max=5&max=6&x=y", "GET", {400}),
                       ("list?" + "a" * 20000, "GET", {400, 414}), ("a" * 20000, "GET", {404, 414})):
            status, got = ask(path, b".end\t0\n" if method == "POST" else None, method)
            if status not in want:
                fault(path, method, status, got)
    elif which == "requests": # bytes, and what may be answered; 0: hangs up
        def talk(raw):
            s = c.wrap_socket(socket.create_connection((host.split(":")[0], int(host.split(":")[1])), timeout=20), server_hostname="localhost")
            got = b""
            try:
                s.sendall(raw)
                while (b := s.recv(65536)):
                    got += b
            except OSError:
                pass
            return [int(x) for x in re.findall(rb"HTTP/1\.1 (\d\d\d) ", got)]
        end, tail = b".end\t0\n", b"Connection: close\r\n\r\n"
        head = b"POST /v1/get HTTP/1.1\r\nHost: x\r\n"
        for raw, want in ((head + b"Content-Length: 7\r\n" + tail + end, [[200]]),
                (head + b"Transfer-Encoding: chunked\r\n" + tail + b"7\r\n" + end + b"\r\n0\r\n\r\n", [[200]]),
                (head + b"Content-Length: 7\r\n\r\n" + end + head + b"Content-Length: 7\r\n" + tail + end, [[200, 200]]),
                (head + b"Content-Length: 7\r\nContent-Length: 3\r\n" + tail + end, [[400], [], [400, 400], [200]]),
                (head + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n" + tail + b"7\r\n" + end + b"\r\n0\r\n\r\n", [[200], [400], []]),
                (head + b"Content-Length: 0x7\r\n" + tail + end, [[400], []]), (head + b"Content-Length: +7\r\n" + tail + end, [[400], [], [200]]),
                (head + b"Transfer-Encoding: chunked\r\n" + tail + b"zz\r\n", [[400], [413], []]),
                (head + b"Transfer-Encoding: chunked\r\n" + tail + b"7\r\n" + end + b"XX0\r\n\r\n", [[400], [413], []]),
                (b"POST /v1/get\r\n\r\n", [[400], []]), (b"POST  /v1/get HTTP/1.1\r\n\r\n", [[400], [404], []]), (b"\r\n\r\n\r\n", [[400], []]),
                (b"GET /v1/store HTTP/1.1\r\nno colon here\r\n" + tail, [[400], []]), (b"GET /v1/store HTTP/1.1\r\n: x\r\n" + tail, [[400], [], [200]]),
                (b"GET http://elsewhere/v1/store HTTP/1.1\r\nHost: x\r\n" + tail, [[404], [200], [400]]),
                (b"GET /v1/store HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n", [[400], [413], [431], []]), (b"CONNECT x:1 HTTP/1.1\r\n\r\n", [[400], [405], [501], []]),
                (b"GET /v1/store HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n" + tail, [[401]]),
                (b"GET /v1/store HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"a." * 8000 + b"\r\n" + tail, [[401], [400]])):
            got = talk(raw)
            if got not in want:
                fault(raw[:80], got)
    if everything() != before:
        fault("changed", which)
junk(sys.argv[1])
sys.exit(1 if wrong else 0)
END2

keys 3 >k
ssss-split -k 2 -n 3 <k >in
grep '	x=1	' in | rec-list --lines >put
ask bob s/1 /v1/put --data-binary @put >got || exit 70

t 'names: what is no id is refused, and no id means another' '
	"$PYTHON" ask.py names
'
t 'shares: binary, cut, too long, out of range: none is kept' '
	"$PYTHON" ask.py shares
	[ "$(sqlite3 s/1/db "select count(*) from share")" = 3 ]
	[ "$(sqlite3 s/1/db "select count(*) from epoch")" = 0 ]
'
t 'changes of rights that are none' '
	"$PYTHON" ask.py changes
'
t 'paths, methods and queries' '
	"$PYTHON" ask.py paths
'
t 'requests that break the rules of HTTP, or bend them' '
	"$PYTHON" ask.py requests
'
t 'ids of 250 characters, and all characters that may be, are what they are' '
	for id in "$(printf %0250d 7)" "a:b#c/d=e.f+g-h_i" "../../x" "victim_1" "victimX1"; do
		guid=$(printf "mdm id v1%s" "$id" | sha256sum | cut -c1-32)
		printf "%s\tkey=%s\n.end\t1\n" "$guid" "$(printf %s "$id" | sha256sum | cut -c1-64)" |
			ssss-split -k 2 -n 3 | grep "	x=1	" | rec-list --lines >line
		ask bob s/1 /v1/put --data-binary @line | grep -c put=new | grep -qx 1
		printf "%s\n.end\t1\n" "$id" >want
		ask bob s/1 /v1/get --data-binary @want >got
		[ "$(grep -o "share=[0-9a-f]*" got)" = "$(grep -o "share=[0-9a-f]*" line)" ]
	done
'
t 'a million ids in one request, in the same memory' '
	"$PYTHON" -c "
for i in range(1000000): print(\"%032x\" % i)
print(\".end\t1000000\")" >ids
	ask bob quiet/1 /v1/get -m 300 --data-binary @ids >got
	[ "$(grep -c error=missing got)" = 1000000 ]
	grep -q "^.end	1000000" got
	case $BIN in *san*) exit ;; esac # whose freed memory is kept
	[ "$(sed -n "s/VmHWM:[^0-9]*\([0-9]*\) kB/\1/p" /proc/$(cat quiet/1/pid)/status)" -lt 150000 ]
'
t 'it still serves, and has not complained of itself' '
	ask bob s/1 /v1/get --data-binary @put | grep -c "	share=" | grep -qx 3
	silent "Sanitizer\|runtime error\|hydra-serve: error" s/1/error
'
done_testing
