/* What the operations of lfc-api(5) do that are about nearline files. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_recall.h"
#include "lfc_impl.h"
#include "word.h"

#define TTL_MOST 86400 /* s that a request is held without a word */
#define TAKER 32       /* hexadecimal digits of a taker's name */

/* A number of the line, within bounds: 0, or -1 with *w. */
static int
number(const struct line *in, const char *key, long long least, long long most,
    long long *n, struct why *w)
{
	unsigned long long got;

	if (line_word(in, key) == NULL)
		return 0;
	if (line_number(in, key, &got, w) < 0)
		return -1;
	if (got < (unsigned long long)least || got > (unsigned long long)most)
		return why_set(w, EXIT_DATA, "%s=: not from %lld to %lld", key,
		    least, most);
	*n = (long long)got;
	return 0;
}

/* ---- nearline files ---- */

int
lfc_op_nearline(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	enum catalogue_how how = CATALOGUE_NEW;
	int got;

	if (!lfc_is_creator(c))
		return lfc_refuse(w, EXIT_DENIED, "may not register");
	if (c->who != NULL && line_word(in, "lfn") == NULL)
		return lfc_refuse(w, EXIT_DATA, "has no lfn=");
	if ((got = catalogue_nearline(c->h->c, in, &how, w)) != 0)
		return got < 0 ? LFC_FAILED : LFC_REFUSED;
	line_add_word(out, "status", how == CATALOGUE_NEW ? "new" : "same");
	return LFC_DONE;
}

int
lfc_op_evict(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	bool has_guid = line_word(in, "guid") != NULL;
	unsigned char guid[16];
	char lfn[LFC_LFN];

	if (lfc_lfn(lfn, in, w) < 0 ||
	    (has_guid && line_hex(in, "guid", guid, sizeof guid, w) < 0))
		return LFC_REFUSED;
	return lfc_did(catalogue_evict(c->h->c, lfn, has_guid ? guid : NULL,
			   lfc_whole, out, w),
	    w);
}

/* ---- asking ---- */

static void
describe(const struct catalogue_request *r, struct line *out)
{
	line_add_word(out, "state", r->state);
	if (r->reason != NULL)
		line_add_word(out, "reason", r->reason);
	if (r->asked == 0)
		return;
	lfc_number(out, "priority", r->priority);
	lfc_number(out, "asked", r->asked);
	lfc_number(out, "changed", r->changed);
	lfc_number(out, "askers", r->askers);
}

int
lfc_op_recall(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	long long priority = RECALL_PRIORITY;
	struct catalogue_request r;
	char lfn[LFC_LFN];
	int got;

	if (number(in, "priority", 0, 9, &priority, w) < 0)
		return LFC_REFUSED;
	if (priority > RECALL_PRIORITY && !c->admin)
		return lfc_refuse(
		    w, EXIT_DENIED, "priorities above 5 are admins'");
	if ((got = lfc_real(c, in, NULL, true, lfn, w)) != LFC_DONE)
		return got;
	got = lfc_did(catalogue_recall(c->h->c, lfn, priority, &r, w), w);
	if (got == LFC_DONE)
		describe(&r, out);
	return got;
}

/* What looks at a request or takes it back, and tells how it stands. */
static int
standing(struct lfc_call *c, const struct line *in, struct line *out,
    int (*fn)(struct catalogue *c, const char *lfn, struct catalogue_request *r,
	struct why *w),
    struct why *w)
{
	struct catalogue_request r;
	char lfn[LFC_LFN];
	int got = lfc_real(c, in, NULL, true, lfn, w);

	if (got != LFC_DONE)
		return got;
	got = lfc_did(fn(c->h->c, lfn, &r, w), w);
	if (got == LFC_DONE)
		describe(&r, out);
	return got;
}

int
lfc_op_recall_status(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	return standing(c, in, out, catalogue_recall_status, w);
}

int
lfc_op_recall_cancel(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	return standing(c, in, out, catalogue_recall_cancel, w);
}

/* ---- serving ---- */

static int
taker_ok(struct lfc_call *c, const char *taker, struct why *w)
{
	unsigned char raw[TAKER / 2];

	if (!lfc_is_creator(c)) {
		why_set(w, EXIT_DENIED, "may not serve recalls");
		return -1;
	}
	if (taker == NULL || strlen(taker) != TAKER ||
	    hex_decode(raw, sizeof raw, taker) < 0)
		return why_set(
		    w, EXIT_DATA, "the taker is not 32 hexadecimal digits");
	return 0;
}

static int
on_taken(void *arg, const struct line *l, struct why *w)
{
	(void)w;
	lfc_print(arg, l);
	return 0;
}

int
lfc_page_recall_take(struct lfc_call *c, struct why *w)
{
	const char *site = line_word(&c->what, "site");
	long long n = LFC_PAGE, ttl = 600;

	if (taker_ok(c, c->what.name, w) < 0 ||
	    number(&c->what, "n", 1, LFC_PAGE, &n, w) < 0 ||
	    number(&c->what, "ttl", 1, TTL_MOST, &ttl, w) < 0)
		return LFC_REFUSED;
	if (site == NULL)
		return lfc_refuse(w, EXIT_DATA, "no site=");
	return catalogue_recall_take(
		   c->h->c, c->what.name, site, (int)n, ttl, on_taken, c, w) < 0
		   ? LFC_FAILED
		   : LFC_DONE;
}

int
lfc_op_recall_renew(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	long long n, ttl = 600;

	if (taker_ok(c, in->name, w) < 0 ||
	    number(in, "ttl", 1, TTL_MOST, &ttl, w) < 0)
		return LFC_REFUSED;
	if ((n = catalogue_recall_renew(c->h->c, in->name, ttl, w)) < 0)
		return LFC_FAILED;
	lfc_number(out, "held", n);
	return LFC_DONE;
}

int
lfc_op_recall_done(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	const char *taker = line_word(in, "taker"),
		   *state = line_word(in, "state");
	long long entry = 0, delay = 60;
	int got;

	if (taker_ok(c, taker, w) < 0 ||
	    number(in, "entry", 1, (long long)1 << 62, &entry, w) < 0 ||
	    number(in, "delay", 0, TTL_MOST, &delay, w) < 0)
		return LFC_REFUSED;
	if (entry == 0)
		return lfc_refuse(w, EXIT_DATA, "no entry=");
	if (state == NULL ||
	    (strcmp(state, "online") != 0 && strcmp(state, "failed") != 0 &&
		strcmp(state, "queued") != 0))
		return lfc_refuse(
		    w, EXIT_DATA, "state=: not online, failed or queued");
	got = catalogue_recall_done(
	    c->h->c, entry, taker, state, line_word(in, "reason"), delay, w);
	if (got == 0)
		return lfc_refuse(
		    w, EXIT_NO, "is not held by this run any more");
	if (got > 0)
		line_add_word(out, "state", state);
	return lfc_did(got, w);
}

struct cached {
	struct lfc_call *c;
	int n;
};

static int
on_cached(void *arg, const struct line *l, struct why *w)
{
	struct cached *k = arg;

	(void)w;
	lfc_print(k->c, l);
	return ++k->n == LFC_PAGE;
}

int
lfc_page_recalled(struct lfc_call *c, struct why *w)
{
	const char *site = line_word(&c->what, "site");
	struct catalogue_cached at = { 0, 0 };
	struct cached k = { c, 0 };

	if (!lfc_is_creator(c))
		return lfc_refuse(w, EXIT_DENIED, "may not serve recalls");
	if (site == NULL)
		return lfc_refuse(w, EXIT_DATA, "no site=");
	if (*c->after != '\0' &&
	    sscanf(c->after, "%lld.%lld", &at.changed, &at.entry) != 2)
		return lfc_refuse(w, EXIT_DATA, "after= is not from here");
	if (catalogue_cached(c->h->c, site, &at, on_cached, &k, w) < 0)
		return LFC_FAILED;
	if (k.n < LFC_PAGE)
		return LFC_DONE;
	snprintf(c->after, sizeof c->after, "%lld.%lld", at.changed, at.entry);
	return LFC_MORE;
}
