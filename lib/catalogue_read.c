/* Entries, as they are read; and what mdm-check asks. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"

/* Exactly n bytes, or NULL: a column is not trusted to be what it should. */
static const unsigned char *
bytes(struct db_stmt *s, int col, size_t n)
{
	size_t got;
	const void *p = db_blob(s, col, &got);

	return got == n ? p : NULL;
}

static const char *
text(struct db_stmt *s, int col, const char *otherwise)
{
	const char *t = db_text(s, col);

	return t ? t : otherwise;
}

static const char *
principal(struct catalogue *c, long long id)
{
	const char *name = name_text(c, PRINCIPAL, id);

	return name ? name : "?";
}

/* Columns as in ENTRY_COLUMNS, from col. */
void
entry_fill(
    struct catalogue *c, struct db_stmt *s, int col, struct catalogue_entry *e)
{
	memset(e, 0, sizeof *e);
	e->id = db_int(s, col);
	e->parent = db_int(s, col + 1);
	e->type = *text(s, col + 2, "f");
	e->dir = e->type == 'd';
	e->name = text(s, col + 3, "-");
	e->mode = (unsigned)db_int(s, col + 4) & 07777;
	e->owner_id = db_int(s, col + 5);
	e->owner = principal(c, e->owner_id);
	e->group_id = db_int(s, col + 6);
	e->group = principal(c, e->group_id);
	if ((e->acl_id = db_int(s, col + 7)) > 0)
		e->acl = name_text(c, ACL, e->acl_id);
	e->atime = db_int(s, col + 8);
	e->mtime = db_int(s, col + 9);
	e->ctime = db_int(s, col + 10);
	e->comment = db_text(s, col + 11);
	if (e->type == 'l')
		e->target = text(s, col + 12, "-");
	if (e->type != 'f')
		return;
	e->online = *text(s, col + 13, "m") == '-';
	e->gen = db_int(s, col + 14);
	e->size = db_int(s, col + 15);
	e->adler32 = db_is_null(s, col + 16) ? -1 : db_int(s, col + 16);
	e->guid = bytes(s, col + 17, 16);
	e->sha256 = bytes(s, col + 18, 32);
	e->plain = bytes(s, col + 19, 32);
	e->sig = bytes(s, col + 20, 64);
	e->facts = db_int(s, col + 21);
	e->home = db_int(s, col + 22);
	e->more = db_int(s, col + 23);
	e->record = db_text(s, col + 24);
	e->meta = db_text(s, col + 25);
}

int
entry_of(struct catalogue *c, long long parent, const char *name,
    struct catalogue_entry *e, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS("") " FROM entry"
					" WHERE parent = ?1 AND name = ?2",
	    w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, parent);
	db_bind_text(s, 2, name);
	if ((got = db_step(s, w)) > 0)
		entry_fill(c, s, 0, e);
	return got;
}

int
entry_by_id(
    struct catalogue *c, long long id, struct catalogue_entry *e, struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT " ENTRY_COLUMNS("") " FROM entry WHERE id = ?1", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if ((got = db_step(s, w)) > 0)
		entry_fill(c, s, 0, e);
	return got;
}

/* The entry of an LFN, and the way to it in p: as catalogue_stat(). */
int
entry_at(struct catalogue *c, const char *lfn, struct path *p,
    struct catalogue_entry *e, struct why *w)
{
	long long id;
	int got;

	if (path_split(p, lfn, w) < 0)
		return -1;
	if (p->n == 0)
		return entry_of(c, 0, "-", e, w);
	if ((got = path_dir(c, p, p->n - 1, false, &id, w)) > 0 &&
	    dir_may(c, p->n - 1, PACL_X, w) < 0)
		got = -1;
	return got > 0 ? entry_of(c, id, p->part[p->n - 1], e, w) : got;
}

int
catalogue_stat(struct catalogue *c, const char *lfn, struct catalogue_entry *e,
    struct why *w)
{
	struct path p;
	int got = entry_at(c, lfn, &p, e, w);

	/* Below a file there is nothing. */
	return got < 0 && w->code == EXIT_NO ? 0 : got;
}

long long
catalogue_children(struct catalogue *c, long long id, struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT COUNT(*) FROM entry WHERE parent = ?1", w);
	long long n;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	if (db_step(s, w) < 0)
		return -1;
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

int
catalogue_has_guid(
    struct catalogue *c, const unsigned char *guid, struct why *w)
{
	struct db_stmt *s =
	    db_prepare(c->db, "SELECT 1 FROM entry WHERE guid = ?1", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, guid, 16);
	if ((got = db_step(s, w)) > 0)
		db_reset(s);
	return got;
}

int
catalogue_guids(struct catalogue *c, const unsigned char *after,
    unsigned char (*page)[16], int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT guid FROM entry WHERE guid > ?1 ORDER BY guid LIMIT ?2", w);
	const void *guid;
	size_t len;
	int n = 0, got;

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, after, after ? 16 : 0);
	db_bind_int(s, 2, max);
	while ((got = db_step(s, w)) > 0 && n < max) {
		guid = db_blob(s, 0, &len);
		if (len == 16)
			memcpy(page[n++], guid, len);
	}
	db_reset(s);
	return got < 0 ? -1 : n;
}

/* The LFN, a word, of the entry name of directory parent. */
int
entry_lfn(struct catalogue *c, long long parent, const char *name, char *lfn,
    size_t size, struct why *w)
{
	char copy[NAME_WORD];

	snprintf(copy, sizeof copy, "%s", name);
	return dir_word(c, parent, lfn, size, w) < 0 ||
		       path_append(lfn, size, copy, w) < 0
		   ? -1
		   : 1;
}

int
catalogue_guid_lfn(struct catalogue *c, const unsigned char *guid, char *lfn,
    size_t size, struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT parent, name FROM entry WHERE guid = ?1", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, guid, 16);
	if ((got = db_step(s, w)) <= 0)
		return got;
	got = entry_lfn(c, db_int(s, 0), db_text(s, 1), lfn, size, w);
	db_reset(s);
	return got;
}
