#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secret.h"
#include "vault_impl.h"
#include "word.h"

/* One row: what is sealed in it, and what vouches for the rest. */

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

void
vault_raw(struct raw *r, struct db_stmt *q, bool rights)
{
	int i;

	memset(r, 0, sizeof *r);
	for (i = 0; i < NUMBERS; i++)
		r->number[i] = db_int(q, i);
	for (i = 0; i < (rights ? PARTS : PUTTER); i++) {
		if (i < OWNER)
			r->part[i].p = db_blob(q, NUMBERS + i, &r->part[i].n);
		else if ((r->part[i].p = db_text(q, NUMBERS + i)) != NULL)
			r->part[i].n = strlen(r->part[i].p) + 1;
	}
}

static int
read_acl(struct acl *a, const struct raw *raw)
{
	struct why w;
	int i;

	for (i = OWNER; i <= HELD; i++)
		if (raw->part[i].p == NULL)
			return -1;
	if ((*(const char *)raw->part[OWNER].p != '\0' &&
		acl_set_owner(a, raw->part[OWNER].p, &w) < 0) ||
	    acl_set_group(a, raw->part[GRP].p, &w) < 0 ||
	    acl_set_perms(a, raw->part[PERMS].p, &w) < 0 ||
	    acl_set_list(a, raw->part[ACL].p, &w) < 0)
		return -1;
	return acl_set_held(a, raw->part[HELD].p, &w);
}

static void
read_rights(struct vault *v, const struct raw *raw,
    const unsigned char guid[GUID], struct vault_row *r)
{
	unsigned char mac[ATREST_MAC];

	acl_free(&r->acl);
	acl_init(&r->acl);
	r->authentic =
	    raw->part[MAC].n == ATREST_MAC && read_acl(&r->acl, raw) == 0;
	if (r->authentic) {
		rights_mac(v, mac, guid, &r->acl);
		r->authentic = secret_equal(raw->part[MAC].p, mac, ATREST_MAC);
	}
	if (r->authentic)
		return;
	acl_free(&r->acl);
	acl_init(&r->acl);
	r->acl.user = 0;
}

void
vault_read(struct vault *v, const struct raw *raw,
    const unsigned char guid[GUID], bool rights, struct vault_row *r)
{
	long long x = raw->number[X], k = raw->number[K], n = raw->number[N];

	hex_encode(r->guid, guid, GUID);
	r->created = raw->number[CREATED];
	r->sealed_len = raw->part[SEALED].n;
	r->sound = n >= 2 && n <= SHARE_N && k >= 2 && k <= n && x == v->x &&
		   x <= n && raw->number[E] >= 1 &&
		   r->sealed_len >= SHARE_MIN + ATREST_EXTRA &&
		   r->sealed_len <= SHARE_MAX + ATREST_EXTRA &&
		   raw->part[TAG].n == SHARE_TAG &&
		   raw->part[COMMITS].n == (size_t)n * SHARE_TAG;
	r->k = r->sound ? (unsigned)k : 0;
	r->n = r->sound ? (unsigned)n : 0;
	r->e = (uint64_t)raw->number[E];
	if (r->sound) {
		memcpy(r->sealed, raw->part[SEALED].p, r->sealed_len);
		memcpy(r->check, raw->part[TAG].p, SHARE_TAG);
		memcpy(r->commit, raw->part[COMMITS].p, raw->part[COMMITS].n);
	}
	r->authentic = false;
	if (rights)
		read_rights(v, raw, guid, r);
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

int
vault_bind(struct vault *v, struct db_stmt *q, const struct share *s,
    unsigned char guid[GUID], struct why *w)
{
	unsigned char aad[AAD_MAX], sealed[SHARE_MAX + ATREST_EXTRA];

	if (vault_guid(guid, s->guid, w) < 0)
		return -1;
	if (s->x != v->x)
		return why_set(w, EXIT_DATA, "the share of another store");
	atrest_seal(v->key, sealed, s->y, s->len, aad, bound(aad, guid, s));
	db_bind_blob(q, 1, guid, GUID);
	db_bind_int(q, 2, s->x);
	db_bind_int(q, 3, s->k);
	db_bind_int(q, 4, s->n);
	db_bind_int(q, 5, (long long)s->e);
	db_bind_int(q, 6, time(NULL));
	db_bind_blob(q, 7, sealed, s->len + ATREST_EXTRA);
	db_bind_blob(q, 8, s->check, SHARE_TAG);
	db_bind_blob(q, 9, s->commit, (size_t)s->n * SHARE_TAG);
	return 0;
}

void
vault_bind_rights(struct vault *v, struct db_stmt *q, int i,
    const unsigned char guid[GUID], const struct acl *a)
{
	unsigned char mac[ATREST_MAC];
	char perms[ACL_PERMS], *list = acl_list(a);

	acl_perms(perms, a);
	rights_mac(v, mac, guid, a);
	db_bind_blob(q, i, mac, sizeof mac);
	db_bind_text(q, i + 1, a->owner);
	db_bind_text(q, i + 2, a->group);
	db_bind_text(q, i + 3, perms);
	db_bind_text(q, i + 4, list);
	db_bind_text(q, i + 5, a->held);
	free(list);
}
