"""A key store that lies: liar.py DIR NAME/X CLIENT CERT.

Stands, with the host's certificate CERT of DIR/pki, before a real store, which
it asks as CLIENT.  How it lies is in the file DIR/lie, read for each request;
requests are noted in DIR/heard.  Says its port, until standard input ends.
"""
import http.client, http.server, os, random, re, ssl, sys, threading

top, store, client, cert = sys.argv[1:5]
address = dict(l.split() for l in open(f"{top}/{store}/address"))["listen"]
rng = random.Random(1)
memory = {}


def upstream():
    c = ssl.create_default_context(cafile=f"{top}/pki/ca.pem")
    c.load_cert_chain(f"{top}/{client}.proxy")
    return http.client.HTTPSConnection("localhost", int(address.rsplit(":", 1)[1]), context=c)


def flip(line, key):
    """Another digit in the middle of a field."""
    m = re.search(rb"\t%s=([^\t]*)" % key, line)
    if not m:
        return line
    at = (m.start(1) + m.end(1)) // 2
    return line[:at] + (b"1" if line[at : at + 1] != b"1" else b"2") + line[at + 1 :]


def number(line, key, n):
    return re.sub(rb"\t%s=\d+" % key, b"\t%s=%d" % (key, n), line)


def swapped(lines):
    """Each name with the next one's share."""
    names = [l.split(b"\t", 1)[0] for l in lines]
    rest = [l.split(b"\t", 1)[1] for l in lines]
    return [n + b"\t" + r for n, r in zip(names, rest[1:] + rest[:1])]


LIES = {  # of the lines of an answer, without the last
    "share": lambda l: [flip(x, b"share") for x in l],
    "check": lambda l: [flip(x, b"check") for x in l],
    "commit": lambda l: [flip(x, b"commit") for x in l],
    "alone": lambda l: [number(x, b"k", 1) for x in l],
    "more-n": lambda l: [number(x, b"n", 4) for x in l],
    "epoch": lambda l: [number(x, b"e", 7) for x in l],
    "other-x": lambda l: [number(x, b"x", 1) for x in l],
    "another": swapped,
    "order": lambda l: l[1:] + l[:1],
    "twice": lambda l: l + l[-1:],
    "fewer": lambda l: l[:-1],
    "binary": lambda l: [rng.randbytes(80).replace(b"\n", b"") for x in l],
    "long": lambda l: [b"a" * (8 << 20)],
    "endless": None,
    "cut": None,
    "no-end": None,
    "count": None,
    "after-end": None,
    "error": None,
    "mutate": None,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        lie = open(f"{top}/lie").read().strip()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(f"{top}/heard", "a") as f:
            f.write(self.path + "\n")
        op = self.path[4:].split("?")[0]
        if lie == "deaf" and op == "put":  # yes, and nothing is kept
            ids = [l.split(b"\t")[0] for l in body.splitlines()[:-1]]
            return self.send(b"".join(i + b"\tput=new\n" for i in ids) + b".end\t%d\n" % len(ids))
        h = upstream()
        h.request(self.command, self.path, body or None)
        r = h.getresponse()
        status, got = r.status, r.read()
        h.close()
        if op == "get" and lie == "remember":
            memory.update((l.split(b"\t")[0], l) for l in got.splitlines()[:-1])
        if op == "get" and lie == "old":  # what it should have forgotten
            lines = [memory[i.split(b"\t")[0]] for i in body.splitlines()[:-1]]
            return self.send(b"".join(l + b"\n" for l in lines) + b".end\t%d\n" % len(lines))
        if op != "get" or lie not in LIES or status != 200:
            return self.send(got, status)
        lines = got.splitlines()[:-1]
        if LIES[lie]:
            lines = LIES[lie](lines)
            got = b"".join(l + b"\n" for l in lines) + b".end\t%d\n" % len(lines)
        elif lie == "cut":
            got = b"".join(l + b"\n" for l in lines[:-1])
        elif lie == "no-end":
            got = b"".join(l + b"\n" for l in lines)
        elif lie == "count":
            got = b"".join(l + b"\n" for l in lines) + b".end\t%d\n" % (len(lines) + 1)
        elif lie == "after-end":
            got += lines[0] + b"\n"
        elif lie == "error":
            return self.send(b"\0\xff" * 100000, 500)
        elif lie == "mutate":
            b = bytearray(got)
            for _ in range(rng.randrange(1, 6)):
                b[rng.randrange(len(b))] = rng.choice((rng.randrange(256), *b"\n\t=09af"))
            got = bytes(b)
        elif lie == "endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for n in range(1 << 20):
                    text = lines[0] + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            except OSError:
                pass
            self.close_connection = True
            return
        self.send(got, status)

    def send(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *a):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *a):  # a client that hangs up on it
        pass


server = Server(("127.0.0.1", 0), Handler)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(f"{top}/pki/{cert}.pem", f"{top}/pki/{cert}.key")
server.socket = c.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
