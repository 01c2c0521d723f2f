#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault_impl.h"
#include "word.h"

/*
 * Rows of version 1 have rights that nobody vouches for (mac is empty), and
 * so grant nothing to clients; the owner of the files needs no rights.
 */
static const char *const steps[] = {
	"CREATE TABLE store ("
	"  x BIGINT NOT NULL,"
	"  key_id BYTEA NOT NULL,"
	"  created BIGINT NOT NULL);"
	"CREATE TABLE share ("
	"  guid BYTEA NOT NULL PRIMARY KEY,"
	"  x BIGINT NOT NULL,"
	"  k BIGINT NOT NULL,"
	"  n BIGINT NOT NULL,"
	"  e BIGINT NOT NULL,"
	"  sealed BYTEA NOT NULL,"
	"  tag BYTEA NOT NULL,"
	"  commits BYTEA NOT NULL,"
	"  created BIGINT NOT NULL,"
	"  putter BYTEA NOT NULL,"
	"  owner TEXT NOT NULL,"
	"  grp TEXT NOT NULL,"
	"  perms TEXT NOT NULL);",
	"ALTER TABLE share ADD COLUMN acl TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE share ADD COLUMN held TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE share ADD COLUMN mac BYTEA NOT NULL DEFAULT '';"
	"CREATE TABLE epoch ("
	"  guid BYTEA NOT NULL,"
	"  x BIGINT NOT NULL,"
	"  k BIGINT NOT NULL,"
	"  n BIGINT NOT NULL,"
	"  e BIGINT NOT NULL,"
	"  sealed BYTEA NOT NULL,"
	"  tag BYTEA NOT NULL,"
	"  commits BYTEA NOT NULL,"
	"  created BIGINT NOT NULL,"
	"  PRIMARY KEY (guid, e));"
	"CREATE TABLE removed ("
	"  guid BYTEA NOT NULL PRIMARY KEY,"
	"  removed BIGINT NOT NULL);",
	NULL,
};
static const struct db_schema schema = { .application = "mdm store",
	.step = steps };

int
vault_guid(unsigned char out[GUID], const char *guid, struct why *w)
{
	if (hex_decode(out, GUID, guid) < 0)
		return why_set(w, EXIT_DATA, "not a GUID");
	return 0;
}

struct db_stmt *
vault_prepare(struct vault *v, const char *sql, const char *guid, struct why *w)
{
	unsigned char raw[GUID];
	struct db_stmt *q;

	if (vault_guid(raw, guid, w) < 0 || vault_settle(v, raw, w) < 0 ||
	    (q = db_prepare(v->db, sql, w)) == NULL)
		return NULL;
	db_bind_blob(q, 1, raw, GUID);
	return q;
}

int
vault_run(struct vault *v, struct db_stmt *q, struct why *w)
{
	if (q == NULL || db_run(q, w) < 0)
		return -1;
	return db_changes(v->db) > 0;
}

int
vault_send(struct vault *v, struct db_stmt *q, struct why *w)
{
	if (q == NULL)
		return -1;
	return v->begun ? db_send(q, w) : db_run(q, w);
}

/* Is this the store it is taken for, with its key file?  1, 0: new, -1. */
static int
identity(struct vault *v, const unsigned char id[16], struct why *w)
{
	struct db_stmt *q = db_prepare(v->db, "SELECT x, key_id FROM store", w);
	int got = q ? db_step(q, w) : -1;
	const void *p;
	size_t n;

	if (got <= 0)
		return got;
	p = db_blob(q, 1, &n);
	if (db_int(q, 0) != v->x)
		got = why_set(w, EXIT_DATA,
		    "its shares are those of store %lld", db_int(q, 0));
	else if (n != 16 || memcmp(p, id, n) != 0)
		got = why_set(w, EXIT_DATA,
		    "its key file is not the one it was made with");
	db_reset(q);
	return got;
}

static int
identify(struct vault *v, struct why *w)
{
	unsigned char id[16];
	struct db_stmt *q;
	int got;

	atrest_id(v->key, id);
	if ((got = identity(v, id, w)) != 0)
		return got < 0 ? -1 : 0;
	if (db_begin(v->db, w) < 0)
		return -1;
	if ((got = identity(v, id, w)) == 0) {
		q = db_prepare(
		    v->db, "INSERT INTO store VALUES (?1, ?2, ?3)", w);
		if (q != NULL) {
			db_bind_int(q, 1, v->x);
			db_bind_blob(q, 2, id, sizeof id);
			db_bind_int(q, 3, time(NULL));
		}
		if (q != NULL && db_run(q, w) == 0)
			return db_commit(v->db, w);
		got = -1;
	}
	db_rollback(v->db);
	return got < 0 ? -1 : 0;
}

/*
 * The database first, as it makes the directories; a key file alone is what a
 * crash while making the store leaves, and is used.  A database that has
 * shares never gets a new key.
 */
static int
open_both(struct vault *v, const char *url, const char *file, bool create,
    struct why *w)
{
	bool fresh = create && access(file, F_OK) < 0;

	if ((v->db = db_open(url, &schema, create, w)) == NULL)
		return -1;
	if (fresh) {
		struct db_stmt *q = db_prepare(v->db, "SELECT 1 FROM store", w);
		int got = q ? db_step(q, w) : -1;

		if (got < 0)
			return -1;
		db_reset(q);
		fresh = got == 0;
	}
	if ((v->key = atrest_open(file, fresh, w)) == NULL)
		return -1;
	return identify(v, w);
}

struct vault *
vault_open(
    unsigned x, const char *url, const char *key, bool create, struct why *w)
{
	static const char lite[] = "sqlite:";
	struct vault *v = calloc(1, sizeof *v);
	char *file = NULL;
	int r = -1;

	if (v == NULL)
		die(EXIT_IO, "out of memory");
	v->x = x;
	if (key == NULL && strncmp(url, lite, sizeof lite - 1) != 0)
		why_set(w, EXIT_USAGE, "%s: needs a key file", url);
	else if (key != NULL)
		r = open_both(v, url, key, create, w);
	else if (asprintf(&file, "%s.key", url + sizeof lite - 1) < 0)
		die(EXIT_IO, "out of memory");
	else
		r = open_both(v, url, file, create, w);
	free(file);
	if (r == 0)
		return v;
	vault_close(v);
	return NULL;
}

void
vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	vault_forget(v);
	db_close(v->db);
	atrest_close(v->key);
	free(v);
}

unsigned
vault_x(const struct vault *v)
{
	return v->x;
}

bool
vault_far(const struct vault *v)
{
	return db_far(v->db);
}

int
vault_ping(struct vault *v, struct why *w)
{
	unsigned char id[16];
	int got;

	atrest_id(v->key, id);
	got = identity(v, id, w);
	if (got == 0)
		return why_set(w, EXIT_DATA, "the store has no identity");
	return got < 0 ? -1 : 0;
}

void
vault_id(const struct vault *v, unsigned char out[16])
{
	atrest_id(v->key, out);
}

void
vault_public(const struct vault *v, unsigned char out[32])
{
	atrest_public(v->key, out);
}

void
vault_sign(struct vault *v, unsigned char out[64], const void *p, size_t n)
{
	atrest_sign(v->key, out, p, n);
}

int
vault_begin(struct vault *v, struct why *w)
{
	vault_forget(v);
	v->begun = db_begin(v->db, w) == 0;
	return v->begun ? 0 : -1;
}

/* What was sent and has failed fails the commit. */
int
vault_commit(struct vault *v, struct why *w)
{
	vault_forget(v);
	if (vault_settle(v, NULL, w) < 0) {
		vault_rollback(v);
		return -1;
	}
	v->begun = false;
	return db_commit(v->db, w);
}

void
vault_rollback(struct vault *v)
{
	vault_forget(v);
	v->adding = v->begun = false;
	db_rollback(v->db);
}

int
vault_scrub(struct vault *v, struct why *w)
{
	return db_scrub(v->db, w);
}

int
vault_find(struct vault *v, const char *guid, bool rights, struct vault_row *r,
    struct why *w)
{
	unsigned char id[GUID];
	const struct known *k;
	struct db_stmt *q;
	struct raw raw;
	int got;

	if (vault_guid(id, guid, w) < 0)
		return -1;
	if ((k = vault_known(v, id)) != NULL) {
		if (k->share != NULL)
			vault_read(v, &k->share->raw, id, rights, r);
		return k->share != NULL;
	}
	q = vault_prepare(v,
	    rights ? "SELECT " SHARE_COLUMNS RIGHTS_COLUMNS
		     " FROM share WHERE guid = ?1"
		   : "SELECT " SHARE_COLUMNS " FROM share WHERE guid = ?1",
	    guid, w);
	if (q == NULL || (got = db_step(q, w)) <= 0)
		return q ? got : -1;
	vault_raw(&raw, q, rights);
	vault_read(v, &raw, id, rights, r);
	db_reset(q);
	return 1;
}

int
vault_removed(struct vault *v, const char *guid, long long *when, struct why *w)
{
	unsigned char id[GUID];
	const struct known *k;
	struct db_stmt *q;
	int got;

	if (vault_guid(id, guid, w) < 0)
		return -1;
	if ((k = vault_known(v, id)) != NULL) {
		if (k->removed)
			*when = k->when;
		return k->removed;
	}
	q = vault_prepare(
	    v, "SELECT removed FROM removed WHERE guid = ?1", guid, w);
	got = q ? db_step(q, w) : -1;
	if (got > 0) {
		*when = db_int(q, 0);
		db_reset(q);
	}
	return got;
}

int
vault_taken(struct vault *v, int found, struct why *w)
{
	if (found != 0)
		return found;
	return why_set(w, EXIT_BUG, "%s: it refuses a row", db_url(v->db));
}

/* The GUID is taken: by the same share? */
static int
compare(struct vault *v, const struct vault_row *r, const struct share *s,
    enum vault_put *result, struct why *w)
{
	struct db_stmt *q;

	*result = vault_same(v, r, s) ? VAULT_SAME : VAULT_OTHER;
	if (*result == VAULT_OTHER)
		return 0;
	q = vault_prepare(
	    v, "UPDATE share SET putter = ?2 WHERE guid = ?1", s->guid, w);
	if (q != NULL)
		db_bind_blob(q, 2, "shared", 6);
	return vault_send(v, q, w);
}

/* Insert it: 1, 0 if the GUID is taken, -1. */
static int
insert(struct vault *v, const struct share *s, const struct acl *a,
    const unsigned char putter[16], struct why *w)
{
	unsigned char guid[GUID];
	struct db_stmt *q = db_prepare(v->db,
	    "INSERT INTO share (guid, " SHARE_COLUMNS RIGHTS_COLUMNS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " ?13, ?14, ?15, ?16)",
	    w);
	int got;

	if (q == NULL || vault_bind(v, q, s, guid, w) < 0)
		return -1;
	db_bind_blob(q, 10, putter, 16);
	vault_bind_rights(v, q, 11, guid, a);
	if ((got = db_add(q, w)) > 0)
		v->adding = db_far(v->db);
	return got;
}

/*
 * SQLite says at once that a GUID is taken; a server says it too late, and is
 * asked first.
 */
int
vault_put(struct vault *v, const struct share *s, const struct acl *a,
    const unsigned char putter[16], enum vault_put *result, struct why *w)
{
	bool ask = db_far(v->db);
	unsigned char guid[GUID];
	struct vault_row r;
	long long when;
	int got;

	*result = VAULT_REMOVED;
	if (vault_guid(guid, s->guid, w) < 0 ||
	    (got = vault_removed(v, s->guid, &when, w)) < 0)
		return -1;
	if (got > 0)
		return 0;
	*result = VAULT_NEW;
	vault_row_init(&r);
	got = ask ? vault_find(v, s->guid, false, &r, w) : 0;
	if (got == 0 && (got = insert(v, s, a, putter, w)) >= 0) {
		vault_touch(v, guid);
		got = got > 0 ? 0
			      : vault_taken(
				    v, vault_find(v, s->guid, false, &r, w), w);
	}
	if (got > 0)
		got = compare(v, &r, s, result, w);
	vault_touch(v, guid);
	vault_row_free(&r);
	return got < 0 ? -1 : 0;
}

int
vault_undo(struct vault *v, const char *guid, const unsigned char putter[16],
    struct why *w)
{
	struct db_stmt *q = vault_prepare(
	    v, "DELETE FROM share WHERE guid = ?1 AND putter = ?2", guid, w);
	const struct known *k;
	unsigned char id[GUID];
	bool his;

	if (q == NULL || vault_guid(id, guid, w) < 0)
		return -1;
	db_bind_blob(q, 2, putter, 16);
	if ((k = vault_known(v, id)) == NULL)
		return vault_run(v, q, w);
	his = k->share != NULL && k->share->raw.part[PUTTER].n == 16 &&
	      memcmp(k->share->raw.part[PUTTER].p, putter, 16) == 0;
	if (his && vault_send(v, q, w) < 0)
		return -1;
	vault_touch(v, id);
	return his;
}

int
vault_set_acl(
    struct vault *v, const char *guid, const struct acl *a, struct why *w)
{
	struct db_stmt *q = vault_prepare(v,
	    "UPDATE share SET mac = ?2, owner = ?3, grp = ?4, perms = ?5,"
	    " acl = ?6, held = ?7 WHERE guid = ?1",
	    guid, w);
	unsigned char id[GUID];

	if (q == NULL || vault_guid(id, guid, w) < 0)
		return -1;
	vault_bind_rights(v, q, 2, id, a);
	vault_touch(v, id);
	return vault_send(v, q, w);
}

int
vault_remove(struct vault *v, const char *guid, struct why *w)
{
	static const char *const step[] = {
		"DELETE FROM share WHERE guid = ?1",
		"DELETE FROM epoch WHERE guid = ?1",
	};
	unsigned char id[GUID];
	const struct known *k;
	struct db_stmt *q;
	bool there[2], something = false;
	int i, got;

	if (vault_guid(id, guid, w) < 0)
		return -1;
	k = vault_known(v, id);
	there[0] = k != NULL && k->share != NULL;
	there[1] = k != NULL && k->epoch != NULL;
	for (i = 0; i < 2; i++) {
		if (k != NULL && !there[i])
			continue;
		q = vault_prepare(v, step[i], guid, w);
		got = k ? vault_send(v, q, w) : vault_run(v, q, w);
		if (got < 0)
			return -1;
		something |= there[i] || got > 0;
	}
	vault_touch(v, id);
	return something;
}

int
vault_bury(struct vault *v, const char *guid, long long when, struct why *w)
{
	struct db_stmt *q = vault_prepare(v,
	    "INSERT INTO removed (guid, removed) VALUES (?1, ?2)"
	    " ON CONFLICT (guid) DO NOTHING",
	    guid, w);
	unsigned char id[GUID];

	if (q == NULL || vault_guid(id, guid, w) < 0)
		return -1;
	db_bind_int(q, 2, when);
	vault_touch(v, id);
	return vault_send(v, q, w);
}

/* The rows of q without their rights, while it gives them. */
static int
list_now(struct vault *v, struct db_stmt *q,
    int (*fn)(void *arg, const struct vault_row *r, struct why *w), void *arg,
    struct why *w)
{
	struct vault_row r;
	struct raw raw;
	const void *p;
	unsigned got = 0;
	size_t len;
	int more;

	vault_row_init(&r);
	while ((more = db_step(q, w)) > 0) {
		p = db_blob(q, NUMBERS + PUTTER, &len);
		if (len != GUID) {
			more = why_set(w, EXIT_DATA, "a row without a GUID");
			break;
		}
		vault_raw(&raw, q, false);
		vault_read(v, &raw, p, false, &r);
		if ((more = fn(arg, &r, w)) < 0)
			break;
		got++;
	}
	vault_row_free(&r);
	return more < 0 ? -1 : (int)got;
}

/* With them: first all of it, as then their other epochs are asked for once. */
static int
list_known(struct vault *v, struct db_stmt *q,
    int (*fn)(void *arg, const struct vault_row *r, struct why *w), void *arg,
    struct why *w)
{
	struct vault_row r;
	size_t i, n;
	int got = vault_learn(v, q, w);

	n = v->knowns;
	vault_row_init(&r);
	for (i = 0; got >= 0 && i < n; i++) {
		vault_read(
		    v, &v->known[i].share->raw, v->known[i].guid, true, &r);
		got = fn(arg, &r, w);
	}
	vault_row_free(&r);
	vault_forget(v);
	return got < 0 ? -1 : (int)n;
}

int
vault_list(struct vault *v, const char *after, unsigned max, bool rights,
    int (*fn)(void *arg, const struct vault_row *r, struct why *w), void *arg,
    struct why *w)
{
	unsigned char raw[GUID];
	struct db_stmt *q;
	int n;

	if ((*after != '\0' && vault_guid(raw, after, w) < 0) ||
	    vault_settle(v, NULL, w) < 0)
		return -1;
	q = db_prepare(v->db,
	    rights ? "SELECT " SHARE_COLUMNS RIGHTS_COLUMNS ", guid FROM share"
		     " WHERE guid > ?1 ORDER BY guid LIMIT ?2"
		   : "SELECT " SHARE_COLUMNS ", guid FROM share"
		     " WHERE guid > ?1 ORDER BY guid LIMIT ?2",
	    w);
	if (q == NULL)
		return -1;
	db_bind_blob(q, 1, raw, *after ? GUID : 0);
	db_bind_int(q, 2, max);
	n = rights ? list_known(v, q, fn, arg, w) : list_now(v, q, fn, arg, w);
	db_reset(q);
	return n;
}
