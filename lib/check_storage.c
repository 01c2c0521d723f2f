#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hash.h"
#include "merge.h"
#include "progress.h"
#include "saved.h"
#include "sorter.h"
#include "word.h"

#define SORT_MEMORY (8u << 20)

/*
 * What is on the storages, in the order of URLs.  Lists are sorted once more:
 * storages say in what order they please what they hold.
 */
struct stored {
	const char *surl; /* a word */
	int kind;         /* of grid_item */
	unsigned long long size;
	long long mtime;
	unsigned grid;
};

struct look {
	struct check *c;
	struct sorter *sorter;
	char **prefix;       /* each storage's, a word, sorted */
	unsigned *of;        /* its index in c->grid */
	unsigned at;         /* of prefix: which is being listed */
	unsigned long total; /* objects and uploads on the storages */
	unsigned long due;

	struct stored stored;
	char surl[CHECK_SURL];
	struct check_replicas *replicas;
	struct quarantine *list;
	const struct line *past;
};

enum { STORED, REGISTERED, PAST };

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The storages' prefixes in order; none lies in another. */
static int
order(struct look *k, struct why *w)
{
	struct check *c = k->c;
	unsigned i, j;

	for (i = 0; i < c->grids; i++) {
		const char *url = grid_url(c->grid[i]);
		size_t n = strlen(url);

		if ((k->prefix[i] = malloc(WORD_MAX(n + 1))) == NULL)
			die(EXIT_IO, "out of memory");
		n = word_encode(k->prefix[i], url, n);
		strcpy(k->prefix[i] + n, "/");
	}
	qsort(k->prefix, c->grids, sizeof *k->prefix, by_name);
	for (i = 0; i < c->grids; i++)
		for (j = 0; j < c->grids; j++) {
			const char *url = grid_url(c->grid[j]);
			char word[CHECK_SURL];

			word_encode(word, url, strlen(url));
			if (strlen(word) + 1 == strlen(k->prefix[i]) &&
			    strncmp(word, k->prefix[i], strlen(word)) == 0)
				k->of[i] = j;
		}
	for (i = 1; i < c->grids; i++)
		if (strncmp(k->prefix[i - 1], k->prefix[i],
			strlen(k->prefix[i - 1])) == 0)
			return why_set(w, EXIT_USAGE,
			    "%s: a storage in another, or twice",
			    grid_url(c->grid[k->of[i]]));
	return 0;
}

static int
take(void *arg, const struct grid_item *i, struct why *w)
{
	struct look *k = arg;
	char text[CHECK_SURL + 100];
	size_t n = strlen(i->path);

	progress_add(1, i->size);
	if (i->kind == GRID_OBJECT || i->kind == GRID_INCOMING)
		k->total++;
	if (n > GRID_SURL / 2)
		return 0; /* nothing of ours has such a name */
	strcpy(text, k->prefix[k->at]);
	n = strlen(text) + word_encode(text + strlen(text), i->path, n);
	snprintf(text + n, sizeof text - n, "\t%d %llu %lld %u", (int)i->kind,
	    i->size, i->mtime, k->of[k->at]);
	return sorter_add(k->sorter, text, w);
}

static int
next_stored(void *arg, const char **key, struct why *w)
{
	struct look *k = arg;
	struct stored *s = &k->stored;
	const char *text, *tab;
	int got = sorter_next(k->sorter, &text, w);

	if (got <= 0)
		return got;
	if ((tab = strchr(text, '\t')) == NULL ||
	    sscanf(tab, "\t%d %llu %lld %u", &s->kind, &s->size, &s->mtime,
		&s->grid) != 4)
		return why_set(w, EXIT_BUG, "a line that was not ours");
	memcpy(k->surl, text, (size_t)(tab - text));
	k->surl[tab - text] = '\0';
	*key = s->surl = k->surl;
	return 1;
}

static int
next_past(void *arg, const char **key, struct why *w)
{
	struct look *k = arg;
	int got = quarantine_next(k->list, &k->past, w);

	if (got > 0)
		*key = k->past->name;
	return got;
}

/* The storage and the path of a SURL, a word. */
static struct grid *
place(const struct look *k, const char *word, const char **path,
    char surl[GRID_SURL])
{
	unsigned i;
	long n = strlen(word) < GRID_SURL
		     ? word_decode(surl, word, strlen(word))
		     : -1;

	surl[n < 0 ? 0 : n] = '\0';
	for (i = 0; n > 0 && i < k->c->grids; i++)
		if ((*path = grid_path(k->c->grid[i], surl)) != NULL)
			return k->c->grid[i];
	*path = NULL;
	return NULL;
}

/* Its LFN as the name of what is found; "?" if it has none. */
static int
found_entry(struct look *k, const struct catalogue_replica *r, const char *kind,
    struct why *w)
{
	char lfn[CHECK_SURL];
	int got = check_lfn(k->c, r->guid, lfn, w);

	if (got < 0)
		return -1;
	check_found(k->c, got ? lfn : "?", kind);
	line_set_word(&k->c->found, "surl", r->surl);
	line_set_number(&k->c->found, "size", (unsigned long long)r->size);
	return 0;
}

/* A replica that the list did not show, or showed in another size. */
static int
lost(struct look *k, const struct catalogue_replica *r, struct why *w)
{
	unsigned long long size = 0;
	char surl[GRID_SURL];
	const char *path;
	struct grid *g = place(k, r->surl, &path, surl);
	long long mtime;
	int there = 0, got;

	if (g != NULL && (there = grid_stat(g, path, &size, &mtime, w)) < 0)
		return -1;
	if (there && (long long)size == r->size)
		return 0;
	/* The catalogue last: it may have been removed on purpose. */
	if ((got = check_has_surl(k->c, r->surl, w)) <= 0)
		return got;
	if (found_entry(k, r, "lost", w) < 0)
		return -1;
	if (there)
		line_set_number(&k->c->found, "found", size);
	return k->c->report(k->c, w);
}

/* Is it in the part that this run reads?  GUIDs are random, so is the part. */
static bool
chosen(const struct check *c, const unsigned char guid[16])
{
	unsigned at = (unsigned)(guid[14] << 8 | guid[15]) % 10000;

	return (at + 10000 - c->verify_from) % 10000 < c->verify;
}

/* Read it.  1: it is what it should be; 0; -1. */
static int
intact(struct grid *g, const char *path, const struct catalogue_replica *r,
    struct why *w)
{
	static unsigned char buf[1 << 18];
	static struct sums sums;
	unsigned long long size;
	struct sums_text t;
	char want[65];
	struct grid_get *get;
	long n;

	if ((get = grid_get_open(g, path, 0, -1, &size, w)) == NULL)
		return -1;
	sums_begin(&sums);
	while ((n = grid_get_read(get, buf, sizeof buf, w)) > 0)
		sums_add(&sums, buf, (size_t)n);
	grid_get_close(get);
	if (n < 0)
		return -1;
	sums_end(&sums, &t);
	hex_encode(want, r->sha256, 32);
	return strcmp(t.sha256, want) == 0;
}

static int
verify(struct look *k, const struct catalogue_replica *r, struct why *w)
{
	char surl[GRID_SURL];
	const char *path;
	struct grid *g = place(k, r->surl, &path, surl);
	int got = g ? intact(g, path, r, w) : 0;

	if (got > 0)
		return 0;
	if (got < 0) {
		/* Damage may be why it cannot be read: say so, and go on. */
		if (w->code == EXIT_FEW)
			return lost(k, r, w);
		if (w->code != EXIT_IO && w->code != EXIT_DATA)
			return -1;
		say_error("%s: %s", r->surl, w->text);
		k->c->failures += w->code == EXIT_IO;
	}
	if ((got = check_has_surl(k->c, r->surl, w)) <= 0)
		return got;
	if (found_entry(k, r, "corrupt", w) < 0)
		return -1;
	return k->c->report(k->c, w);
}

/* Since when it is known as garbage: now, unless the old list has it. */
static long long
since(struct check *c, const struct line *past)
{
	unsigned long long t;
	struct why ignored;

	if (past != NULL && line_number(past, "since", &t, &ignored) == 0 &&
	    (long long)t < c->now)
		return (long long)t;
	return c->now;
}

/* A saved manifest belongs here for as long as it has a key.  1, 0, -1. */
static int
kept_for_rebuild(struct look *k, const char *surl, struct why *w)
{
	const char *name = strrchr(surl, '/');
	bool has[255];
	unsigned n;

	if (name == NULL || !saved_is(name + 1))
		return 0;
	if (k->c->store == NULL)
		return 1;
	if (check_has_share(k->c, name + 1, has, &n, w) < 0)
		return -1;
	return n > 0;
}

/* Something that no replica names: onto the list. */
static int
dark(struct look *k, const struct line *past, struct why *w)
{
	struct stored *s = &k->stored;
	struct check *c = k->c;
	struct line *l = &c->found;
	bool ours = s->kind == GRID_OBJECT || s->kind == GRID_INCOMING;
	long long t = since(c, past);
	int got;

	if ((got = check_has_surl(c, s->surl, w)) != 0)
		return got < 0 ? -1 : 0;
	if (s->kind == GRID_OBJECT &&
	    (got = kept_for_rebuild(k, s->surl, w)) != 0)
		return got < 0 ? -1 : 0;
	check_found(c, s->surl,
	    s->kind == GRID_OBJECT     ? "dark"
	    : s->kind == GRID_INCOMING ? "incoming"
				       : "foreign");
	line_set_number(l, "size", s->size);
	line_set_number(
	    l, "mtime", s->mtime < 0 ? 0 : (unsigned long long)s->mtime);
	if (!ours)
		return c->report(c, w);
	line_set_number(l, "since", (unsigned long long)t);
	k->due += check_due(c, s->mtime, t);
	return quarantine_add(k->list, l, w);
}

/* On the old list, and on a storage that was not looked at: it stays there. */
static int
carry(struct look *k, struct why *w)
{
	unsigned i;

	for (i = 0; i < k->c->grids; i++)
		if (strncmp(
			k->past->name, k->prefix[i], strlen(k->prefix[i])) == 0)
			return 0;
	return quarantine_add(k->list, k->past, w);
}

static int
compare(struct look *k, struct why *w)
{
	struct merge_stream s[] = {
		[STORED] = { .next = next_stored,
		    .arg = k,
		    .what = "a storage" },
		[REGISTERED] = { .next = check_replicas_next,
		    .arg = k->replicas,
		    .what = "the catalogue" },
		[PAST] = { .next = next_past,
		    .arg = k,
		    .what = "the list of garbage" },
	};
	const struct catalogue_replica *r;
	struct merge m;
	const char *key;
	int got, ok = 0;

	merge_begin(&m, s, 3);
	while (ok == 0 && (got = merge_next(&m, &key, w)) > 0) {
		r = s[REGISTERED].here ? check_replica(k->replicas) : NULL;
		if (s[STORED].here && r == NULL)
			ok = dark(k, s[PAST].here ? k->past : NULL, w);
		else if (r != NULL && (!s[STORED].here ||
					  (long long)k->stored.size != r->size))
			ok = lost(k, r, w);
		else if (r != NULL && chosen(k->c, r->guid))
			ok = verify(k, r, w);
		else if (r == NULL)
			ok = carry(k, w);
	}
	merge_end(&m);
	return ok < 0 || got < 0 ? -1 : quarantine_turn(k->list, w);
}

/* What was removed is said when it is durable. */
static int
settle(struct look *k, struct line *wait, unsigned *n, struct why *w)
{
	struct check *c = k->c;
	unsigned i;

	for (i = 0; i < c->grids && c->repair && *n > 0; i++)
		if (grid_sync(c->grid[i], w) < 0)
			return -1;
	for (i = 0; i < *n; i++) {
		line_copy(&c->found, &wait[i]);
		if (c->report(c, w) < 0)
			return -1;
	}
	*n = 0;
	return 0;
}

/* Remove what l names, if it may go by now.  1: show it; 0; -1. */
static int
collect(struct look *k, struct line *l, long long horizon, struct why *w)
{
	struct check *c = k->c;
	unsigned long long made, seen;
	char surl[GRID_SURL];
	const char *path, *why;
	struct grid *g = place(k, l->name, &path, surl);
	int got;

	if (g == NULL)
		return 0; /* of another storage */
	if (line_number(l, "mtime", &made, w) < 0 ||
	    line_number(l, "since", &seen, w) < 0)
		return -1;
	why = check_kept(c, (long long)made, (long long)seen, horizon);
	if (!c->repair || why != NULL) {
		if (c->repair)
			line_set_word(l, "kept", why);
		return 1;
	}
	if ((got = check_has_surl(c, l->name, w)) != 0)
		return got < 0 ? -1 : 0;
	if (grid_remove(g, path, w) < 0) {
		say_error("%s: %s", l->name, w->text);
		line_set_word(l, "kept", "error");
		c->failures++;
	} else {
		line_set_word(l, "done", "removed");
	}
	return 1;
}

static int
sweep(struct look *k, struct why *w)
{
	static struct line wait[CHECK_BATCH];
	const struct line *l;
	long long horizon;
	unsigned n = 0;
	int got, show;

	check_too_many(k->c, "objects", k->due, k->total);
	if (check_horizon(k->c, &horizon, w) < 0)
		return -1;
	while ((got = quarantine_next(k->list, &l, w)) > 0) {
		line_copy(&wait[n], l);
		if ((show = collect(k, &wait[n], horizon, w)) < 0)
			return -1;
		n += (unsigned)show;
		if (n == CHECK_BATCH && settle(k, wait, &n, w) < 0)
			return -1;
	}
	return got < 0 ? -1 : settle(k, wait, &n, w);
}

static int
list_all(struct look *k, struct why *w)
{
	for (k->at = 0; k->at < k->c->grids; k->at++)
		if (grid_list(k->c->grid[k->of[k->at]], take, k, w) < 0)
			return -1;
	return 0;
}

static int
look_around(struct look *k, struct why *w)
{
	int got = check_replicas_elsewhere(k->c, k->prefix, k->c->grids, w);

	k->c->everywhere = got == 0;
	return got < 0 ? -1 : 0;
}

int
check_storages(struct check *c, struct why *w)
{
	struct look *k = calloc(1, sizeof *k);
	unsigned i;
	int r = -1;

	if (k == NULL ||
	    (k->prefix = calloc(c->grids, sizeof *k->prefix)) == NULL ||
	    (k->of = calloc(c->grids, sizeof *k->of)) == NULL)
		die(EXIT_IO, "out of memory");
	k->c = c;
	if (order(k, w) == 0 &&
	    (k->sorter = sorter_new(SORT_MEMORY, w)) != NULL &&
	    (k->list = check_list(c, "objects", w)) != NULL) {
		k->replicas = check_replicas_new(c, k->prefix, c->grids);
		if (list_all(k, w) == 0 && compare(k, w) == 0 &&
		    look_around(k, w) == 0)
			r = sweep(k, w);
	}
	check_replicas_free(k->replicas);
	quarantine_free(k->list);
	sorter_free(k->sorter);
	for (i = 0; i < c->grids; i++)
		free(k->prefix[i]);
	free(k->prefix);
	free(k->of);
	free(k);
	return r;
}
