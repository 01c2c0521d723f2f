#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hydra_impl.h"
#include "keyid.h"
#include "secret.h"

#define FEED (1 << 18) /* bytes of a body that are collected for a batch */
#define LIST_MAX 1000  /* keys: others wait meanwhile */

enum {
	OK = 200,
	BAD = 400,
	NO_PATH = 404,
	NO_METHOD = 405,
	TOO_LONG = 413,
	BROKEN = 500,
	LATER = 503,
	BUSY = 429,
};

static const struct hydra_policy no_policy;
static const struct hydra_hooks no_hooks;

struct hydra *
hydra_open(unsigned x, const char *url, const char *key, bool create,
    const struct hydra_policy *policy, const struct hydra_hooks *hooks,
    struct why *w)
{
	struct hydra *h = calloc(1, sizeof *h);

	if (h == NULL)
		die(EXIT_IO, "out of memory");
	hydra_set_policy(h, policy);
	h->hooks = hooks ? hooks : &no_hooks;
	line_init(&h->in, true);
	line_init(&h->out, true);
	vault_row_init(&h->row);
	vault_row_init(&h->other);
	h->share = secret_alloc(sizeof *h->share);
	if ((h->v = vault_open(x, url, key, create, w)) == NULL) {
		hydra_close(h);
		return NULL;
	}
	return h;
}

void
hydra_close(struct hydra *h)
{
	if (h == NULL)
		return;
	vault_close(h->v);
	line_free(&h->in);
	line_free(&h->out);
	vault_row_free(&h->row);
	vault_row_free(&h->other);
	secret_free(h->share, sizeof *h->share);
	free(h->text);
	free(h);
}

void
hydra_set_policy(struct hydra *h, const struct hydra_policy *policy)
{
	h->policy = policy ? policy : &no_policy;
}

int
hydra_ping(struct hydra *h, struct why *w)
{
	return vault_ping(h->v, w);
}

/* Make room for n bytes more, leaving no copy of secrets behind. */
static void
grow(char **buf, size_t len, size_t *size, size_t n)
{
	size_t more = *size ? *size : 1 << 12;
	char *p;

	if (n <= *size - len)
		return;
	while (n > more - len)
		more *= 2;
	if ((p = malloc(more)) == NULL)
		die(EXIT_IO, "out of memory");
	if (len > 0) {
		memcpy(p, *buf, len);
		secret_clear(*buf, len);
	}
	free(*buf);
	*buf = p;
	*size = more;
}

void
hydra_print(struct hydra *h)
{
	const struct line *l = &h->out;
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
forget_text(struct hydra *h)
{
	if (h->len > 0)
		secret_clear(h->text, h->len);
	h->len = 0;
}

void
hydra_flush(struct hydra_call *c)
{
	if (c->h->len > 0)
		c->sink.put(c->sink.arg, c->h->text, c->h->len);
	forget_text(c->h);
}

int
hydra_refuse(struct hydra_call *c, const char *error)
{
	line_set_word(&c->h->out, "error", error);
	c->h->answer = error;
	c->refused++;
	return 0;
}

int
hydra_audit_one(
    struct hydra_call *c, const char *id, const char *answer, struct why *w)
{
	struct hydra_event e = { id, answer };
	const struct hydra_hooks *k = c->h->hooks;

	return k->audit ? k->audit(k->arg, c->who, c->op->name, &e, 1, w) : 0;
}

/* A failure of ours, as a status. */
static int
status_of(const struct why *w)
{
	return w->code == EXIT_RETRY || w->code == EXIT_IO ? LATER : BROKEN;
}

static int
fail(struct hydra_call *c, int status)
{
	c->op = NULL; /* it is over */
	return status;
}

/* after=GUID&max=N, in any order. */
static int
parse_query(struct hydra_call *c, const char *q, struct why *w)
{
	unsigned long max;
	size_t n;
	char *end;

	for (; *q != '\0'; q += n + (q[n] == '&')) {
		n = strcspn(q, "&");
		if (n == 6 + SHARE_ID && memcmp(q, "after=", 6) == 0) {
			memcpy(c->after, q + 6, SHARE_ID);
			if (share_id_ok(c->after))
				continue;
		} else if (strncmp(q, "max=", 4) == 0 && q[4] >= '1' &&
			   q[4] <= '9' && n <= 4 + 9) {
			max = strtoul(q + 4, &end, 10);
			c->max = max < LIST_MAX ? (unsigned)max : LIST_MAX;
			if (end == q + n)
				continue;
		}
		return why_set(
		    w, EXIT_DATA, "the query is not after=GUID and max=N");
	}
	return 0;
}

struct hydra_call *
hydra_call(struct hydra *h, const char *method, const char *target,
    const struct who *who, struct hydra_sink sink, int *status, struct why *w)
{
	struct hydra_call *c = calloc(1, sizeof *c);
	size_t n = strcspn(target, "?");
	const struct hydra_ops *op;

	if (c == NULL)
		die(EXIT_IO, "out of memory");
	c->h = h;
	c->who = who;
	c->sink = sink;
	c->max = LIST_MAX;
	for (op = hydra_ops; op->name != NULL; op++)
		if (n == 4 + strlen(op->name) &&
		    memcmp(target, "/v1/", 4) == 0 &&
		    memcmp(target + 4, op->name, n - 4) == 0)
			break;
	if (op->name == NULL) {
		why_set(w, EXIT_USAGE, "no such path");
		*status = NO_PATH;
	} else if (strcmp(method, op->all ? "GET" : "POST") != 0) {
		why_set(w, EXIT_USAGE, "use %s", op->all ? "GET" : "POST");
		*status = NO_METHOD;
	} else if (target[n] == '?' && strcmp(op->name, "list") != 0) {
		why_set(w, EXIT_DATA, "takes no query");
		*status = BAD;
	} else if (target[n] == '?' && parse_query(c, target + n + 1, w) < 0) {
		*status = BAD;
	} else {
		c->op = op;
		*status = 0;
	}
	return c;
}

void
hydra_free(struct hydra_call *c)
{
	if (c == NULL)
		return;
	if (c->len > 0)
		secret_clear(c->buf, c->len);
	free(c->buf);
	free(c);
}

const char *
hydra_op(const struct hydra_call *c)
{
	return c->op ? c->op->name : "-";
}

unsigned long
hydra_lines(const struct hydra_call *c)
{
	return c->lines;
}

unsigned long
hydra_refused(const struct hydra_call *c)
{
	return c->refused;
}

/* Work off h->in, the i-th of its batch. */
static int
one(struct hydra_call *c, unsigned i, bool allowed, struct why *w)
{
	struct hydra *h = c->h;
	const char *id = line_id(&h->in);
	char guid[SHARE_ID + 1];
	int r = 0;

	line_reset(&h->out);
	line_set_name_word(&h->out, strcmp(id, ".end") ? id : "%2Eend");
	snprintf(h->id[i], EVENT_ID, "%s", h->out.name);
	if (keyid_guid(guid, id) < 0) {
		hydra_refuse(c, "bad");
		line_set(&h->out, "why", "not a GUID or id", 16);
	} else if (!allowed)
		hydra_refuse(c, "busy");
	else
		r = c->op->run(c, guid, &h->in, w);
	h->event[i].id = h->id[i];
	h->event[i].answer = h->answer;
	hydra_print(h);
	return r;
}

/* All n lines, which are of `size` bytes. */
static int
lines(struct hydra_call *c, const char *p, unsigned n, unsigned allowed,
    struct why *w)
{
	const char *wrong, *next;
	unsigned i;

	for (i = 0; i < n; i++, p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		wrong = line_parse(&c->h->in, p, (size_t)(next - p));
		if (wrong != NULL) {
			why_set(
			    w, EXIT_DATA, "line %lu: %s", c->lines + 1, wrong);
			return BAD;
		}
		c->lines++;
		if (one(c, i, i < allowed, w) < 0)
			return status_of(w);
	}
	return 0;
}

/* Look up all that the batch is about; what cannot be read is refused later. */
static int
expect(struct hydra_call *c, const char *p, unsigned n, struct why *w)
{
	struct hydra *h = c->h;
	const char *next;
	unsigned i, m = 0;

	if (!vault_far(h->v))
		return 0;
	for (i = 0; i < n; i++, p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		if (line_parse(&h->in, p, (size_t)(next - p)) == NULL &&
		    keyid_guid(h->guid[m], line_id(&h->in)) == 0)
			m++;
	}
	return vault_expect(h->v, h->guid, m, w);
}

/* A batch is audited, then committed, then told. */
static int
batch(struct hydra_call *c, const char *p, unsigned n, struct why *w)
{
	const struct hydra_hooks *k = c->h->hooks;
	struct hydra *h = c->h;
	unsigned allowed = n, i;
	struct why ignored;
	int status;

	if (k->allow != NULL)
		allowed = k->allow(k->arg, c->who, c->op->name, n);
	h->changed = false;
	if (c->op->writes && vault_begin(h->v, w) < 0)
		return status_of(w);
	status =
	    expect(c, p, n, w) < 0 ? status_of(w) : lines(c, p, n, allowed, w);
	if (status == 0 && k->audit != NULL &&
	    k->audit(k->arg, c->who, c->op->name, h->event, n, w) < 0)
		status = LATER;
	if (status != 0 && c->op->writes)
		vault_rollback(h->v);
	else if (c->op->writes && vault_commit(h->v, w) < 0) {
		status = status_of(w);
		for (i = 0; i < n; i++)
			h->event[i].answer = "failed";
		if (k->audit != NULL)
			k->audit(
			    k->arg, c->who, c->op->name, h->event, n, &ignored);
	}
	vault_forget(h->v);
	line_reset(&h->in);
	line_reset(&h->out);
	if (status != 0) {
		forget_text(h);
		return status;
	}
	/* None of it now, and nothing was answered yet: say so at once. */
	if (allowed == 0 && c->lines == n) {
		forget_text(h);
		why_set(w, EXIT_RETRY, "too many requests by this client");
		return BUSY;
	}
	/* A reader may hold the past: the next removal tries again. */
	if (h->changed)
		vault_scrub(h->v, &ignored);
	hydra_flush(c);
	return 0;
}

/* The last line: its count, and nothing after it. */
static int
last(struct hydra_call *c, const char *p, size_t n, struct why *w)
{
	char want[40];
	int len = snprintf(want, sizeof want, ".end\t%lu\n", c->lines);

	if (n != (size_t)len || memcmp(p, want, n) != 0) {
		why_set(w, EXIT_DATA, "wrong count, lines were lost or added");
		return BAD;
	}
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
work(struct hydra_call *c, struct why *w)
{
	char *p = c->buf, *end = c->buf + c->len, *first = p, *nl;
	unsigned n = 0;
	int status = 0;

	while (status == 0 && p < end && !c->ended &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		size_t len = (size_t)(nl - p) + 1;

		if (is_last(p, len)) {
			if (n > 0)
				status = batch(c, first, n, w);
			if (status == 0)
				status = last(c, p, len, w);
			n = 0;
		} else if (++n == HYDRA_BATCH) {
			status = batch(c, first, n, w);
			n = 0;
		}
		p = nl + 1;
		if (n == 0)
			first = p;
	}
	if (status == 0 && n > 0)
		status = batch(c, first, n, w);
	if (status == 0 && c->ended && p < end) {
		why_set(w, EXIT_DATA, "more after .end");
		status = BAD;
	} else if (status == 0 && end - p > LINE_MAX_BYTES) {
		why_set(w, EXIT_DATA, "a line is too long");
		status = TOO_LONG;
	}
	c->len = (size_t)(end - p);
	memmove(c->buf, p, c->len);
	if (p > c->buf)
		secret_clear(c->buf + c->len, (size_t)(p - c->buf));
	return status ? fail(c, status) : 0;
}

int
hydra_feed(struct hydra_call *c, const void *bytes, size_t n, struct why *w)
{
	const char *p = bytes;
	size_t k;
	int status;

	if (c->op == NULL || c->op->all != NULL) {
		why_set(w, EXIT_DATA, "takes no body");
		return n > 0 ? fail(c, BAD) : 0;
	}
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

int
hydra_finish(struct hydra_call *c, struct why *w)
{
	struct hydra *h = c->h;
	unsigned long count = c->lines;
	char text[40];
	int n, status;

	if (c->op == NULL) {
		why_set(w, EXIT_DATA, "the request has failed");
		return BAD;
	}
	if (c->op->all != NULL) {
		c->lines = 0;
		if (c->op->all(c, w) < 0) {
			forget_text(h);
			return fail(c, status_of(w));
		}
		count = c->lines;
	} else {
		if (c->len > 0 && (status = work(c, w)) != 0)
			return status;
		if (!c->ended) {
			why_set(w, EXIT_DATA, "cut short, no .end line");
			return fail(c, BAD);
		}
		count = c->lines;
	}
	hydra_flush(c);
	n = snprintf(text, sizeof text, ".end\t%lu\n", count);
	c->sink.put(c->sink.arg, text, (size_t)n);
	return OK;
}

struct answer {
	char *p;
	size_t len, size;
};

static void
collect(void *arg, const void *bytes, size_t n)
{
	struct answer *a = arg;

	grow(&a->p, a->len, &a->size, n);
	memcpy(a->p + a->len, bytes, n);
	a->len += n;
}

int
hydra_ask(struct hydra *h, const char *method, const char *target,
    const struct who *who, const void *text, size_t n, char **answer,
    size_t *len, struct why *w)
{
	struct answer a = { NULL, 0, 0 };
	struct hydra_sink sink = { collect, &a };
	struct hydra_call *c;
	int status;

	c = hydra_call(h, method, target, who, sink, &status, w);
	if (status == 0 && n > 0)
		status = hydra_feed(c, text, n, w);
	if (status == 0)
		status = hydra_finish(c, w);
	hydra_free(c);
	if (status != OK) {
		hydra_drop(a.p, a.len);
		a.p = NULL;
		a.len = 0;
	}
	*answer = a.p;
	*len = a.len;
	return status;
}

void
hydra_drop(char *answer, size_t len)
{
	if (answer != NULL && len > 0)
		secret_clear(answer, len);
	free(answer);
}
