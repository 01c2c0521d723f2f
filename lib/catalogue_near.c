/* Nearline files: registered by their source, and sent back to it. */

#include <stdio.h>
#include <string.h>

#include "catalogue_impl.h"
#include "catalogue_recall.h"

#define SITE_LONGEST 64

size_t
source_site(const char *surl)
{
	static const char scheme[] = "dicom://";
	size_t n = sizeof scheme - 1, site;

	if (strncmp(surl, scheme, n) != 0)
		return 0;
	site = strspn(surl + n,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "._-");
	if (site == 0 || site > SITE_LONGEST || surl[n + site] != '/')
		return 0;
	return n + site + 1;
}

static int
refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return 1;
}

/* The line is refused, unless the catalogue failed. */
static int
refused(const struct why *w)
{
	return w->code == EXIT_DENIED || w->code == EXIT_NO ||
		       w->code == EXIT_DATA
		   ? 1
		   : -1;
}

/* Is it one that may be registered so?  0, or 1 with *w. */
static int
check(const struct line *l, struct why *w)
{
	const char *surl = line_word(l, "surl");
	size_t n = surl ? source_site(surl) : 0;

	if (n == 0)
		return refuse(w, EXIT_DATA, "has no surl=dicom://SITE/NAME");
	if (strcmp(surl + n, l->name) != 0 || strlen(surl) > SURL_LONGEST)
		return refuse(
		    w, EXIT_DATA, "surl=: not the name it is registered by");
	if (line_word(l, "guid") != NULL)
		return refuse(w, EXIT_DATA, "has a GUID: it is not nearline");
	return acl_check(line_word(l, "acl"), w) < 0;
}

/* Give the entry this source: 0; 1 if another has it; -1. */
static int
add_source(
    struct catalogue *c, long long entry, const char *surl, struct why *w)
{
	struct catalogue_copy r = { .surl = surl,
		.status = CATALOGUE_SOURCE,
		.f_type = 'D',
		.r_type = 'P' };
	struct db_stmt *s = replica_row(c, entry, &r, false, w);
	long long other;

	if (s == NULL || db_run(s, w) < 0)
		return -1;
	if (db_changes(c->db) == 1) {
		c->changed = true;
		return run_id(c,
		    "UPDATE entry SET more = (SELECT COUNT(*) FROM replica"
		    " WHERE entry = ?1) WHERE id = ?1",
		    entry, w);
	}
	if ((other = surl_entry(c, surl, w)) < 0)
		return -1;
	return other == entry ? 0
			      : refuse(w, EXIT_DATA,
				    "another entry of the catalogue has its "
				    "surl");
}

/* It is there already: it may get the source.  As catalogue_nearline(). */
static int
known(struct catalogue *c, const struct catalogue_entry *e, const char *surl,
    struct why *w)
{
	struct rights r = rights_of(e);

	if (e->type != 'f')
		return refuse(w, EXIT_NO, "is no file in the catalogue");
	if (may(c, &r, PACL_W, w) < 0)
		return refused(w);
	return add_source(c, e->id, surl, w);
}

/* The row of a new entry, but for its source.  Its id, or -1. */
static long long
insert(struct catalogue *c, const struct line *l, const struct path *p,
    long long parent, struct why *w)
{
	static char meta[LINE_MAX_BYTES];
	const char *name = p->part[p->n - 1];
	unsigned char ignored[64];
	long long id, facts;
	struct db_stmt *s;
	struct rights r;

	if (rights_line(c, l, p->n - 1, &r, w) < 0 ||
	    (id = entry_id(c, w)) < 0 || (facts = facts_id(c, l, w)) < 0)
		return -1;
	line_meta(l, meta, ignored);
	s = db_prepare(c->db,
	    "INSERT INTO entry (id, parent, type, name, mode, owner, grp, acl,"
	    " atime, mtime, ctime, status, gen, size, facts, record, meta,"
	    " comment) VALUES (?1, ?2, 'f', ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8,"
	    " 'm', 0, 0, ?9, ?10, ?11, ?12)",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	db_bind_int(s, 2, parent);
	db_bind_text(s, 3, name);
	db_bind_int(s, 4, r.mode);
	db_bind_int(s, 5, r.owner);
	db_bind_int(s, 6, r.group);
	bind_number(s, 7, r.acl);
	db_bind_int(s, 8, c->now);
	bind_number(s, 9, facts);
	db_bind_text(s, 10, facts_name(l->name, name) ? NULL : l->name);
	db_bind_text(s, 11, meta[0] ? meta : NULL);
	db_bind_text(s, 12, line_word(l, "comment"));
	c->changed = true;
	return db_run(s, w) < 0 ? -1 : id;
}

int
catalogue_nearline(struct catalogue *c, const struct line *l,
    enum catalogue_how *how, struct why *w)
{
	static struct path p;
	char lfn[LFN_LONGEST + 1];
	const char *surl = line_word(l, "surl");
	struct catalogue_entry e;
	long long parent, id, other;
	int got;

	if (check(l, w) != 0 || catalogue_line_lfn(lfn, sizeof lfn, l, w) < 0 ||
	    path_split(&p, lfn, w) < 0)
		return 1;
	if (p.n == 0)
		return refuse(w, EXIT_DATA, "names the root directory");
	if ((other = surl_entry(c, surl, w)) < 0)
		return -1;
	/* A lookup first: a line that is refused makes no directories. */
	if ((got = path_dir(c, &p, p.n - 1, false, &parent, w)) < 0)
		return refused(w);
	if (got > 0 && (got = entry_of(c, parent, p.part[p.n - 1], &e, w)) < 0)
		return -1;
	*how = CATALOGUE_SAME;
	if (got > 0)
		return known(c, &e, surl, w);
	if (other > 0)
		return refuse(w, EXIT_DATA,
		    "another entry of the catalogue has its surl");
	*how = CATALOGUE_NEW;
	if (path_dir(c, &p, p.n - 1, true, &parent, w) < 0 ||
	    (id = insert(c, l, &p, parent, w)) < 0)
		return refused(w);
	return add_source(c, id, surl, w);
}

/* Does it have a source?  1, 0, -1. */
static int
has_source(struct catalogue *c, long long entry, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT 1 FROM replica WHERE entry = ?1 AND status = 'N'", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_int(s, 1, entry);
	got = db_step(s, w);
	db_reset(s);
	return got;
}

int
catalogue_evict(struct catalogue *c, const char *lfn, const unsigned char *guid,
    catalogue_gone *gone, void *arg, struct why *w)
{
	struct catalogue_entry e;
	struct rights r;
	struct path p;
	long long id;
	int got = entry_at(c, lfn, &p, &e, w);

	if (got <= 0)
		return got;
	r = rights_of(&e);
	id = e.id;
	if (may(c, &r, PACL_W, w) < 0)
		return -1;
	if (e.type != 'f' || !e.online)
		return why_set(w, EXIT_NO, "is not online");
	if (guid != NULL && (e.guid == NULL || memcmp(guid, e.guid, 16) != 0))
		return why_set(w, EXIT_NO, "has another GUID by now");
	if (catalogue_line(c, &e, NULL, &c->line, w) < 0)
		return -1;
	if ((got = has_source(c, id, w)) <= 0)
		return got < 0 ? -1
			       : why_set(w, EXIT_NO,
				     "has no DICOM source: this is the last");
	if (gone != NULL && gone(arg, &c->line, w) < 0)
		return -1;
	c->changed = true;
	if (run_id(c, "DELETE FROM replica WHERE entry = ?1 AND status <> 'N'",
		id, w) < 0 ||
	    run_id(c,
		"UPDATE entry SET home = NULL, status = 'm', guid = NULL,"
		" size = 0, sha256 = NULL, adler32 = NULL, sig = NULL,"
		" more = (SELECT COUNT(*) FROM replica WHERE entry = ?1)"
		" WHERE id = ?1",
		id, w) < 0 ||
	    recall_forget(c, id, w) < 0)
		return -1;
	return 1;
}
