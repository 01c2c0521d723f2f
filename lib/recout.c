#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rec_impl.h"

struct recout {
	struct archive *a;
	struct rec r;       /* the open record's name and attributes */
	unsigned char *buf; /* what small writes gather in */
	size_t used;
	unsigned char *body; /* what is held of the open record */
	size_t held, body_size;
	long long size; /* declared, or REC_UNKNOWN */
	long long done; /* bytes of the body taken so far */
	size_t moved;   /* the next bytes for on_write() are out already */
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

	if (out->moved > 0) {
		out->moved -= n;
		return (la_ssize_t)n;
	}
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
	struct recout *out = rec_need(calloc(1, sizeof *out));

	setlocale(LC_CTYPE, "C.UTF-8");
	fcntl(fd, F_SETPIPE_SZ, PIPE);
	out->fd = fd;
	out->buf = rec_need(malloc(BUF));
	out->a = rec_need(archive_write_new());
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
	struct archive_entry *e = rec_need(archive_entry_new());
	int i, ok;

	rec_member_name(name, out->r.name);
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
			out->body =
			    rec_need(realloc(out->body, out->body_size));
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

/*
 * libarchive counts the bytes of a body, so it is shown as many of zeros, which
 * on_write() drops.
 */
static int
account(struct recout *out, long long n, struct why *w)
{
	static const unsigned char zeros[1 << 16];

	while (n > 0) {
		size_t k =
		    n < (long long)sizeof zeros ? (size_t)n : sizeof zeros;

		out->moved = k;
		if (archive_write_data(out->a, zeros, k) != (la_ssize_t)k ||
		    out->moved != 0)
			return cannot(out, w);
		n -= (long long)k;
	}
	return 0;
}

long long
recout_move(struct recout *out, int fd, long long n, struct why *w)
{
	long long done = 0;
	ssize_t k = 0;

	if (holding(out)) {
		errno = EINVAL;
		return 0;
	}
	if (out->size != REC_UNKNOWN && out->done + n > out->size)
		die(EXIT_BUG, "a record longer than its size");
	if (out->used > 0 && recout_flush(out, w) < 0)
		return -1;
	while (done < n) {
		k = splice(fd, NULL, out->fd, NULL, (size_t)(n - done), 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		done += k;
	}
	if (k < 0 && (done > 0 || errno != EINVAL)) {
		why_set(w, EXIT_IO, "record stream: cannot move: %s",
		    strerror(errno));
		return -1;
	}
	out->done += done;
	if (account(out, done, w) < 0)
		return -1;
	if (k == 0)
		errno = 0;
	return done;
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
	struct archive_entry *e = rec_need(archive_entry_new());
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
