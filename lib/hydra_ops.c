#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "hydra_impl.h"
#include "receipt.h"
#include "secret.h"
#include "word.h"

#define EPOCHS 4 /* shares of other epochs that are kept, at most */

/* Who asks, beside what owners allow. */
static bool
is_admin(const struct hydra_call *c)
{
	const struct hydra_policy *p = c->h->policy;

	return c->who == NULL || who_among(c->who, p->admin, p->admins);
}

static bool
is_creator(const struct hydra_call *c)
{
	const struct hydra_policy *p = c->h->policy;
	unsigned i;

	if (c->who == NULL || who_among(c->who, p->creator, p->creators))
		return true;
	for (i = 0; i < p->creators; i++)
		if (strcmp(p->creator[i], "*") == 0)
			return true;
	return false;
}

static int
say(struct hydra_call *c, const char *key, const char *word)
{
	line_set_word(&c->h->out, key, word);
	c->h->answer = word;
	return 0;
}

static int
bad(struct hydra_call *c, const char *why)
{
	hydra_refuse(c, "bad");
	line_set(&c->h->out, "why", why, strlen(why));
	return 0;
}

static void
set_hex(struct line *l, const char *key, const void *p, size_t n)
{
	char hex[2 * 64 + 1];

	hex_encode(hex, p, n);
	line_set_word(l, key, hex);
}

/*
 * The key's row into h->row, if the client has all of need on it.  1; 0 when
 * it was refused; -1.
 */
static int
find(struct hydra_call *c, const char *guid, unsigned need, struct why *w)
{
	struct hydra *h = c->h;
	unsigned have;
	long long when;
	int got = vault_find(h->v, guid, true, &h->row, w);

	if (got < 0)
		return -1;
	if (got == 0) {
		if ((got = vault_removed(h->v, guid, &when, w)) < 0)
			return -1;
		return hydra_refuse(c, got ? "removed" : "missing");
	}
	if (c->who == NULL)
		return 1;
	have = acl_rights(&h->row.acl, c->who, true);
	if (is_admin(c))
		have |= ACL_P | ACL_D | ACL_L;
	/* Of rights that nobody vouches for only an admin makes an end. */
	if (!h->row.authentic && (!is_admin(c) || (need & ~have) != 0))
		return hydra_refuse(c, "damaged");
	if ((have & need) == need)
		return 1;
	have |= acl_rights(&h->row.acl, c->who, false);
	return hydra_refuse(c, (have & need) == need ? "held" : "denied");
}

/* The field e of a line. */
static int
epoch_of(struct hydra_call *c, const struct line *l, uint64_t *e)
{
	unsigned long long n;
	struct why w;

	if (line_number(l, "e", &n, &w) < 0 || n < 1 || n > INT64_MAX) {
		bad(c, "e is not an epoch");
		return -1;
	}
	*e = n;
	return 0;
}

/* The share of a line, such as this store may keep.  0, or -1: refused. */
static int
share_of(struct hydra_call *c, const char *guid, struct line *l)
{
	const struct hydra_policy *p = c->h->policy;
	struct share *s = c->h->share;
	unsigned char tag[SHARE_TAG];
	char name[SHARE_ID + 1], *was = l->name;
	const char *wrong = NULL;
	struct why w;
	int r;

	s->commit = NULL;
	memcpy(name, guid, sizeof name);
	l->name = name;
	r = share_from_line(s, l, &w);
	l->name = was;
	if (r < 0)
		wrong = w.text;
	else if (s->x != vault_x(c->h->v))
		wrong = "the share of another store";
	else if (s->k < (p->threshold ? p->threshold : 2))
		wrong = "k is below the threshold";
	else {
		share_commit(tag, s);
		if (memcmp(tag, s->commit + (s->x - 1) * SHARE_TAG,
			SHARE_TAG) != 0)
			wrong = "the share is not what its commitment says";
	}
	if (wrong == NULL)
		return 0;
	bad(c, wrong);
	share_drop(s);
	return -1;
}

/* Marks the rows of one client's run; what is kept tells nobody the mark. */
static int
run_mark(struct hydra_call *c, const struct line *l, unsigned char out[16])
{
	unsigned char run[16], md[32];
	char text[WHO_MAX + 64];
	struct why w;
	int n;

	if (line_hex(l, "run", run, sizeof run, &w) < 0)
		return -1;
	n = snprintf(text, sizeof text, "mdm run v1%s%s", line_word(l, "run"),
	    c->who ? c->who->dn : "");
	sha256(md, text, (size_t)n);
	memcpy(out, md, 16);
	return 0;
}

/* The rights of a new key. */
static int
new_acl(
    struct hydra_call *c, const struct line *l, struct acl *a, struct why *w)
{
	bool given = line_word(l, "owner") != NULL;

	acl_init(a);
	if (!given && c->who != NULL) {
		if (acl_set_owner(a, c->who->dn, w) < 0 ||
		    (c->who->fqans > 0 &&
			acl_set_group(a, c->who->fqan[0], w) < 0))
			return -1;
	}
	return acl_from_line(a, l, w);
}

static int
put_share(
    struct hydra_call *c, struct line *l, const struct acl *a, struct why *w)
{
	static const char *const text[] = { [VAULT_NEW] = "new",
		[VAULT_SAME] = "same",
		[VAULT_OTHER] = "other",
		[VAULT_REMOVED] = "removed" };
	unsigned char mark[16];
	enum vault_put put;

	if (line_word(l, "run") == NULL)
		secret_random(mark, sizeof mark);
	else if (run_mark(c, l, mark) < 0)
		return bad(c, "run is not 16 bytes of hex");
	if (vault_put(c->h->v, c->h->share, a, mark, &put, w) < 0)
		return -1;
	if (put == VAULT_NEW || put == VAULT_SAME)
		return say(c, "put", text[put]);
	return hydra_refuse(c, text[put]);
}

static int
op_put(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	struct acl a;
	struct why wrong;
	int r;

	if (!is_creator(c))
		return hydra_refuse(c, "denied");
	if (share_of(c, guid, l) < 0)
		return 0;
	if (new_acl(c, l, &a, &wrong) < 0)
		r = bad(c, wrong.text);
	else
		r = put_share(c, l, &a, w);
	acl_free(&a);
	share_drop(c->h->share);
	return r;
}

static int
op_undo(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	unsigned char mark[16];
	int got;

	if (run_mark(c, l, mark) < 0)
		return bad(c, "run is not 16 bytes of hex");
	if ((got = vault_undo(c->h->v, guid, mark, w)) < 0)
		return -1;
	c->h->changed |= got > 0;
	say(c, "undone", got ? "1" : "0");
	c->h->answer = got ? "undone" : "same";
	return 0;
}

/* The row of epoch e of the key in h->row: 1; 0: there is none; -1. */
static int
find_epoch(
    struct hydra_call *c, uint64_t e, const struct vault_row **r, struct why *w)
{
	struct hydra *h = c->h;

	*r = &h->row;
	if (h->row.e == e)
		return 1;
	*r = &h->other;
	return vault_find_epoch(h->v, h->row.guid, e, &h->other, w);
}

static int
op_get(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	struct hydra *h = c->h;
	const struct vault_row *r = &h->row;
	uint64_t e;
	int got = find(c, guid, ACL_G, w);

	if (got <= 0)
		return got;
	if (line_word(l, "e") != NULL) {
		if (epoch_of(c, l, &e) < 0)
			return 0;
		if ((got = find_epoch(c, e, &r, w)) < 0)
			return -1;
		if (got == 0)
			return hydra_refuse(c, "missing");
	}
	if (vault_unseal(h->v, r, h->share) < 0)
		return hydra_refuse(c, "damaged");
	share_to_line(&h->out, h->share);
	share_drop(h->share);
	h->answer = "got";
	return 0;
}

static int
receipt(struct hydra_call *c, const char *guid, long long when)
{
	unsigned char sig[RECEIPT_SIG], id[RECEIPT_ID];
	struct line *out = &c->h->out;
	char text[RECEIPT_TEXT];
	unsigned n;

	vault_id(c->h->v, id);
	n = receipt_text(text, id, guid, when);
	vault_sign(c->h->v, sig, text, n);
	line_set_number(out, "removed", (unsigned long long)when);
	set_hex(out, "store", id, sizeof id);
	set_hex(out, "receipt", sig, sizeof sig);
	c->h->answer = "removed";
	return 0;
}

static int
op_rm(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	struct vault *v = c->h->v;
	long long when = time(NULL);
	int got;

	(void)l;
	if ((got = vault_removed(v, guid, &when, w)) < 0)
		return -1;
	if (got > 0)
		return receipt(c, guid, when);
	if ((got = vault_find(v, guid, false, &c->h->row, w)) < 0)
		return -1;
	if (got == 0 && !is_creator(c) && !is_admin(c))
		return hydra_refuse(c, "missing");
	if (got > 0 && (got = find(c, guid, ACL_D, w)) <= 0)
		return got;
	if (vault_remove(v, guid, w) < 0 || vault_bury(v, guid, when, w) < 0)
		return -1;
	c->h->changed = true;
	return receipt(c, guid, when);
}

static int
op_getacl(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	int got = find(c, guid, ACL_L, w);

	(void)l;
	if (got <= 0)
		return got;
	if (!c->h->row.authentic && c->who != NULL)
		return hydra_refuse(c, "damaged");
	acl_to_line(&c->h->out, &c->h->row.acl);
	c->h->answer = "shown";
	return 0;
}

/* One field of a change, if it is there. */
static int
change(struct acl *a, const struct line *l, const char *key,
    int (*fn)(struct acl *, const char *, struct why *), struct why *w)
{
	char text[ACL_TEXT_MAX + 1];

	if (line_word(l, key) == NULL)
		return 0;
	if (line_text(l, key, text, sizeof text, w) < 0)
		return -1;
	return fn(a, text, w);
}

static int
changes(struct acl *a, const struct line *l, struct why *w)
{
	if (change(a, l, "owner", acl_set_owner, w) < 0 ||
	    change(a, l, "group", acl_set_group, w) < 0 ||
	    change(a, l, "perms", acl_set_perms, w) < 0 ||
	    change(a, l, "chmod", acl_chmod, w) < 0 ||
	    change(a, l, "acl", acl_set_list, w) < 0 ||
	    change(a, l, "modify", acl_modify, w) < 0 ||
	    change(a, l, "delete", acl_delete, w) < 0)
		return -1;
	return 0;
}

/* Does the line say all there is to say? */
static bool
whole(const struct line *l)
{
	return line_word(l, "owner") && line_word(l, "group") &&
	       line_word(l, "perms") && line_word(l, "acl");
}

/* A second admin confirms what others left. */
static int
restore(struct hydra_call *c, const struct line *l, struct acl *a)
{
	unsigned char state[ACL_STATE], now[ACL_STATE];
	static const char *const alone[] = { "owner", "group", "perms", "chmod",
		"acl", "modify", "delete", NULL };
	struct why w;
	int i;

	for (i = 0; alone[i] != NULL; i++)
		if (line_word(l, alone[i]) != NULL)
			return bad(c, "restore is not alone"), -1;
	if (line_hex(l, "restore", state, sizeof state, &w) < 0)
		return bad(c, w.text), -1;
	if (!is_admin(c))
		return hydra_refuse(c, "denied"), -1;
	acl_state(now, a);
	if (memcmp(state, now, sizeof now) != 0)
		return hydra_refuse(c, "changed"), -1;
	if (c->who != NULL && acl_held_by(a, c->who->dn))
		return hydra_refuse(c, "held"), -1;
	acl_release(a);
	return 0;
}

/* The new rights into a, which has the old ones.  0, or -1: refused. */
static int
amend(struct hydra_call *c, const struct line *l, struct acl *a)
{
	const struct vault_row *row = &c->h->row;
	bool own = c->who == NULL ||
		   (acl_rights(&row->acl, c->who, true) & ACL_P) != 0;
	struct why w;

	if (!row->authentic && !whole(l))
		return hydra_refuse(c, "damaged"), -1;
	if (line_word(l, "restore") != NULL)
		return restore(c, l, a);
	if (changes(a, l, &w) < 0)
		return bad(c, w.text), -1;
	if (own || (row->authentic && acl_equal(a, &row->acl)))
		return 0;
	if (acl_hold(a, c->who->dn, whole(l)) < 0)
		return hydra_refuse(c, "held"), -1;
	return 0;
}

static int
op_setacl(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	struct acl a;
	int got = find(c, guid, ACL_P, w), r = 0;

	if (got <= 0)
		return got;
	acl_init(&a);
	acl_copy(&a, &c->h->row.acl);
	if (amend(c, l, &a) == 0) {
		if (!c->h->row.authentic || !acl_equal(&a, &c->h->row.acl))
			r = vault_set_acl(c->h->v, guid, &a, w);
		acl_to_line(&c->h->out, &a);
		c->h->answer = "changed";
	}
	acl_free(&a);
	return r;
}

/* May one more epoch be kept?  1, 0, -1. */
static int
room(struct hydra_call *c, const char *guid, struct why *w)
{
	uint64_t e[EPOCHS];
	int n = vault_epochs(c->h->v, guid, e, EPOCHS, w);

	return n < 0 ? -1 : n < EPOCHS;
}

static int
stage(struct hydra_call *c, const char *guid, struct why *w)
{
	struct hydra *h = c->h;
	enum vault_put put;
	int got;

	if (h->share->e == h->row.e && vault_same(h->v, &h->row, h->share))
		return say(c, "stage", "same");
	if (h->share->e <= h->row.e)
		return hydra_refuse(c, "old");
	got = vault_find_epoch(h->v, guid, h->share->e, &h->other, w);
	if (got == 0 && (got = room(c, guid, w)) == 0)
		return bad(c, "too many epochs are kept: drop some");
	if (got < 0 || vault_stage(h->v, h->share, &put, w) < 0)
		return -1;
	if (put == VAULT_OTHER)
		return hydra_refuse(c, "other");
	return say(c, "stage", put == VAULT_NEW ? "new" : "same");
}

static int
op_stage(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	int r = find(c, guid, ACL_S, w);

	if (r <= 0)
		return r;
	if (share_of(c, guid, l) < 0)
		return 0;
	r = stage(c, guid, w);
	share_drop(c->h->share);
	return r;
}

static int
op_switch(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	struct hydra *h = c->h;
	int got = find(c, guid, ACL_S, w);
	uint64_t e;

	if (got <= 0 || epoch_of(c, l, &e) < 0)
		return got < 0 ? -1 : 0;
	if (e == h->row.e)
		return say(c, "switch", "same");
	if (e < h->row.e)
		return hydra_refuse(c, "old");
	if ((got = vault_find_epoch(h->v, guid, e, &h->other, w)) < 0)
		return -1;
	if (got == 0)
		return hydra_refuse(c, "missing");
	if (vault_unseal(h->v, &h->other, h->share) < 0)
		return hydra_refuse(c, "damaged");
	share_drop(h->share);
	if (vault_switch(h->v, guid, e, w) < 0)
		return -1;
	return say(c, "switch", "new");
}

static int
op_drop(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	int got = find(c, guid, ACL_S, w);
	uint64_t e;

	if (got <= 0 || epoch_of(c, l, &e) < 0)
		return got < 0 ? -1 : 0;
	if (e == c->h->row.e)
		return hydra_refuse(c, "old");
	if ((got = vault_drop(c->h->v, guid, e, w)) < 0)
		return -1;
	c->h->changed |= got > 0;
	return say(c, "drop", got ? "new" : "same");
}

/* What all shares of one sharing have in common. */
static void
sum(unsigned char out[16], const struct vault_row *r)
{
	unsigned char
	    text[10 + SHARE_ID + 2 + 8 + SHARE_TAG + SHARE_N * SHARE_TAG],
	    *p = text, md[32];
	int shift;

	memcpy(p, "mdm sum v1", 10);
	memcpy(p += 10, r->guid, SHARE_ID);
	p += SHARE_ID;
	*p++ = (unsigned char)r->k;
	*p++ = (unsigned char)r->n;
	for (shift = 56; shift >= 0; shift -= 8)
		*p++ = (unsigned char)(r->e >> shift);
	memcpy(p, r->check, SHARE_TAG);
	p += SHARE_TAG;
	memcpy(p, r->commit, (size_t)r->n * SHARE_TAG);
	p += (size_t)r->n * SHARE_TAG;
	sha256(md, text, (size_t)(p - text));
	memcpy(out, md, 16);
}

static bool
share_good(struct hydra *h, const struct vault_row *r)
{
	unsigned char tag[SHARE_TAG];
	bool good;

	if (vault_unseal(h->v, r, h->share) < 0)
		return false;
	share_commit(tag, h->share);
	good = memcmp(tag, r->commit + (h->share->x - 1) * SHARE_TAG,
		   SHARE_TAG) == 0;
	share_drop(h->share);
	return good;
}

/* All of a row but the share, into h->out, which has its name. */
static int
describe(struct hydra *h, const struct vault_row *r, struct why *w)
{
	unsigned char state[ACL_STATE], digest[16];
	struct line *out = &h->out;
	char beside[EPOCHS * 24] = "";
	uint64_t e[EPOCHS];
	int n = vault_epochs(h->v, r->guid, e, EPOCHS, w), i, len = 0;

	if (n < 0)
		return -1;
	sum(digest, r);
	acl_state(state, &r->acl);
	line_set_number(out, "x", vault_x(h->v));
	line_set_number(out, "k", r->k);
	line_set_number(out, "n", r->n);
	line_set_number(out, "e", r->e);
	line_set_number(out, "created", (unsigned long long)r->created);
	set_hex(out, "sum", digest, sizeof digest);
	line_set_word(out, "share", share_good(h, r) ? "good" : "damaged");
	line_set_word(out, "rights", r->authentic ? "good" : "damaged");
	if (r->authentic)
		set_hex(out, "state", state, sizeof state);
	for (i = 0; i < n; i++)
		len += snprintf(beside + len, sizeof beside - (size_t)len,
		    "%s%llu", i ? "," : "", (unsigned long long)e[i]);
	if (n > 0)
		line_set_word(out, "beside", beside);
	return 0;
}

static int
op_stat(struct hydra_call *c, const char *guid, struct line *l, struct why *w)
{
	int got = find(c, guid, ACL_L, w);

	(void)l;
	if (got <= 0)
		return got;
	c->h->answer = "shown";
	return describe(c->h, &c->h->row, w);
}

struct listing {
	struct hydra_call *c;
	char at[SHARE_ID + 1]; /* the row that was seen last */
	bool all;
};

static int
list_one(void *arg, const struct vault_row *r, struct why *w)
{
	struct listing *t = arg;
	struct hydra *h = t->c->h;

	memcpy(t->at, r->guid, sizeof t->at);
	if (!t->all && (acl_rights(&r->acl, t->c->who, true) & ACL_L) == 0)
		return 0;
	line_reset(&h->out);
	line_set_name_word(&h->out, r->guid);
	if (describe(h, r, w) < 0)
		return -1;
	hydra_print(h);
	t->c->lines++;
	return 0;
}

static int
all_list(struct hydra_call *c, struct why *w)
{
	struct listing t = { .c = c, .all = is_admin(c) };
	struct hydra *h = c->h;
	int n;

	if (hydra_audit_one(c, *c->after ? c->after : "-", "shown", w) < 0)
		return -1;
	n = vault_list(h->v, c->after, c->max, true, list_one, &t, w);
	if (n < 0)
		return -1;
	if ((unsigned)n == c->max) {
		line_reset(&h->out);
		line_set_name_word(&h->out, "more");
		line_set_word(&h->out, "after", t.at);
		hydra_print(h);
		c->lines++;
	}
	return 0;
}

static void
tell(struct hydra_call *c, const char *name, const char *who)
{
	struct line *out = &c->h->out;

	line_reset(out);
	line_set_name_word(out, name);
	line_set(out, "who", who, strlen(who));
	hydra_print(c->h);
	c->lines++;
}

static int
all_store(struct hydra_call *c, struct why *w)
{
	const struct hydra_policy *p = c->h->policy;
	unsigned char id[16], public[32];
	struct line *out = &c->h->out;
	unsigned i;

	if (hydra_audit_one(c, "-", "shown", w) < 0)
		return -1;
	vault_id(c->h->v, id);
	vault_public(c->h->v, public);
	line_reset(out);
	line_set_name_word(out, "store");
	line_set_number(out, "x", vault_x(c->h->v));
	set_hex(out, "id", id, sizeof id);
	set_hex(out, "sign", public, sizeof public);
	line_set_number(out, "threshold", p->threshold ? p->threshold : 2);
	line_set_number(out, "time", (unsigned long long)time(NULL));
	hydra_print(c->h);
	line_reset(out);
	line_set_name_word(out, "you");
	if (c->who != NULL)
		line_set(out, "dn", c->who->dn, strlen(c->who->dn));
	line_set_word(out, "creator", is_creator(c) ? "1" : "0");
	line_set_word(out, "admin", is_admin(c) ? "1" : "0");
	hydra_print(c->h);
	c->lines += 2;
	for (i = 0; c->who != NULL && i < c->who->fqans; i++)
		tell(c, "fqan", c->who->fqan[i]);
	for (i = 0; i < p->admins; i++)
		tell(c, "admin", p->admin[i]);
	for (i = 0; i < p->creators; i++)
		tell(c, "creator", p->creator[i]);
	return 0;
}

const struct hydra_ops hydra_ops[] = {
	{ "put", true, op_put, NULL },
	{ "undo", true, op_undo, NULL },
	{ "get", false, op_get, NULL },
	{ "rm", true, op_rm, NULL },
	{ "getacl", false, op_getacl, NULL },
	{ "setacl", true, op_setacl, NULL },
	{ "stage", true, op_stage, NULL },
	{ "switch", true, op_switch, NULL },
	{ "drop", true, op_drop, NULL },
	{ "stat", false, op_stat, NULL },
	{ "list", false, NULL, all_list },
	{ "store", false, NULL, all_store },
	{ NULL, false, NULL, NULL },
};
