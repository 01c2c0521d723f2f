/* Listings: an ordered walk through directories, a page at a time. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

#define PAGE 1000 /* entries read at once: also in the SQL below */
#define SUBS 250  /* subdirectories remembered, of one: also in the SQL */
#define AHEAD 4   /* of which these are read before their turn */
#define ASKED 16  /* and at most these, of all levels */

/*
 * A walk goes down into the subdirectories of a level in turn.  Those that were
 * seen when the level itself was listed are remembered, and what the next few
 * hold is asked for before it is needed: the database reads while we write.
 */
struct sub {
	long long id;
	struct rights rights;
	char *name;
	bool asked;
	struct ahead {
		struct db_answer *page, *facts; /* or NULL */
	} ahead;
};

struct walk {
	struct catalogue *c;
	catalogue_visit *visit;
	void *arg;
	bool deep, stop;
	unsigned long most, entries, dirs; /* wanted; visited so far */
	int asked;                         /* pages asked for, not taken yet */
	int depth;
	char dir[LFN_WORD + 1];
	struct walk_level {
		long long id;
		struct rights rights;
		struct ahead ahead;
		size_t len;           /* of dir above this level */
		char last[NAME_WORD]; /* the subdirectory entered last */
		struct sub *sub;      /* the next ones; NULL: none */
		int at, n;
		bool whole; /* and after them there are no more */
	} level[CATALOGUE_DEPTH + 1];
};

static struct walk_level *
deepest(struct walk *k)
{
	return &k->level[k->depth];
}

/* ---- reading ahead ---- */

static void
forgo(struct walk *k, struct ahead *a)
{
	k->asked -= a->page != NULL;
	db_forgo(a->page);
	db_forgo(a->facts);
	a->page = a->facts = NULL;
}

static struct db_stmt *
page_of(struct walk *k, long long dir, const char *last, struct why *w)
{
	struct db_stmt *s = db_prepare(k->c->db,
	    "SELECT " ENTRY_COLUMNS("") " FROM entry"
					" WHERE parent = ?1 AND name > ?2"
					" ORDER BY name LIMIT 1000",
	    w);

	if (s != NULL) {
		db_bind_int(s, 1, dir);
		db_bind_text(s, 2, last);
	}
	return s;
}

/* Is it likely that the walk gets there before it is stopped? */
static bool
wanted(const struct walk *k)
{
	unsigned long usual = k->dirs > 0 ? k->entries / k->dirs : 0;

	return k->entries + (unsigned)(k->asked + 1) * usual < k->most;
}

static void
ask(struct walk *k, struct sub *sub)
{
	struct why ignored;
	struct db_stmt *s = page_of(k, sub->id, "", &ignored);

	sub->asked = true;
	if (s == NULL || (sub->ahead.page = db_ask(s)) == NULL)
		return;
	k->asked++;
	sub->ahead.facts = facts_ask(k->c, sub->id);
}

/* Ask for what the next subdirectories hold. */
static void
ask_ahead(struct walk *k, struct walk_level *l)
{
	int i;

	for (i = l->at; i < l->n && i < l->at + AHEAD; i++)
		if (!l->sub[i].asked && k->asked < ASKED && wanted(k))
			ask(k, &l->sub[i]);
}

/* ---- subdirectories ---- */

static void
remember(struct walk_level *l, long long id, const char *name,
    const struct rights *r)
{
	struct sub *sub;

	if (l->n == SUBS) {
		l->whole = false;
		return;
	}
	if (l->sub == NULL && (l->sub = calloc(SUBS, sizeof *l->sub)) == NULL)
		die(EXIT_IO, "out of memory");
	sub = &l->sub[l->n++];
	memset(sub, 0, sizeof *sub);
	sub->id = id;
	sub->rights = *r;
	if ((sub->name = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
}

static void
forget_subs(struct walk *k, struct walk_level *l)
{
	for (; l->n > 0; l->n--) {
		forgo(k, &l->sub[l->n - 1].ahead);
		free(l->sub[l->n - 1].name);
	}
	l->at = 0;
}

static void
leave(struct walk *k, struct walk_level *l)
{
	forgo(k, &l->ahead);
	forget_subs(k, l);
	free(l->sub);
	l->sub = NULL;
}

/* Those after the last one that was entered.  0 or -1. */
static int
more_subs(struct walk *k, struct walk_level *l, struct why *w)
{
	struct db_stmt *s = db_prepare(k->c->db,
	    "SELECT id, name, mode, owner, grp, acl FROM entry"
	    " WHERE parent = ?1 AND name > ?2 AND type = 'd'"
	    " ORDER BY name LIMIT 250",
	    w);
	struct rights r;
	int got;

	if (s == NULL)
		return -1;
	forget_subs(k, l);
	db_bind_int(s, 1, l->id);
	db_bind_text(s, 2, l->last);
	while ((got = db_step(s, w)) > 0) {
		r.mode = (unsigned)db_int(s, 2) & 07777;
		r.owner = db_int(s, 3);
		r.group = db_int(s, 4);
		r.acl = db_int(s, 5);
		remember(l, db_int(s, 0), db_text(s, 1), &r);
	}
	l->whole = l->n < SUBS;
	return got;
}

/* ---- a directory ---- */

/* As visit(). */
static int
show(struct walk *k, const struct catalogue_entry *e, struct why *w)
{
	int got;

	k->c->walk_rights = deepest(k)->rights;
	got = k->visit(k->arg, k->dir, e, w);
	k->stop = got == 1;
	return got;
}

int
catalogue_walk_may(struct catalogue *c, struct why *w)
{
	const struct rights *r = &c->walk_rights;

	return may(c, r, PACL_R, w) < 0 ? -1 : may(c, r, PACL_X, w);
}

/* The page after the name last, which may have been asked for: NULL with *w. */
static struct db_stmt *
read_page(struct walk *k, const char *last, struct why *w)
{
	struct ahead *a = &deepest(k)->ahead;
	struct db_stmt *s = page_of(k, deepest(k)->id, last, w);
	struct db_answer *page = a->page, *facts = a->facts;

	if (s == NULL || page == NULL)
		return s;
	k->asked--;
	a->page = a->facts = NULL;
	if ((s = db_take(page, w)) == NULL)
		db_forgo(facts);
	else if (facts_take(k->c, facts, w) < 0)
		return NULL;
	return s;
}

/* Visit a page of the deepest level, after the name last: how many, or -1. */
static int
visit_page(struct walk *k, char last[NAME_WORD], struct why *w)
{
	struct walk_level *l = deepest(k);
	struct catalogue *c = k->c;
	struct catalogue_entry e;
	struct db_stmt *s = read_page(k, last, w);
	struct rights r;
	int got = 0, n = 0;

	if (s == NULL)
		return -1;
	page_begin(c, &e, l->id, last);
	while (!k->stop && (got = db_step(s, w)) > 0) {
		entry_fill(c, s, 0, &e);
		k->entries++;
		r = rights_of(&e);
		if (e.dir && k->deep)
			remember(l, e.id, e.name, &r);
		if ((got = show(k, &e, w)) < 0 || ++n == PAGE)
			break;
	}
	page_end(c);
	if (n == PAGE)
		snprintf(last, NAME_WORD, "%s", e.name);
	db_reset(s);
	return got < 0 ? -1 : n;
}

/* Visit the entries of the deepest level, or those after a name: 0, or -1. */
static int
visit_all(struct walk *k, const char *after, struct why *w)
{
	struct walk_level *l = deepest(k);
	char last[NAME_WORD] = "";
	int n, got;

	k->dirs++;
	l->whole = true;
	if (after != NULL)
		snprintf(last, sizeof last, "%s", after);
	else if ((got = show(k, NULL, w)) != 0)
		return got < 0 ? -1 : 0; /* stopped, or skipped */
	while ((n = visit_page(k, last, w)) == PAGE && !k->stop)
		;
	/* What came before after may have been directories. */
	if (after != NULL) {
		forget_subs(k, l);
		l->whole = false;
	}
	return n < 0 ? -1 : 0;
}

/* Enter directory name of the deepest level: 0, or -1. */
static int
enter(struct walk *k, long long id, const char *name, const struct rights *r,
    struct why *w)
{
	struct walk_level *l;

	if (k->depth == CATALOGUE_DEPTH)
		return why_set(w, EXIT_DATA, "directories are too deep");
	k->dir[deepest(k)->len] = '\0';
	if (path_append(k->dir, sizeof k->dir, name, w) < 0)
		return -1;
	l = &k->level[++k->depth];
	memset(l, 0, sizeof *l);
	l->id = id;
	l->rights = *r;
	l->len = strlen(k->dir);
	return 0;
}

/* Go to the next subdirectory of the deepest level: 1, 0 at the end, -1. */
static int
descend(struct walk *k, struct why *w)
{
	struct walk_level *l = deepest(k);
	struct sub *sub;

	k->dir[l->len] = '\0';
	if (l->at == l->n && !l->whole && more_subs(k, l, w) < 0)
		return -1;
	if (l->at == l->n)
		return 0;
	ask_ahead(k, l);
	sub = &l->sub[l->at++];
	snprintf(l->last, sizeof l->last, "%s", sub->name);
	if (enter(k, sub->id, sub->name, &sub->rights, w) < 0)
		return -1;
	deepest(k)->ahead = sub->ahead;
	sub->ahead.page = sub->ahead.facts = NULL;
	return 1;
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
		strcpy(deepest(k)->last, name);
		got = step_into(k->c, deepest(k)->id, name, &at, &type, w);
		if (got <= 0 || type != 'd')
			return got < 0 ? -1 : 0;
		if (enter(k, at.id, name, &at.rights, w) < 0)
			return -1;
	}
}

static int
walk(struct walk *k, const char *after, struct why *w)
{
	char name[NAME_WORD] = "";
	int got = 1;

	if (after != NULL && (got = resume(k, after, name, w)) < 0)
		return -1;
	if (got > 0 && visit_all(k, after ? name : NULL, w) < 0)
		return -1;
	while (k->deep && !k->stop) {
		if ((got = descend(k, w)) < 0)
			return -1;
		if (got > 0 && visit_all(k, NULL, w) < 0)
			return -1;
		if (got > 0)
			continue;
		leave(k, deepest(k));
		if (k->depth-- == 0)
			return 1;
	}
	return 1;
}

int
catalogue_walk(struct catalogue *c, const char *lfn, bool deep,
    const char *after, unsigned long most, catalogue_visit *visit, void *arg,
    struct why *w)
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
		k->deep = deep;
		k->most = most;
		k->visit = visit;
		k->arg = arg;
		k->level[0].len = strlen(k->dir);
		if (got > 0 && dir_may(c, p.n, PACL_R, w) < 0)
			got = -1;
		if (got > 0) {
			k->level[0].rights = c->dir[p.n].rights;
			got = walk(k, after, w);
		}
	}
	for (; k->depth >= 0; k->depth--)
		leave(k, deepest(k));
	free(k);
	return got;
}
