#!/usr/bin/python3
"""Write the vectors of rec(5) here: a second implementation of its writer.

A vector is a header of lines "exit: STATUS", "says: PATTERN", "about: TEXT" and,
for streams that are whole, a "record: NAME SIZE [KEY=VALUE]..." for each record
(in words), then an empty line and the stream.
"""
import io
import os
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
X = "SCHILY.xattr.user.mdm."


def member(name, body=b"", attrs=None, kind=tarfile.REGTYPE, link="", pax=None):
    m = tarfile.TarInfo(name)
    m.size = len(body)
    m.mode = 0o600
    m.type = kind
    m.linkname = link
    m.pax_headers = {**{X + k: v for k, v in (attrs or {}).items()}, **(pax or {})}
    data = m.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    return data + body + b"\0" * (-len(body) % 512)


def end(n):
    return member(".end", b"%d\n" % n) + b"\0" * 1024


def vector(file, status, says, about, stream, records=()):
    head = "exit: %d\nsays: %s\nabout: %s\n" % (status, says, about)
    head += "".join("record: %s\n" % r for r in records) + "\n"
    with open(os.path.join(HERE, file), "wb") as f:
        f.write(head.encode() + stream)


def ok(file, about, stream, *records):
    vector(file, 0, "", about, stream, records)


def bad(file, says, about, stream):
    vector(file, 65, says, about, stream)


a = member("a", b"hello")
ok("ok-none", "no records are a stream", end(0))
ok("ok-one", "a record", a + end(1), "a 5")
ok("ok-empty-body", "a body may be empty", member("a") + end(1), "a 0")
ok("ok-attributes", "attributes, of any bytes", member("a", b"x", {"one": "1", "two": "a b\t%"})
   + end(1), "a 1 one=1 two=a%20b%09%25")
ok("ok-others-attributes", "extended attributes that are not ours are passed over",
   member("a", b"x", pax={"SCHILY.xattr.user.other": "1"}) + end(1), "a 1")
ok("ok-name-end", "a record called .end", member("%2Eend", b"x") + end(1), "%2Eend 1")
ok("ok-name-escaped", "a record called %2Eend", member("%252Eend", b"x") + end(1), "%252Eend 1")
ok("ok-name-twice-escaped", "a record called %252Eend", member("%25252Eend", b"x") + end(1),
   "%25252Eend 1")
ok("ok-name-utf8", "a name beyond ASCII", member("d/\u00e9", b"x") + end(1), "d/%C3%A9 1")
ok("ok-name-bytes", "a name that is not UTF-8",
   member("d/\udcff", b"x", pax={"hdrcharset": "BINARY", "path": "d/\udcff"}) + end(1), "d/%FF 1")
ok("ok-name-long", "a name of more than 100 bytes", member("d/" * 100 + "n", b"x") + end(1),
   "d/" * 100 + "n 1")
ok("ok-zeros", "zero blocks after the end, as tar pads", a + end(1) + b"\0" * 8192, "a 5")
ok("ok-parts", "a record in three parts, its attributes spread over them",
   member("a", b"he", {"rec.more": "1", "one": "1", "two": "old"})
   + member("a.part1", b"ll", {"rec.more": "1", "rec.part": "1", "two": "2"})
   + member("a.part2", b"o", {"rec.part": "2", "three": "3"}) + end(1), "a 5 one=1 two=2 three=3")
ok("ok-parts-size", "parts whose sum was announced",
   member("a", b"hello", {"rec.more": "1", "rec.size": "5"})
   + member("a.part1", b"", {"rec.part": "1", "late": "1"}) + end(1), "a 5 late=1")
ok("ok-void", "a record that is withdrawn does not count", a
   + member("b", b"he", {"rec.more": "1"}) + member("b.part1", b"", {"rec.part": "1", "rec.void": "1"})
   + end(1), "a 5")
ok("ok-two-same", "two records may have one name", a + a + end(2), "a 5", "a 5")

bad("empty", "empty", "nothing is no stream", b"")
bad("noise", "", "not a tar", bytes(range(256)) * 8)
bad("cut-header", "", "cut in a header", a[:400])
bad("cut-body", "", "cut in a body", a[:515])
bad("cut-between", "cut short", "cut between members", a + member("b", b"x"))
bad("cut-before-end", "cut short", "tar's own end without .end", a + b"\0" * 1024)
bad("cut-zeros", "last blocks", "the last zero block is missing", (a + end(1))[:-512])
bad("cut-all-zeros", "last blocks", "both zero blocks are missing", (a + end(1))[:-1024])
bad("cut-in-zeros", "last blocks", "cut in the last block", (a + end(1))[:-1])
bad("count-low", "wrong count", "a record was added", a + a + end(1))
bad("count-high", "wrong count", "a record was lost", a + end(2))
bad("count-void", "wrong count", "a withdrawn record was counted", a
    + member("b", b"he", {"rec.more": "1"}) + member("b.part1", b"", {"rec.part": "1", "rec.void": "1"})
    + end(2))
bad("count-text", "wrong count", "a count with a sign", a + member(".end", b"+1\n") + b"\0" * 1024)
bad("count-zero", "wrong count", "a count with a leading zero", a + member(".end", b"01\n") + b"\0" * 1024)
bad("count-no-newline", "wrong count", "a count without its newline", a + member(".end", b"1") + b"\0" * 1024)
bad("count-long", "wrong count", "a count of many digits", a + member(".end", b"1" * 40 + b"\n") + b"\0" * 1024)
bad("more-member", "more after", "a record after .end", a + member(".end", b"1\n") + a + b"\0" * 1024)
bad("more-stream", "more after", "a second stream", a + end(1) + a + end(1))
bad("more-bytes", "more after", "a byte after the end", a + end(1) + b"\0" * 511 + b"x")
bad("more-part-block", "last blocks", "part of a block after the end", a + end(1) + b"\0" * 100)
bad("kind-directory", "not a regular file", "a directory", member("d", kind=tarfile.DIRTYPE) + end(1))
bad("kind-symlink", "not a regular file", "a symbolic link", member("l", kind=tarfile.SYMTYPE, link="a") + end(1))
bad("kind-hardlink", "not a regular file", "a hard link", a + member("l", kind=tarfile.LNKTYPE, link="a") + end(2))
bad("kind-device", "not a regular file", "a device", member("c", kind=tarfile.CHRTYPE) + end(1))
bad("kind-fifo", "not a regular file", "a FIFO", member("f", kind=tarfile.FIFOTYPE) + end(1))
bad("sparse", "sparse", "a sparse member", member("s", b"x" * 512, pax={
    "GNU.sparse.numblocks": "1", "GNU.sparse.offset": "4096", "GNU.sparse.numbytes": "512",
    "GNU.sparse.size": "4608"}) + end(1))
bad("part-missing", "cut short", "a record that is continued by the end of the archive",
    member("a", b"he", {"rec.more": "1"}) + b"\0" * 1024)
bad("part-is-end", "out of order", "a record that is continued by .end",
    member("a", b"he", {"rec.more": "1"}) + end(1))
bad("part-order", "out of order", "the second part is missing",
    member("a", b"he", {"rec.more": "1"}) + member("a.part2", b"o", {"rec.part": "2"}) + end(1))
bad("part-name", "out of order", "a part of another record",
    member("a", b"he", {"rec.more": "1"}) + member("b.part1", b"o", {"rec.part": "1"}) + end(1))
bad("part-alone", "out of order", "a part that continues nothing",
    member("a.part1", b"o", {"rec.part": "1"}) + end(1))
bad("part-text", "bad attribute", "a part's number that is none",
    member("a", b"he", {"rec.more": "1"}) + member("a.part1", b"o", {"rec.part": "one"}) + end(1))
bad("part-size-low", "do not add up", "more bytes than were announced",
    member("a", b"hello", {"rec.more": "1", "rec.size": "4"}) + member("a.part1", b"", {"rec.part": "1"}) + end(1))
bad("part-size-high", "do not add up", "fewer bytes than were announced",
    member("a", b"hello", {"rec.more": "1", "rec.size": "6"}) + member("a.part1", b"", {"rec.part": "1"}) + end(1))
bad("part-unknown", "bad attribute", "an attribute rec. that is not defined",
    member("a", b"he", {"rec.other": "1"}) + end(1))
bad("void-first", "withdrawn", "a record withdrawn in its first member", member("a", b"x", {"rec.void": "1"}) + end(0))
bad("void-more", "withdrawn", "a withdrawn record that goes on",
    member("a", b"he", {"rec.more": "1"}) + member("a.part1", b"", {"rec.part": "1", "rec.void": "1", "rec.more": "1"})
    + member("a.part2", b"", {"rec.part": "2"}) + end(0))
bad("attributes-many", "too many", "more than 64 attributes", member("a", b"x", {"k%d" % i: "1" for i in range(65)}) + end(1))
bad("attribute-long", "too many", "a value of more than 65536 bytes", member("a", b"x", {"k": "v" * 65537}) + end(1))
bad("name-long", "name", "a name of more than 4096 bytes", member("d/" * 2100 + "n", b"x") + end(1))
