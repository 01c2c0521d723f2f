#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "saved.h"
#include "secret.h"
#include "word.h"

static void
mark(unsigned char guid[16])
{
	static const char what[12] = "mdm saved v1";
	unsigned char text[sizeof what + 8], md[32];

	memcpy(text, what, sizeof what);
	memcpy(text + sizeof what, guid, 8);
	sha256(md, text, sizeof text);
	memcpy(guid + 8, md, 8);
}

void
saved_guid(char guid[SAVED_GUID])
{
	unsigned char raw[16];

	secret_random(raw, 8);
	mark(raw);
	hex_encode(guid, raw, sizeof raw);
}

bool
saved_is(const char *guid)
{
	unsigned char raw[16], want[16];

	if (hex_decode(raw, sizeof raw, guid) < 0)
		return false;
	memcpy(want, raw, 8);
	mark(want);
	return memcmp(raw, want, sizeof raw) == 0;
}

static const char head_name[] = "saved-manifest";

struct saved {
	long long when;
	unsigned long count;
	char *text; /* room for the head, then the lines */
	size_t used, size;
	struct line head;
};

enum { HEAD = 2048 }; /* bytes that a head is never longer than */

struct saved *
saved_new(void)
{
	struct saved *s = calloc(1, sizeof *s);

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	line_init(&s->head, false);
	return s;
}

void
saved_free(struct saved *s)
{
	if (s == NULL)
		return;
	line_free(&s->head);
	free(s->text);
	free(s);
}

void
saved_begin(struct saved *s, long long when)
{
	s->when = when;
	s->count = 0;
	s->used = HEAD;
}

static void
room(struct saved *s, size_t n)
{
	size_t size = s->size ? s->size : 1 << 20;

	while (size - s->used < n)
		size *= 2;
	if (size == s->size)
		return;
	if ((s->text = realloc(s->text, size)) == NULL)
		die(EXIT_IO, "out of memory");
	s->size = size;
}

/* A line as text at p: where it ends. */
static char *
write_line(char *p, const struct line *l)
{
	int i;

	p = stpcpy(p, l->name);
	for (i = 0; i < l->fields; i++) {
		*p++ = '\t';
		p = stpcpy(p, l->field[i].key);
		*p++ = '=';
		p = stpcpy(p, l->field[i].word);
	}
	*p++ = '\n';
	return p;
}

void
saved_add(struct saved *s, const struct line *l)
{
	room(s, LINE_MAX_BYTES + 64);
	s->used = (size_t)(write_line(s->text + s->used, l) - s->text);
	s->count++;
}

unsigned long
saved_count(const struct saved *s)
{
	return s->count;
}

/* What the head says of the lines below it. */
static void
describe(struct line *head, const char *text, size_t n)
{
	unsigned char md[32];
	char hex[65];

	sha256(md, text, n);
	hex_encode(hex, md, sizeof md);
	line_set_number(head, "size", n);
	line_set_word(head, "sha256", hex);
	hex[32] = '\0';
	line_set_word(head, "guid", hex);
}

const void *
saved_end(struct saved *s, const struct sign_key *key, size_t *n, struct why *w)
{
	char text[HEAD], *start;
	size_t len;

	room(s, 64);
	line_reset(&s->head);
	line_set_name_word(&s->head, head_name);
	describe(&s->head, s->text + HEAD, s->used - HEAD);
	line_set_number(&s->head, "gen", (unsigned long long)s->when);
	if (sign_line(key, &s->head, w) < 0)
		return NULL;
	len = (size_t)(write_line(text, &s->head) - text);
	start = s->text + HEAD - len;
	memcpy(start, text, len);
	len = (size_t)sprintf(s->text + s->used, ".end\t%lu\n", s->count + 1);
	*n = (size_t)(s->text + s->used + len - start);
	return start;
}

/* One line of text at *p, before end, into l; *p moves behind it. */
static int
take(struct line *l, const char **p, const char *end, struct why *w)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p)), *wrong;

	if (nl == NULL)
		return why_set(w, EXIT_DATA, "cut short");
	wrong = line_parse(l, *p, (size_t)(nl + 1 - *p));
	*p = nl + 1;
	return wrong ? why_set(w, EXIT_DATA, "%s", wrong) : 0;
}

/* Do the head and the last line fit what is between?  0 or -1. */
static int
check(const struct line *head, const char *text, const char *last,
    const char *end, const struct signers *signers, struct why *w)
{
	unsigned long long lines = 1;
	struct line want;
	char count[40];
	const char *p;
	int same;

	if (strcmp(head->name, head_name) != 0)
		return why_set(w, EXIT_DATA, "not a saved manifest");
	if (signers_check(signers, head, w) < 0)
		return -1;
	line_init(&want, false);
	describe(&want, text, (size_t)(last - text));
	same = strcmp(line_word(&want, "sha256"), line_word(head, "sha256"));
	line_free(&want);
	for (p = text; p < last; p++)
		lines += *p == '\n';
	snprintf(count, sizeof count, ".end\t%llu\n", lines);
	if (same != 0 || strlen(count) != (size_t)(end - last) ||
	    memcmp(count, last, strlen(count)) != 0)
		return why_set(w, EXIT_DATA, "its lines are not the signed");
	return 0;
}

int
saved_read(const char *bytes, size_t n, const struct signers *signers,
    saved_visit *fn, void *arg, struct why *w)
{
	const char *p = bytes, *end = bytes + n, *last = end;
	unsigned long long when;
	struct line l;
	int r = -1;

	line_init(&l, false);
	/* The last line begins after the newline before the last byte. */
	if (n > 1)
		last--;
	while (last > bytes && last[-1] != '\n')
		last--;
	if (take(&l, &p, end, w) == 0 &&
	    (p <= last || why_set(w, EXIT_DATA, "cut short") == 0) &&
	    check(&l, p, last, end, signers, w) == 0 &&
	    line_number(&l, "gen", &when, w) == 0)
		r = 0;
	while (r == 0 && p < last)
		if ((r = take(&l, &p, last, w)) == 0)
			r = fn(arg, (long long)when, &l, w);
	line_free(&l);
	return r;
}
