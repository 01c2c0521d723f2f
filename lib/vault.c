#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "atrest.h"
#include "db.h"
#include "secret.h"
#include "vault.h"
#include "word.h"

struct vault {
	struct db *db;
	struct atrest *key;
	unsigned x;
};

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

#define GUID (SHARE_ID / 2)
#define COLUMNS "x, k, n, e, sealed, tag, commits, created"
enum { X, K, N, E, SEALED, TAG, COMMITS, CREATED, SHARE_COLUMNS };
#define RIGHTS ", owner, grp, perms, acl, held, mac"
enum { OWNER = SHARE_COLUMNS, GRP, PERMS, ACL, HELD, MAC, RIGHTS_COLUMNS };

static int
raw_guid(unsigned char out[GUID], const char *guid, struct why *w)
{
	if (hex_decode(out, GUID, guid) < 0)
		return why_set(w, EXIT_DATA, "not a GUID");
	return 0;
}

/* A statement whose ?1 is a GUID.  NULL with *w. */
static struct db_stmt *
prepare(struct vault *v, const char *sql, const char *guid, struct why *w)
{
	unsigned char raw[GUID];
	struct db_stmt *q;

	if (raw_guid(raw, guid, w) < 0 ||
	    (q = db_prepare(v->db, sql, w)) == NULL)
		return NULL;
	db_bind_blob(q, 1, raw, GUID);
	return q;
}

/* Run it: 1 if that changed something, 0, -1. */
static int
run(struct vault *v, struct db_stmt *q, struct why *w)
{
	if (q == NULL || db_run(q, w) < 0)
		return -1;
	return db_changes(v->db) > 0;
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
	db_close(v->db);
	atrest_close(v->key);
	free(v);
}

unsigned
vault_x(const struct vault *v)
{
	return v->x;
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
	return db_begin(v->db, w);
}

int
vault_commit(struct vault *v, struct why *w)
{
	return db_commit(v->db, w);
}

void
vault_rollback(struct vault *v)
{
	db_rollback(v->db);
}

int
vault_scrub(struct vault *v, struct why *w)
{
	return db_scrub(v->db, w);
}

/* The share is bound to everything that is said of it. */
#define AAD_MAX (12 + GUID + 3 + 8 + SHARE_TAG + SHARE_N * SHARE_TAG)

static size_t
bound(unsigned char out[AAD_MAX], const unsigned char guid[GUID],
    const struct share *s)
{
	unsigned char *o = out;
	int shift;

	memcpy(o, "mdm store v1", 12);
	memcpy(o += 12, guid, GUID);
	o += GUID;
	*o++ = (unsigned char)s->x;
	*o++ = (unsigned char)s->k;
	*o++ = (unsigned char)s->n;
	for (shift = 56; shift >= 0; shift -= 8)
		*o++ = (unsigned char)(s->e >> shift);
	memcpy(o, s->check, SHARE_TAG);
	memcpy(o += SHARE_TAG, s->commit, (size_t)s->n * SHARE_TAG);
	return (size_t)(o - out) + (size_t)s->n * SHARE_TAG;
}

/* And so are the rights to their key. */
static void
rights_mac(struct vault *v, unsigned char out[ATREST_MAC],
    const unsigned char guid[GUID], const struct acl *a)
{
	unsigned char text[14 + GUID + ACL_STATE];

	memcpy(text, "mdm rights v1", 14);
	memcpy(text + 14, guid, GUID);
	acl_state(text + 14 + GUID, a);
	atrest_mac(v->key, out, text, sizeof text);
}

void
vault_row_init(struct vault_row *r)
{
	memset(r, 0, sizeof *r);
	acl_init(&r->acl);
}

void
vault_row_free(struct vault_row *r)
{
	acl_free(&r->acl);
}

static int
read_acl(struct acl *a, struct db_stmt *q)
{
	const char *owner = db_text(q, OWNER), *perms = db_text(q, PERMS);
	const char *group = db_text(q, GRP), *list = db_text(q, ACL);
	const char *held = db_text(q, HELD);
	struct why w;

	if (!owner || !group || !perms || !list || !held)
		return -1;
	if ((*owner != '\0' && acl_set_owner(a, owner, &w) < 0) ||
	    acl_set_group(a, group, &w) < 0 ||
	    acl_set_perms(a, perms, &w) < 0 || acl_set_list(a, list, &w) < 0)
		return -1;
	return acl_set_held(a, held, &w);
}

static void
read_rights(struct vault *v, struct db_stmt *q, const unsigned char guid[GUID],
    struct vault_row *r)
{
	unsigned char mac[ATREST_MAC];
	const void *there;
	size_t n;

	acl_free(&r->acl);
	acl_init(&r->acl);
	there = db_blob(q, MAC, &n);
	r->authentic = n == ATREST_MAC && read_acl(&r->acl, q) == 0;
	if (r->authentic) {
		rights_mac(v, mac, guid, &r->acl);
		there = db_blob(q, MAC, &n);
		r->authentic = secret_equal(there, mac, ATREST_MAC);
	}
	if (r->authentic)
		return;
	acl_free(&r->acl);
	acl_init(&r->acl);
	r->acl.user = 0;
}

/* The row that q is at. */
static void
read_row(struct vault *v, struct db_stmt *q, const unsigned char guid[GUID],
    bool rights, struct vault_row *r)
{
	long long x = db_int(q, X), k = db_int(q, K), n = db_int(q, N);
	const void *sealed, *tag, *commits;
	size_t tag_len, commits_len;

	hex_encode(r->guid, guid, GUID);
	r->created = db_int(q, CREATED);
	sealed = db_blob(q, SEALED, &r->sealed_len);
	tag = db_blob(q, TAG, &tag_len);
	commits = db_blob(q, COMMITS, &commits_len);
	r->sound = n >= 2 && n <= SHARE_N && k >= 2 && k <= n && x == v->x &&
		   x <= n && db_int(q, E) >= 1 &&
		   r->sealed_len >= SHARE_MIN + ATREST_EXTRA &&
		   r->sealed_len <= SHARE_MAX + ATREST_EXTRA &&
		   tag_len == SHARE_TAG && commits_len == (size_t)n * SHARE_TAG;
	r->k = r->sound ? (unsigned)k : 0;
	r->n = r->sound ? (unsigned)n : 0;
	r->e = (uint64_t)db_int(q, E);
	if (r->sound) {
		memcpy(r->sealed, sealed, r->sealed_len);
		memcpy(r->check, tag, SHARE_TAG);
		memcpy(r->commit, commits, commits_len);
	}
	r->authentic = false;
	if (rights)
		read_rights(v, q, guid, r);
}

/* q is about guid, and gives one row or none. */
static int
one_row(struct vault *v, struct db_stmt *q, const char *guid, bool rights,
    struct vault_row *r, struct why *w)
{
	unsigned char raw[GUID];
	int got;

	if (q == NULL || raw_guid(raw, guid, w) < 0)
		return -1;
	if ((got = db_step(q, w)) <= 0)
		return got;
	read_row(v, q, raw, rights, r);
	db_reset(q);
	return 1;
}

int
vault_find(struct vault *v, const char *guid, bool rights, struct vault_row *r,
    struct why *w)
{
	return one_row(v,
	    prepare(v,
		rights ? "SELECT " COLUMNS RIGHTS " FROM share WHERE guid = ?1"
		       : "SELECT " COLUMNS " FROM share WHERE guid = ?1",
		guid, w),
	    guid, rights, r, w);
}

int
vault_find_epoch(struct vault *v, const char *guid, uint64_t e,
    struct vault_row *r, struct why *w)
{
	struct db_stmt *q = prepare(v,
	    "SELECT " COLUMNS " FROM epoch WHERE guid = ?1 AND e = ?2", guid,
	    w);

	if (q != NULL)
		db_bind_int(q, 2, (long long)e);
	return one_row(v, q, guid, false, r, w);
}

int
vault_epochs(
    struct vault *v, const char *guid, uint64_t *e, unsigned max, struct why *w)
{
	struct db_stmt *q = prepare(
	    v, "SELECT e FROM epoch WHERE guid = ?1 ORDER BY e", guid, w);
	unsigned n = 0;
	int got = q ? 1 : -1;

	while (got > 0 && n < max && (got = db_step(q, w)) > 0)
		e[n++] = (uint64_t)db_int(q, 0);
	db_reset(q);
	return got < 0 ? -1 : (int)n;
}

int
vault_unseal(struct vault *v, const struct vault_row *r, struct share *s)
{
	unsigned char aad[AAD_MAX], guid[GUID];
	size_t commits = (size_t)r->n * SHARE_TAG;

	s->commit = NULL;
	if (!r->sound || hex_decode(guid, GUID, r->guid) < 0)
		return -1;
	memcpy(s->guid, r->guid, sizeof s->guid);
	s->x = v->x;
	s->k = r->k;
	s->n = r->n;
	s->e = r->e;
	s->len = r->sealed_len - ATREST_EXTRA;
	memcpy(s->check, r->check, SHARE_TAG);
	if ((s->commit = malloc(commits)) == NULL)
		die(EXIT_IO, "out of memory");
	memcpy(s->commit, r->commit, commits);
	if (atrest_unseal(v->key, s->y, r->sealed, r->sealed_len, aad,
		bound(aad, guid, s)) == 0)
		return 0;
	share_drop(s);
	return -1;
}

int
vault_removed(struct vault *v, const char *guid, long long *when, struct why *w)
{
	struct db_stmt *q =
	    prepare(v, "SELECT removed FROM removed WHERE guid = ?1", guid, w);
	int got = q ? db_step(q, w) : -1;

	if (got > 0) {
		*when = db_int(q, 0);
		db_reset(q);
	}
	return got;
}

bool
vault_same(struct vault *v, const struct vault_row *r, const struct share *s)
{
	struct share *there = secret_alloc(sizeof *there);
	bool is = false;

	if (vault_unseal(v, r, there) == 0) {
		is = s->x == there->x && s->k == there->k && s->n == there->n &&
		     s->e == there->e && s->len == there->len &&
		     memcmp(s->check, there->check, SHARE_TAG) == 0 &&
		     memcmp(s->commit, there->commit,
			 (size_t)s->n * SHARE_TAG) == 0 &&
		     secret_equal(s->y, there->y, s->len);
		share_drop(there);
	}
	secret_free(there, sizeof *there);
	return is;
}

/* Bind ?1 to ?9: what both tables of shares begin with. */
static int
bind_share(struct vault *v, struct db_stmt *q, const struct share *s,
    unsigned char guid[GUID], struct why *w)
{
	unsigned char aad[AAD_MAX], sealed[SHARE_MAX + ATREST_EXTRA];

	if (raw_guid(guid, s->guid, w) < 0)
		return -1;
	if (s->x != v->x)
		return why_set(w, EXIT_DATA, "the share of another store");
	atrest_seal(v->key, sealed, s->y, s->len, aad, bound(aad, guid, s));
	db_bind_blob(q, 1, guid, GUID);
	db_bind_int(q, 2, s->x);
	db_bind_int(q, 3, s->k);
	db_bind_int(q, 4, s->n);
	db_bind_int(q, 5, (long long)s->e);
	db_bind_blob(q, 6, sealed, s->len + ATREST_EXTRA);
	db_bind_blob(q, 7, s->check, SHARE_TAG);
	db_bind_blob(q, 8, s->commit, (size_t)s->n * SHARE_TAG);
	db_bind_int(q, 9, time(NULL));
	return 0;
}

/* Bind five from ?i on: the rights of guid, and mac. */
static void
bind_rights(struct vault *v, struct db_stmt *q, int i,
    const unsigned char guid[GUID], const struct acl *a)
{
	unsigned char mac[ATREST_MAC];
	char perms[ACL_PERMS], *list = acl_list(a);

	acl_perms(perms, a);
	rights_mac(v, mac, guid, a);
	db_bind_text(q, i, a->owner);
	db_bind_text(q, i + 1, a->group);
	db_bind_text(q, i + 2, perms);
	db_bind_text(q, i + 3, list);
	db_bind_text(q, i + 4, a->held);
	db_bind_blob(q, i + 5, mac, sizeof mac);
	free(list);
}

/* The GUID is taken: by the same share? */
static int
compare(struct vault *v, const struct share *s, enum vault_put *result,
    struct why *w)
{
	struct vault_row r;
	struct db_stmt *q;
	int got;

	vault_row_init(&r);
	got = vault_find(v, s->guid, false, &r, w);
	*result = got > 0 && vault_same(v, &r, s) ? VAULT_SAME : VAULT_OTHER;
	vault_row_free(&r);
	if (got < 0 || *result == VAULT_OTHER)
		return got < 0 ? -1 : 0;
	q = prepare(
	    v, "UPDATE share SET putter = ?2 WHERE guid = ?1", s->guid, w);
	if (q == NULL)
		return -1;
	db_bind_blob(q, 2, "shared", 6);
	return db_run(q, w);
}

int
vault_put(struct vault *v, const struct share *s, const struct acl *a,
    const unsigned char putter[16], enum vault_put *result, struct why *w)
{
	unsigned char guid[GUID];
	struct db_stmt *q;
	long long when;
	int got;

	if ((got = vault_removed(v, s->guid, &when, w)) != 0) {
		*result = VAULT_REMOVED;
		return got < 0 ? -1 : 0;
	}
	q = db_prepare(v->db,
	    "INSERT INTO share (guid, x, k, n, e, sealed, tag, commits,"
	    " created, putter, owner, grp, perms, acl, held, mac)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " ?13, ?14, ?15, ?16) ON CONFLICT (guid) DO NOTHING",
	    w);
	if (q == NULL || bind_share(v, q, s, guid, w) < 0)
		return -1;
	db_bind_blob(q, 10, putter, 16);
	bind_rights(v, q, 11, guid, a);
	*result = VAULT_NEW;
	if ((got = run(v, q, w)) == 0)
		return compare(v, s, result, w);
	return got < 0 ? -1 : 0;
}

int
vault_undo(struct vault *v, const char *guid, const unsigned char putter[16],
    struct why *w)
{
	struct db_stmt *q = prepare(
	    v, "DELETE FROM share WHERE guid = ?1 AND putter = ?2", guid, w);

	if (q != NULL)
		db_bind_blob(q, 2, putter, 16);
	return run(v, q, w);
}

int
vault_set_acl(
    struct vault *v, const char *guid, const struct acl *a, struct why *w)
{
	struct db_stmt *q = prepare(v,
	    "UPDATE share SET owner = ?2, grp = ?3, perms = ?4, acl = ?5,"
	    " held = ?6, mac = ?7 WHERE guid = ?1",
	    guid, w);
	unsigned char raw[GUID];

	if (q == NULL || raw_guid(raw, guid, w) < 0)
		return -1;
	bind_rights(v, q, 2, raw, a);
	return run(v, q, w) < 0 ? -1 : 0;
}

int
vault_remove(struct vault *v, const char *guid, struct why *w)
{
	int a, b;

	a = run(v, prepare(v, "DELETE FROM share WHERE guid = ?1", guid, w), w);
	if (a < 0)
		return -1;
	b = run(v, prepare(v, "DELETE FROM epoch WHERE guid = ?1", guid, w), w);
	return b < 0 ? -1 : a | b;
}

int
vault_bury(struct vault *v, const char *guid, long long when, struct why *w)
{
	struct db_stmt *q = prepare(v,
	    "INSERT INTO removed (guid, removed) VALUES (?1, ?2)"
	    " ON CONFLICT (guid) DO NOTHING",
	    guid, w);

	if (q != NULL)
		db_bind_int(q, 2, when);
	return run(v, q, w) < 0 ? -1 : 0;
}

int
vault_stage(struct vault *v, const struct share *s, enum vault_put *result,
    struct why *w)
{
	struct db_stmt *q = db_prepare(v->db,
	    "INSERT INTO epoch (guid, x, k, n, e, sealed, tag, commits,"
	    " created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
	    " ON CONFLICT (guid, e) DO NOTHING",
	    w);
	unsigned char guid[GUID];
	struct vault_row r;
	int got;

	if (q == NULL || bind_share(v, q, s, guid, w) < 0 ||
	    (got = run(v, q, w)) < 0)
		return -1;
	*result = VAULT_NEW;
	if (got > 0)
		return 0;
	vault_row_init(&r);
	got = vault_find_epoch(v, s->guid, s->e, &r, w);
	*result = got > 0 && vault_same(v, &r, s) ? VAULT_SAME : VAULT_OTHER;
	vault_row_free(&r);
	return got < 0 ? -1 : 0;
}

int
vault_switch(struct vault *v, const char *guid, uint64_t e, struct why *w)
{
	static const char *const step[] = {
		"INSERT INTO epoch (guid, x, k, n, e, sealed, tag, commits,"
		" created) SELECT guid, x, k, n, e, sealed, tag, commits,"
		" created FROM share WHERE guid = ?1",
		"UPDATE share SET (x, k, n, e, sealed, tag, commits) ="
		" (SELECT x, k, n, e, sealed, tag, commits FROM epoch"
		" WHERE guid = ?1 AND e = ?2) WHERE guid = ?1",
		"DELETE FROM epoch WHERE guid = ?1 AND e = ?2",
	};
	struct db_stmt *q;
	int i;

	for (i = 0; i < 3; i++) {
		if ((q = prepare(v, step[i], guid, w)) == NULL)
			return -1;
		if (i > 0)
			db_bind_int(q, 2, (long long)e);
		if (db_run(q, w) < 0)
			return -1;
	}
	return 0;
}

int
vault_drop(struct vault *v, const char *guid, uint64_t e, struct why *w)
{
	struct db_stmt *q =
	    prepare(v, "DELETE FROM epoch WHERE guid = ?1 AND e = ?2", guid, w);

	if (q != NULL)
		db_bind_int(q, 2, (long long)e);
	return run(v, q, w);
}

int
vault_list(struct vault *v, const char *after, unsigned max, bool rights,
    int (*fn)(void *arg, const struct vault_row *r, struct why *w), void *arg,
    struct why *w)
{
	struct db_stmt *q = db_prepare(v->db,
	    rights ? "SELECT " COLUMNS RIGHTS ", guid FROM share"
		     " WHERE guid > ?1 ORDER BY guid LIMIT ?2"
		   : "SELECT " COLUMNS ", guid FROM share"
		     " WHERE guid > ?1 ORDER BY guid LIMIT ?2",
	    w);
	unsigned char raw[GUID];
	struct vault_row r;
	unsigned got = 0;
	const void *p;
	size_t len;
	int more;

	if (q == NULL || (*after != '\0' && raw_guid(raw, after, w) < 0))
		return -1;
	db_bind_blob(q, 1, raw, *after ? GUID : 0);
	db_bind_int(q, 2, max);
	vault_row_init(&r);
	while ((more = db_step(q, w)) > 0) {
		p = db_blob(q, rights ? RIGHTS_COLUMNS : SHARE_COLUMNS, &len);
		if (len != GUID) {
			more = why_set(w, EXIT_DATA, "a row without a GUID");
			break;
		}
		memcpy(raw, p, GUID);
		read_row(v, q, raw, rights, &r);
		if ((more = fn(arg, &r, w)) < 0)
			break;
		got++;
	}
	db_reset(q);
	vault_row_free(&r);
	return more < 0 ? -1 : (int)got;
}
