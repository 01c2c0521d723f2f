"""Who may do what: rights.py DIR NAME/X SHARES LATER.

Every permission bit, in every place where it can be granted, for every kind of
client, with every operation; and clients that must not be let in at all, with
keys that anyone may do anything with.  SHARES and LATER are shares of keys()
and of the same keys in a later epoch; with the one word "keys": those keys.
"""
import hashlib, http.client, os, ssl, sys

USERS = "/DC=test/DC=mdm/O=Users/CN="
BITS = "pdrwlxgs"
PLACES = "owner group other dn fqan".split()
NEEDS = {"getacl": "l", "stat": "l", "get": "g", "stage": "s", "switch": "s",
         "drop": "s", "setacl": "p", "rm": "d"}

# Places whose grants each client has.  Keys are Alice's and of /mdm/neuro; the
# ACL has Bob and /mdm/cardio.
CLIENTS = {
    "alice": "owner other",            # no VOMS
    "owner": "owner fqan other",       # Alice with /mdm and /mdm/cardio
    "member": "group other",           # of /mdm/neuro
    "second": "group other",           # that is not the first of its FQANs
    "both": "group fqan other",
    "role": "other",                   # a role in the group
    "sub": "other",                    # a group in the group
    "parent": "other",                 # the VO
    "othervo": "other",                # /other/neuro and /other/cardio
    "bob": "dn other",                 # no VOMS
    "bobmember": "dn group other",
    "user01": "other",                 # no VOMS, and in no ACL
    "robot": "other",                  # who made the keys
    "admin1": "other",                 # and p, d and l
    "token": "group other",            # whose groups are /mdm/neuro
}
ADMINS = ["admin1"]
CREATORS = ["robot"]
REFUSED = {  # and what the audit says of it
    "-": "no certificate and no token",
    "expired": "certificate has expired",
    "oldattr": "VOMS attributes",
    "stranger": "unable to get local issuer certificate",
    "revoked": "certificate revoked",
    "unlisted": "VOMS attributes not signed by a VOMS server that is listed",
    "forged": "VOMS attributes not signed by a VOMS server that is listed",
    "foreign": "VOMS attributes",  # of a VO that names another VO's groups
    "limited": "a limited proxy",
    "independent": "a proxy that does not hand on all rights",
    "strange": "a proxy that does not hand on all rights",
    "impostor": "its signing policy does not cover this name",
    "tricky": "can be read in two ways",
    "badtoken": "the token has expired",
}


def word(s):
    return "".join(chr(c) if 0x21 <= c <= 0x7E and c != 0x25 else "%%%02X" % c
                   for c in s.encode()) or "-"


def one(bit):
    return "".join(b if b == bit else "-" for b in BITS)


def keys():
    """(GUID, client, place, bit); what the refused try has no place."""
    for client in [*CLIENTS, "open"]:
        for place in PLACES if client != "open" else [None]:
            for bit in BITS if client != "open" else [None]:
                d = hashlib.sha256(f"{client} {place} {bit}".encode()).hexdigest()
                yield d[:32], client, place, bit


def lines(list):
    return "".join(l + "\n" for l in list) + ".end\t%d\n" % len(list)


def new_key(share, place, bit):
    """A share line with the rights of its key."""
    sets = [one(bit) if place == p else one("") for p in PLACES[:3]]
    acl = {"dn": USERS + "Bob Researcher:" + one(bit) + "\n",
           "fqan": "/mdm/cardio:" + one(bit) + "\n"}.get(place, "")
    if place is None:
        sets, acl = [BITS] * 3, "/mdm:" + BITS + "\n"
    return "\t".join([share, "owner=" + word(USERS + "Alice Physician"),
                      "group=/mdm/neuro", "perms=" + ",".join(sets), "acl=" + word(acl)])


if sys.argv[1] == "keys":
    print(lines(["%s\tkey=%s" % (k[0], hashlib.sha256(b"k" + k[0].encode()).hexdigest())
                 for k in keys()]), end="")
    sys.exit()
top, store = sys.argv[1:3]
address = dict(l.split() for l in open(f"{top}/{store}/address"))["listen"]
share, later = [{l.split("\t")[0]: l for l in open(f).read().splitlines() if "\tx=1\t" in l}
                for f in sys.argv[3:5]]


class Client:
    def __init__(self, name):
        c = ssl.create_default_context(cafile=f"{top}/pki/ca.pem")
        self.head = {}
        if os.path.exists(f"{top}/{name}.jwt"):
            self.head["Authorization"] = "Bearer " + open(f"{top}/{name}.jwt").read().strip()
        elif os.path.exists(f"{top}/{name}.proxy"):
            c.load_cert_chain(f"{top}/{name}.proxy")
        elif name != "-":
            c.load_cert_chain(f"{top}/pki/{name}.pem", f"{top}/pki/{name}.key")
        self.h = http.client.HTTPSConnection("localhost", int(address.rsplit(":", 1)[1]),
                                             context=c, timeout=60)

    def ask(self, op, list=None):
        """Status and lines; 0 if there was no answer."""
        try:
            self.h.request("GET" if list is None else "POST", "/v1/" + op,
                           lines(list) if list is not None else None, self.head)
            r = self.h.getresponse()
            return r.status, r.read().decode().splitlines()
        except (OSError, http.client.HTTPException):
            self.h.close()
            return 0, []


wrong = 0


def fault(*what):
    global wrong
    wrong += 1
    if wrong < 20:
        print(*what)


def request(op, guid):
    """The line that asks op of a key."""
    return {"setacl": guid + "\tchmod=u+x", "stage": later[guid], "put": share[guid],
            "switch": guid + "\te=2", "drop": guid + "\te=1"}.get(op, guid)


clients = {name: Client(name) for name in CLIENTS}
of = {name: [k for k in keys() if k[1] == name] for name in [*CLIENTS, "open"]}

# Creating: by a creator only.
for name in [*CREATORS, *[c for c in CLIENTS if c not in CREATORS]]:
    got = clients[name].ask("put", [new_key(share[g], p, b) for g, _, p, b in keys()])[1][:-1]
    want = "put=new" if name in CREATORS else "error=denied"
    if len(got) != len(share) or not all(l.endswith("\t" + want) for l in got):
        fault(name, "put", got[:2])

# Every bit.
for op, bit in NEEDS.items():
    for name, places in CLIENTS.items():
        status, got = clients[name].ask(op, [request(op, k[0]) for k in of[name]])
        if status != 200 or got[-1] != ".end\t%d" % len(of[name]):
            fault(name, op, status, got[-1:])
        for (guid, _, place, b), line in zip(of[name], got):
            may = place in places.split() and b == bit or name in ADMINS and bit in "pdl"
            f = line.split("\t")
            answered = len(f) > 1 and not f[1].startswith("error=")
            denied = f[1:] == ["error=denied"]
            if f[0] != guid or (answered, denied) != (may, not may):
                fault(name, op, place, b, "may" if may else "may not", f[1:2])

# Clients that are not let in get nothing, and change nothing.
guid = of["open"][0][0]
fresh = hashlib.sha256(b"fresh").hexdigest()[:32]


def state():
    return [clients["admin1"].ask("list"), clients["bob"].ask("get", [guid]),
            clients["bob"].ask("getacl", [guid])]


def audit():
    return open(f"{top}/{store}/audit").read().splitlines()


before = state()
if before[0][0] != 200 or "share=" not in str(before[1]) or before[2][0] != 200:
    fault("the key that anyone may use", before)
for name, why in REFUSED.items():
    ops, n = ["put", *NEEDS, "store", "list", "undo"], len(audit())
    for op in ops:
        asked = None if op in ("store", "list") else [request(op, guid)]
        if op == "put":
            asked = [share[guid].replace(guid, fresh)]
        status, got = Client(name).ask(op, asked)
        if status not in (0, 401, 403) or "share=" in str(got) or len(got) > 1:
            fault(name, op, status, got[:1])
    said = [l for l in audit()[n:] if "answer=refused" in l and why.replace(" ", "%20") in l]
    if len(said) != len(ops):
        fault(name, len(said), "refusals on record", audit()[-1].split("why=")[-1:])
    if state() != before:
        fault(name, "changed the key")
sys.exit(1 if wrong else 0)
