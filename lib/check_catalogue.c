#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "word.h"

/* What the catalogue is asked here is for its admins, lfc-api(5). */

#define PAGE 1000

/* Below each storage in turn: its prefix, and the first URL after all its. */
struct check_replicas {
	struct check *c;
	char *const *prefix;
	unsigned prefixes, below;
	struct catalogue_replica page[PAGE];
	int n, at; /* of page: how many, and those that were given */
	bool last; /* page, of this storage */
	char after[CHECK_SURL], end[CHECK_SURL];
};

/* The next page of a listing, by a function for each line. */
struct page {
	int (*take)(void *arg, const struct line *l, struct why *w);
	void *arg;
	struct line line;
};

static int
on_lines(void *arg, const char *text, size_t n, struct why *w)
{
	const char *p = text, *next, *wrong;
	struct page *g = arg;

	for (; p < text + n; p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		wrong = line_parse(&g->line, p, (size_t)(next - p));
		if (wrong != NULL)
			return why_set(
			    w, EXIT_DATA, "the catalogue: %s", wrong);
		if (g->take(g->arg, &g->line, w) < 0)
			return -1;
	}
	return 0;
}

static void
set(struct line *l, const char *key, const char *text)
{
	if (text != NULL && *text != '\0')
		line_set(l, key, text, strlen(text));
}

static int
list(struct check *c, const char *op, const char *after, const char *before,
    int max, struct page *g, struct why *w)
{
	const struct lfc_sink sink = { on_lines, NULL, g };
	struct line what;
	int got;

	line_init(&g->line, false);
	line_init(&what, false);
	line_set_name_word(&what, "-");
	set(&what, "after", after);
	set(&what, "before", before);
	line_set_number(&what, "max", (unsigned)max);
	got = lfc_list(c->catalogue, op, &what, &sink, w);
	line_free(&what);
	line_free(&g->line);
	return got > 0 ? 0 : -1;
}

/* One question, of one answer: 1, 0 if it is EXIT_NO, -1. */
static int
ask(struct check *c, const char *op, const char *name, const char *flag,
    struct line *out, struct why *w)
{
	struct line in;
	int got;

	line_init(&in, false);
	line_init(out, false);
	line_set_name_word(&in, name);
	if (flag != NULL)
		line_add_word(&in, flag, "1");
	got = lfc_one(c->catalogue, op, &in, out, w);
	line_free(&in);
	return got == 0 && w->code != EXIT_NO ? -1 : got;
}

static void *
make(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

struct check_replicas *
check_replicas_new(struct check *c, char *const *prefix, unsigned n)
{
	struct check_replicas *r = make(sizeof *r);

	r->c = c;
	r->prefix = prefix;
	r->prefixes = n;
	r->last = true;
	return r;
}

void
check_replicas_free(struct check_replicas *r)
{
	if (r == NULL)
		return;
	catalogue_replicas_free(r->page, r->n);
	free(r);
}

static int
take_replica(void *arg, const struct line *l, struct why *w)
{
	struct check_replicas *r = arg;
	struct catalogue_replica *p = &r->page[r->n];
	const char *status = line_word(l, "status");
	unsigned long long size;

	if (r->n == PAGE)
		return why_set(w, EXIT_DATA, "the catalogue: too long a page");
	memset(p, 0, sizeof *p);
	if (line_number(l, "size", &size, w) < 0 ||
	    line_hex(l, "guid", p->guid, sizeof p->guid, w) < 0 ||
	    line_hex(l, "sha256", p->sha256, sizeof p->sha256, w) < 0)
		return -1;
	p->size = (long long)size;
	p->status =
	    status && strcmp(status, "good") == 0        ? CATALOGUE_AVAILABLE
	    : status && strcmp(status, "populated") == 0 ? CATALOGUE_POPULATED
	    : status && strcmp(status, "deleted") == 0   ? CATALOGUE_DELETED
							 : CATALOGUE_BAD;
	if ((p->surl = strdup(l->name)) == NULL)
		die(EXIT_IO, "out of memory");
	r->n++;
	return 0;
}

/* A prefix ends in a slash: the byte after it ends what is below. */
static void
go_below(struct check_replicas *r, const char *prefix)
{
	strcpy(r->after, prefix);
	strcpy(r->end, prefix);
	r->end[strlen(prefix) - 1]++;
	r->last = false;
}

int
check_replicas_next(void *arg, const char **key, struct why *w)
{
	struct check_replicas *r = arg;
	struct page g = { .take = take_replica, .arg = r };

	while (r->at == r->n) {
		catalogue_replicas_free(r->page, r->n);
		r->n = r->at = 0;
		if (r->last && r->below == r->prefixes)
			return 0;
		if (r->last)
			go_below(r, r->prefix[r->below++]);
		if (list(r->c, "surls", r->after, r->end, PAGE, &g, w) < 0)
			return -1;
		r->last = r->n < PAGE;
		if (r->n == 0)
			continue;
		if (strlen(r->page[r->n - 1].surl) >= sizeof r->after)
			return why_set(w, EXIT_DATA,
			    "the catalogue has a surl that is too long");
		strcpy(r->after, r->page[r->n - 1].surl);
	}
	*key = r->page[r->at++].surl;
	return 1;
}

const struct catalogue_replica *
check_replica(const struct check_replicas *r)
{
	return &r->page[r->at - 1];
}

static int
take_any(void *arg, const struct line *l, struct why *w)
{
	(void)l, (void)w;
	*(int *)arg = 1;
	return 0;
}

int
check_replicas_elsewhere(
    struct check *c, char *const *prefix, unsigned n, struct why *w)
{
	char after[CHECK_SURL] = "", below[CHECK_SURL];
	int got = 0;
	struct page g = { .take = take_any, .arg = &got };
	unsigned i;

	for (i = 0; i <= n && got == 0; i++) {
		strcpy(below, i < n ? prefix[i] : "\x7f");
		if (list(c, "surls", after, below, 1, &g, w) < 0)
			return -1;
		strcpy(after, below);
		after[strlen(after) - 1]++;
	}
	return got;
}

struct check_guids {
	struct check *c;
	unsigned char page[PAGE][16];
	int n, at;
	bool last, begun;
	char text[33];
};

struct check_guids *
check_guids_new(struct check *c)
{
	struct check_guids *g = make(sizeof *g);

	g->c = c;
	return g;
}

void
check_guids_free(struct check_guids *g)
{
	free(g);
}

static int
take_guid(void *arg, const struct line *l, struct why *w)
{
	struct check_guids *g = arg;

	if (g->n == PAGE || strlen(l->name) != 32 ||
	    hex_decode(g->page[g->n], 16, l->name) < 0)
		return why_set(w, EXIT_DATA, "the catalogue: not a GUID");
	g->n++;
	return 0;
}

int
check_guids_next(void *arg, const char **key, struct why *w)
{
	struct check_guids *g = arg;
	struct page p = { .take = take_guid, .arg = g };
	char after[33] = "";

	if (g->at == g->n && !g->last) {
		if (g->begun)
			hex_encode(after, g->page[g->n - 1], 16);
		g->n = g->at = 0;
		if (list(g->c, "guids", after, NULL, PAGE, &p, w) < 0)
			return -1;
		g->begun = true;
		g->last = g->n < PAGE;
	}
	if (g->at == g->n)
		return 0;
	hex_encode(g->text, g->page[g->at++], 16);
	*key = g->text;
	return 1;
}

int
check_has_surl(struct check *c, const char *surl, struct why *w)
{
	struct line out;
	int got = ask(c, "whereis", surl, NULL, &out, w);

	line_free(&out);
	return got;
}

int
check_has_guid(struct check *c, const char *guid, struct why *w)
{
	return check_has_surl(c, guid, w);
}

int
check_lfn(struct check *c, const unsigned char guid[16], char lfn[CHECK_SURL],
    struct why *w)
{
	struct line out;
	char hex[33];
	int got;

	hex_encode(hex, guid, 16);
	got = ask(c, "whereis", hex, NULL, &out, w);
	if (got > 0)
		snprintf(lfn, CHECK_SURL, "%s",
		    line_word(&out, "lfn") ? line_word(&out, "lfn") : "-");
	line_free(&out);
	return got;
}

/* A number that the catalogue tells of itself: 1, 0 if it does not, -1. */
static int
about(struct check *c, const char *key, long long *n, struct why *w)
{
	unsigned long long number;
	struct line out;
	int got = ask(c, "info", "-", NULL, &out, w);

	if (got == 0)
		got = -1;
	if (got > 0 && line_word(&out, "oldest") == NULL &&
	    strcmp(key, "oldest") == 0)
		got = 0;
	if (got > 0 && line_number(&out, key, &number, w) < 0)
		got = -1;
	if (got > 0)
		*n = (long long)number;
	line_free(&out);
	return got;
}

int
check_now(struct check *c, struct why *w)
{
	return about(c, "now", &c->now, w) < 0 ? -1 : 0;
}

/*
 * An object is registered only under a lease that lives then, and a lease
 * covers only what was made after it began.  A lease that begins from now on
 * covers nothing that is listed already; one that has expired never lives
 * again.  So the oldest that lives now is all that is to be asked.
 */
int
check_horizon(struct check *c, long long *horizon, struct why *w)
{
	long long now;
	int got;

	if (about(c, "now", &now, w) < 0 ||
	    (got = about(c, "oldest", horizon, w)) < 0)
		return -1;
	if (got == 0 || *horizon > now + 1)
		*horizon = now + 1;
	return 0;
}

long long
check_serial(struct check *c, struct why *w)
{
	long long serial;

	return about(c, "serial", &serial, w) < 0 ? -1 : serial;
}

static int
mark(struct check *c, const char *word, const char *flag, struct why *w)
{
	struct line out;
	int got = ask(c, "mark", word, flag, &out, w);

	if (got == 0)
		got = -1;
	if (got > 0)
		got = line_word(&out, "there") != NULL &&
		      strcmp(line_word(&out, "there"), "1") == 0;
	line_free(&out);
	return got;
}

int
check_has_mark(struct check *c, const char *word, struct why *w)
{
	return mark(c, word, NULL, w);
}

int
check_leave_mark(struct check *c, const char *word, struct why *w)
{
	return mark(c, word, "set", w) < 0 ? -1 : 0;
}
