/* What the operations of lfc-api(5) do that are about nearline files. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_recall.h"
#include "lfc_impl.h"
#include "word.h"

#define TTL_MOST 86400 /* s that a request is held without a word */
#define TAKER 32       /* hexadecimal digits of a taker's name */

static int
did(int got, const struct why *w)
{
	if (got > 0)
		return LFC_DONE;
	if (got == 0)
		return LFC_MISSING;
	return w->code == EXIT_NO || w->code == EXIT_DENIED ||
		       w->code == EXIT_DATA
		   ? LFC_REFUSED
		   : LFC_FAILED;
}

static int
refuse(struct why *w, int code, const char *text)
{
	why_set(w, code, "%s", text);
	return LFC_REFUSED;
}

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

static void
put(struct line *out, const char *key, long long n)
{
	line_set_number(out, key, n > 0 ? (unsigned long long)n : 0);
}

/* ---- nearline files ---- */

int
lfc_op_nearline(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	enum catalogue_how how = CATALOGUE_NEW;
	int got;

	if (!lfc_is_creator(c))
		return refuse(w, EXIT_DENIED, "may not register");
	if (c->who != NULL && line_word(in, "lfn") == NULL)
		return refuse(w, EXIT_DATA, "has no lfn=");
	if ((got = catalogue_nearline(c->h->c, in, &how, w)) != 0)
		return got < 0 ? LFC_FAILED : LFC_REFUSED;
	line_add_word(out, "status", how == CATALOGUE_NEW ? "new" : "same");
	return LFC_DONE;
}

static int
on_evicted(void *arg, const struct line *l, struct why *w)
{
	struct line *out = arg;
	int i;

	(void)w;
	line_add_word(out, "record", l->name);
	for (i = 0; i < l->fields; i++)
		line_add_word(out, l->field[i].key, l->field[i].word);
	return 0;
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
	return did(catalogue_evict(c->h->c, lfn, has_guid ? guid : NULL,
		       on_evicted, out, w),
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
	put(out, "priority", r->priority);
	put(out, "asked", r->asked);
	put(out, "changed", r->changed);
	put(out, "askers", r->askers);
}

/* The file that is asked about, links followed. */
static int
real(
    struct lfc_call *c, const struct line *in, char lfn[LFC_LFN], struct why *w)
{
	char said[LFC_LFN];

	if (lfc_lfn(said, in, w) < 0)
		return LFC_REFUSED;
	if (catalogue_real(c->h->c, said, true, lfn, LFC_LFN, w) < 0)
		return did(-1, w);
	return LFC_DONE;
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
		return refuse(w, EXIT_DENIED, "priorities above 5 are admins'");
	if ((got = real(c, in, lfn, w)) != LFC_DONE)
		return got;
	got = did(catalogue_recall(c->h->c, lfn, priority, &r, w), w);
	if (got == LFC_DONE)
		describe(&r, out);
	return got;
}

int
lfc_op_recall_status(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_request r;
	char lfn[LFC_LFN];
	int got;

	if ((got = real(c, in, lfn, w)) != LFC_DONE)
		return got;
	got = did(catalogue_recall_status(c->h->c, lfn, &r, w), w);
	if (got == LFC_DONE)
		describe(&r, out);
	return got;
}

int
lfc_op_recall_cancel(
    struct lfc_call *c, const struct line *in, struct line *out, struct why *w)
{
	struct catalogue_request r;
	char lfn[LFC_LFN];
	int got;

	if ((got = real(c, in, lfn, w)) != LFC_DONE)
		return got;
	got = did(catalogue_recall_cancel(c->h->c, lfn, &r, w), w);
	if (got == LFC_DONE)
		describe(&r, out);
	return got;
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
		return refuse(w, EXIT_DATA, "no site=");
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
	put(out, "held", n);
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
		return refuse(w, EXIT_DATA, "no entry=");
	if (state == NULL ||
	    (strcmp(state, "online") != 0 && strcmp(state, "failed") != 0 &&
		strcmp(state, "queued") != 0))
		return refuse(
		    w, EXIT_DATA, "state=: not online, failed or queued");
	got = catalogue_recall_done(
	    c->h->c, entry, taker, state, line_word(in, "reason"), delay, w);
	if (got == 0)
		return refuse(w, EXIT_NO, "is not held by this run any more");
	if (got > 0)
		line_add_word(out, "state", state);
	return did(got, w);
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
		return refuse(w, EXIT_DENIED, "may not serve recalls");
	if (site == NULL)
		return refuse(w, EXIT_DATA, "no site=");
	if (*c->after != '\0' &&
	    sscanf(c->after, "%lld.%lld", &at.changed, &at.entry) != 2)
		return refuse(w, EXIT_DATA, "after= is not from here");
	if (catalogue_cached(c->h->c, site, &at, on_cached, &k, w) < 0)
		return LFC_FAILED;
	if (k.n < LFC_PAGE)
		return LFC_DONE;
	snprintf(c->after, sizeof c->after, "%lld.%lld", at.changed, at.entry);
	return LFC_MORE;
}
