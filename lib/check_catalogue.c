#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "word.h"

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

	while (r->at == r->n) {
		catalogue_replicas_free(r->page, r->n);
		r->n = r->at = 0;
		if (r->last && r->below == r->prefixes)
			return 0;
		if (r->last)
			go_below(r, r->prefix[r->below++]);
		r->n = catalogue_replicas(
		    r->c->catalogue, r->after, r->end, r->page, PAGE, w);
		if (r->n < 0) {
			r->n = 0;
			return -1;
		}
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

int
check_replicas_elsewhere(
    struct check *c, char *const *prefix, unsigned n, struct why *w)
{
	char after[CHECK_SURL] = "", below[CHECK_SURL];
	struct catalogue_replica one;
	unsigned i;
	int got = 0;

	for (i = 0; i <= n && got == 0; i++) {
		strcpy(below, i < n ? prefix[i] : "\x7f");
		got =
		    catalogue_replicas(c->catalogue, after, below, &one, 1, w);
		if (got > 0)
			catalogue_replicas_free(&one, 1);
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

int
check_guids_next(void *arg, const char **key, struct why *w)
{
	struct check_guids *g = arg;
	unsigned char after[16];

	if (g->at == g->n && !g->last) {
		if (g->begun)
			memcpy(after, g->page[g->n - 1], sizeof after);
		g->n = catalogue_guids(
		    g->c->catalogue, g->begun ? after : NULL, g->page, PAGE, w);
		if (g->n < 0)
			return -1;
		g->at = 0;
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
	return catalogue_has_surl(c->catalogue, surl, w);
}

int
check_has_guid(struct check *c, const char *guid, struct why *w)
{
	unsigned char raw[16];

	if (hex_decode(raw, sizeof raw, guid) < 0)
		return why_set(w, EXIT_DATA, "not a GUID");
	return catalogue_has_guid(c->catalogue, raw, w);
}

int
check_lfn(struct check *c, const unsigned char guid[16], char lfn[CHECK_SURL],
    struct why *w)
{
	return catalogue_guid_lfn(c->catalogue, guid, lfn, CHECK_SURL, w);
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
	long long oldest, now;

	if (catalogue_begin(c->catalogue, w) < 0)
		return -1;
	now = catalogue_now(c->catalogue) + 1;
	if (catalogue_lease_oldest(c->catalogue, &oldest, w) < 0) {
		catalogue_rollback(c->catalogue);
		return -1;
	}
	*horizon = oldest < now ? oldest : now;
	return catalogue_commit(c->catalogue, w);
}

long long
check_serial(struct check *c, struct why *w)
{
	return catalogue_serial(c->catalogue, w);
}

int
check_has_mark(struct check *c, const char *mark, struct why *w)
{
	return catalogue_has_mark(c->catalogue, mark, w);
}

int
check_leave_mark(struct check *c, const char *mark, struct why *w)
{
	if (catalogue_begin(c->catalogue, w) < 0)
		return -1;
	if (catalogue_mark(c->catalogue, mark, w) < 0) {
		catalogue_rollback(c->catalogue);
		return -1;
	}
	return catalogue_commit(c->catalogue, w);
}
