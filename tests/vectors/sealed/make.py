#!/usr/bin/env python3
"""Make the vectors of sealed(5), one file each, in the current directory.

A second implementation, apart from the one it tests: it needs
python3-cryptography.  Everything is derived from fixed text, so that running
it again writes the same files.  Each file is a header of "NAME: VALUE" lines,
an empty line, and the sealed object:

    expect    ok, or mdm-decrypt's exit status
    guid, key the object's key, as in key(5)
    identity  an age identity, instead of a key
    size, sha256  of the plaintext, when expect is ok
    comment   the one fault
"""
import base64
import hashlib
import hmac
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 65536
GUID = "00112233445566778899aabbccddeeff"


def fixed(label, n):
    out = b""
    while len(out) < n:
        out += hashlib.sha256(b"sealed vector %s %d" % (
            label.encode(), len(out))).digest()
    return out[:n]


KEY = fixed("key", 32)
FILE_KEY = fixed("file key", 16)
SALT = fixed("salt", 16)
NONCE = fixed("nonce", 16)
SECRET = fixed("identity", 32)
EPHEMERAL = fixed("ephemeral", 32)


def b64(b):
    return base64.b64encode(b).decode().rstrip("=")


def hkdf(ikm, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(ikm)


def bech32(hrp, data):
    table = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(f"{b:08b}" for b in data)
    bits += "0" * (-len(bits) % 5)
    v = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]
    c = 1
    for x in ([ord(h) >> 5 for h in hrp] + [0] + [ord(h) & 31 for h in hrp] +
              v + [0] * 6):
        top = c >> 25
        c = (c & 0x1ffffff) << 5 ^ x
        for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                               0x2a1462b3)):
            if top >> i & 1:
                c ^= g
    c ^= 1
    v += [c >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join(table[x] for x in v)


def mdm(guid=GUID, salt=SALT, key=KEY, file_key=FILE_KEY, body=None):
    if body is None:
        kek = hkdf(key, salt, b"mdm/v1 " + guid.encode())
        body = ChaCha20Poly1305(kek).encrypt(bytes(12), file_key, None)
    return f"-> mdm {guid} {b64(salt)}\n{b64(body)}\n"


def x25519(share=None):
    raw = dict(encoding=serialization.Encoding.Raw,
               format=serialization.PublicFormat.Raw)
    mine = X25519PrivateKey.from_private_bytes(SECRET).public_key()
    eph = X25519PrivateKey.from_private_bytes(EPHEMERAL)
    public = eph.public_key().public_bytes(**raw)
    own = mine.public_bytes(**raw)
    key = hkdf(eph.exchange(X25519PublicKey.from_public_bytes(own)),
               public + own, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(key).encrypt(bytes(12), FILE_KEY, None)
    return f"-> X25519 {share or b64(public)}\n{b64(body)}\n"


V1 = "age-encryption.org/v1\n"


def head(stanzas=None, first=V1, mac=None, mark="---"):
    text = first + (mdm() if stanzas is None else stanzas) + mark
    if mac is None:
        mac = b64(hmac.digest(hkdf(FILE_KEY, b"", b"header"), text.encode(),
                              "sha256"))
    return f"{text} {mac}\n".encode()


def chunks(plain):
    """(plaintext, number, last) of each chunk"""
    n = max(1, -(-len(plain) // CHUNK))
    return [(plain[i * CHUNK:(i + 1) * CHUNK], i, i == n - 1)
            for i in range(n)]


def seal(cs):
    aead = ChaCha20Poly1305(hkdf(FILE_KEY, NONCE, b"payload"))
    return [aead.encrypt(i.to_bytes(11, "big") + bytes([last]), p, None)
            for p, i, last in cs]


def payload(plain):
    return NONCE + b"".join(seal(chunks(plain)))


def vector(name, expect, comment, data, plain=None, who="key"):
    lines = [f"expect: {expect}"]
    if who == "identity":
        lines.append("identity: " + bech32("age-secret-key-", SECRET).upper())
    else:
        key = {"key": KEY, "wrong": fixed("wrong", 32)}.get(who)
        lines.append(f"guid: {GUID}")
        if key:
            lines.append(f"key: {key.hex()}")
    if plain is not None:
        lines += [f"size: {len(plain)}",
                  f"sha256: {hashlib.sha256(plain).hexdigest()}"]
    lines.append(f"comment: {comment}")
    with open(name, "wb") as f:
        f.write("\n".join(lines).encode() + b"\n\n" + data)


SMALL = b"an object of one chunk"
WHOLE = payload(SMALL)


def good():
    def v(name, comment, plain, **kw):
        vector(name, "ok", comment, head(**kw) + payload(plain), plain)

    v("ok", "one chunk", SMALL)
    v("ok-empty", "an empty object is one empty chunk", b"")
    v("ok-64k", "exactly one full chunk", fixed("64k", CHUNK))
    v("ok-64k-1", "a full chunk and one byte", fixed("64k", CHUNK + 1))
    v("ok-unknown-stanza", "unknown stanzas are passed over", SMALL,
      stanzas="-> grease !~ 1 2 3\n\n" + mdm() +
      "-> other\n" + "A" * 64 + "\n\n")
    v("ok-escrow", "an X25519 stanza beside ours", SMALL,
      stanzas=mdm() + x25519())
    vector("ok-x25519", "ok", "age's own recipient",
           head(x25519()) + WHOLE, SMALL, "identity")


def no_key():
    vector("nokey", 77, "there is no key for it", head() + WHOLE, who="none")
    vector("nokey-x25519", 77, "sealed for others only",
           head(x25519()) + WHOLE)
    vector("nokey-identity", 77, "no stanza for the identity",
           head() + WHOLE, who="identity")
    vector("wrongkey", 65, "the key does not open it", head() + WHOLE,
           who="wrong")
    other = "ff" * 16
    vector("guid-other", 77, "a stanza of another GUID, whose key is not here",
           head(mdm(guid=other)) + WHOLE)
    vector("guid-swapped", 65, "the GUID is bound to the wrapping",
           head(mdm(guid=other).replace(other, GUID)) + WHOLE)


def bad_head():
    def v(name, comment, h, body=WHOLE, **kw):
        vector("head-" + name, 65, comment, h + body, **kw)

    h, s = head(), mdm()
    line = s.split("\n")[1]
    v("mac", "the MAC is of another header", head(mac=b64(bytes(32))))
    v("mac-short", "a MAC of 31 bytes", head(mac=b64(bytes(31))))
    v("mac-padded", "base64 with padding", h[:-1] + b"=\n")
    v("mac-loose", "base64 that is not canonical",
      head(mac=b64(bytes(32))[:-1] + "B"))
    v("mac-crlf", "a carriage return", h[:-1] + b"\r\n")
    v("mac-blank", "two blanks before the MAC", head(mark="--- "))
    v("added", "a stanza added after the MAC was made",
      h.replace(b"\n--- ", b"\n-> x\n\n--- "))
    v("v2", "another version", head(first="age-encryption.org/v2\n"))
    v("version-crlf", "a carriage return in the version line",
      head(first="age-encryption.org/v1\r\n"))
    v("none", "no stanza at all", head(stanzas=""))
    v("armor", "the armored form", b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    v("scrypt", "a passphrase", head("-> scrypt %s 18\n%s\n" % (
        b64(SALT), line)))
    v("no-args", "a stanza without arguments", head("-> \n\n" + s))
    v("two-blanks", "two blanks between arguments", head("-> a  b\n\n" + s))
    v("end-blank", "a blank at the end of the line", head("-> a \n\n" + s))
    v("control", "a control byte in an argument", head("-> a\tb\n\n" + s))
    v("no-body", "a stanza without its last line", head("-> a\n" + s))
    v("no-short", "a body that does not end in a short line",
      head("-> a\n" + "A" * 64 + "\n" + s))
    v("long", "a body line of 65 characters",
      head("-> a\n" + "A" * 65 + "\n\n" + s))
    v("body-padded", "a body with padding", head("-> a\nAA==\n" + s))
    v("body-loose", "a body that is not canonical", head("-> a\nAB\n" + s))
    v("mdm-twice", "two mdm stanzas", head(s + s))
    v("mdm-args", "an argument too many",
      head(s.replace(GUID, GUID + " x")))
    v("mdm-guid-case", "a GUID in upper case", head(s.replace(GUID,
                                                              GUID.upper())))
    v("mdm-guid-short", "a GUID of 31 digits", head(s.replace(GUID, GUID[1:])))
    v("mdm-salt", "a salt of 15 bytes", head(mdm(salt=SALT[1:])))
    v("mdm-body", "a body of 33 bytes", head(mdm(body=bytes(33))))
    v("mdm-file-key", "a file key of 17 bytes",
      head(mdm(file_key=FILE_KEY + b"x")))
    v("x25519-low", "a share of low order", head(x25519(b64(bytes(32)))),
      who="identity")
    v("x25519-args", "an argument too many",
      head(x25519(b64(SALT * 2) + " x")), who="identity")
    v("x25519-short", "a share of 31 bytes", head(x25519(b64(bytes(31)))),
      who="identity")
    v("cut", "cut in the header", h[:50], b"")
    v("cut-mac", "cut in the MAC", h[:-1], b"")
    v("cut-nonce", "cut in the nonce", h, NONCE[1:])


def bad_payload():
    def v(name, comment, *parts):
        vector("payload-" + name, 65, comment, head() + b"".join(parts))

    big = fixed("big", CHUNK + 100)
    a, b = seal(chunks(big))
    v("none", "no chunk at all", NONCE)
    v("cut", "the last byte is missing", WHOLE[:-1])
    v("cut-tag", "less than a tag", WHOLE[:16 + 15])
    v("more", "a byte after the last chunk", WHOLE, b"x")
    v("bit", "a flipped bit", WHOLE[:20], bytes([WHOLE[20] ^ 1]), WHOLE[21:])
    v("tag", "a flipped bit in the tag", WHOLE[:-1], bytes([WHOLE[-1] ^ 128]))
    v("nonce", "a flipped bit in the nonce", bytes([NONCE[0] ^ 1]), WHOLE[1:])
    v("not-last", "the last chunk is not marked as such", NONCE,
      seal([(SMALL, 0, False)])[0])
    v("number", "the first chunk has number 1", NONCE,
      seal([(SMALL, 1, True)])[0])
    v("twice", "the object twice", NONCE, seal([(SMALL, 0, True)])[0] * 2)
    v("cut-chunk", "cut after a whole chunk", NONCE, a)
    v("swapped", "two chunks exchanged", NONCE, b, a)
    v("empty-last", "an empty last chunk after a full one", NONCE,
      *seal([(big[:CHUNK], 0, False), (b"", 1, True)]))
    v("short-first", "a short chunk that is not the last", NONCE,
      *seal([(b"short", 0, False), (b"rest", 1, True)]))


if len(sys.argv) != 1:
    sys.exit(__doc__)
good()
no_key()
bad_head()
bad_payload()
