"""What curl does not do to a server.  serve.py COMMAND DIR NAME/X ..."""
import base64, json, os, select, signal, socket, ssl, subprocess, sys, time

cmd, top, store = sys.argv[1:4]
rest = sys.argv[4:]


def address():
    for line in open(f"{top}/{store}/address"):
        if line.startswith("listen "):
            return "127.0.0.1", int(line.rsplit(":", 1)[1])


def raw():
    return socket.create_connection(address(), timeout=30)


def connect(client, plain=None):
    c = ssl.create_default_context(cafile=f"{top}/pki/ca.pem")
    if client != "-":
        proxy = f"{top}/{client}.proxy"
        if os.path.exists(proxy):
            c.load_cert_chain(proxy)
        else:
            c.load_cert_chain(f"{top}/pki/{client}.pem", f"{top}/pki/{client}.key")
    return c.wrap_socket(plain or raw(), server_hostname="localhost")


class Reader:
    def __init__(self, s):
        self.f = s.makefile("rb")

    def answer(self):
        """Status and body of the next answer; the headers in self.head."""
        line = self.f.readline()
        if not line:
            return 0, b""
        self.head = {}
        while (h := self.f.readline().strip()):
            k, v = h.decode().split(":", 1)
            self.head[k.lower()] = v.strip()
        if "content-length" in self.head:
            body = self.f.read(int(self.head["content-length"]))
        else:
            body = b""
            while (n := int(self.f.readline(), 16)):
                body += self.f.read(n)
                self.f.readline()
        return int(line.split()[1]), body


def get(path, extra=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


def ended(s):
    """Wait for the server to end the connection."""
    try:
        while s.recv(65536):
            pass
    except OSError:
        pass


def hup():
    def count():
        return open(f"{top}/{store}/error").read().count("read again")
    n = count()
    os.kill(int(open(f"{top}/{store}/pid").read()), signal.SIGHUP)
    while count() == n:
        time.sleep(0.01)


if cmd == "open":
    # one connection: asked, then COMMAND is run and all read again, asked again
    s = connect(rest[0])
    r = Reader(s)
    for k in range(2):
        s.sendall(get("/v1/store"))
        status, body = r.answer()
        print(status, body.decode().split("\n")[0] if status != 200 else "")
        if k == 0:
            subprocess.run(rest[1:], check=True)
            hup()
elif cmd == "stream":
    # a request in the midst of its answer, when COMMAND is run
    s = connect(rest[0])
    n = 150000
    ids = b"".join(b"%032x\n" % i for i in range(n)) + b".end\t%d\n" % n
    s.sendall(b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(ids))
    s.sendall(ids)
    got = s.recv(1000)
    assert b" 200 " in got, got
    subprocess.run(rest[1:], check=True)
    hup()
    try:
        while (b := s.recv(65536)):
            got = got[-100:] + b
    except OSError:
        pass
    print("whole" if b".end\t" in got else "cut")
elif cmd == "loris":
    # a byte now and then, in TLS's hello, in the headers, in the body
    for kind in rest:
        if kind == "hello":
            s = raw()
            drip = b"\x16\x03\x01\x02\x00\x01" + bytes(500)
        else:
            s = connect("bob")
            drip = b"GET / HTTP/1.1\r\nX: " + b"y" * 10000
            if kind == "body":
                s.sendall(b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n")
                drip = b"z" * 10000
        try:
            for i in range(len(drip)):
                s.sendall(drip[i : i + 1])
                if select.select([s], [], [], 0.02)[0]:
                    if not s.recv(1000):
                        break
        except OSError:
            pass
        else:
            if i + 1 == len(drip):
                sys.exit(f"{kind}: all of it was taken")
elif cmd == "deaf":
    # much is asked for, and nothing read
    s = connect("bob")
    n = 150000
    ids = b"".join(b"%032x\n" % i for i in range(n)) + b".end\t%d\n" % n
    try:
        s.sendall(b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(ids) + ids)
    except OSError:
        pass
    signal.pause()
elif cmd == "garbage":
    for junk in (b"GET / HTTP/1.0\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x80\x2e\x01"):
        s = raw()
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        ended(s)
    for junk in (b"\0" * 4000 + b"\r\n\r\n", b"GET\r\n\r\n", b"POST /v1/get HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST /v1/get HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /v1/get HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
                 b"POST /v1/get HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nx",
                 b"BREW /v1/get HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1/store HTTP/9.9\r\n\r\n",
                 b"GET /%00%0a/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
        s = connect("bob")
        try:
            s.sendall(junk)
            s.settimeout(0.3)
            print(s.recv(20)[:12])
        except OSError:
            pass
        s.close()
elif cmd == "headers":
    s = connect("bob")
    s.sendall(b"GET /v1/store HTTP/1.1\r\n")
    sent = 0
    try:
        while sent < 100 << 20:
            s.sendall(b"X-%d: " % sent + b"y" * 65000 + b"\r\n")
            sent += 65000
    except OSError:
        pass
    print("cut" if sent < 50 << 20 else "taken")
elif cmd == "crowd":
    # as many as rest[0] connections that do nothing; then one that asks
    crowd = [connect("bob") for _ in range(int(rest[0]))]
    s = connect("bob")
    s.sendall(get("/v1/store"))
    print(Reader(s).answer()[0])
elif cmd == "drain":
    # half a request, SIGTERM, the other half; a silent connection is closed
    silent = connect("bob")
    s = connect("bob")
    body = b"0" * 31 + b"1\n.end\t1\n"
    s.sendall(b"POST /v1/get HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:5])
    t = connect("bob")
    t.sendall(get("/v1/store"))  # the half above has been read by then
    Reader(t).answer()
    os.kill(int(open(f"{top}/{store}/pid").read()), signal.SIGTERM)
    ended(silent)
    s.sendall(body[5:])
    r = Reader(s)
    print(r.answer()[0], r.head.get("connection"))
    try:
        raw()
        print("listens")
    except OSError:
        print("closed")
elif cmd == "manager":
    # a service manager: a socket, a place to be told, and the command
    l = socket.create_server(("127.0.0.1", 0))
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(f"{top}/notify")
    n.settimeout(30)

    def child():
        os.dup2(l.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=f"{top}/notify")
        os.execvp(rest[0], rest)

    pid = os.fork()
    if pid == 0:
        child()
    print(n.recv(100).decode())
    s = connect("bob", socket.create_connection(l.getsockname(), timeout=30))
    s.sendall(get("/v1/store", "Connection: close\r\n"))
    print(Reader(s).answer()[0])
    os.kill(pid, signal.SIGHUP)
    print(n.recv(100).decode().split("\n")[0])
    print(n.recv(100).decode())
    os.kill(pid, signal.SIGTERM)
    print(n.recv(100).decode())
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
elif cmd == "syslog":
    # a syslog: says when it is there, then what it is sent
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(f"{top}/log")
    n.settimeout(60)
    open(f"{top}/log.ready", "w").close()
    for _ in range(int(rest[0])):
        print(n.recv(65536).decode(), flush=True)
    os.unlink(f"{top}/log")
elif cmd == "jwt":
    # a token: CLAIMS as JSON, by the key in the file, header as JSON
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    def b64(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=")

    key = serialization.load_pem_private_key(open(rest[0], "rb").read(), None)
    head = json.dumps(json.loads(rest[2])).encode()
    text = b64(head) + b"." + b64(json.dumps(json.loads(rest[1])).encode())
    if isinstance(key, rsa.RSAPrivateKey):
        sig = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        sig = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    print((text + b"." + b64(sig)).decode())
elif cmd == "jwks":
    # a key set of these private keys
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    def num(n, size=None):
        b = n.to_bytes(size or (n.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(b).rstrip(b"=").decode()

    keys = []
    for f in rest:
        p = serialization.load_pem_private_key(open(f, "rb").read(), None).public_key()
        n = p.public_numbers()
        kid = os.path.basename(f)
        if isinstance(p, rsa.RSAPublicKey):
            keys.append(dict(kty="RSA", kid=kid, n=num(n.n), e=num(n.e)))
        else:
            keys.append(dict(kty="EC", crv="P-256", kid=kid, x=num(n.x, 32), y=num(n.y, 32)))
    print(json.dumps(dict(keys=keys)))
elif cmd == "relay":
    # a network: slow (bytes a second each way), cut (each connection, after so
    # many bytes) or silent (from then on); says its port, until stdin ends
    import threading

    kind, n = rest[0], int(rest[1])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    passed = 0

    def pump(a, b, mine):
        global passed
        try:
            while (data := a.recv(8192)):
                passed += len(data)
                mine[0] += len(data)
                if kind == "slow":
                    time.sleep(len(data) / n)
                elif kind == "silent" and passed > n:
                    return
                elif kind == "cut" and mine[0] > n:
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve():
        while True:
            a = listener.accept()[0]
            b, mine = raw(), [0]
            threading.Thread(target=pump, args=(a, b, mine), daemon=True).start()
            threading.Thread(target=pump, args=(b, a, mine), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    sys.stdin.read()
