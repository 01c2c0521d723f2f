#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rec_impl.h"

struct recin {
	struct archive *a;
	struct rec r;
	void (*idle)(void *);
	void *arg;
	unsigned char *buf;
	size_t head;              /* bytes in buf before the first read */
	unsigned long long bytes; /* given to libarchive or drained */
	unsigned long long zeros; /* zero bytes at the end of those */
	long long start;  /* offset in the stream of this member's body */
	long long raw;    /* bytes of it that libarchive must skip */
	long long left;   /* size of this member's body */
	long long total;  /* of the record's body so far */
	long long at;     /* offset in this member's body */
	long long hole;   /* zero bytes to give out before held */
	const void *held; /* libarchive's piece, not given out yet */
	size_t held_len;
	const void *spare; /* given out, but recin_fill() had no room */
	size_t spare_len;
	unsigned long count;
	int fd, error, part;
	bool any_tar, in_record, more, is_void;
	bool moving; /* bodies are taken by hand: read headers only */
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

/* Whoever reads is about to block: let others have what is ready. */
static void
before_read(struct recin *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	if (in->idle != NULL && poll(&p, 1, 0) == 0)
		in->idle(in->arg);
}

static ssize_t
more_bytes(struct recin *in)
{
	ssize_t n;

	if (in->head > 0) {
		n = (ssize_t)in->head;
		in->head = 0;
	} else {
		before_read(in);
		do
			n = read(in->fd, in->buf, in->moving ? HEADER : BUF);
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

/* libarchive passes over what we have taken from fd behind its back. */
static la_int64_t
on_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct recin *in = arg;

	(void)a;
	if (n > in->raw)
		n = in->raw;
	in->raw -= n;
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
	struct recin *in = rec_need(calloc(1, sizeof *in));

	setlocale(LC_CTYPE, "C.UTF-8"); /* names are bytes, most are UTF-8 */
	fcntl(fd, F_SETPIPE_SZ, PIPE);
	in->fd = fd;
	in->buf = rec_need(malloc(n > BUF ? n : BUF));
	if (n > 0)
		memcpy(in->buf, head, n);
	in->head = n;
	in->a = rec_need(archive_read_new());
	archive_read_support_format_tar(in->a);
	archive_read_set_skip_callback(in->a, on_skip);
	archive_read_set_read_callback(in->a, on_read);
	archive_read_set_callback_data(in->a, in);
	if (archive_read_open1(in->a) == ARCHIVE_OK)
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
			    (in->r.attrs == REC_ATTRS &&
				!rec_get(&in->r, key, NULL)))
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
		if (in->raw != 0)
			die(EXIT_BUG, "a tar reader that does not skip");
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
	if (!in->any_tar && archive_entry_sparse_count(*e) > 0)
		return wrong(w, "a sparse member");
	in->start = archive_filter_bytes(in->a, -1);
	if (in->left < MOVE)
		in->moving = false;
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
		rec_record_name(in->r.name);
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
	rec_member_name(base, in->r.name);
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

/*
 * How many bytes of this member's body can be taken from fd itself: all that
 * are left, once libarchive has given out everything that was read for it.
 */
static long long
beyond(const struct recin *in)
{
	if (!in->in_record || in->any_tar || in->spare_len > 0 ||
	    in->held_len > 0 || in->head > 0 ||
	    in->start + in->at != (long long)in->bytes)
		return 0;
	return in->left - in->at;
}

static void
took(struct recin *in, long long n)
{
	in->raw += n;
	in->at += n;
	in->total += n;
	in->bytes += (unsigned long long)n;
	in->zeros = 0;
}

/* Read up to n bytes of the body straight into the caller's memory. */
static int
read_raw(struct recin *in, void *buf, size_t n, size_t *got, struct why *w)
{
	ssize_t k;

	before_read(in);
	do
		k = read(in->fd, buf, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return why_set(
		    w, EXIT_IO, "record stream: %s", strerror(errno));
	if (k == 0)
		return wrong(w, "cut short in a record");
	took(in, k);
	*got = (size_t)k;
	return 0;
}

/*
 * Are the next n bytes to be taken so?  What has begun must go on: libarchive
 * does not know where we are in this member.
 */
static bool
by_hand(const struct recin *in, long long n)
{
	long long left = beyond(in);

	return left > 0 && (in->raw > 0 || (left >= MOVE && n >= MOVE));
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
		} else if (in->raw > 0) {
			k = in->left - in->at < BUF
				? (size_t)(in->left - in->at)
				: BUF;
			*p = in->buf;
			return read_raw(in, in->buf, k, n, w) < 0 ? -1 : 1;
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

bool
recin_whole(const struct recin *in)
{
	return in->part == 0 && !in->more;
}

int
recin_fill(struct recin *in, void *buf, size_t size, size_t *got, struct why *w)
{
	unsigned char *o = buf;
	const void *p;
	size_t n, k;
	int r;

	for (*got = 0; *got < size; *got += k) {
		n = size - *got;
		if (by_hand(in, (long long)n)) {
			if ((long long)n > beyond(in))
				n = (size_t)beyond(in);
			if (read_raw(in, o + *got, n, &k, w) < 0)
				return -1;
			continue;
		}
		if ((r = recin_block(in, &p, &n, w)) != 1)
			return r;
		k = n < size - *got ? n : size - *got;
		memcpy(o + *got, p, k);
		in->spare = (const unsigned char *)p + k;
		in->spare_len = n - k;
	}
	return 1;
}

int
recin_copy(struct recin *in, struct recout *out, long long max, struct why *w)
{
	const void *p;
	long long k, n;
	size_t len;
	int r;

	for (n = 0; n < max; n += k) {
		k = beyond(in) < max - n ? beyond(in) : max - n;
		if (by_hand(in, k)) {
			before_read(in);
			if ((k = recout_move(out, in->fd, k, w)) < 0)
				return -1;
			if (k == 0 && errno != EINVAL)
				return wrong(w, "cut short in a record");
			took(in, k);
			in->moving = true;
			if (k > 0)
				continue;
		}
		if ((r = recin_block(in, &p, &len, w)) != 1)
			return r;
		if (recout_write(out, p, len, w) < 0)
			return -1;
		k = (long long)len;
	}
	return 1;
}
