#include <stdlib.h>
#include <string.h>

#include "vault_impl.h"

/*
 * What is known beforehand.  A database that is far takes as long to say what
 * it has of a thousand keys as of one: a batch asks for all of it first.
 */

static void
drop(struct kept *k)
{
	struct kept *next;

	for (; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
}

void
vault_forget(struct vault *v)
{
	size_t i;

	for (i = 0; i < v->knowns; i++) {
		drop(v->known[i].share);
		drop(v->known[i].epoch);
	}
	free(v->known);
	v->known = NULL;
	v->knowns = 0;
}

static int
order(const void *a, const void *b)
{
	return memcmp(((const struct known *)a)->guid,
	    ((const struct known *)b)->guid, GUID);
}

static struct known *
find(const struct vault *v, const unsigned char guid[GUID])
{
	struct known key;

	if (v->knowns == 0)
		return NULL;
	memcpy(key.guid, guid, GUID);
	return bsearch(&key, v->known, v->knowns, sizeof key, order);
}

const struct known *
vault_known(const struct vault *v, const unsigned char guid[GUID])
{
	struct known *k = find(v, guid);

	return k == NULL || k->touched ? NULL : k;
}

void
vault_touch(struct vault *v, const unsigned char guid[GUID])
{
	struct known *k = find(v, guid);

	if (k != NULL)
		k->touched = true;
}

int
vault_settle(struct vault *v, const unsigned char guid[GUID], struct why *w)
{
	int got;

	if (!v->adding || (guid != NULL && vault_known(v, guid) != NULL))
		return 0;
	v->adding = false;
	/* We write alone, and have seen that there was room. */
	if ((got = db_added(v->db, w)) == 0)
		return why_set(
		    w, EXIT_BUG, "%s: a row is there twice", db_url(v->db));
	return got < 0 ? -1 : 0;
}

/* A copy of the row that q is at. */
static struct kept *
keep(struct db_stmt *q, bool rights)
{
	struct raw raw;
	struct kept *k;
	size_t n = 0;
	char *p;
	int i;

	vault_raw(&raw, q, rights);
	for (i = 0; i < PARTS; i++)
		n += raw.part[i].n;
	if ((k = malloc(sizeof *k + n)) == NULL)
		die(EXIT_IO, "out of memory");
	k->next = NULL;
	for (i = 0, p = k->bytes; i < PARTS; p += raw.part[i++].n)
		if (raw.part[i].p != NULL) {
			memcpy(p, raw.part[i].p, raw.part[i].n);
			raw.part[i].p = p;
		}
	k->raw = raw;
	return k;
}

static void
keep_share(struct known *k, struct db_stmt *q)
{
	if (k->share == NULL)
		k->share = keep(q, true);
}

static void
keep_epoch(struct known *k, struct db_stmt *q)
{
	struct kept *new = keep(q, false), **at = &k->epoch;

	while (*at != NULL && (*at)->raw.number[E] < new->raw.number[E])
		at = &(*at)->next;
	new->next = *at;
	*at = new;
}

static void
keep_removed(struct known *k, struct db_stmt *q)
{
	k->removed = true;
	k->when = db_int(q, 0);
}

/* What a statement says, whose column col is the GUID. */
static int
take(struct vault *v, struct db_stmt *q, int col,
    void (*fn)(struct known *k, struct db_stmt *q), struct why *w)
{
	struct known *k;
	const void *p;
	size_t n;
	int got;

	while ((got = db_step(q, w)) > 0) {
		p = db_blob(q, col, &n);
		if (n == GUID && (k = find(v, p)) != NULL)
			fn(k, q);
	}
	return got;
}

/* The GUIDs, in order, each once. */
static void
begin(struct vault *v, const char (*guid)[SHARE_ID + 1], unsigned n)
{
	struct why ignored;
	unsigned i;
	size_t m = 0;

	if ((v->known = calloc(n, sizeof *v->known)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		if (vault_guid(v->known[m].guid, guid[i], &ignored) == 0)
			m++;
	qsort(v->known, m, sizeof *v->known, order);
	for (i = 0; i < m; i++)
		if (v->knowns == 0 ||
		    order(&v->known[i], &v->known[v->knowns - 1]) != 0)
			v->known[v->knowns++] = v->known[i];
}

int
vault_expect(struct vault *v, const char (*guid)[SHARE_ID + 1], unsigned n,
    struct why *w)
{
	static const struct {
		const char *sql;
		int col;
		void (*fn)(struct known *k, struct db_stmt *q);
	} ask[] = {
		{ "SELECT " SHARE_COLUMNS RIGHTS_COLUMNS ", guid FROM share"
		  " WHERE guid = ANY(?1)",
		    NUMBERS + PARTS, keep_share },
		{ "SELECT " SHARE_COLUMNS ", guid FROM epoch"
		  " WHERE guid = ANY(?1)",
		    NUMBERS + PUTTER, keep_epoch },
		{ "SELECT removed, guid FROM removed WHERE guid = ANY(?1)", 1,
		    keep_removed },
	};
	struct db_stmt *q;
	int r = vault_settle(v, NULL, w);
	size_t i;

	vault_forget(v);
	if (r < 0 || n == 0 || !db_far(v->db))
		return r;
	begin(v, guid, n);
	for (i = 0; r == 0 && i < sizeof ask / sizeof *ask; i++) {
		if ((q = db_prepare(v->db, ask[i].sql, w)) == NULL) {
			r = -1;
			break;
		}
		db_bind_blobs(
		    q, 1, v->known->guid, GUID, sizeof *v->known, v->knowns);
		r = take(v, q, ask[i].col, ask[i].fn, w);
	}
	if (r < 0)
		vault_forget(v);
	return r;
}

int
vault_learn(struct vault *v, struct db_stmt *q, struct why *w)
{
	size_t room = 0, n;
	struct known *k;
	const void *p;
	int got;

	vault_forget(v);
	while ((got = db_step(q, w)) > 0) {
		p = db_blob(q, NUMBERS + PARTS, &n);
		if (n != GUID)
			return why_set(w, EXIT_DATA, "a row without a GUID");
		if (v->knowns == room) {
			room = room ? 2 * room : 64;
			k = realloc(v->known, room * sizeof *k);
			if (k == NULL)
				die(EXIT_IO, "out of memory");
			v->known = k;
		}
		k = memset(&v->known[v->knowns++], 0, sizeof *k);
		memcpy(k->guid, p, GUID);
		k->share = keep(q, true);
	}
	if (got < 0 || v->knowns == 0)
		return got;
	q = db_prepare(v->db,
	    "SELECT " SHARE_COLUMNS ", guid FROM epoch"
	    " WHERE guid >= ?1 AND guid <= ?2",
	    w);
	if (q == NULL)
		return -1;
	db_bind_blob(q, 1, v->known[0].guid, GUID);
	db_bind_blob(q, 2, v->known[v->knowns - 1].guid, GUID);
	return take(v, q, NUMBERS + PUTTER, keep_epoch, w);
}
