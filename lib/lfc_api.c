#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lfc_impl.h"

#define FEED (1 << 18) /* bytes of a body that make a batch */

enum {
	OK = 200,
	BAD = 400,
	NO_PATH = 404,
	NO_METHOD = 405,
	TOO_LONG = 413,
	BROKEN = 500,
	LATER = 503
};

static const struct lfc_policy no_policy;
static const struct lfc_hooks no_hooks;

struct lfc_api *
lfc_api_open(const char *url, bool create, const struct lfc_policy *policy,
    const struct lfc_hooks *hooks, struct why *w)
{
	struct lfc_api *h = calloc(1, sizeof *h);
	unsigned i;

	if (h == NULL)
		die(EXIT_IO, "out of memory");
	lfc_api_policy(h, policy);
	h->hooks = hooks ? hooks : &no_hooks;
	line_init(&h->line, false);
	for (i = 0; i < LFC_BATCH; i++) {
		line_init(&h->in[i], false);
		line_init(&h->done[i].line, false);
	}
	if ((h->c = catalogue_open(url, create, w)) == NULL) {
		lfc_api_close(h);
		return NULL;
	}
	return h;
}

void
lfc_api_close(struct lfc_api *h)
{
	unsigned i;

	if (h == NULL)
		return;
	catalogue_close(h->c);
	for (i = 0; i < LFC_BATCH; i++) {
		line_free(&h->in[i]);
		line_free(&h->done[i].line);
	}
	line_free(&h->line);
	free(h->text);
	free(h);
}

void
lfc_api_policy(struct lfc_api *h, const struct lfc_policy *policy)
{
	h->policy = policy ? policy : &no_policy;
}

int
lfc_api_ping(struct lfc_api *h, struct why *w)
{
	return catalogue_has_surl(h->c, "-", w) < 0 ? -1 : 0;
}

/* ---- who asks ---- */

static bool
is_admin(const struct lfc_api *h, const struct who *who)
{
	const struct lfc_policy *p = h->policy;

	return who == NULL || who_among(who, p->admin, p->admins);
}

bool
lfc_is_creator(const struct lfc_call *c)
{
	const struct lfc_policy *p = c->h->policy;
	unsigned i;

	if (c->admin || who_among(c->who, p->creator, p->creators))
		return true;
	for (i = 0; i < p->creators; i++)
		if (strcmp(p->creator[i], "*") == 0)
			return true;
	return false;
}

/* Whoever asks, asks the catalogue now; the policy may be another by now. */
static void
as_client(struct lfc_call *c)
{
	c->admin = is_admin(c->h, c->who);
	catalogue_as(c->h->c, c->who, c->admin);
}

/* ---- text ---- */

static void
grow(char **buf, size_t len, size_t *size, size_t n)
{
	size_t more = *size ? *size : 1 << 12;
	char *p;

	if (n <= *size - len)
		return;
	while (n > more - len)
		more *= 2;
	if ((p = realloc(*buf, more)) == NULL)
		die(EXIT_IO, "out of memory");
	*buf = p;
	*size = more;
}

static void
print(struct lfc_api *h, const struct line *l)
{
	size_t n = strlen(l->name) + 2;
	char *p;
	int i;

	for (i = 0; i < l->fields; i++)
		n += strlen(l->field[i].key) + strlen(l->field[i].word) + 2;
	grow(&h->text, h->len, &h->size, n);
	p = stpcpy(h->text + h->len, l->name);
	for (i = 0; i < l->fields; i++) {
		*p++ = '\t';
		p = stpcpy(p, l->field[i].key);
		*p++ = '=';
		p = stpcpy(p, l->field[i].word);
	}
	*p++ = '\n';
	h->len = (size_t)(p - h->text);
}

static void
give(struct lfc_call *c)
{
	struct lfc_api *h = c->h;

	if (h->len > 0)
		c->put(c->arg, h->text, h->len);
	h->len = 0;
}

void
lfc_print(struct lfc_call *c, const struct line *l)
{
	print(c->h, l);
	c->listed++;
}

int
lfc_print_file(struct lfc_call *c, const struct catalogue_entry *e,
    const char *dir, struct why *w)
{
	struct lfc_api *h = c->h;
	long n;

	grow(&h->text, h->len, &h->size, LINE_MAX_BYTES);
	if ((n = catalogue_text(h->c, e, dir, h->text + h->len, w)) < 0)
		return -1;
	h->len += (size_t)n;
	c->listed++;
	return 0;
}

static const char *
word_of(const struct why *w)
{
	switch (w->code) {
	case EXIT_DATA:
		return "bad";
	case EXIT_DENIED:
		return "denied";
	case EXIT_RETRY:
		return "again";
	default:
		return "no";
	}
}

void
lfc_unseen(struct lfc_call *c, const char *name, const struct why *w)
{
	struct line l;

	if (c->sink != NULL) {
		if (c->sink->refused != NULL)
			c->sink->refused(c->sink->arg, name, w);
		return;
	}
	line_init(&l, false);
	line_set_name_word(&l, name);
	line_set_word(&l, "error", word_of(w));
	line_set(&l, "why", w->text, strlen(w->text));
	lfc_print(c, &l);
	line_free(&l);
}

bool
lfc_flag(const struct line *l, const char *key)
{
	const char *word = line_word(l, key);

	return word != NULL && strcmp(word, "1") == 0;
}

static int
absolute(const char *lfn, struct why *w)
{
	return *lfn == '/' ? 0
			   : why_set(w, EXIT_DATA, "the LFN is not absolute");
}

int
lfc_lfn(char lfn[LFC_LFN], const struct line *l, struct why *w)
{
	if (line_name(l, lfn, LFC_LFN, w) < 0)
		return -1;
	return absolute(lfn, w);
}

int
lfc_lfn_of(
    char lfn[LFC_LFN], const struct line *l, const char *key, struct why *w)
{
	if (line_text(l, key, lfn, LFC_LFN, w) < 0)
		return -1;
	return absolute(lfn, w);
}

/* ---- batches ---- */

void
lfc_settle(struct lfc_done *d, int did, const struct why *w)
{
	d->refused = NULL;
	if (did == LFC_DONE)
		return;
	if (did == LFC_MISSING)
		why_set(&d->why, EXIT_NO, "no such entry");
	else
		d->why = *w;
	d->refused = did == LFC_MISSING ? "missing" : word_of(&d->why);
}

static int
run_all(struct lfc_call *c, const struct line *in, unsigned n, struct why *w)
{
	struct lfc_api *h = c->h;
	unsigned i;
	int did;

	for (i = 0; i < n; i++) {
		line_reset(&h->done[i].line);
		line_set_name_word(&h->done[i].line, in[i].name);
	}
	if (c->op->many != NULL)
		return c->op->many(c, in, n, w);
	for (i = 0; i < n; i++) {
		did = c->op->run(c, &in[i], &h->done[i].line, w);
		if (did == LFC_FAILED)
			return -1;
		lfc_settle(&h->done[i], did, w);
	}
	return 0;
}

static int
audit(struct lfc_call *c, const struct line *in, unsigned n, const char *failed,
    struct why *w)
{
	struct lfc_api *h = c->h;
	unsigned i;

	if (h->hooks->audit == NULL)
		return 0;
	for (i = 0; i < n; i++) {
		const char *lfn = line_word(&in[i], "lfn");
		const char *refused = h->done[i].refused;

		h->event[i].name = lfn ? lfn : in[i].name;
		h->event[i].answer = failed    ? failed
				     : refused ? refused
					       : "done";
	}
	return h->hooks->audit(
	    h->hooks->arg, c->who, c->op->name, h->event, n, w);
}

/* Done, on record and durable, in this order; then it may be told.  0, -1. */
static int
batch(struct lfc_call *c, const struct line *in, unsigned n, struct why *w)
{
	struct catalogue *cat = c->h->c;
	struct why ignored;

	as_client(c);
	if (c->op->writes && catalogue_begin(cat, w) < 0)
		return -1;
	if (run_all(c, in, n, w) < 0 || audit(c, in, n, NULL, w) < 0) {
		if (c->op->writes)
			catalogue_rollback(cat);
		return -1;
	}
	if (c->op->writes && catalogue_commit(cat, w) < 0) {
		audit(c, in, n, "failed", &ignored);
		return -1;
	}
	return 0;
}

/* ---- listings ---- */

/* The next page of text; as lfc_op.page. */
static int
page(struct lfc_call *c, struct why *w)
{
	struct catalogue *cat = c->h->c;
	bool first = !c->begun;
	struct lfc_done *d = &c->h->done[0];
	int did;

	c->begun = true;
	as_client(c);
	if (c->op->writes && catalogue_begin(cat, w) < 0)
		return LFC_FAILED;
	did = c->op->page(c, w);
	if (did != LFC_FAILED && first) {
		lfc_settle(d, did == LFC_MORE ? LFC_DONE : did, w);
		if (audit(c, &c->what, 1, NULL, w) < 0)
			did = LFC_FAILED;
	}
	if (c->op->writes && did == LFC_FAILED)
		catalogue_rollback(cat);
	else if (c->op->writes && catalogue_commit(cat, w) < 0)
		did = LFC_FAILED;
	if (did == LFC_FAILED)
		c->h->len = 0;
	return did;
}

/* Where the request says it is to go on. */
static int
begin_list(struct lfc_call *c, struct why *w)
{
	c->after[0] = '\0';
	if (line_word(&c->what, "after") == NULL)
		return 0;
	return line_text(&c->what, "after", c->after, sizeof c->after, w) < 0
		   ? -1
		   : 0;
}

/* ---- a client in this process ---- */

static const struct lfc_op *
op_named(const char *name, size_t n)
{
	const struct lfc_op *op;

	for (op = lfc_ops; op->name != NULL; op++)
		if (strlen(op->name) == n && memcmp(op->name, name, n) == 0)
			return op;
	return NULL;
}

static int
begin_here(struct lfc_call *c, struct lfc_api *h, const char *op,
    const struct who *who, struct why *w)
{
	memset(c, 0, sizeof *c);
	c->h = h;
	c->who = who;
	if ((c->op = op_named(op, strlen(op))) == NULL)
		return why_set(w, EXIT_BUG, "%s: no such operation", op);
	return 0;
}

int
lfc_api_ask(struct lfc_api *h, const char *op, const struct who *who,
    const struct line *in, unsigned n, lfc_answer *fn, void *arg, struct why *w)
{
	struct lfc_call c;
	unsigned at, i, k;

	if (begin_here(&c, h, op, who, w) < 0)
		return -1;
	for (at = 0; at < n; at += k) {
		k = n - at < LFC_BATCH ? n - at : LFC_BATCH;
		if (batch(&c, in + at, k, w) < 0)
			return -1;
		for (i = 0; i < k; i++) {
			const struct lfc_done *d = &h->done[i];

			if (fn(arg, at + i, &d->line,
				d->refused ? &d->why : NULL, w) < 0)
				return -1;
		}
	}
	return 0;
}

int
lfc_api_list(struct lfc_api *h, const char *op, const struct who *who,
    const struct line *in, const struct lfc_sink *sink, struct why *w)
{
	struct lfc_call *c = malloc(sizeof *c);
	int did = LFC_FAILED;

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	if (begin_here(c, h, op, who, w) == 0) {
		c->sink = sink;
		line_init(&c->what, false);
		line_copy(&c->what, in);
		did = begin_list(c, w) < 0 ? LFC_FAILED : LFC_MORE;
		while (did == LFC_MORE) {
			did = page(c, w);
			if (did != LFC_FAILED && h->len > 0 &&
			    sink->lines(sink->arg, h->text, h->len, w) < 0)
				did = LFC_FAILED;
			h->len = 0;
		}
		if (did == LFC_MISSING)
			why_set(w, EXIT_NO, "no such entry");
		line_free(&c->what);
	}
	free(c);
	return did == LFC_FAILED ? -1 : did == LFC_DONE;
}

/* ---- a server ---- */

struct lfc_call *
lfc_call(struct lfc_api *h, const char *method, const char *target,
    const struct who *who, void (*put)(void *arg, const void *bytes, size_t n),
    void *arg, int *status, struct why *w)
{
	struct lfc_call *c = calloc(1, sizeof *c);
	size_t n = strlen(target);
	const struct lfc_op *op = NULL;

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	c->h = h;
	c->who = who;
	c->put = put;
	c->arg = arg;
	line_init(&c->what, false);
	if (n > 4 && memcmp(target, "/v1/", 4) == 0)
		op = op_named(target + 4, n - 4);
	*status = 0;
	if (op == NULL) {
		why_set(w, EXIT_USAGE, "no such path");
		*status = NO_PATH;
	} else if (strcmp(method, "POST") != 0) {
		why_set(w, EXIT_USAGE, "use POST");
		*status = NO_METHOD;
	} else
		c->op = op;
	return c;
}

void
lfc_free(struct lfc_call *c)
{
	if (c == NULL)
		return;
	line_free(&c->what);
	free(c->buf);
	free(c);
}

const char *
lfc_op(const struct lfc_call *c)
{
	return c->op ? c->op->name : "-";
}

/* A failure of ours, as a status; the call is over. */
static int
fail(struct lfc_call *c, int status)
{
	c->h->len = 0;
	c->op = NULL;
	return status;
}

static int
broken(struct lfc_call *c, const struct why *w)
{
	return fail(
	    c, w->code == EXIT_RETRY || w->code == EXIT_IO ? LATER : BROKEN);
}

static int
bad(struct lfc_call *c, struct why *w, const char *text)
{
	why_set(w, EXIT_DATA, "%s", text);
	return fail(c, BAD);
}

/* A line that came: into the batch, or it is what a listing is of. */
static int
take(struct lfc_call *c, const char *p, size_t n, unsigned i, struct why *w)
{
	struct line *l = c->op->page ? &c->what : &c->h->in[i];
	const char *wrong;

	if (c->op->page != NULL && c->lines > 0)
		return bad(c, w, "takes one line");
	if ((wrong = line_parse(l, p, n)) != NULL) {
		why_set(w, EXIT_DATA, "line %lu: %s", c->lines + 1, wrong);
		return fail(c, BAD);
	}
	c->lines++;
	return 0;
}

static int
answer(struct lfc_call *c, unsigned n, struct why *w)
{
	struct lfc_api *h = c->h;
	unsigned i;

	if (c->op->page != NULL || n == 0)
		return 0;
	if (batch(c, h->in, n, w) < 0)
		return broken(c, w);
	for (i = 0; i < n; i++) {
		struct lfc_done *d = &h->done[i];

		if (d->refused != NULL) {
			line_set_word(&d->line, "error", d->refused);
			line_set(
			    &d->line, "why", d->why.text, strlen(d->why.text));
		}
		print(h, &d->line);
	}
	give(c);
	return 0;
}

/* The last line: its count, and nothing after it. */
static int
last(struct lfc_call *c, const char *p, size_t n, struct why *w)
{
	char want[40];
	int len = snprintf(want, sizeof want, ".end\t%lu\n", c->lines);

	if (n != (size_t)len || memcmp(p, want, n) != 0)
		return bad(c, w, "wrong count, lines were lost or added");
	c->ended = true;
	return 0;
}

static bool
is_last(const char *p, size_t n)
{
	return n >= 5 && memcmp(p, ".end", 4) == 0 &&
	       (p[4] == '\t' || p[4] == '\n');
}

/* Work off the whole lines that have come. */
static int
work(struct lfc_call *c, struct why *w)
{
	char *p = c->buf, *end = c->buf + c->len, *nl;
	unsigned n = 0;
	int status = 0;

	while (status == 0 && p < end && !c->ended &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		size_t len = (size_t)(nl - p) + 1;

		if (is_last(p, len))
			status = last(c, p, len, w);
		else if ((status = take(c, p, len, n, w)) == 0 &&
			 ++n == LFC_BATCH) {
			status = answer(c, n, w);
			n = 0;
		}
		p = nl + 1;
	}
	if (status == 0)
		status = answer(c, n, w);
	if (status == 0 && c->ended && p < end)
		return bad(c, w, "more after .end");
	if (status == 0 && end - p > LINE_MAX_BYTES) {
		why_set(w, EXIT_DATA, "a line is too long");
		return fail(c, TOO_LONG);
	}
	c->len = (size_t)(end - p);
	memmove(c->buf, p, c->len);
	return status;
}

int
lfc_feed(struct lfc_call *c, const void *bytes, size_t n, struct why *w)
{
	const char *p = bytes;
	size_t k;
	int status;

	if (c->op == NULL)
		return bad(c, w, "the request has failed");
	for (; n > 0; p += k, n -= k) {
		k = n < FEED ? n : FEED;
		grow(&c->buf, c->len, &c->size, k);
		memcpy(c->buf + c->len, p, k);
		c->len += k;
		if (c->len >= FEED && (status = work(c, w)) != 0)
			return status;
	}
	return 0;
}

/* A page of a listing: 0 when there is more, 200, or another status. */
static int
list(struct lfc_call *c, struct why *w)
{
	struct lfc_api *h = c->h;
	struct lfc_done *d = &h->done[0];
	int did;

	if (!c->begun && begin_list(c, w) < 0)
		return fail(c, BAD);
	if ((did = page(c, w)) == LFC_FAILED)
		return broken(c, w);
	line_reset(&h->line);
	if (did == LFC_MORE) {
		line_set_name_word(&h->line, "more");
		line_set(&h->line, "after", c->after, strlen(c->after));
		lfc_print(c, &h->line);
	} else if (did != LFC_DONE) {
		lfc_settle(d, did, w);
		line_set_name_word(&h->line, c->what.name);
		line_set_word(&h->line, "refused", d->refused);
		line_set(&h->line, "why", d->why.text, strlen(d->why.text));
		lfc_print(c, &h->line);
	}
	give(c);
	return did == LFC_MORE ? 0 : OK;
}

int
lfc_finish(struct lfc_call *c, struct why *w)
{
	char text[40];
	int n, status;

	if (c->op == NULL)
		return bad(c, w, "the request has failed");
	if (!c->ended) {
		if (c->len > 0 && (status = work(c, w)) != 0)
			return status;
		if (!c->ended)
			return bad(c, w, "cut short, no .end line");
		if (c->op->page != NULL && c->lines != 1)
			return bad(c, w, "takes one line");
	}
	if (c->op->page != NULL && (status = list(c, w)) != OK)
		return status;
	n = snprintf(text, sizeof text, ".end\t%lu\n",
	    c->op->page ? c->listed : c->lines);
	c->put(c->arg, text, (size_t)n);
	return OK;
}
