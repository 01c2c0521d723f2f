/* Replicas: the one in its entry's row, and the others. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_impl.h"
#include "catalogue_recall.h"

size_t
surl_home(const char *surl, const unsigned char guid[16])
{
	char tail[2 + 2 + 32 + 1] = "/";
	size_t n = strlen(surl);

	hex_encode(tail + 1, guid, 1);
	tail[3] = '/';
	hex_encode(tail + 4, guid, 16);
	return n > 36 && strcmp(surl + n - 36, tail) == 0 ? n - 36 : 0;
}

/* The GUID that a SURL of a storage's own place ends in: as surl_home(). */
static size_t
guid_of(const char *surl, unsigned char guid[16])
{
	size_t n = strlen(surl);

	if (n <= 36 || hex_decode(guid, 16, surl + n - 32) < 0)
		return 0;
	return surl_home(surl, guid);
}

int
surl_check(const char *surl, const unsigned char guid[16], struct why *w)
{
	unsigned char other[16];

	if (strlen(surl) > SURL_LONGEST)
		return why_set(w, EXIT_DATA, "surl=: too long");
	if (strncmp(surl, "dicom:", 6) == 0)
		return why_set(w, EXIT_DATA,
		    "surl=: a DICOM source, from which nothing can be read");
	if (guid_of(surl, other) > 0 && memcmp(other, guid, 16) != 0)
		return why_set(
		    w, EXIT_DATA, "surl=: the place of another GUID");
	return 0;
}

int
home_surl(struct catalogue *c, long long home, const unsigned char *guid,
    char surl[SURL_WORD])
{
	const char *prefix = name_text(c, HOME, home);
	size_t n = prefix ? strlen(prefix) : SURL_WORD;

	if (n + 37 > SURL_WORD)
		return -1;
	memcpy(surl, prefix, n);
	surl[n++] = '/';
	hex_encode(surl + n, guid, 1);
	surl[n + 2] = '/';
	hex_encode(surl + n + 3, guid, 16);
	return 0;
}

/*
 * The entry whose row mentions this SURL: 1 and *e, 0, -1.
 */
static int
at_home(struct catalogue *c, const char *surl, struct catalogue_entry *e,
    struct why *w)
{
	unsigned char guid[16];
	char prefix[SURL_WORD];
	size_t n = guid_of(surl, guid);
	struct db_stmt *s;
	long long home;
	int got;

	if (n == 0 || n >= sizeof prefix)
		return 0;
	memcpy(prefix, surl, n);
	prefix[n] = '\0';
	if ((home = name_known(c, HOME, prefix, w)) <= 0)
		return home < 0 ? -1 : 0;
	s = db_prepare(c->db,
	    "SELECT " ENTRY_COLUMNS("") " FROM entry WHERE guid = ?1", w);
	if (s == NULL)
		return -1;
	db_bind_blob(s, 1, guid, sizeof guid);
	if ((got = db_step(s, w)) <= 0)
		return got;
	entry_fill(c, s, 0, e);
	if (e->home == home)
		return 1;
	db_reset(s);
	return 0;
}

/* The row of a SURL: 1 with its entry and status, 0, -1. */
static int
row_of(struct catalogue *c, const char *surl, long long *entry, char *status,
    struct why *w)
{
	struct db_stmt *s = db_prepare(
	    c->db, "SELECT entry, status FROM replica WHERE surl = ?1", w);
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, surl);
	if ((got = db_step(s, w)) <= 0)
		return got;
	*entry = db_int(s, 0);
	*status = *db_text(s, 1);
	db_reset(s);
	return 1;
}

/* The entry that has this SURL: 1 and *e, 0, -1. */
static int
holder(struct catalogue *c, const char *surl, struct catalogue_entry *e,
    struct why *w)
{
	long long id;
	char status;
	int got = at_home(c, surl, e, w);

	if (got != 0)
		return got;
	if ((got = row_of(c, surl, &id, &status, w)) <= 0)
		return got;
	return entry_by_id(c, id, e, w);
}

long long
surl_entry(struct catalogue *c, const char *surl, struct why *w)
{
	struct catalogue_entry e;
	long long id;
	char status;
	int got = at_home(c, surl, &e, w);

	if (got > 0)
		return e.id;
	if (got == 0)
		got = row_of(c, surl, &id, &status, w);
	return got > 0 ? id : got;
}

int
catalogue_has_surl(struct catalogue *c, const char *surl, struct why *w)
{
	long long id = surl_entry(c, surl, w);

	return id > 0 ? 1 : (int)id;
}

int
catalogue_surl_lfn(struct catalogue *c, const char *surl, char *lfn,
    size_t size, struct why *w)
{
	struct catalogue_entry e;
	int got = holder(c, surl, &e, w);

	return got > 0 ? entry_lfn(c, e.parent, e.name, lfn, size, w) : got;
}

static void
bind_letter(struct db_stmt *s, int i, char letter, char otherwise)
{
	char text[2] = { letter ? letter : otherwise, '\0' };

	db_bind_text(s, i, text);
}

#define INSERT_REPLICA                                                         \
	"INSERT INTO replica (entry, surl, status, f_type, r_type, host,"      \
	" setname, accesses, atime, ptime)"                                    \
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"

struct db_stmt *
replica_row(struct catalogue *c, long long entry,
    const struct catalogue_copy *r, bool many, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    many ? INSERT_REPLICA : INSERT_REPLICA " ON CONFLICT DO NOTHING",
	    w);

	if (s == NULL)
		return NULL;
	db_bind_int(s, 1, entry);
	db_bind_text(s, 2, r->surl);
	bind_letter(s, 3, r->status, CATALOGUE_AVAILABLE);
	bind_letter(s, 4, r->f_type, 'P');
	bind_letter(s, 5, r->r_type, 'S');
	db_bind_text(s, 6, r->host);
	db_bind_text(s, 7, r->setname);
	db_bind_int(s, 8, r->accesses);
	db_bind_int(s, 9, r->atime ? r->atime : c->now);
	db_bind_int(s, 10, r->ptime ? r->ptime : c->now);
	return s;
}

#define HOMES 1000 /* more are not remembered: their SURLs are rows */

long long
home_id(struct catalogue *c, const char *surl, const unsigned char guid[16],
    struct why *w)
{
	char prefix[SURL_LONGEST + 1];
	size_t n = surl_home(surl, guid);
	struct db_stmt *s;
	long long id, homes;

	if (n == 0 || n >= sizeof prefix)
		return 0;
	memcpy(prefix, surl, n);
	prefix[n] = '\0';
	if ((id = name_known(c, HOME, prefix, w)) != 0)
		return id;
	s = db_prepare(c->db, "SELECT MAX(id) FROM home", w);
	if (s == NULL || db_step(s, w) < 0)
		return -1;
	homes = db_int(s, 0);
	db_reset(s);
	return homes < HOMES ? name_id(c, HOME, prefix, w) : 0;
}

int
home_move(struct catalogue *c, const struct catalogue_entry *e, char status,
    struct why *w)
{
	struct catalogue_copy r = { .status = status, .r_type = 'P' };
	char surl[SURL_WORD];

	r.surl = surl;
	r.atime = r.ptime = e->mtime;
	if (home_surl(c, e->home, e->guid, surl) < 0)
		return why_set(
		    w, EXIT_DATA, "%s: a storage is missing", db_url(c->db));
	if (run1(replica_row(c, e->id, &r, false, w), w) < 0)
		return -1;
	return run_id(
	    c, "UPDATE entry SET home = NULL WHERE id = ?1", e->id, w);
}

/* After a change of an entry's replicas: what its row says of them. */
static int
settle(struct catalogue *c, long long id, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "UPDATE entry SET ctime = ?2,"
	    " more = (SELECT COUNT(*) FROM replica WHERE entry = ?1),"
	    " status = CASE WHEN home IS NOT NULL OR EXISTS (SELECT 1"
	    " FROM replica WHERE entry = ?1 AND status = '-')"
	    " THEN '-' ELSE 'm' END WHERE id = ?1",
	    w);

	if (s != NULL) {
		db_bind_int(s, 1, id);
		db_bind_int(s, 2, c->now);
	}
	c->changed = true;
	return run1(s, w);
}

int
catalogue_copies(struct catalogue *c, long long id, catalogue_copy_visit *visit,
    void *arg, struct why *w)
{
	struct catalogue_copy r = {
		.status = CATALOGUE_AVAILABLE, .f_type = 'P', .r_type = 'P'
	};
	struct catalogue_entry e;
	char surl[SURL_WORD];
	struct db_stmt *s;
	int got = entry_by_id(c, id, &e, w);

	if (got <= 0)
		return got;
	if (e.home > 0 && e.guid != NULL &&
	    home_surl(c, e.home, e.guid, surl) == 0) {
		r.surl = surl;
		r.atime = r.ptime = e.mtime;
		if (visit(arg, &r, w) < 0)
			return -1;
	}
	s = db_prepare(c->db,
	    "SELECT surl, status, f_type, r_type, host, setname, accesses,"
	    " atime, ptime FROM replica WHERE entry = ?1 ORDER BY id",
	    w);
	if (s == NULL)
		return -1;
	db_bind_int(s, 1, id);
	while ((got = db_step(s, w)) > 0) {
		r.surl = db_text(s, 0);
		r.status = *db_text(s, 1);
		r.f_type = *db_text(s, 2);
		r.r_type = *db_text(s, 3);
		r.host = db_text(s, 4);
		r.setname = db_text(s, 5);
		r.accesses = db_int(s, 6);
		r.atime = db_int(s, 7);
		r.ptime = db_int(s, 8);
		if (visit(arg, &r, w) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return got;
}

int
replica_delete_all(struct catalogue *c, long long entry, struct why *w)
{
	return run_id(c, "DELETE FROM replica WHERE entry = ?1", entry, w);
}

int
catalogue_replica_add(struct catalogue *c, const char *lfn,
    const unsigned char *guid, const struct catalogue_copy *r, struct why *w)
{
	struct catalogue_entry e;
	struct rights rights;
	struct path p;
	long long id, other;
	int got;

	if ((got = entry_at(c, lfn, &p, &e, w)) <= 0)
		return got;
	rights = rights_of(&e);
	id = e.id;
	if (may(c, &rights, PACL_W, w) < 0)
		return -1;
	if (e.type != 'f')
		return why_set(w, EXIT_NO, "is not a file");
	if (guid != NULL && (e.guid == NULL || memcmp(guid, e.guid, 16) != 0))
		return why_set(w, EXIT_NO, "has another GUID by now");
	if (e.guid == NULL)
		return why_set(w, EXIT_NO, "is nearline");
	if (surl_check(r->surl, e.guid, w) < 0)
		return -1;
	if ((other = surl_entry(c, r->surl, w)) < 0)
		return -1;
	if (other == id)
		return catalogue_replica_status(
		    c, r->surl, r->status ? r->status : CATALOGUE_AVAILABLE, w);
	if (other > 0)
		return why_set(w, EXIT_NO,
		    "another entry of the catalogue has that replica");
	if (run1(replica_row(c, id, r, false, w), w) < 0 ||
	    settle(c, id, w) < 0)
		return -1;
	return 1;
}

/* Find a replica to change: its entry in *e, home or not. 1, 0, -1. */
static int
to_change(struct catalogue *c, const char *surl, struct catalogue_entry *e,
    bool *home, struct why *w)
{
	struct rights rights;
	int got = at_home(c, surl, e, w);

	*home = got > 0;
	if (got == 0)
		got = holder(c, surl, e, w);
	if (got <= 0)
		return got;
	rights = rights_of(e);
	return may(c, &rights, PACL_W, w) < 0 ? -1 : 1;
}

static int
with_surl(struct catalogue *c, const char *sql, const char *surl,
    const char *status, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db, sql, w);

	if (s != NULL) {
		db_bind_text(s, 1, surl);
		if (status != NULL)
			db_bind_text(s, 2, status);
	}
	return run1(s, w);
}

int
catalogue_replica_remove(struct catalogue *c, const char *surl, struct why *w)
{
	struct catalogue_entry e;
	long long id;
	bool home;
	int got = to_change(c, surl, &e, &home, w);

	if (got <= 0)
		return got;
	id = e.id;
	got = home ? run_id(
			 c, "UPDATE entry SET home = NULL WHERE id = ?1", id, w)
		   : with_surl(c, "DELETE FROM replica WHERE surl = ?1", surl,
			 NULL, w);
	return got < 0 || settle(c, id, w) < 0 ? -1 : 1;
}

int
catalogue_replica_status(
    struct catalogue *c, const char *surl, char status, struct why *w)
{
	char text[2] = { status, '\0' };
	struct catalogue_entry e;
	long long id;
	bool home;
	int got;

	if (strchr("-PDB", status) == NULL)
		return why_set(w, EXIT_DATA, "no such status of a replica");
	if ((got = to_change(c, surl, &e, &home, w)) <= 0)
		return got;
	id = e.id;
	if (!home && source_site(surl) > 0)
		return why_set(w, EXIT_NO, "is a DICOM source");
	if (home && status == CATALOGUE_AVAILABLE)
		return 1;
	got = home ? home_move(c, &e, status, w)
		   : with_surl(c,
			 "UPDATE replica SET status = ?2 WHERE surl = ?1", surl,
			 text, w);
	return got < 0 || settle(c, id, w) < 0 ? -1 : 1;
}

/* ---- pages in the order of URLs ---- */

/* A sorted page: insert one, and drop the last if it is then too long. */
static int
place(struct catalogue_replica *page, int n, int max, const char *surl,
    struct catalogue_replica **at)
{
	int i = n;

	while (i > 0 && strcmp(page[i - 1].surl, surl) > 0)
		i--;
	*at = NULL;
	if (i >= max)
		return n;
	if (n == max)
		free(page[--n].surl);
	memmove(page + i + 1, page + i, (size_t)(n - i) * sizeof *page);
	*at = page + i;
	memset(*at, 0, sizeof **at);
	if (((*at)->surl = strdup(surl)) == NULL)
		die(EXIT_IO, "out of memory");
	return n + 1;
}

/* Columns: size, entry, guid, status, sha256, from col. */
static void
fill(struct catalogue_replica *r, struct db_stmt *s, int col)
{
	const void *guid, *sum;
	size_t len;

	r->size = db_int(s, col);
	r->entry = db_int(s, col + 1);
	guid = db_blob(s, col + 2, &len);
	if (len == sizeof r->guid)
		memcpy(r->guid, guid, len);
	r->status = *db_text(s, col + 3);
	sum = db_blob(s, col + 4, &len);
	if (len == sizeof r->sha256)
		memcpy(r->sha256, sum, len);
}

/*
 * Those at home on one storage.  In the order of their URLs they are in that of
 * their GUIDs, so that the first GUID that can come after `after' is known.
 */
static int
page_home(struct catalogue *c, long long home, const char *prefix,
    const char *after, const char *below, struct catalogue_replica *page,
    int *n, int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT size, id, guid, '-', sha256 FROM entry"
	    " WHERE guid >= ?1 AND home = ?2 ORDER BY guid LIMIT ?3",
	    w);
	unsigned char from[16] = { 0 };
	struct catalogue_replica *at;
	char surl[SURL_WORD], first[SURL_WORD];
	size_t len = strlen(prefix);
	const void *guid;
	int got, i;

	if (s == NULL || len + 37 > sizeof surl)
		return -1;
	snprintf(first, sizeof first, "%s/", prefix);
	if (strcmp(below, first) <= 0)
		return 0;
	/* The digits that a URL after `after' must at least have. */
	if (strncmp(after, first, len + 1) == 0) {
		const char *d = after + len + 1;
		char hex[33];

		for (i = 0; i < 2 && strchr("0123456789abcdef", d[i]) && d[i];)
			i++;
		memset(hex, d[i] > 'f' ? 'f' : '0', 32);
		hex[32] = '\0';
		memcpy(hex, d, (size_t)i);
		if (i < 2 && d[i] > '9' && d[i] < 'a')
			hex[i] = 'a';
		if (i == 2 && d[2] == '/' &&
		    strspn(d + 3, "0123456789abcdef") >= 32)
			memcpy(hex, d + 3, 32);
		hex_decode(from, 16, hex);
	} else if (strcmp(after, first) > 0)
		return 0;
	db_bind_blob(s, 1, from, sizeof from);
	db_bind_int(s, 2, home);
	db_bind_int(s, 3, max + 1);
	while ((got = db_step(s, w)) > 0) {
		guid = db_blob(s, 2, &len);
		if (len != 16 || home_surl(c, home, guid, surl) < 0 ||
		    strcmp(surl, after) <= 0)
			continue;
		if (strcmp(surl, below) >= 0)
			break;
		*n = place(page, *n, max, surl, &at);
		if (at == NULL)
			break;
		fill(at, s, 0);
	}
	db_reset(s);
	return got < 0 ? -1 : 0;
}

static int
page_rows(struct catalogue *c, const char *after, const char *below,
    struct catalogue_replica *page, int *n, int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT r.surl, e.size, e.id, e.guid, r.status, e.sha256"
	    " FROM replica r"
	    " LEFT JOIN entry e ON e.id = r.entry"
	    " WHERE r.surl > ?1 AND r.surl < ?2 ORDER BY r.surl LIMIT ?3",
	    w);
	struct catalogue_replica *at;
	int got;

	if (s == NULL)
		return -1;
	db_bind_text(s, 1, after);
	db_bind_text(s, 2, below);
	db_bind_int(s, 3, max);
	while ((got = db_step(s, w)) > 0) {
		*n = place(page, *n, max, db_text(s, 0), &at);
		if (at == NULL)
			break;
		fill(at, s, 1);
	}
	db_reset(s);
	return got < 0 ? -1 : 0;
}

int
catalogue_replicas(struct catalogue *c, const char *after, const char *below,
    struct catalogue_replica *page, int max, struct why *w)
{
	struct db_stmt *s = db_prepare(c->db,
	    "SELECT id, name FROM home WHERE name > ?1 ORDER BY name", w);
	int n = 0, got;

	if (s == NULL || page_rows(c, after, below, page, &n, max, w) < 0)
		return -1;
	db_bind_text(s, 1, "");
	while ((got = db_step(s, w)) > 0)
		if (page_home(c, db_int(s, 0), db_text(s, 1), after, below,
			page, &n, max, w) < 0) {
			got = -1;
			break;
		}
	db_reset(s);
	if (got < 0) {
		catalogue_replicas_free(page, n);
		return -1;
	}
	return n;
}

void
catalogue_replicas_free(struct catalogue_replica *page, int n)
{
	while (n-- > 0)
		free(page[n].surl);
}
