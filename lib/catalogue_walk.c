/* Listings: an ordered walk through directories, a page at a time. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

#define PAGE 1000 /* entries read at once: also in the SQL below */

/* Where a walk is, and for each level the last subdirectory entered. */
struct walk {
	struct catalogue *c;
	catalogue_visit *visit;
	void *arg;
	bool stop;
	int depth;
	char dir[LFN_WORD + 1];
	struct walk_level {
		long long id;
		size_t len; /* of dir above this level */
		char last[NAME_WORD];
	} level[CATALOGUE_DEPTH + 1];
};

/* As visit(). */
static int
show(struct walk *k, const struct catalogue_entry *e, struct why *w)
{
	int got;

	k->c->walk_dir = k->level[k->depth].id;
	got = k->visit(k->arg, k->dir, e, w);
	k->stop = got == 1;
	return got;
}

int
catalogue_walk_may(struct catalogue *c, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	int got;

	if (c->who == NULL)
		return 0;
	if ((got = entry_by_id(c, c->walk_dir, &e, w)) < 0)
		return -1;
	if (got == 0)
		return why_set(w, EXIT_NO, "no such directory");
	r = rights_of(&e);
	return may(c, &r, PACL_R, w) < 0 ? -1 : may(c, &r, PACL_X, w);
}

/* Visit a page of the deepest level, after the name last: how many, or -1. */
static int
visit_page(struct walk *k, char last[NAME_WORD], long long *dirs, struct why *w)
{
	struct catalogue *c = k->c;
	struct catalogue_entry e;
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS("") " FROM entry"
					" WHERE parent = ?1 AND name > ?2"
					" ORDER BY name LIMIT 1000",
	    w);
	int got, n = 0;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, k->level[k->depth].id);
	db_bind_text(s, 2, last);
	page_begin(c, &e, k->level[k->depth].id, last);
	while (!k->stop && (got = db_step(s, w)) > 0) {
		entry_fill(c, s, 0, &e);
		*dirs += e.dir;
		if ((got = show(k, &e, w)) < 0 || ++n == PAGE)
			break;
	}
	page_end(c);
	if (n == PAGE)
		snprintf(last, NAME_WORD, "%s", e.name);
	db_reset(s);
	return got < 0 ? -1 : n;
}

/*
 * Visit the entries of the deepest level, from the beginning or after a name:
 * how many are directories, or -1.
 */
static long long
visit_all(struct walk *k, const char *after, struct why *w)
{
	char last[NAME_WORD] = "";
	long long dirs = 0;
	int n, got;

	if (after != NULL)
		snprintf(last, sizeof last, "%s", after);
	else if ((got = show(k, NULL, w)) != 0)
		return got < 0 ? -1 : 0; /* stopped, or skipped */
	while ((n = visit_page(k, last, &dirs, w)) == PAGE && !k->stop)
		;
	/* What came before last may have been directories. */
	return n < 0 ? -1 : after ? 1 : dirs;
}

/* Enter directory name of the deepest level: 0, or -1. */
static int
enter(struct walk *k, long long id, const char *name, struct why *w)
{
	struct walk_level *l;

	if (k->depth == CATALOGUE_DEPTH)
		return why_set(w, EXIT_DATA, "directories are too deep");
	k->dir[k->level[k->depth].len] = '\0';
	if (path_append(k->dir, sizeof k->dir, name, w) < 0)
		return -1;
	l = &k->level[++k->depth];
	l->id = id;
	l->len = strlen(k->dir);
	l->last[0] = '\0';
	return 0;
}

/* Go to the next subdirectory of the deepest level: 1, 0 at the end, -1. */
static int
descend(struct walk *k, struct why *w)
{
	struct walk_level *l = &k->level[k->depth];
	struct db_stmt *s = db_prepare(k->c->db,
	    "SELECT id, name FROM entry WHERE parent = ?1 AND name > ?2"
	    " AND type = 'd' ORDER BY name LIMIT 1",
	    w);
	long long id;
	int got;

	if (s == NULL)
		return -1;
	k->dir[l->len] = '\0';
	db_bind_int(s, 1, l->id);
	db_bind_text(s, 2, l->last);
	if ((got = db_step(s, w)) <= 0)
		return got;
	snprintf(l->last, sizeof l->last, "%s", db_text(s, 1));
	id = db_int(s, 0);
	db_reset(s);
	return enter(k, id, l->last, w) < 0 ? -1 : 1;
}

/*
 * Go to where the walk was at after: 1, in the middle of a directory, name
 * being the last one visited there; 0, between two directories; -1.
 */
static int
resume(struct walk *k, const char *after, char name[NAME_WORD], struct why *w)
{
	const char *end;
	struct level at;
	char type;
	int got;

	if (k->level[0].len > 1) {
		if (strncmp(after, k->dir, k->level[0].len) != 0)
			return why_set(w, EXIT_DATA, "not below it");
		after += k->level[0].len;
	}
	for (;;) {
		if (*after != '/')
			return why_set(w, EXIT_DATA, "not below it");
		end = strchrnul(++after, '/');
		if ((size_t)(end - after) >= NAME_WORD)
			return why_set(w, EXIT_DATA, "not a place in it");
		snprintf(name, NAME_WORD, "%.*s", (int)(end - after), after);
		if (strcmp(name, "-") == 0)
			strcpy(name, "%2D");
		if (*end == '\0')
			return 1;
		after = end;
		strcpy(k->level[k->depth].last, name);
		got =
		    step_into(k->c, k->level[k->depth].id, name, &at, &type, w);
		if (got <= 0 || type != 'd')
			return got < 0 ? -1 : 0;
		if (enter(k, at.id, name, w) < 0)
			return -1;
	}
}

static int
walk(struct walk *k, bool deep, const char *after, struct why *w)
{
	char name[NAME_WORD] = "";
	long long dirs = 1;
	int got = 1;

	if (after != NULL && (got = resume(k, after, name, w)) < 0)
		return -1;
	if (got > 0)
		dirs = visit_all(k, after ? name : NULL, w);
	while (dirs >= 0 && deep && !k->stop) {
		/* Without subdirectories there is nothing to search for. */
		got = dirs > 0 ? descend(k, w) : 0;
		if (got < 0)
			return -1;
		if (got == 0 && k->depth-- == 0)
			break;
		dirs = got > 0 ? visit_all(k, NULL, w) : 1;
	}
	return dirs < 0 ? -1 : 1;
}

int
catalogue_walk(struct catalogue *c, const char *lfn, bool deep,
    const char *after, catalogue_visit *visit, void *arg, struct why *w)
{
	struct walk *k = calloc(1, sizeof *k);
	struct path p;
	int got = -1, i;

	if (k == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	if (path_split(&p, lfn, w) == 0) {
		got = path_dir(c, &p, p.n, false, &k->level[0].id, w);
		if (p.n == 0)
			strcpy(k->dir, "/");
		for (i = 0; i < p.n && got > 0; i++)
			if (path_append(k->dir, sizeof k->dir, p.part[i], w) <
			    0)
				got = -1;
		k->c = c;
		k->visit = visit;
		k->arg = arg;
		k->level[0].len = strlen(k->dir);
		if (got > 0 && dir_may(c, p.n, PACL_R, w) < 0)
			got = -1;
		if (got > 0)
			got = walk(k, deep, after, w);
	}
	free(k);
	return got;
}
