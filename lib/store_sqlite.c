#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hydra_api.h"
#include "secret.h"
#include "store.h"
#include "vault.h"

/*
 * A store in files that are ours: whoever may read them may do everything, so
 * that the rights of keys are kept and not asked for.
 */
struct local {
	struct store s; /* first */
	struct vault *v;
	struct hydra *h;         /* for the rest of hydra-api(5); may be NULL */
	unsigned char token[16]; /* marks the rows that this handle inserted */
};

static struct vault *
vault(struct store *s)
{
	return ((struct local *)s)->v;
}

static void
local_close(struct store *s)
{
	hydra_close(((struct local *)s)->h);
	vault_close(vault(s));
	free(s);
}

static struct store *
local_open(
    unsigned x, const char *url, const char *pin, bool create, struct why *w)
{
	struct local *l = calloc(1, sizeof *l);

	(void)pin;
	if (l == NULL)
		die(EXIT_IO, "out of memory");
	if ((l->v = vault_open(x, url, NULL, create, w)) == NULL) {
		free(l);
		return NULL;
	}
	secret_random(l->token, sizeof l->token);
	return &l->s;
}

/* Commit if r is 0; else roll back. */
static int
settle(struct store *s, int r, struct why *w)
{
	if (r == 0)
		return vault_commit(vault(s), w);
	vault_rollback(vault(s));
	return -1;
}

/* Owner and group as they were given: nobody checks them here. */
static int
make_acl(struct acl *a, const char *owner, const char *group, struct why *w)
{
	acl_init(a);
	if (owner != NULL && *owner != '\0' && acl_set_owner(a, owner, w) < 0)
		return -1;
	return acl_set_group(a, group ? group : "", w);
}

static int
local_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result, struct why *w)
{
	static const enum store_put as[] = { [VAULT_NEW] = STORE_NEW,
		[VAULT_SAME] = STORE_SAME,
		[VAULT_OTHER] = STORE_OTHER,
		[VAULT_REMOVED] = STORE_REMOVED };
	struct local *l = (struct local *)s;
	enum vault_put put;
	struct acl a;
	unsigned i;
	int r;

	r = make_acl(&a, owner, group, w);
	if (r == 0 && (r = vault_begin(l->v, w)) == 0) {
		for (i = 0; r == 0 && i < n; i++) {
			r = vault_put(l->v, share[i], &a, l->token, &put, w);
			if (r == 0)
				result[i] = as[put];
		}
		r = settle(s, r, w);
	}
	acl_free(&a);
	return r;
}

static int
local_undo(struct store *s, const char *const *guid, unsigned n, struct why *w)
{
	struct local *l = (struct local *)s;
	unsigned i;
	int r = 0;

	if (vault_begin(l->v, w) < 0)
		return -1;
	for (i = 0; r == 0 && i < n; i++)
		if (vault_undo(l->v, guid[i], l->token, w) < 0)
			r = -1;
	return settle(s, r, w);
}

/* The row of the key's epoch *e (NULL: the current one).  1, 0, -1. */
static int
find(struct vault *v, const char *guid, const uint64_t *e,
    struct vault_row *row, struct why *w)
{
	int got = vault_find(v, guid, false, row, w);

	if (got <= 0 || e == NULL || row->e == *e)
		return got;
	return vault_find_epoch(v, guid, *e, row, w);
}

static int
local_get(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, struct share *out, enum store_found *found, unsigned stride,
    struct why *w)
{
	struct vault *v = vault(s);
	struct vault_row row;
	unsigned i;
	int r = 0;

	vault_row_init(&row);
	for (i = 0; i < n; i++) {
		r = find(v, guid[i], e ? &e[i] : NULL, &row, w);
		if (r < 0)
			break;
		if (r == 0)
			found[i * stride] = STORE_MISSING;
		else if (vault_unseal(v, &row, &out[i * stride]) < 0)
			found[i * stride] = STORE_DAMAGED;
		else
			found[i * stride] = STORE_FOUND;
	}
	vault_row_free(&row);
	while (r < 0 && i-- > 0)
		if (found[i * stride] == STORE_FOUND)
			share_drop(&out[i * stride]);
	return r < 0 ? -1 : 0;
}

/* As hydra-serve gives it; the key is that of our own file. */
static void
sign_receipt(
    struct vault *v, const char *guid, long long when, struct store_receipt *r)
{
	char text[RECEIPT_TEXT];

	vault_id(v, r->id);
	vault_public(v, r->public);
	r->removed = when;
	vault_sign(v, r->sig, text, receipt_text(text, r->id, guid, when));
}

static int
local_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct store_receipt *receipt, struct why *w)
{
	long long now = time(NULL), when;
	struct why later;
	unsigned i, removed = 0;
	int r = 0, got;

	if (vault_begin(vault(s), w) < 0)
		return -1;
	for (i = 0; r == 0 && i < n; i++) {
		when = now;
		if ((got = vault_remove(vault(s), guid[i], w)) < 0 ||
		    vault_removed(vault(s), guid[i], &when, w) < 0 ||
		    vault_bury(vault(s), guid[i], when, w) < 0)
			r = -1;
		removed += got > 0;
		gone[i] = STORE_GONE;
		if (r == 0 && receipt != NULL)
			sign_receipt(vault(s), guid[i], when, &receipt[i]);
	}
	r = settle(s, r, w);

	/* A reader may still hold the past; the next removal tries again. */
	if (r == 0 && removed > 0 && vault_scrub(vault(s), &later) < 0 &&
	    later.code != EXIT_RETRY) {
		*w = later;
		return -1;
	}
	return r;
}

struct listing {
	struct store_item *item;
	unsigned n;
};

static int
list_one(void *arg, const struct vault_row *r, struct why *w)
{
	struct listing *l = arg;
	struct store_item *item = &l->item[l->n++];

	(void)w;
	memcpy(item->guid, r->guid, sizeof item->guid);
	item->k = r->k;
	item->n = r->n;
	item->e = r->e;
	item->created = r->created;
	return 0;
}

static int
local_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w)
{
	struct listing l = { item, 0 };
	int n = vault_list(vault(s), after, max, false, list_one, &l, w);

	*got = l.n;
	return n < 0 ? -1 : 0;
}

/* A request at work. */
struct calling {
	const struct store_call *c;
	struct line line; /* secret */
	unsigned at;      /* answers that have come */
	int result;
	struct why *w;
};

/* Answers come in whole lines; the last one is ".end". */
static void
take_answers(void *arg, const void *bytes, size_t n)
{
	struct calling *k = arg;
	const char *p = bytes, *end = p + n, *nl;
	const struct store_call *c = k->c;

	for (; p < end && k->at < c->n && k->result == 0; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL ||
		    line_parse(&k->line, p, (size_t)(nl - p) + 1) != NULL)
			die(EXIT_BUG, "hydra_feed() gave no lines");
		k->result = c->answer(c->arg, k->at++, &k->line,
		    line_word(&k->line, "error"), false, k->w);
	}
}

/* The i-th line, to the call. */
static int
feed(struct hydra_call *h, struct calling *k, struct line *l, unsigned i,
    struct why *w)
{
	int f, r;

	line_reset(l);
	line_set_name_word(l, k->c->name[i]);
	if (k->c->fields != NULL)
		k->c->fields(k->c->arg, i, l);
	r = hydra_feed(h, l->name, strlen(l->name), w);
	for (f = 0; r == 0 && f < l->fields; f++) {
		const char *key = l->field[f].key, *word = l->field[f].word;

		if ((r = hydra_feed(h, "\t", 1, w)) == 0 &&
		    (r = hydra_feed(h, key, strlen(key), w)) == 0 &&
		    (r = hydra_feed(h, "=", 1, w)) == 0)
			r = hydra_feed(h, word, strlen(word), w);
	}
	return r ? r : hydra_feed(h, "\n", 1, w);
}

static int
local_call(struct store *s, const struct store_call *c, struct why *w)
{
	struct local *l = (struct local *)s;
	struct calling k = { .c = c, .w = w };
	struct hydra_sink sink = { take_answers, &k };
	struct hydra_call *call;
	struct line line;
	char text[40];
	unsigned i;
	int status;

	if (l->h == NULL && (l->h = hydra_open(s->x, s->url, NULL, false, NULL,
				 NULL, w)) == NULL)
		return -1;
	snprintf(text, sizeof text, "/v1/%s", c->op);
	call = hydra_call(l->h, "POST", text, NULL, sink, &status, w);
	line_init(&line, true);
	line_init(&k.line, true);
	for (i = 0; status == 0 && i < c->n; i++)
		status = feed(call, &k, &line, i, w);
	i = (unsigned)snprintf(text, sizeof text, ".end\t%u\n", c->n);
	if (status == 0 && (status = hydra_feed(call, text, i, w)) == 0)
		status = hydra_finish(call, w);
	line_free(&line);
	line_free(&k.line);
	hydra_free(call);
	return status == 200 ? k.result : -1;
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
	.call = local_call,
};
