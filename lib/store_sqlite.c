#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "atrest.h"
#include "db.h"
#include "secret.h"
#include "store.h"
#include "word.h"

/* A store in a database of its own, its shares sealed under a key file. */
struct local {
	struct store s; /* first */
	struct db *db;
	struct atrest *key;
	unsigned char token[16]; /* marks the rows that this handle inserted */
};

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
	NULL,
};
static const struct db_schema schema = { "mdm store", steps };

#define GUID (SHARE_ID / 2)

static struct local *
local(struct store *s)
{
	return (struct local *)s;
}

static int
raw_guid(unsigned char out[GUID], const char *guid, struct why *w)
{
	if (hex_decode(out, GUID, guid) < 0)
		return why_set(w, EXIT_DATA, "not a GUID");
	return 0;
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

/* Is this the store it is taken for, with its key file?  1, 0: new, -1. */
static int
identity(struct local *l, unsigned x, const unsigned char id[16], struct why *w)
{
	struct db_stmt *q = db_prepare(l->db, "SELECT x, key_id FROM store", w);
	int got = q ? db_step(q, w) : -1;
	const void *p;
	size_t n;

	if (got <= 0)
		return got;
	p = db_blob(q, 1, &n);
	if (db_int(q, 0) != x)
		got = why_set(w, EXIT_DATA,
		    "its shares are those of store %lld", db_int(q, 0));
	else if (n != 16 || memcmp(p, id, n) != 0)
		got = why_set(w, EXIT_DATA,
		    "its key file is not the one it was made with");
	db_reset(q);
	return got;
}

static int
identify(struct local *l, unsigned x, struct why *w)
{
	unsigned char id[16];
	struct db_stmt *q;
	int got;

	atrest_id(l->key, id);
	if ((got = identity(l, x, id, w)) != 0)
		return got < 0 ? -1 : 0;
	if (db_begin(l->db, w) < 0)
		return -1;
	if ((got = identity(l, x, id, w)) == 0) {
		q = db_prepare(
		    l->db, "INSERT INTO store VALUES (?1, ?2, ?3)", w);
		if (q != NULL) {
			db_bind_int(q, 1, x);
			db_bind_blob(q, 2, id, sizeof id);
			db_bind_int(q, 3, time(NULL));
		}
		if (q != NULL && db_run(q, w) == 0)
			return db_commit(l->db, w);
		got = -1;
	}
	db_rollback(l->db);
	return got < 0 ? -1 : 0;
}

static void
local_close(struct store *s)
{
	struct local *l = local(s);

	db_close(l->db);
	atrest_close(l->key);
	free(l);
}

static struct store *
local_open(unsigned x, const char *url, bool create, struct why *w)
{
	const char *path = url + sizeof "sqlite:" - 1;
	struct local *l = calloc(1, sizeof *l);
	char *file = malloc(strlen(path) + sizeof ".key");
	bool fresh;

	if (l == NULL || file == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		goto fail;
	}
	sprintf(file, "%s.key", path);
	/*
	 * The database first, as it makes the directories; a key file alone is
	 * what a crash while making the store leaves, and is used.  A database
	 * that has shares never gets a new key.
	 */
	fresh = create && access(file, F_OK) < 0;
	if ((l->db = db_open(url, &schema, create, w)) == NULL)
		goto fail;
	if (fresh) {
		struct db_stmt *q = db_prepare(l->db, "SELECT 1 FROM store", w);
		int got = q ? db_step(q, w) : -1;

		if (got < 0)
			goto fail;
		db_reset(q);
		fresh = got == 0;
	}
	if ((l->key = atrest_open(file, fresh, w)) == NULL ||
	    identify(l, x, w) < 0)
		goto fail;
	secret_random(l->token, sizeof l->token);
	free(file);
	return &l->s;
fail:
	if (l != NULL)
		local_close(&l->s);
	free(file);
	return NULL;
}

/* Read the row q is at into *s, whose commit is NULL. */
static enum store_found
read_row(struct local *l, struct db_stmt *q, const unsigned char guid[GUID],
    struct share *s)
{
	unsigned char aad[AAD_MAX];
	const unsigned char *sealed, *tag, *commits;
	size_t len, tag_len, commits_len;
	long long x = db_int(q, 0), k = db_int(q, 1), n = db_int(q, 2);

	sealed = db_blob(q, 4, &len);
	tag = db_blob(q, 5, &tag_len);
	commits = db_blob(q, 6, &commits_len);
	if (n < 2 || n > SHARE_N || k < 2 || k > n || x < 1 || x > n ||
	    db_int(q, 3) < 1 || len < SHARE_MIN + ATREST_EXTRA ||
	    len > SHARE_MAX + ATREST_EXTRA || tag_len != SHARE_TAG ||
	    commits_len != (size_t)n * SHARE_TAG)
		return STORE_DAMAGED;
	hex_encode(s->guid, guid, GUID);
	s->x = (unsigned)x;
	s->k = (unsigned)k;
	s->n = (unsigned)n;
	s->e = (uint64_t)db_int(q, 3);
	s->len = len - ATREST_EXTRA;
	memcpy(s->check, tag, SHARE_TAG);
	if ((s->commit = malloc(commits_len)) == NULL)
		die(EXIT_IO, "out of memory");
	memcpy(s->commit, commits, commits_len);
	if (atrest_unseal(l->key, s->y, sealed, len, aad, bound(aad, guid, s)) <
	    0) {
		share_drop(s);
		return STORE_DAMAGED;
	}
	return STORE_FOUND;
}

/* 1: found, in *s; 0: missing; -1 with *w. */
static int
look(struct local *l, const unsigned char guid[GUID], struct share *s,
    enum store_found *found, struct why *w)
{
	struct db_stmt *q = db_prepare(l->db,
	    "SELECT x, k, n, e, sealed, tag, commits FROM share"
	    " WHERE guid = ?1",
	    w);
	int got;

	if (q == NULL)
		return -1;
	s->commit = NULL;
	db_bind_blob(q, 1, guid, GUID);
	if ((got = db_step(q, w)) < 0)
		return -1;
	*found = got ? read_row(l, q, guid, s) : STORE_MISSING;
	db_reset(q);
	return 0;
}

static bool
same(const struct share *a, const struct share *b)
{
	return a->x == b->x && a->k == b->k && a->n == b->n && a->e == b->e &&
	       a->len == b->len && memcmp(a->check, b->check, SHARE_TAG) == 0 &&
	       memcmp(a->commit, b->commit, (size_t)a->n * SHARE_TAG) == 0 &&
	       secret_equal(a->y, b->y, a->len);
}

/* The GUID is taken: by the same share? */
static int
compare(struct local *l, const unsigned char guid[GUID],
    const struct share *share, enum store_put *result, struct why *w)
{
	struct share *there = secret_alloc(sizeof *there);
	enum store_found found;
	struct db_stmt *q;
	int r = look(l, guid, there, &found, w);

	if (r == 0) {
		*result = found == STORE_FOUND && same(share, there)
			      ? STORE_SAME
			      : STORE_OTHER;
		if (found == STORE_FOUND)
			share_drop(there);
	}
	secret_free(there, sizeof *there);
	if (r < 0 || *result == STORE_OTHER)
		return r;
	/* From now on it is ours too: who put it first may not undo it. */
	q = db_prepare(
	    l->db, "UPDATE share SET putter = ?2 WHERE guid = ?1", w);
	if (q == NULL)
		return -1;
	db_bind_blob(q, 1, guid, GUID);
	db_bind_blob(q, 2, "shared", 6);
	return db_run(q, w);
}

static int
put_one(struct local *l, struct db_stmt *q, const struct share *share,
    const char *owner, const char *group, long long now, enum store_put *result,
    struct why *w)
{
	unsigned char guid[GUID], aad[AAD_MAX],
	    sealed[SHARE_MAX + ATREST_EXTRA];

	if (raw_guid(guid, share->guid, w) < 0)
		return -1;
	atrest_seal(
	    l->key, sealed, share->y, share->len, aad, bound(aad, guid, share));
	db_bind_blob(q, 1, guid, GUID);
	db_bind_int(q, 2, share->x);
	db_bind_int(q, 3, share->k);
	db_bind_int(q, 4, share->n);
	db_bind_int(q, 5, (long long)share->e);
	db_bind_blob(q, 6, sealed, share->len + ATREST_EXTRA);
	db_bind_blob(q, 7, share->check, SHARE_TAG);
	db_bind_blob(q, 8, share->commit, (size_t)share->n * SHARE_TAG);
	db_bind_int(q, 9, now);
	db_bind_blob(q, 10, l->token, sizeof l->token);
	db_bind_text(q, 11, owner ? owner : "");
	db_bind_text(q, 12, group ? group : "");
	if (db_run(q, w) < 0)
		return -1;
	*result = STORE_NEW;
	if (db_changes(l->db) == 0)
		return compare(l, guid, share, result, w);
	return 0;
}

static int
local_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result, struct why *w)
{
	struct local *l = local(s);
	struct db_stmt *q = db_prepare(l->db,
	    "INSERT INTO share (guid, x, k, n, e, sealed, tag, commits,"
	    " created, putter, owner, grp, perms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " 'pdrwl-gs -------- --------')"
	    " ON CONFLICT (guid) DO NOTHING",
	    w);
	long long now = time(NULL);
	unsigned i;

	if (q == NULL || db_begin(l->db, w) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (put_one(l, q, share[i], owner, group, now, &result[i], w) <
		    0) {
			db_rollback(l->db);
			return -1;
		}
	return db_commit(l->db, w);
}

/* Run q, which takes a GUID as ?1, for each; in one transaction. */
static int
for_each(struct local *l, struct db_stmt *q, const char *const *guid,
    unsigned n, unsigned *changed, struct why *w)
{
	unsigned char raw[GUID];
	unsigned i;

	*changed = 0;
	if (q == NULL || db_begin(l->db, w) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (raw_guid(raw, guid[i], w) < 0)
			break;
		db_bind_blob(q, 1, raw, GUID);
		if (db_run(q, w) < 0)
			break;
		*changed += (unsigned)db_changes(l->db);
	}
	if (i < n) {
		db_rollback(l->db);
		return -1;
	}
	return db_commit(l->db, w);
}

static int
local_undo(struct store *s, const char *const *guid, unsigned n, struct why *w)
{
	struct local *l = local(s);
	struct db_stmt *q = db_prepare(
	    l->db, "DELETE FROM share WHERE guid = ?1 AND putter = ?2", w);
	unsigned changed;

	if (q != NULL)
		db_bind_blob(q, 2, l->token, sizeof l->token);
	return for_each(l, q, guid, n, &changed, w);
}

static int
local_get(struct store *s, const char *const *guid, unsigned n,
    struct share *out, enum store_found *found, unsigned stride, struct why *w)
{
	struct local *l = local(s);
	unsigned char raw[GUID];
	unsigned i;

	for (i = 0; i < n; i++)
		if (raw_guid(raw, guid[i], w) < 0 ||
		    look(l, raw, &out[i * stride], &found[i * stride], w) < 0)
			break;
	if (i == n)
		return 0;
	while (i-- > 0)
		if (found[i * stride] == STORE_FOUND)
			share_drop(&out[i * stride]);
	return -1;
}

static int
local_remove(struct store *s, const char *const *guid, unsigned n,
    unsigned *removed, struct why *w)
{
	struct local *l = local(s);
	struct why later;
	int r = for_each(l,
	    db_prepare(l->db, "DELETE FROM share WHERE guid = ?1", w), guid, n,
	    removed, w);

	/* A reader may still hold the past; the next removal tries again. */
	if (r == 0 && *removed > 0 && db_scrub(l->db, &later) < 0 &&
	    later.code != EXIT_RETRY) {
		*w = later;
		return -1;
	}
	return r;
}

static int
local_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w)
{
	struct local *l = local(s);
	struct db_stmt *q = db_prepare(l->db,
	    "SELECT guid, k, n, e, created FROM share WHERE guid > ?1"
	    " ORDER BY guid LIMIT ?2",
	    w);
	unsigned char raw[GUID];
	const void *p;
	size_t len;
	int r;

	*got = 0;
	if (q == NULL || (*after != '\0' && raw_guid(raw, after, w) < 0))
		return -1;
	db_bind_blob(q, 1, raw, *after ? GUID : 0);
	db_bind_int(q, 2, max);
	while ((r = db_step(q, w)) > 0 && *got < max) {
		p = db_blob(q, 0, &len);
		if (len != GUID) {
			db_reset(q);
			return why_set(w, EXIT_DATA, "a row without a GUID");
		}
		hex_encode(item[*got].guid, p, GUID);
		item[*got].k = (unsigned)db_int(q, 1);
		item[*got].n = (unsigned)db_int(q, 2);
		item[*got].e = (uint64_t)db_int(q, 3);
		item[*got].created = db_int(q, 4);
		++*got;
	}
	db_reset(q);
	return r < 0 ? -1 : 0;
}

const struct store_kind store_sqlite = {
	.scheme = "sqlite",
	.open = local_open,
	.close = local_close,
	.put = local_put,
	.undo = local_undo,
	.get = local_get,
	.remove = local_remove,
	.list = local_list,
};
