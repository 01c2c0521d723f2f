/* Changes of the tree and of what is said of its entries. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"
#include "catalogue_recall.h"

/* Remove the row of an entry; a file's replicas with it. */
static int
remove_entry(struct catalogue *c, const struct catalogue_entry *e,
    catalogue_gone *gone, void *arg, struct why *w)
{
	long long id = e->id, more = e->more;

	if (e->type == 'f' && gone != NULL &&
	    (catalogue_line(c, e, NULL, &c->line, w) < 0 ||
		gone(arg, &c->line, w) < 0))
		return -1;
	/* One that can be asked for has a source, so that it has more. */
	if (more > 0 &&
	    (replica_delete_all(c, id, w) < 0 || recall_forget(c, id, w) < 0))
		return -1;
	c->changed = true;
	return run_id(c, "DELETE FROM entry WHERE id = ?1", id, w);
}

/* The first entry of a directory; as catalogue_stat(). */
static int
first_child(
    struct catalogue *c, long long id, struct catalogue_entry *e, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS("") " FROM entry"
					" WHERE parent = ?1"
					" ORDER BY name LIMIT 1",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if ((got = db_step(s, w)) > 0)
		entry_fill(c, s, 0, e);
	return got;
}

/* Bottom up, always the first: no memory is needed but the way down. */
static int
remove_below(struct catalogue *c, long long top, int limit,
    catalogue_gone *gone, void *arg, struct why *w)
{
	long long way[CATALOGUE_DEPTH + 1] = { top };
	struct catalogue_entry e;
	struct rights r;
	int depth = 0, got;

	while (limit-- > 0) {
		if ((got = first_child(c, way[depth], &e, w)) < 0)
			return -1;
		if (got > 0 && e.dir) {
			if (depth == CATALOGUE_DEPTH)
				return why_set(
				    w, EXIT_DATA, "directories are too deep");
			r = rights_of(&e);
			if (may(c, &r, PACL_W | PACL_X, w) < 0)
				return -1;
			way[++depth] = e.id;
		} else if (got > 0) {
			if (remove_entry(c, &e, gone, arg, w) < 0)
				return -1;
		} else {
			if (run_id(c, "DELETE FROM entry WHERE id = ?1",
				way[depth], w) < 0)
				return -1;
			if (depth-- == 0)
				return 1;
		}
	}
	return 2;
}

int
catalogue_remove(struct catalogue *c, const char *lfn,
    const unsigned char *guid, bool deep, int limit, catalogue_gone *gone,
    void *arg, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	struct path p;
	long long n = 0;
	int got;

	if ((got = entry_at(c, lfn, &p, &e, w)) <= 0)
		return got < 0 && w->code == EXIT_NO ? 0 : got;
	if (p.n == 0)
		return why_set(w, EXIT_NO, "is the root directory");
	r = rights_of(&e);
	if (may_remove(c, p.n - 1, &r, w) < 0)
		return -1;
	if (guid != NULL && (e.guid == NULL || memcmp(guid, e.guid, 16) != 0))
		return why_set(w, EXIT_NO, "has another GUID by now");
	if (e.dir && deep) {
		if (may(c, &r, PACL_W | PACL_X, w) < 0)
			return -1;
		c->depth = -1;
		c->changed = true;
		return remove_below(c, e.id, limit, gone, arg, w);
	}
	if (e.dir && (n = catalogue_children(c, e.id, w)) != 0)
		return n < 0 ? -1 : why_set(w, EXIT_NO, "is not empty");
	c->depth = -1;
	return remove_entry(c, &e, gone, arg, w) < 0 ? -1 : 1;
}

int
catalogue_link(
    struct catalogue *c, const char *target, const char *lfn, struct why *w)
{
	char word[LFN_WORD];
	struct catalogue_entry e;
	struct rights r;
	struct path p;
	long long parent;
	int got;

	if (path_split(&p, target, w) < 0)
		return -1;
	word_encode(word, target, strlen(target));
	if ((got = path_parent(c, lfn, &p, &parent, w)) <= 0)
		return got;
	if ((got = entry_of(c, parent, p.part[p.n - 1], &e, w)) < 0)
		return -1;
	if (got > 0)
		return why_set(w, EXIT_NO, "exists already");
	if (dir_may(c, p.n - 1, PACL_W, w) < 0 ||
	    rights_new(c, p.n - 1, false, 0777, &r, w) < 0)
		return -1;
	r.mode = 0777;
	r.acl = 0;
	return make_node(c, "l", parent, p.part[p.n - 1], &r, word, w) < 0 ? -1
									   : 1;
}

/*
 * A file that gets another name keeps its signed NAME, which until then its
 * name may have been a part of.
 */
static int
keep_name(struct catalogue *c, const struct catalogue_entry *e, struct why *w)
{
	const struct facts *f;
	char name[FACTS_PREFIX + NAME_WORD + 2];
	struct db_stmt *s;
	long long id = e->id;

	if (e->type != 'f' || e->record != NULL)
		return 0;
	f = e->facts > 0 ? facts_of(c, e->facts) : NULL;
	snprintf(name, sizeof name, "%s%s%s", f && f->prefix ? f->prefix : "",
	    f && f->prefix ? "/" : "",
	    f && f->prefix && strcmp(e->name, "%2D") == 0 ? "-" : e->name);
	s = db_prepare(c->db, "UPDATE entry SET record = ?2 WHERE id = ?1", w);
	if (s != NULL) {
		db_bind_int(s, 1, id);
		db_bind_text(s, 2, name);
	}
	return run1(s, w);
}

/* Is directory id the one on the way to the one found last?  1 or 0. */
static bool
on_the_way(const struct catalogue *c, long long id)
{
	int i;

	for (i = 0; i <= c->depth; i++)
		if (c->dir[i].id == id)
			return true;
	return false;
}

/* A name of the catalogue must stay short enough to be walked to. */
static int
fits(struct catalogue *c, long long id, int depth, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "WITH RECURSIVE below (id, depth) AS (SELECT id, 1 FROM entry"
	    " WHERE id = ?1 UNION ALL SELECT e.id, b.depth + 1 FROM below b"
	    " JOIN entry e ON e.parent = b.id AND e.type = 'd')"
	    " SELECT MAX(depth) FROM below",
	    w);
	long long deepest;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if (db_step(s, w) < 0)
		return -1;
	deepest = db_int(s, 0);
	db_reset(s);
	if (depth + deepest > CATALOGUE_DEPTH)
		return why_set(
		    w, EXIT_NO, "what is below it would be too deep");
	return 0;
}

static int
move(struct catalogue *c, long long id, long long parent, const char *name,
    struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "UPDATE entry SET parent = ?2, name = ?3, ctime = ?4"
	    " WHERE id = ?1",
	    w);

	if (s != NULL) {
		db_bind_int(s, 1, id);
		db_bind_int(s, 2, parent);
		db_bind_text(s, 3, name);
		db_bind_int(s, 4, c->now);
	}
	c->changed = true;
	return run1(s, w);
}

int
catalogue_rename(
    struct catalogue *c, const char *from, const char *to, struct why *w)
{
	struct catalogue_entry e, there;
	struct rights r;
	struct path p, q;
	long long id, parent;
	bool dir;
	int got;

	if ((got = entry_at(c, from, &p, &e, w)) <= 0)
		return got;
	if (p.n == 0)
		return why_set(w, EXIT_NO, "is the root directory");
	r = rights_of(&e);
	id = e.id;
	dir = e.dir;
	if (may_remove(c, p.n - 1, &r, w) < 0)
		return -1;
	if ((got = path_parent(c, to, &q, &parent, w)) <= 0)
		return got < 0 ? -1
			       : why_set(w, EXIT_NO,
				     "there is no directory to move it to");
	if (dir_may(c, q.n - 1, PACL_W, w) < 0)
		return -1;
	if (dir && on_the_way(c, id))
		return why_set(w, EXIT_NO, "cannot go below itself");
	if ((got = entry_of(c, parent, q.part[q.n - 1], &there, w)) < 0)
		return -1;
	if (got > 0)
		return why_set(w, EXIT_NO, "the new name exists already");
	if ((dir && fits(c, id, q.n - 1, w) < 0) ||
	    entry_by_id(c, id, &e, w) <= 0 || keep_name(c, &e, w) < 0 ||
	    move(c, id, parent, q.part[q.n - 1], w) < 0)
		return -1;
	c->depth = -1;
	return 1;
}

/* The entry that one thing is to be changed of, by its owner: 1, 0, -1. */
static int
owned(struct catalogue *c, const char *lfn, struct catalogue_entry *e,
    struct why *w)
{
	struct rights r;
	struct path p;
	int got = entry_at(c, lfn, &p, e, w);

	if (got <= 0)
		return got;
	r = rights_of(e);
	c->depth = -1; /* rights are remembered there */
	return may_own(c, &r, w) < 0 ? -1 : 1;
}

/* Run an UPDATE of ?2 of entry ?1, and of ctime ?3. */
static int
set(struct catalogue *c, const char *sql, long long id, const char *text,
    long long number, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);

	if (s != NULL) {
		db_bind_int(s, 1, id);
		if (text != NULL || number < 0)
			db_bind_text(s, 2, text);
		else
			db_bind_int(s, 2, number);
		db_bind_int(s, 3, c->now);
	}
	c->changed = true;
	return run1(s, w) < 0 ? -1 : 1;
}

#define SET(column) "UPDATE entry SET " column " = ?2, ctime = ?3 WHERE id = ?1"

int
catalogue_chmod(
    struct catalogue *c, const char *lfn, unsigned mode, struct why *w)
{
	struct catalogue_entry e;
	int got = owned(c, lfn, &e, w);

	return got > 0 ? set(c, SET("mode"), e.id, NULL,
			     (long long)(mode & 07777), w)
		       : got;
}

int
catalogue_chown(struct catalogue *c, const char *lfn, const char *owner,
    const char *group, struct why *w)
{
	struct catalogue_entry e;
	long long number;
	int got = owned(c, lfn, &e, w);

	if (got <= 0)
		return got;
	if (group != NULL && may_join(c, group, w) < 0)
		return -1;
	if (owner != NULL &&
	    (may_admin(c, w) < 0 ||
		(number = name_id(c, PRINCIPAL, owner, w)) < 0 ||
		set(c, SET("owner"), e.id, NULL, number, w) < 0))
		return -1;
	if (group != NULL && ((number = name_id(c, PRINCIPAL, group, w)) < 0 ||
				 set(c, SET("grp"), e.id, NULL, number, w) < 0))
		return -1;
	return 1;
}

int
catalogue_setacl(struct catalogue *c, const char *lfn, unsigned mode,
    const char *acl, struct why *w)
{
	struct catalogue_entry e;
	long long number;
	int got = owned(c, lfn, &e, w);

	if (got <= 0)
		return got;
	if ((number = acl_id(c, acl, w)) < 0 ||
	    set(c, SET("acl"), e.id, NULL, number > 0 ? number : -1, w) < 0)
		return -1;
	return set(c, SET("mode"), e.id, NULL, (long long)(mode & 07777), w);
}

int
catalogue_comment(
    struct catalogue *c, const char *lfn, const char *comment, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	struct path p;
	int got = entry_at(c, lfn, &p, &e, w);

	if (got <= 0)
		return got;
	r = rights_of(&e);
	if (may(c, &r, PACL_W, w) < 0)
		return -1;
	return set(c, SET("comment"), e.id, comment, -1, w);
}
