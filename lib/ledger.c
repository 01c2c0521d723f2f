#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "age.h"
#include "ledger.h"
#include "opt.h"
#include "out.h"
#include "payload.h"
#include "secret.h"

#define ENTRY ((size_t)1 << 20) /* bytes of lines that make an entry */
#define RECIPIENTS 16
#define IDENTITIES 64
#define IDENTITY_FILE_MAX 32768

struct bytes {
	unsigned char *p;
	size_t n, size;
};

static unsigned char *
room(struct bytes *b, size_t n)
{
	if (b->size - b->n < n) {
		b->size = 2 * (b->n + n);
		if ((b->p = realloc(b->p, b->size)) == NULL)
			die(EXIT_IO, "out of memory");
	}
	return b->p + b->n;
}

/* A payload_sink. */
static int
gather(void *arg, const void *p, size_t n, struct why *w)
{
	struct bytes *b = arg;

	(void)w;
	memcpy(room(b, n), p, n);
	b->n += n;
	return 0;
}

struct ledger {
	char *path;
	int fd;
	unsigned char recipient[RECIPIENTS][32];
	int recipients;
	struct age_head *head;
	struct payload *payload;
	struct bytes lines, sealed, text;
	unsigned long count; /* of lines */
	struct secrets {
		unsigned char file[AGE_FILE_KEY];
		unsigned char payload[PAYLOAD_KEY];
	} * secrets;
};

struct ledger *
ledger_open(
    const char *path, const char *const *recipients, int n, struct why *w)
{
	struct ledger *l = calloc(1, sizeof *l);
	int i;

	if (l == NULL || (l->path = strdup(path)) == NULL)
		die(EXIT_IO, "out of memory");
	l->fd = -1;
	if (n < 1 || n > RECIPIENTS) {
		why_set(w, EXIT_USAGE, "from 1 to %d recipients of the ledger",
		    RECIPIENTS);
		ledger_free(l);
		return NULL;
	}
	for (i = 0; i < n; i++)
		if (age_recipient(l->recipient[i], recipients[i], w) < 0) {
			ledger_free(l);
			return NULL;
		}
	l->recipients = n;
	l->fd = opt_open(path, O_RDWR | O_APPEND | O_CREAT, w);
	if (l->fd < 0) {
		ledger_free(l);
		return NULL;
	}
	l->head = age_head_new();
	l->payload = payload_new();
	l->secrets = secret_alloc(sizeof *l->secrets);
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	age_head_free(l->head);
	payload_free(l->payload);
	secret_free(l->secrets, sizeof *l->secrets);
	free(l->lines.p);
	free(l->sealed.p);
	free(l->text.p);
	free(l->path);
	free(l);
}

int
ledger_add(struct ledger *l, const struct line *line, struct why *w)
{
	char *o;
	size_t n = strlen(line->name) + 2;
	int i;

	for (i = 0; i < line->fields; i++)
		n += strlen(line->field[i].key) + strlen(line->field[i].word) +
		     2;
	o = (char *)room(&l->lines, n);
	l->lines.n += n - 1;
	o = stpcpy(o, line->name);
	for (i = 0; i < line->fields; i++) {
		*o++ = '\t';
		o = stpcpy(o, line->field[i].key);
		*o++ = '=';
		o = stpcpy(o, line->field[i].word);
	}
	*o = '\n';
	l->count++;
	return l->lines.n >= ENTRY ? ledger_flush(l, w) : 0;
}

static int
seal(struct ledger *l, struct why *w)
{
	const void *p;
	size_t n;
	int i;

	secret_random(l->secrets->file, sizeof l->secrets->file);
	age_head_begin(l->head);
	for (i = 0; i < l->recipients; i++)
		age_wrap_x25519(l->head, l->recipient[i], l->secrets->file);
	p = age_head_end(l->head, l->secrets->file, l->secrets->payload, &n);
	l->sealed.n = 0;
	gather(&l->sealed, p, n, w);
	payload_begin(
	    l->payload, PAYLOAD_SEAL, l->secrets->payload, gather, &l->sealed);
	if (payload_put(l->payload, l->lines.p, l->lines.n, w) < 0 ||
	    payload_end(l->payload, w) < 0)
		return -1;
	l->text.n = 0;
	room(&l->text, AGE_BASE64(l->sealed.n) + 4);
	l->text.p[l->text.n++] = '\n'; /* only written after a torn line */
	l->text.n +=
	    age_base64((char *)l->text.p + 1, l->sealed.p, l->sealed.n);
	while (l->text.n % 4 != 1)
		l->text.p[l->text.n++] = '=';
	l->text.p[l->text.n++] = '\n';
	return 0;
}

/* Does what is there not end with a newline? */
static bool
torn(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char last;

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

int
ledger_flush(struct ledger *l, struct why *w)
{
	char end[32];
	size_t skip;
	int n, r;

	if (l->count == 0)
		return 0;
	n = snprintf(end, sizeof end, ".end\t%lu\n", l->count);
	gather(&l->lines, end, (size_t)n, w);
	if (seal(l, w) < 0)
		return -1;
	while (flock(l->fd, LOCK_EX) < 0 && errno == EINTR)
		;
	skip = torn(l->fd) ? 0 : 1;
	r = out_write(l->fd, l->text.p + skip, l->text.n - skip, w);
	if (r == 0 && fdatasync(l->fd) < 0 && errno != EINVAL && errno != EROFS)
		r = why_set(w, EXIT_IO, "%s", strerror(errno));
	flock(l->fd, LOCK_UN);
	if (r < 0)
		return why_set(
		    w, EXIT_IO, "%s: cannot append to the ledger", l->path);
	l->lines.n = 0;
	l->count = 0;
	return 0;
}

struct ledger_keys {
	unsigned char identity[IDENTITIES][32];
	unsigned char file[AGE_FILE_KEY];
	unsigned char payload[PAYLOAD_KEY];
	int n;
};

static int
read_identities(
    struct ledger_keys *k, const char *path, char *text, struct why *w)
{
	char *line;

	while ((line = strsep(&text, "\r\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (k->n == IDENTITIES)
			return why_set(w, EXIT_DATA,
			    "%s: more than %d identities", path, IDENTITIES);
		if (age_identity(k->identity[k->n++], line, w) < 0)
			return -1;
	}
	if (k->n == 0)
		return why_set(w, EXIT_DATA, "%s: no identity in it", path);
	return 0;
}

struct ledger_keys *
ledger_keys_read(const char *path, struct why *w)
{
	struct ledger_keys *k;
	size_t n;
	char *text = secret_read(path, IDENTITY_FILE_MAX, &n, w);
	int r;

	if (text == NULL)
		return NULL;
	k = secret_alloc(sizeof *k);
	r = read_identities(k, path, text, w);
	secret_free(text, IDENTITY_FILE_MAX + 2);
	if (r == 0)
		return k;
	ledger_keys_free(k);
	return NULL;
}

void
ledger_keys_free(struct ledger_keys *k)
{
	secret_free(k, sizeof *k);
}

struct reading {
	const struct ledger_keys *keys;
	struct ledger_keys *work; /* its file and payload keys */
	struct age_head *head;
	struct payload *payload;
	struct bytes sealed, lines;
	int (*fn)(void *, const struct line *, struct why *);
	void *arg;
};

/* 1: lines holds what is in it; 0: sealed to others; -1 with *w. */
static int
open_entry(struct reading *r, const char *text, size_t n, struct why *w)
{
	size_t used;
	long len;
	int i, got = 0;

	while (n > 0 && text[n - 1] == '=')
		n--;
	r->sealed.n = r->lines.n = 0;
	if ((len = age_unbase64(room(&r->sealed, n), text, n)) < 0)
		return why_set(w, EXIT_DATA, "torn, or not base64");
	age_head_reset(r->head);
	if (age_head_feed(r->head, r->sealed.p, (size_t)len, &used, w) != 1)
		return why_set(w, EXIT_DATA, "not sealed by age");
	for (i = 0; got == 0 && i < r->keys->n; i++)
		got = age_unwrap_x25519(
		    r->head, r->keys->identity[i], r->work->file, w);
	if (got <= 0)
		return got;
	if (age_payload_key(r->head, r->work->file, r->work->payload, w) < 0)
		return -1;
	payload_begin(
	    r->payload, PAYLOAD_OPEN, r->work->payload, gather, &r->lines);
	if (payload_put(r->payload, r->sealed.p + used, (size_t)len - used, w) <
	    0)
		return -1;
	return payload_end(r->payload, w) < 0 ? -1 : 1;
}

/* Hand out the lines of an entry.  1; 0: damaged; -1: *w, fn's failure. */
static int
hand_out(struct reading *r, struct why *w)
{
	int fd = memfd_create("ledger", MFD_CLOEXEC), got;
	struct linein *in;
	struct line l;

	if (fd < 0 || out_write(fd, r->lines.p, r->lines.n, w) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		die(EXIT_IO, "out of memory");
	in = linein_open(fd, "ledger", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, w)) == 1)
		if (r->fn(r->arg, &l, w) < 0)
			break;
	line_free(&l);
	linein_free(in);
	close(fd);
	return got == 1 ? -1 : got == 0;
}

static int
read_lines(struct reading *r, const char *path, FILE *f, unsigned long *bad,
    unsigned long *closed, struct why *w)
{
	unsigned long number = 0;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int got = 1;

	while (got >= 0 && (n = getline(&text, &size, f)) > 0) {
		struct why why = { 0 };

		number++;
		if (text[n - 1] == '\n')
			n--;
		if (n == 0)
			continue;
		got = open_entry(r, text, (size_t)n, &why);
		if (got == 1) {
			got = hand_out(r, w);
			if (got < 0)
				break;
			if (got == 1)
				continue;
			why = *w;
			got = -1;
		}
		if (got == 0)
			say_warning(
			    "%s: line %lu: sealed to others", path, number);
		else
			say_error("%s: line %lu: %s", path, number, why.text);
		++*(got == 0 ? closed : bad);
		got = 1;
	}
	free(text);
	if (got >= 0 && ferror(f))
		return why_set(w, EXIT_IO, "%s: cannot be read", path);
	return got < 0 ? -1 : 0;
}

int
ledger_read(const char *path, const struct ledger_keys *k,
    int (*fn)(void *, const struct line *, struct why *), void *arg,
    unsigned long *bad, unsigned long *closed, struct why *w)
{
	struct reading r = { .keys = k, .fn = fn, .arg = arg };
	int fd = opt_open(path, O_RDONLY, w), got;
	FILE *f;

	if (fd < 0)
		return -1;
	if ((f = fdopen(fd, "r")) == NULL)
		die(EXIT_IO, "out of memory");
	r.work = secret_alloc(sizeof *r.work);
	r.head = age_head_new();
	r.payload = payload_new();
	got = read_lines(&r, path, f, bad, closed, w);
	fclose(f);
	secret_free(r.work, sizeof *r.work);
	age_head_free(r.head);
	payload_free(r.payload);
	free(r.sealed.p);
	free(r.lines.p);
	return got;
}
