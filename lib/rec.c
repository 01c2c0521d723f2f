#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "opt.h"
#include "rec.h"
#include "word.h"

#define PREFIX "user.mdm."
#define END ".end"

/* Attributes that are this module's own; nobody above sees them. */
#define OWN "rec."
#define MORE "rec.more" /* "1": the next member continues this record */
#define PART "rec.part" /* the number of a continuing member, from 1 */
#define VOID "rec.void" /* "1": the record is withdrawn */
#define SIZE "rec.size" /* bytes of all parts, when known at the beginning */

#define BLOCK 512
#define BUF (1 << 18)

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

void
rec_init(struct rec *r)
{
	memset(r, 0, sizeof *r);
}

void
rec_clear(struct rec *r)
{
	int i;

	for (i = 0; i < r->attrs; i++) {
		free(r->attr[i].key);
		free(r->attr[i].value);
	}
	free(r->name);
	rec_init(r);
}

void
rec_copy(struct rec *to, const struct rec *from)
{
	int i;

	rec_clear(to);
	if (from->name)
		rec_set_name(to, from->name);
	to->size = from->size;
	for (i = 0; i < from->attrs; i++)
		rec_set(to, from->attr[i].key, from->attr[i].value,
		    from->attr[i].len);
}

void
rec_set_name(struct rec *r, const char *name)
{
	char *copy = need(strdup(name));

	free(r->name);
	r->name = copy;
}

static struct rec_attr *
find(const struct rec *r, const char *key)
{
	int i;

	for (i = 0; i < r->attrs; i++)
		if (strcmp(r->attr[i].key, key) == 0)
			return (struct rec_attr *)&r->attr[i];
	return NULL;
}

void
rec_set(struct rec *r, const char *key, const void *value, size_t len)
{
	struct rec_attr *a = find(r, key);
	char *copy;

	if (len > REC_ATTR_MAX || (a == NULL && r->attrs == REC_ATTRS))
		die(EXIT_DATA, "a record would have too many attributes");
	copy = need(malloc(len + 1));
	memcpy(copy, value, len);
	copy[len] = '\0';
	if (a == NULL) {
		a = &r->attr[r->attrs++];
		a->key = need(strdup(key));
	} else {
		free(a->value);
	}
	a->value = copy;
	a->len = len;
}

void
rec_set_text(struct rec *r, const char *key, const char *text)
{
	rec_set(r, key, text, strlen(text));
}

void
rec_unset(struct rec *r, const char *key)
{
	struct rec_attr *a = find(r, key);

	if (a == NULL)
		return;
	free(a->key);
	free(a->value);
	memmove(a, a + 1, (size_t)(&r->attr[--r->attrs] - a) * sizeof *a);
}

const char *
rec_get(const struct rec *r, const char *key, size_t *len)
{
	const struct rec_attr *a = find(r, key);

	if (a != NULL && len != NULL)
		*len = a->len;
	return a ? a->value : NULL;
}

void
rec_via(struct rec *r, const char *detail)
{
	const char *old = rec_get(r, "via", NULL);
	char text[4096];
	int n;

	n = snprintf(text, sizeof text, "%s%s%s/%s%s%s", old ? old : "",
	    old ? " " : "", prog, opt_version, detail ? "/" : "",
	    detail ? detail : "");
	if (n > 0 && (size_t)n < sizeof text)
		rec_set(r, "via", text, (size_t)n);
}

/*
 * A name END, and one that looks like an END already escaped, gain one "%25"
 * or "%2E"; reading takes it away.  So every name has one member name.
 */
static int
escaped_end(const char *s)
{
	if (strncmp(s, "%2", 2) != 0)
		return 0;
	for (s += 2; strncmp(s, "52", 2) == 0; s += 2)
		;
	return strcmp(s, "Eend") == 0;
}

static void
member_name(char out[REC_NAME_MAX + 32], const char *name)
{
	if (strcmp(name, END) == 0)
		strcpy(out, "%2Eend");
	else if (escaped_end(name))
		snprintf(out, REC_NAME_MAX + 32, "%%25%s", name + 1);
	else
		snprintf(out, REC_NAME_MAX + 32, "%s", name);
}

static void
record_name(char *name)
{
	if (strcmp(name, "%2Eend") == 0)
		strcpy(name, END);
	else if (escaped_end(name))
		memmove(name + 1, name + 3, strlen(name + 3) + 1);
}

bool
rec_is_stream(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	unsigned sum = 0, want = 0;
	int i;

	if (n < BLOCK)
		return false;
	for (i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	for (i = 148; i < 156 && p[i] == ' '; i++)
		;
	if (p[i] < '0' || p[i] > '7')
		return false;
	for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
		want = want * 8 + (p[i] - '0');
	return sum == want;
}

struct recin {
	struct archive *a;
	struct rec r;
	void (*idle)(void *);
	void *arg;
	unsigned char *buf;
	size_t head;              /* bytes in buf before the first read */
	unsigned long long bytes; /* given to libarchive or drained */
	unsigned long long zeros; /* zero bytes at the end of those */
	long long left;           /* size of this member's body */
	long long total;          /* of the record's body so far */
	long long at;             /* offset in this member's body */
	long long hole;           /* zero bytes to give out before held */
	const void *held;         /* libarchive's piece, not given out yet */
	size_t held_len;
	const void *spare; /* given out, but recin_fill() had no room */
	size_t spare_len;
	unsigned long count;
	int fd, error, part;
	bool any_tar, in_record, more, is_void;
};

/* Zero bytes at the end of what was read tell a tar's end from a cut. */
static void
note(struct recin *in, size_t n)
{
	size_t k = n;

	while (k > 0 && in->buf[k - 1] == 0)
		k--;
	in->zeros = k > 0 ? n - k : in->zeros + n;
	in->bytes += n;
}

static ssize_t
more_bytes(struct recin *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };
	ssize_t n;

	if (in->head > 0) {
		n = (ssize_t)in->head;
		in->head = 0;
	} else {
		if (in->idle != NULL && poll(&p, 1, 0) == 0)
			in->idle(in->arg);
		do
			n = read(in->fd, in->buf, BUF);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		in->error = errno;
	else
		note(in, (size_t)n);
	return n;
}

static la_ssize_t
on_read(struct archive *a, void *arg, const void **p)
{
	struct recin *in = arg;
	ssize_t n = more_bytes(in);

	if (n < 0)
		archive_set_error(a, in->error, "%s", strerror(in->error));
	*p = in->buf;
	return n;
}

static int
bad(struct recin *in, struct why *w)
{
	const char *s = archive_error_string(in->a);

	return why_set(w, in->error ? EXIT_IO : EXIT_DATA, "record stream: %s",
	    s ? s : "damaged");
}

static int
wrong(struct why *w, const char *what)
{
	return why_set(w, EXIT_DATA, "record stream: %s", what);
}

struct recin *
recin_open(int fd, const void *head, size_t n, struct why *w)
{
	struct recin *in = need(calloc(1, sizeof *in));

	setlocale(LC_CTYPE, "C.UTF-8"); /* names are bytes, most are UTF-8 */
	fcntl(fd, F_SETPIPE_SZ, BUF);
	in->fd = fd;
	in->buf = need(malloc(n > BUF ? n : BUF));
	if (n > 0)
		memcpy(in->buf, head, n);
	in->head = n;
	in->a = need(archive_read_new());
	archive_read_support_format_tar(in->a);
	if (archive_read_open(in->a, in, NULL, on_read, NULL) == ARCHIVE_OK)
		return in;
	if (in->bytes == 0 && in->error == 0)
		wrong(w, "empty input");
	else
		bad(in, w);
	recin_free(in);
	return NULL;
}

void
recin_any_tar(struct recin *in)
{
	in->any_tar = true;
}

void
recin_on_idle(struct recin *in, void (*fn)(void *), void *arg)
{
	in->idle = fn;
	in->arg = arg;
}

void
recin_free(struct recin *in)
{
	if (in == NULL)
		return;
	archive_read_free(in->a);
	rec_clear(&in->r);
	free(in->buf);
	free(in);
}

/* The archive's own end: read everything; only zeros may follow. */
static int
drain(struct recin *in, struct why *w)
{
	unsigned long long used;
	ssize_t n;

	used = (unsigned long long)archive_filter_bytes(in->a, -1);
	while ((n = more_bytes(in)) > 0)
		;
	if (n < 0)
		return why_set(
		    w, EXIT_IO, "record stream: %s", strerror(in->error));
	if (in->zeros < in->bytes - used)
		return wrong(w, "more after its end");
	if (in->bytes % BLOCK != 0 || in->zeros < 2 * BLOCK)
		return wrong(w, "cut short in its last blocks");
	return 0;
}

static int
number(const char *s, long long *n)
{
	char *end;

	if (*s < '0' || *s > '9' || strlen(s) > 18)
		return -1;
	*n = strtoll(s, &end, 10);
	return *end == '\0' ? 0 : -1;
}

/* Take a member's attributes into the record, ours into in. */
static int
attributes(struct recin *in, struct archive_entry *e, struct why *w)
{
	long long part = 0, size = REC_UNKNOWN;
	const char *key, *p;
	const void *value;
	char text[32];
	size_t len;

	in->more = in->is_void = false;
	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &key, &value, &len) == ARCHIVE_OK) {
		if (strncmp(key, PREFIX, sizeof PREFIX - 1) != 0)
			continue;
		key += sizeof PREFIX - 1;
		if (in->any_tar)
			continue; /* a stranger's tar says nothing to us */
		if (strncmp(key, OWN, sizeof OWN - 1) != 0) {
			if (len > REC_ATTR_MAX ||
			    (in->r.attrs == REC_ATTRS && !find(&in->r, key)))
				return wrong(w, "too many attributes");
			rec_set(&in->r, key, value, len);
			continue;
		}
		snprintf(text, sizeof text, "%.*s", (int)(len < 31 ? len : 31),
		    (const char *)value);
		p = text;
		if (strcmp(key, MORE) == 0)
			in->more = true;
		else if (strcmp(key, VOID) == 0)
			in->is_void = true;
		else if (strcmp(key, PART) == 0
			     ? number(p, &part) < 0
			     : strcmp(key, SIZE) != 0 || number(p, &size) < 0)
			return wrong(w, "a bad attribute of a part");
	}
	if (part != in->part)
		return wrong(w, "parts are missing or out of order");
	if (in->part == 0) {
		in->r.size = in->more ? size : in->left;
		if (in->is_void)
			return wrong(w, "a record withdrawn before it began");
	} else if (in->is_void && in->more) {
		return wrong(w, "a withdrawn record goes on");
	}
	return 0;
}

/* Read the header of the next regular file into e; 1, 0 at the end, -1. */
static int
member(struct recin *in, struct archive_entry **e, struct why *w)
{
	int got;

	do {
		got = archive_read_next_header(in->a, e);
		if (got == ARCHIVE_EOF)
			return 0;
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return bad(in, w);
		if (archive_entry_filetype(*e) == AE_IFREG &&
		    archive_entry_hardlink(*e) == NULL)
			break;
	} while (in->any_tar);
	if (archive_entry_filetype(*e) != AE_IFREG ||
	    archive_entry_hardlink(*e) != NULL)
		return wrong(w, "a member that is not a regular file");
	in->left = archive_entry_size(*e);
	if (in->left < 0)
		return wrong(w, "a negative size");
	in->at = 0;
	in->hole = 0;
	in->held_len = 0;
	return 1;
}

static const char *
path_of(struct archive_entry *e)
{
	const char *s = archive_entry_pathname(e);

	if (s == NULL)
		s = archive_entry_pathname_utf8(e);
	if (s == NULL || *s == '\0' || strlen(s) > REC_NAME_MAX)
		return NULL;
	return s;
}

/* The last member: its body is the count. */
static int
end(struct recin *in, struct why *w)
{
	struct archive_entry *e;
	char want[24], got[24];
	la_ssize_t n;

	snprintf(want, sizeof want, "%lu\n", in->count);
	n = archive_read_data(in->a, got, sizeof got - 1);
	if (n < 0)
		return bad(in, w);
	got[n] = '\0';
	if (in->left >= (long long)sizeof got || strcmp(want, got) != 0)
		return wrong(w, "wrong count, records were lost or added");
	if (archive_read_next_header(in->a, &e) != ARCHIVE_EOF)
		return wrong(w, "more after " END);
	return drain(in, w);
}

static int
finish(struct recin *in, struct why *w)
{
	const void *p;
	size_t n;
	int got;

	if (!in->in_record)
		return 0;
	while ((got = recin_block(in, &p, &n, w)) == 1)
		;
	return got < 0 ? -1 : 0;
}

int
recin_next(struct recin *in, struct rec **r, struct why *w)
{
	struct archive_entry *e;
	const char *name;
	int got;

	in->spare_len = 0;
	if (finish(in, w) < 0 || (got = member(in, &e, w)) < 0)
		return -1;
	rec_clear(&in->r);
	if (got == 0)
		return in->any_tar ? drain(in, w)
				   : wrong(w, "cut short, no " END);
	if ((name = path_of(e)) == NULL)
		return wrong(
		    w, "a member's name is empty, too long or not text");
	if (!in->any_tar && strcmp(name, END) == 0)
		return end(in, w);
	rec_set_name(&in->r, name);
	if (!in->any_tar)
		record_name(in->r.name);
	in->part = 0;
	in->total = 0;
	if (attributes(in, e, w) < 0)
		return -1;
	in->in_record = true;
	in->count++;
	*r = &in->r;
	return 1;
}

/* Go from a part to the one that continues it. */
static int
next_part(struct recin *in, struct why *w)
{
	char base[REC_NAME_MAX + 32], want[REC_NAME_MAX + 64];
	struct archive_entry *e;
	const char *name;
	int got;

	if ((got = member(in, &e, w)) < 0)
		return -1;
	if (got == 0)
		return wrong(w, "cut short in a record");
	in->part++;
	member_name(base, in->r.name);
	snprintf(want, sizeof want, "%s.part%d", base, in->part);
	if ((name = path_of(e)) == NULL || strcmp(name, want) != 0)
		return wrong(w, "parts are missing or out of order");
	return attributes(in, e, w);
}

static int
complete(struct recin *in, struct why *w)
{
	in->in_record = false;
	if (in->is_void) {
		in->count--;
		return REC_VOID;
	}
	if (in->r.size != REC_UNKNOWN && in->r.size != in->total)
		return wrong(w, "a record's parts do not add up to its size");
	in->r.size = in->total;
	return 0;
}

/* n bytes of the body are given out. */
static int
give(struct recin *in, const void **p, size_t *n, const void *q, size_t k)
{
	*p = q;
	*n = k;
	in->at += (long long)k;
	in->total += (long long)k;
	return 1;
}

/* Ask libarchive for the member's next piece, after a hole perhaps. */
static int
fetch(struct recin *in, struct why *w)
{
	la_int64_t offset = in->left;
	int got;

	in->held_len = 0;
	got = archive_read_data_block(in->a, &in->held, &in->held_len, &offset);
	if (got == ARCHIVE_EOF)
		offset = in->left;
	else if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return bad(in, w);
	if (offset < in->at || offset > in->left ||
	    (long long)in->held_len > in->left - offset)
		return wrong(w, "a member with overlapping pieces");
	in->hole = offset - in->at;
	if (in->hole > 0 && !in->any_tar)
		return wrong(w, "a sparse or short member");
	return 0;
}

int
recin_block(struct recin *in, const void **p, size_t *n, struct why *w)
{
	static const unsigned char zeros[1 << 16]; /* what a hole holds */
	size_t k;

	if (in->spare_len > 0) { /* recin_fill() left it */
		*p = in->spare;
		*n = in->spare_len;
		in->spare_len = 0;
		return 1;
	}
	if (!in->in_record)
		return in->is_void ? REC_VOID : 0;
	for (;;) {
		if (in->at == in->left) {
			if (!in->more)
				return complete(in, w);
			if (next_part(in, w) < 0)
				return -1;
		} else if (in->hole > 0) {
			k = in->hole < (long long)sizeof zeros
				? (size_t)in->hole
				: sizeof zeros;
			in->hole -= (long long)k;
			return give(in, p, n, zeros, k);
		} else if (in->held_len > 0) {
			k = in->held_len;
			in->held_len = 0;
			return give(in, p, n, in->held, k);
		} else if (fetch(in, w) < 0) {
			return -1;
		}
	}
}

int
recin_fill(struct recin *in, void *buf, size_t size, size_t *got, struct why *w)
{
	unsigned char *o = buf;
	const void *p;
	size_t n, k;
	int r;

	for (*got = 0; *got < size; *got += k) {
		if ((r = recin_block(in, &p, &n, w)) != 1)
			return r;
		k = n < size - *got ? n : size - *got;
		memcpy(o + *got, p, k);
		in->spare = (const unsigned char *)p + k;
		in->spare_len = n - k;
	}
	return 1;
}

struct recout {
	struct archive *a;
	struct rec r;       /* the open record's name and attributes */
	unsigned char *buf; /* what small writes gather in */
	size_t used;
	unsigned char *body; /* what is held of the open record */
	size_t held, body_size;
	long long size; /* declared, or REC_UNKNOWN */
	long long done; /* bytes of the body taken so far */
	unsigned long count;
	int fd, part, flags, error;
	bool began; /* a member of the open record was written */
};

static int
write_out(struct recout *out, const void *p, size_t n)
{
	struct iovec v[2] = { { out->buf, out->used },
		{ (void *)(uintptr_t)p, n } };
	int i = 0;

	while (i < 2) {
		ssize_t k;

		if (v[i].iov_len == 0) {
			i++;
			continue;
		}
		k = writev(out->fd, v + i, 2 - i);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			out->error = errno;
			return -1;
		}
		for (; i < 2 && (size_t)k >= v[i].iov_len; i++)
			k -= (ssize_t)v[i].iov_len;
		if (i < 2) {
			v[i].iov_base = (char *)v[i].iov_base + k;
			v[i].iov_len -= (size_t)k;
		}
	}
	out->used = 0;
	return 0;
}

static la_ssize_t
on_write(struct archive *a, void *arg, const void *p, size_t n)
{
	struct recout *out = arg;

	if (n >= BUF / 4 || n > BUF - out->used) {
		if (write_out(out, p, n) < 0) {
			archive_set_error(
			    a, out->error, "%s", strerror(out->error));
			return -1;
		}
	} else {
		memcpy(out->buf + out->used, p, n);
		out->used += n;
	}
	return (la_ssize_t)n;
}

static int
cannot(struct recout *out, struct why *w)
{
	const char *s = archive_error_string(out->a);

	return why_set(w, EXIT_IO, "record stream: cannot write: %s",
	    s ? s : "unknown reason");
}

struct recout *
recout_open(int fd, struct why *w)
{
	struct recout *out = need(calloc(1, sizeof *out));

	setlocale(LC_CTYPE, "C.UTF-8");
	fcntl(fd, F_SETPIPE_SZ, BUF);
	out->fd = fd;
	out->buf = need(malloc(BUF));
	out->a = need(archive_write_new());
	archive_write_set_format_pax(out->a);
	archive_write_set_options(out->a, "xattrheader=SCHILY");
	archive_write_set_bytes_per_block(out->a, 0);
	if (archive_write_open(out->a, out, NULL, on_write, NULL) == ARCHIVE_OK)
		return out;
	cannot(out, w);
	recout_free(out);
	return NULL;
}

void
recout_free(struct recout *out)
{
	if (out == NULL)
		return;
	archive_write_fail(out->a); /* nothing more is to be written */
	archive_write_free(out->a);
	rec_clear(&out->r);
	free(out->body);
	free(out->buf);
	free(out);
}

static void
xattr(struct archive_entry *e, const char *key, const void *value, size_t n)
{
	char name[300];

	snprintf(name, sizeof name, PREFIX "%s", key);
	archive_entry_xattr_add_entry(e, name, value, n);
}

/* Write a member's header: the open record's next, with these properties. */
static int
header(
    struct recout *out, long long size, bool more, bool is_void, struct why *w)
{
	char name[REC_NAME_MAX + 64], text[24];
	struct archive_entry *e = need(archive_entry_new());
	int i, ok;

	member_name(name, out->r.name);
	if (out->part > 0) {
		snprintf(name + strlen(name), 24, ".part%d", out->part);
		snprintf(text, sizeof text, "%d", out->part);
		xattr(e, PART, text, strlen(text));
	}
	archive_entry_copy_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, size);
	for (i = 0; i < out->r.attrs; i++)
		xattr(e, out->r.attr[i].key, out->r.attr[i].value,
		    out->r.attr[i].len);
	if (more)
		xattr(e, MORE, "1", 1);
	if (is_void)
		xattr(e, VOID, "1", 1);
	if (more && out->part == 0 && out->size != REC_UNKNOWN) {
		snprintf(text, sizeof text, "%lld", out->size);
		xattr(e, SIZE, text, strlen(text));
	}
	ok = archive_write_header(out->a, e);
	archive_entry_free(e);
	for (i = 0; i < out->r.attrs; i++) { /* said once */
		free(out->r.attr[i].key);
		free(out->r.attr[i].value);
	}
	out->r.attrs = 0;
	out->part++;
	out->began = true;
	return ok == ARCHIVE_OK || ok == ARCHIVE_WARN ? 0 : cannot(out, w);
}

static int
data(struct recout *out, const void *p, size_t n, struct why *w)
{
	if (n > 0 && archive_write_data(out->a, p, n) != (la_ssize_t)n)
		return cannot(out, w);
	return 0;
}

/* Is the body held, at least for now? */
static bool
holding(const struct recout *out)
{
	return !(out->flags & REC_WHOLE) && out->size <= REC_SMALL;
}

int
recout_begin(struct recout *out, const struct rec *r, long long size, int flags,
    struct why *w)
{
	size_t n = strlen(r->name);

	if (n == 0 || n > REC_NAME_MAX || r->name[n - 1] == '/')
		return why_set(w, EXIT_DATA,
		    "record stream: cannot carry a name "
		    "that is empty, too long or ends in /");
	rec_copy(&out->r, r);
	out->size = size;
	out->flags = flags;
	out->done = 0;
	out->held = 0;
	out->part = 0;
	out->began = false;
	if ((flags & REC_WHOLE) && size == REC_UNKNOWN)
		die(EXIT_BUG, "a whole record of unknown size");
	if (!holding(out))
		return header(out, size, !(flags & REC_WHOLE), false, w);
	return 0;
}

/* Keep a piece of the body; a body of unknown size goes out in parts. */
static int
hold(struct recout *out, const unsigned char *p, size_t n, struct why *w)
{
	while (n > 0) {
		size_t room, k;

		if (out->held == REC_PART) {
			if (header(out, REC_PART, true, false, w) < 0 ||
			    data(out, out->body, out->held, w) < 0)
				return -1;
			out->held = 0;
		}
		if (out->held == out->body_size) {
			out->body_size =
			    out->body_size ? 2 * out->body_size : 1 << 16;
			out->body = need(realloc(out->body, out->body_size));
		}
		room = out->body_size - out->held;
		k = n < room ? n : room;
		memcpy(out->body + out->held, p, k);
		out->held += k;
		p += k;
		n -= k;
	}
	return 0;
}

int
recout_write(struct recout *out, const void *p, size_t n, struct why *w)
{
	out->done += (long long)n;
	if (out->size != REC_UNKNOWN && out->done > out->size)
		die(EXIT_BUG, "a record longer than its size");
	return holding(out) ? hold(out, p, n, w) : data(out, p, n, w);
}

int
recout_done(struct recout *out, const struct rec *late, struct why *w)
{
	int i;

	if (out->size != REC_UNKNOWN && out->done != out->size)
		die(EXIT_BUG, "a record shorter than its size");
	for (i = 0; late != NULL && i < late->attrs; i++)
		rec_set(&out->r, late->attr[i].key, late->attr[i].value,
		    late->attr[i].len);
	if (holding(out)) {
		if (header(out, (long long)out->held, false, false, w) < 0 ||
		    data(out, out->body, out->held, w) < 0)
			return -1;
	} else if (!(out->flags & REC_WHOLE)) {
		if (header(out, 0, false, false, w) < 0)
			return -1;
	} else if (late != NULL && late->attrs > 0) {
		die(EXIT_BUG, "a late attribute of a whole record");
	}
	out->count++;
	return 0;
}

int
recout_void(struct recout *out, struct why *w)
{
	static const unsigned char zeros[1 << 16];

	if (out->flags & REC_WHOLE)
		die(EXIT_BUG, "a whole record withdrawn");
	if (!out->began)
		return 0; /* all of it was held: no trace */
	while (!holding(out) && out->done < out->size) {
		long long k = out->size - out->done;

		if (k > (long long)sizeof zeros)
			k = (long long)sizeof zeros;
		if (recout_write(out, zeros, (size_t)k, w) < 0)
			return -1;
	}
	return header(out, 0, false, true, w);
}

int
recout_flush(struct recout *out, struct why *w)
{
	if (write_out(out, NULL, 0) < 0)
		return why_set(w, EXIT_IO, "record stream: cannot write: %s",
		    strerror(out->error));
	return 0;
}

void
recout_idle(void *arg)
{
	struct why w = { 0 };

	if (recout_flush(arg, &w) < 0)
		die_why(&w);
}

int
recout_end(struct recout *out, struct why *w)
{
	struct archive_entry *e = need(archive_entry_new());
	char text[24];
	int n = snprintf(text, sizeof text, "%lu\n", out->count), ok;

	archive_entry_copy_pathname(e, END);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, n);
	ok = archive_write_header(out->a, e);
	archive_entry_free(e);
	if (ok != ARCHIVE_OK || data(out, text, (size_t)n, w) < 0 ||
	    archive_write_close(out->a) != ARCHIVE_OK)
		return cannot(out, w);
	return recout_flush(out, w);
}

unsigned long
recout_count(const struct recout *out)
{
	return out->count;
}
