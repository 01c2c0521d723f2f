#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "out.h"
#include "secret.h"
#include "word.h"

#define BUF (2 * LINE_MAX_BYTES) /* also LINE_SECRET_COST */
#define END ".end"
#define END_NAME "%2Eend" /* how a name that is END is written */

static void *
take(size_t n, bool secret)
{
	void *p = secret ? secret_alloc(n) : malloc(n);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
give(void *p, size_t n, bool secret)
{
	if (secret)
		secret_free(p, n);
	else
		free(p);
}

void
line_init(struct line *l, bool secret)
{
	memset(l, 0, sizeof *l);
	l->secret = secret;
}

void
line_reset(struct line *l)
{
	if (l->secret && l->used > 0)
		secret_clear(l->buf, l->used);
	l->name = NULL;
	l->fields = 0;
	l->used = 0;
}

void
line_free(struct line *l)
{
	if (l->buf != NULL)
		give(l->buf, l->size, l->secret);
	line_init(l, l->secret);
}

struct line *
lines_new(unsigned n, bool secret)
{
	struct line *l = calloc(n, sizeof *l);
	unsigned i;

	if (l == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		line_init(&l[i], secret);
	return l;
}

void
lines_free(struct line *l, unsigned n)
{
	unsigned i;

	for (i = 0; l != NULL && i < n; i++)
		line_free(&l[i]);
	free(l);
}

static char *
room(struct line *l, size_t n)
{
	if (l->buf == NULL) {
		l->buf = take(BUF, l->secret);
		l->size = BUF;
	}
	if (n > l->size - l->used)
		die(EXIT_DATA, "a line would be longer than %d bytes",
		    LINE_MAX_BYTES);
	return l->buf + l->used;
}

static char *
keep(struct line *l, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = room(l, n);

	memcpy(p, s, n);
	l->used += n;
	return p;
}

static char *
keep_encoded(struct line *l, const void *bytes, size_t n)
{
	char *p = room(l, WORD_MAX(n));

	l->used += word_encode(p, bytes, n) + 1;
	return p;
}

void
line_set_name(struct line *l, const void *bytes, size_t n)
{
	if (n == sizeof END - 1 && memcmp(bytes, END, n) == 0)
		l->name = keep(l, END_NAME);
	else
		l->name = keep_encoded(l, bytes, n);
}

void
line_set_name_word(struct line *l, const char *word)
{
	l->name = keep(l, word);
}

static struct line_field *
find(const struct line *l, const char *key)
{
	int i;

	for (i = 0; i < l->fields; i++)
		if (l->field[i].key[0] == key[0] &&
		    strcmp(l->field[i].key, key) == 0)
			return (struct line_field *)&l->field[i];
	return NULL;
}

static struct line_field *
add(struct line *l, const char *key)
{
	struct line_field *f;

	if (l->fields == LINE_MAX_FIELDS)
		die(EXIT_DATA, "a line would have more than %d fields",
		    LINE_MAX_FIELDS);
	f = &l->field[l->fields++];
	f->key = keep(l, key);
	return f;
}

static struct line_field *
slot(struct line *l, const char *key)
{
	struct line_field *f = find(l, key);

	return f ? f : add(l, key);
}

void
line_add_word(struct line *l, const char *key, const char *word)
{
	add(l, key)->word = keep(l, word);
}

void
line_set(struct line *l, const char *key, const void *bytes, size_t n)
{
	slot(l, key)->word = keep_encoded(l, bytes, n);
}

void
line_set_word(struct line *l, const char *key, const char *word)
{
	slot(l, key)->word = keep(l, word);
}

void
line_set_number(struct line *l, const char *key, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", n);
	line_set_word(l, key, text);
}

void
line_unset(struct line *l, const char *key)
{
	struct line_field *f = find(l, key);

	if (f == NULL)
		return;
	if (l->secret)
		secret_clear(f->word, strlen(f->word));
	memmove(f, f + 1, (size_t)(&l->field[--l->fields] - f) * sizeof *f);
}

void
line_copy(struct line *to, const struct line *from)
{
	int i;

	line_reset(to);
	line_set_name_word(to, from->name);
	for (i = 0; i < from->fields; i++)
		line_set_word(to, from->field[i].key, from->field[i].word);
}

const char *
line_word(const struct line *l, const char *key)
{
	const struct line_field *f = find(l, key);

	return f ? f->word : NULL;
}

const char *
line_id(const struct line *l)
{
	const char *guid = line_word(l, "guid");

	return guid ? guid : l->name;
}

static long
text(const char *word, const char *what, char *out, size_t size, struct why *w)
{
	size_t n = strlen(word);
	char *tmp;
	long k;

	if (size > n) {
		k = word_decode(out, word, n);
	} else { /* the word may be longer than what it says */
		if ((tmp = malloc(n)) == NULL)
			return why_set(w, EXIT_IO, "out of memory");
		k = word_decode(tmp, word, n);
		if (k >= 0 && (size_t)k < size)
			memcpy(out, tmp, (size_t)k);
		free(tmp);
	}
	if (k < 0)
		return why_set(w, EXIT_DATA, "%s: not a word", what);
	if ((size_t)k >= size)
		return why_set(w, EXIT_DATA, "%s: too long", what);
	if (memchr(out, 0, (size_t)k) != NULL)
		return why_set(w, EXIT_DATA, "%s: holds a NUL", what);
	out[k] = '\0';
	return k;
}

static const char *
need(const struct line *l, const char *key, struct why *w)
{
	const char *word = line_word(l, key);

	if (word == NULL)
		why_set(w, EXIT_DATA, "has no %s=", key);
	return word;
}

long
line_text(const struct line *l, const char *key, char *out, size_t size,
    struct why *w)
{
	const char *word = need(l, key, w);

	return word ? text(word, key, out, size, w) : -1;
}

long
line_name(const struct line *l, char *out, size_t size, struct why *w)
{
	if (strcmp(l->name, END_NAME) == 0 && size > sizeof END - 1) {
		memcpy(out, END, sizeof END);
		return sizeof END - 1;
	}
	return text(l->name, "name", out, size, w);
}

int
line_number(
    const struct line *l, const char *key, unsigned long long *n, struct why *w)
{
	const char *word = need(l, key, w), *p;

	if (word == NULL)
		return -1;
	*n = 0;
	for (p = word; *p >= '0' && *p <= '9' && p - word < 19; p++)
		*n = *n * 10 + (unsigned long long)(*p - '0');
	if (p == word || *p != '\0' || (word[0] == '0' && word[1] != '\0'))
		return why_set(w, EXIT_DATA, "%s=: not a number", key);
	return 0;
}

int
line_hex(
    const struct line *l, const char *key, void *out, size_t n, struct why *w)
{
	const char *word = need(l, key, w);

	if (word == NULL)
		return -1;
	if (strlen(word) != 2 * n || hex_decode(out, n, word) < 0)
		return why_set(
		    w, EXIT_DATA, "%s=: not %zu bytes of hex", key, n);
	return 0;
}

struct linein {
	const char *what;
	void (*idle)(void *);
	void *arg;
	char *buf;
	size_t at, len; /* unread bytes of buf */
	unsigned long count;
	int fd;
	bool secret, eof;
};

struct linein *
linein_open(int fd, const char *what, bool secret)
{
	struct linein *in = calloc(1, sizeof *in);

	if (in == NULL)
		die(EXIT_IO, "out of memory");
	in->buf = take(BUF, secret);
	in->fd = fd;
	in->what = what;
	in->secret = secret;
	fcntl(fd, F_SETPIPE_SZ, 1 << 18);
	return in;
}

void
linein_on_idle(struct linein *in, void (*fn)(void *), void *arg)
{
	in->idle = fn;
	in->arg = arg;
}

/* Get more bytes: 1, 0 at the end of input, -1. */
static int
fill(struct linein *in, struct why *w)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };
	ssize_t k;

	if (in->eof)
		return 0;
	if (in->at > 0) {
		memmove(in->buf, in->buf + in->at, in->len);
		if (in->secret)
			secret_clear(in->buf + in->len, in->at);
		in->at = 0;
	}
	if (in->idle != NULL && poll(&p, 1, 0) == 0)
		in->idle(in->arg);
	do
		k = read(in->fd, in->buf + in->len, BUF - in->len);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return why_set(w, EXIT_IO, "%s: %s", in->what, strerror(errno));
	in->len += (size_t)k;
	in->eof = k == 0;
	return k > 0;
}

/* Find the next whole line: its length with newline, 0 at the end, or -1. */
static long
whole(struct linein *in, struct why *w)
{
	size_t seen = 0;
	char *nl;
	int got;

	for (;;) {
		nl = memchr(in->buf + in->at + seen, '\n', in->len - seen);
		if (nl != NULL) {
			seen = (size_t)(nl - (in->buf + in->at)) + 1;
			break;
		}
		seen = in->len;
		if (seen >= LINE_MAX_BYTES)
			break;
		if ((got = fill(in, w)) < 0)
			return -1;
		if (got == 0 && in->len > 0)
			return why_set(w, EXIT_DATA,
			    "%s: cut short in line %lu", in->what,
			    in->count + 1);
		if (got == 0)
			return 0;
	}
	if (seen > LINE_MAX_BYTES || nl == NULL)
		return why_set(w, EXIT_DATA,
		    "%s: line %lu is longer than %d bytes", in->what,
		    in->count + 1, LINE_MAX_BYTES);
	return (long)seen;
}

/* n bytes that need no escape; eight at a time, as lines are mostly these. */
static bool
all_plain(const char *s, size_t n)
{
	const uint64_t one = ~(uint64_t)0 / 255, high = one << 7;
	uint64_t bad = 0, x, y;

	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&x, s, 8);
		y = x ^ one * '%';
		bad |= (x - one * 0x21) & ~x; /* below 0x21 */
		bad |= (x + one) | x;         /* above 0x7e */
		bad |= (y - one) & ~y;        /* a '%' */
	}
	for (; n > 0; s++, n--)
		if (*s <= 0x20 || *s >= 0x7f || *s == '%')
			return false;
	return (bad & high) == 0;
}

static bool
word_ok(const char *s, size_t n)
{
	static char scratch[LINE_MAX_BYTES]; /* escapes: rare, never secret */

	return n > 0 && (all_plain(s, n) || word_decode(scratch, s, n) >= 0);
}

static bool
key_ok(const char *s)
{
	if (*s < 'a' || *s > 'z')
		return false;
	while ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
	       *s == '_' || *s == '.' || *s == '-')
		s++;
	return *s == '\0';
}

/* End the piece that begins at p: its length; *next is where one follows. */
static size_t
piece(char *p, char **next)
{
	char *tab = strchrnul(p, '\t');

	*next = *tab ? tab + 1 : NULL;
	*tab = '\0';
	return (size_t)(tab - p);
}

/* Split what is in l->buf in place; what is wrong with it, or NULL. */
static const char *
split(struct line *l)
{
	char *p = l->buf, *next, *eq;
	size_t n = piece(p, &next);

	l->name = p;
	if (!word_ok(p, n) && strcmp(p, END_NAME) != 0)
		return "the name is not a word";
	while ((p = next) != NULL) {
		n = piece(p, &next);
		if ((eq = memchr(p, '=', n)) == NULL)
			return "a field has no =";
		*eq++ = '\0';
		if (!key_ok(p))
			return "a field has a bad key";
		if (!word_ok(eq, n - (size_t)(eq - p)))
			return "a field's value is not a word";
		if (find(l, p) != NULL)
			return "a field comes twice";
		if (l->fields == LINE_MAX_FIELDS)
			return "it has too many fields";
		l->field[l->fields].key = p;
		l->field[l->fields++].word = eq;
	}
	return NULL;
}

/* The line after the last: right count, and nothing more. */
static int
end(struct linein *in, const char *line, struct why *w)
{
	char want[40];

	snprintf(want, sizeof want, END "\t%lu", in->count);
	if (strcmp(line, want) != 0)
		return why_set(w, EXIT_DATA,
		    "%s: wrong count, lines were lost or added", in->what);
	if (in->len > 0 || fill(in, w) > 0)
		return why_set(
		    w, EXIT_DATA, "%s: more after %s", in->what, END);
	return in->eof ? 0 : -1;
}

int
linein_next(struct linein *in, struct line *l, struct why *w)
{
	const char *wrong;
	long n;

	line_reset(l);
	if ((n = whole(in, w)) < 0)
		return -1;
	if (n == 0)
		return why_set(
		    w, EXIT_DATA, "%s: cut short, no %s line", in->what, END);
	memcpy(room(l, (size_t)n), in->buf + in->at, (size_t)n);
	l->buf[n - 1] = '\0';
	l->used = (size_t)n;
	if (in->secret)
		secret_clear(in->buf + in->at, (size_t)n);
	in->at += (size_t)n;
	in->len -= (size_t)n;
	if (memchr(l->buf, 0, (size_t)n - 1) != NULL)
		return why_set(w, EXIT_DATA, "%s: line %lu holds a NUL",
		    in->what, in->count + 1);
	if (strncmp(l->buf, END, sizeof END - 1) == 0 &&
	    (l->buf[sizeof END - 1] == '\t' || l->buf[sizeof END - 1] == '\0'))
		return end(in, l->buf, w);
	if ((wrong = split(l)) != NULL)
		return why_set(w, EXIT_DATA, "%s: line %lu: %s", in->what,
		    in->count + 1, wrong);
	in->count++;
	return 1;
}

const char *
line_parse(struct line *l, const char *text, size_t n)
{
	line_reset(l);
	if (n == 0 || n > LINE_MAX_BYTES || text[n - 1] != '\n')
		return "it is too long";
	if (memchr(text, 0, n) != NULL)
		return "it holds a NUL";
	memcpy(room(l, n), text, n);
	l->buf[n - 1] = '\0';
	l->used = n;
	return split(l);
}

unsigned long
linein_count(const struct linein *in)
{
	return in->count;
}

void
linein_free(struct linein *in)
{
	if (in == NULL)
		return;
	give(in->buf, BUF, in->secret);
	free(in);
}

struct lineout {
	const char *what;
	char *buf;
	size_t len;
	unsigned long count;
	int fd;
	bool secret;
};

struct lineout *
lineout_open(int fd, const char *what, bool secret)
{
	struct lineout *out = calloc(1, sizeof *out);

	if (out == NULL)
		die(EXIT_IO, "out of memory");
	out->buf = take(BUF, secret);
	out->fd = fd;
	out->what = what;
	out->secret = secret;
	fcntl(fd, F_SETPIPE_SZ, 1 << 18);
	return out;
}

int
lineout_flush(struct lineout *out, struct why *w)
{
	struct why io;

	if (out_write(out->fd, out->buf, out->len, &io) < 0)
		return why_set(w, EXIT_IO, "%s: %s", out->what, io.text);
	if (out->secret)
		secret_clear(out->buf, out->len);
	out->len = 0;
	return 0;
}

void
lineout_idle(void *arg)
{
	struct why w = { 0 };

	if (lineout_flush(arg, &w) < 0)
		die_why(&w);
}

static char *
append(char *p, char c, const char *s)
{
	size_t n = strlen(s);

	if (c != '\0')
		*p++ = c;
	memcpy(p, s, n);
	return p + n;
}

int
lineout_text(struct lineout *out, const char *text, size_t n, struct why *w)
{
	const char *p, *end = text + n;
	struct why io;

	for (p = text; p < end; p = (const char *)rawmemchr(p, '\n') + 1)
		out->count++;
	if (n > BUF - out->len && lineout_flush(out, w) < 0)
		return -1;
	if (n <= BUF) {
		memcpy(out->buf + out->len, text, n);
		out->len += n;
		return 0;
	}
	return out_write(out->fd, text, n, &io) < 0
		   ? why_set(w, EXIT_IO, "%s: %s", out->what, io.text)
		   : 0;
}

int
lineout_put(struct lineout *out, const struct line *l, struct why *w)
{
	size_t n = strlen(l->name) + 1;
	char *p;
	int i;

	for (i = 0; i < l->fields; i++)
		n += strlen(l->field[i].key) + strlen(l->field[i].word) + 2;
	if (n > LINE_MAX_BYTES)
		return why_set(w, EXIT_DATA, "%s: a line of more than %d bytes",
		    out->what, LINE_MAX_BYTES);
	if (n > BUF - out->len && lineout_flush(out, w) < 0)
		return -1;
	p = append(out->buf + out->len, '\0', l->name);
	for (i = 0; i < l->fields; i++) {
		p = append(p, '\t', l->field[i].key);
		p = append(p, '=', l->field[i].word);
	}
	*p = '\n';
	out->len += n;
	out->count++;
	return 0;
}

int
lineout_end(struct lineout *out, struct why *w)
{
	char line[40];
	int n = snprintf(line, sizeof line, END "\t%lu\n", out->count);

	if ((size_t)n > BUF - out->len && lineout_flush(out, w) < 0)
		return -1;
	memcpy(out->buf + out->len, line, (size_t)n);
	out->len += (size_t)n;
	return lineout_flush(out, w);
}

unsigned long
lineout_count(const struct lineout *out)
{
	return out->count;
}

void
lineout_free(struct lineout *out)
{
	if (out == NULL)
		return;
	give(out->buf, BUF, out->secret);
	free(out);
}
