#include "vault_impl.h"

/* The shares of other epochs, beside the current one. */

int
vault_find_epoch(struct vault *v, const char *guid, uint64_t e,
    struct vault_row *r, struct why *w)
{
	unsigned char id[GUID];
	const struct known *k;
	const struct kept *kept;
	struct db_stmt *q;
	struct raw raw;
	int got;

	if (vault_guid(id, guid, w) < 0)
		return -1;
	if ((k = vault_known(v, id)) != NULL) {
		for (kept = k->epoch; kept != NULL; kept = kept->next)
			if (kept->raw.number[E] == (long long)e) {
				vault_read(v, &kept->raw, id, false, r);
				return 1;
			}
		return 0;
	}
	q = vault_prepare(v,
	    "SELECT " SHARE_COLUMNS " FROM epoch WHERE guid = ?1 AND e = ?2",
	    guid, w);
	if (q == NULL)
		return -1;
	db_bind_int(q, 2, (long long)e);
	if ((got = db_step(q, w)) <= 0)
		return got;
	vault_raw(&raw, q, false);
	vault_read(v, &raw, id, false, r);
	db_reset(q);
	return 1;
}

int
vault_epochs(
    struct vault *v, const char *guid, uint64_t *e, unsigned max, struct why *w)
{
	unsigned char id[GUID];
	const struct known *k;
	const struct kept *kept;
	struct db_stmt *q;
	unsigned n = 0;
	int got = 1;

	if (vault_guid(id, guid, w) < 0)
		return -1;
	if ((k = vault_known(v, id)) != NULL) {
		for (kept = k->epoch; kept && n < max; kept = kept->next)
			e[n++] = (uint64_t)kept->raw.number[E];
		return (int)n;
	}
	q = vault_prepare(
	    v, "SELECT e FROM epoch WHERE guid = ?1 ORDER BY e", guid, w);
	if (q == NULL)
		return -1;
	while (n < max && (got = db_step(q, w)) > 0)
		e[n++] = (uint64_t)db_int(q, 0);
	db_reset(q);
	return got < 0 ? -1 : (int)n;
}

/* Insert it: 1, 0 if there is one of this epoch, -1. */
static int
insert(struct vault *v, const struct share *s, struct why *w)
{
	unsigned char guid[GUID];
	struct db_stmt *q = db_prepare(v->db,
	    "INSERT INTO epoch (guid, " SHARE_COLUMNS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	    w);
	int got;

	if (q == NULL || vault_bind(v, q, s, guid, w) < 0)
		return -1;
	if ((got = db_add(q, w)) > 0)
		v->adding = db_far(v->db);
	vault_touch(v, guid);
	return got;
}

int
vault_stage(struct vault *v, const struct share *s, enum vault_put *result,
    struct why *w)
{
	struct vault_row r;
	int got = 0;

	*result = VAULT_NEW;
	vault_row_init(&r);
	if (db_far(v->db))
		got = vault_find_epoch(v, s->guid, s->e, &r, w);
	if (got == 0 && (got = insert(v, s, w)) >= 0)
		got = got > 0
			  ? 0
			  : vault_taken(v,
				vault_find_epoch(v, s->guid, s->e, &r, w), w);
	if (got > 0)
		*result = vault_same(v, &r, s) ? VAULT_SAME : VAULT_OTHER;
	vault_row_free(&r);
	return got < 0 ? -1 : 0;
}

int
vault_switch(struct vault *v, const char *guid, uint64_t e, struct why *w)
{
	static const char *const step[] = {
		"INSERT INTO epoch (guid, " SHARE_COLUMNS ")"
		" SELECT guid, " SHARE_COLUMNS " FROM share WHERE guid = ?1",
		"UPDATE share SET (x, k, n, e, sealed, tag, commits) ="
		" (SELECT x, k, n, e, sealed, tag, commits FROM epoch"
		" WHERE guid = ?1 AND e = ?2) WHERE guid = ?1",
		"DELETE FROM epoch WHERE guid = ?1 AND e = ?2",
	};
	struct db_stmt *q;
	unsigned char id[GUID];
	int i;

	if (vault_guid(id, guid, w) < 0)
		return -1;

	for (i = 0; i < 3; i++) {
		if ((q = vault_prepare(v, step[i], guid, w)) == NULL)
			return -1;
		if (i > 0)
			db_bind_int(q, 2, (long long)e);
		if (vault_send(v, q, w) < 0)
			return -1;
	}
	vault_touch(v, id);
	return 0;
}

int
vault_drop(struct vault *v, const char *guid, uint64_t e, struct why *w)
{
	struct db_stmt *q = vault_prepare(
	    v, "DELETE FROM epoch WHERE guid = ?1 AND e = ?2", guid, w);
	const struct known *k;
	const struct kept *kept;
	unsigned char id[GUID];

	if (q == NULL || vault_guid(id, guid, w) < 0)
		return -1;
	db_bind_int(q, 2, (long long)e);
	if ((k = vault_known(v, id)) == NULL)
		return vault_run(v, q, w);
	for (kept = k->epoch; kept != NULL; kept = kept->next)
		if (kept->raw.number[E] == (long long)e)
			break;
	if (kept == NULL)
		return 0;
	vault_touch(v, id);
	return vault_send(v, q, w) < 0 ? -1 : 1;
}
