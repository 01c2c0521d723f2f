#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "https.h"
#include "secret.h"
#include "store.h"
#include "word.h"

/*
 * A store behind hydra-serve: the requests of hydra-api(5).  All of them are
 * safe to ask again, so that what was answered before a connection broke
 * stands, and only the rest is asked again.
 */
#define REQUEST (128u << 10)      /* bytes of lines in one request */
#define REQUEST_LEAST (16u << 10) /* where secure memory is short */
#define ID 33                     /* 16 bytes in hex, with its NUL */

struct far {
	struct store s; /* first */
	struct https *net;
	char run[ID]; /* marks the rows that the last put inserted */
	bool checked; /* it is store x, and has this id and key: */
	unsigned char id[RECEIPT_ID], public[RECEIPT_PUBLIC];
	unsigned long long said; /* the x it says it is */
	bool once;               /* do not ask again */
	struct line line;        /* secret: asked or answered */

	/* The request. */
	char *body; /* secure */
	size_t len, size;

	int (*take)(void *arg, const struct line *l, struct why *w);
	void *arg;
};

static void
far_close(struct store *s)
{
	struct far *h = (struct far *)s;

	https_close(h->net);
	secret_free(h->body, h->size);
	line_free(&h->line);
	free(h);
}

static void
far_cancel(struct store *s)
{
	https_cancel(((struct far *)s)->net);
}

static struct store *
far_open(
    unsigned x, const char *url, const char *pin, bool create, struct why *w)
{
	struct far *h = calloc(1, sizeof *h);

	(void)x;
	(void)create;
	if (h == NULL)
		die(EXIT_IO, "out of memory");
	line_init(&h->line, true);
	if ((h->net = https_open(url, pin, w)) != NULL)
		return &h->s;
	far_close(&h->s);
	return NULL;
}

static int
take_line(void *arg, const char *text, size_t n, struct why *w)
{
	struct far *h = arg;
	const char *wrong = line_parse(&h->line, text, n);

	if (wrong != NULL)
		return https_malformed(w, wrong);
	return h->take(h->arg, &h->line, w);
}

/* One request: what is in h->body, or a GET; as https_request(). */
static int
request(struct far *h, const char *path, bool post, bool *again, struct why *w)
{
	return https_request(h->net, path, post ? h->body : NULL, h->len,
	    take_line, h, again, w);
}

static bool
wait_again(struct far *h, struct https_patience *p, const struct why *w)
{
	return !h->once && https_wait(h->net, p, w);
}

/* GET, as often as it takes.  take must bear to be called again from start. */
static int
fetch(struct far *h, const char *path,
    int (*take)(void *arg, const struct line *l, struct why *w),
    void (*begin)(void *arg), void *arg, struct why *w)
{
	struct https_patience p = { 0, 0 };
	bool again;

	for (;;) {
		begin(arg);
		h->take = take;
		h->arg = arg;
		if (request(h, path, false, &again, w) == 0)
			return 0;
		if (!again || !wait_again(h, &p, w))
			return -1;
	}
}

/* Names to be asked about, each answered by a line. */
struct call {
	const char *op;
	const char *const *name;
	/* The line's fields; may be NULL. */
	void (*fields)(void *arg, unsigned i, struct line *l);
	/*
	 * The answer to name i; error is its error=, or NULL.  again: it was
	 * sent before, and the answer was lost.
	 */
	int (*answer)(void *arg, unsigned i, const struct line *l,
	    const char *error, bool again, struct why *w);
	void *arg;

	/* At work: which are not answered yet. */
	unsigned *todo, todos, sent, at, busy;
	bool *again, held;
};

static int
deliver(struct call *c, const struct line *l, struct why *w)
{
	const char *error = line_word(l, "error");
	unsigned i = c->todo[c->at++];

	if (error != NULL && strcmp(error, "busy") == 0) {
		c->todo[c->busy++] = i; /* never beyond at */
		return 0;
	}
	return c->answer(c->arg, i, l, error, c->again[i], w);
}

/*
 * The last line is believed when .end has come, since before that the answer
 * is not whole: it stays in h->line.
 */
static int
take_answer(void *arg, const struct line *l, struct why *w)
{
	struct call *c = arg;

	if (c->held)
		return https_malformed(w, "more lines than were asked");
	if (strcmp(l->name, c->name[c->todo[c->at]]) != 0)
		return https_malformed(w, "a line that was not asked for");
	c->held = c->at + 1 == c->sent;
	return c->held ? 0 : deliver(c, l, w);
}

/* Add the line in h->line to the request, if there is room. */
static bool
add_line(struct far *h)
{
	const struct line *l = &h->line;
	size_t n = strlen(l->name) + 1;
	char *p;
	int i;

	for (i = 0; i < l->fields; i++)
		n += strlen(l->field[i].key) + strlen(l->field[i].word) + 2;
	if (n + 32 > h->size - h->len)
		return false;
	p = stpcpy(h->body + h->len, l->name);
	for (i = 0; i < l->fields; i++) {
		*p++ = '\t';
		p = stpcpy(p, l->field[i].key);
		*p++ = '=';
		p = stpcpy(p, l->field[i].word);
	}
	*p++ = '\n';
	h->len += n;
	return true;
}

/* As many of the names as there is room for. */
static int
fill(struct far *h, struct call *c, struct why *w)
{
	if (h->body == NULL)
		for (h->size = REQUEST; (h->body = secret_try(h->size)) == NULL;
		     h->size /= 2)
			if (h->size == REQUEST_LEAST)
				return why_set(
				    w, EXIT_IO, "out of secure memory");
	h->len = 0;
	for (c->sent = 0; c->sent < c->todos; c->sent++) {
		line_reset(&h->line);
		line_set_name_word(&h->line, c->name[c->todo[c->sent]]);
		if (c->fields != NULL)
			c->fields(c->arg, c->todo[c->sent], &h->line);
		if (!add_line(h))
			break;
	}
	line_reset(&h->line);
	if (c->sent == 0)
		return why_set(w, EXIT_DATA, "a line is too long");
	h->len += (size_t)sprintf(h->body + h->len, ".end\t%u\n", c->sent);
	return 0;
}

/* Ask about what is left of the names, until all are answered. */
static int
ask_rest(struct far *h, struct call *c, struct why *w)
{
	struct https_patience p = { 0, 0 };
	char path[32];
	unsigned i, done;
	bool again;
	int r;

	snprintf(path, sizeof path, "/v1/%s", c->op);
	while (c->todos > 0) {
		if (fill(h, c, w) < 0)
			return -1;
		c->at = c->busy = 0;
		c->held = false;
		h->take = take_answer;
		h->arg = c;
		r = request(h, path, true, &again, w);
		secret_clear(h->body, h->len);
		if (r == 0 && c->held && deliver(c, &h->line, w) < 0)
			return -1;
		if (r == 0 && c->at < c->sent)
			return https_malformed(
			    w, "fewer lines than were asked");
		for (i = c->at; i < c->sent; i++)
			c->again[c->todo[i]] = true;
		done = c->at - c->busy;
		memmove(c->todo + c->busy, c->todo + c->at,
		    (c->todos - c->at) * sizeof *c->todo);
		c->todos -= done;
		if (done > 0)
			p = (struct https_patience){ 0, 0 };
		if (r < 0 && !again)
			return -1;
		if (r == 0 && c->busy > 0)
			why_set(w, EXIT_RETRY, "too many requests by us");
		if ((r < 0 || c->busy > 0) && !wait_again(h, &p, w))
			return -1;
	}
	return 0;
}

static int
ask(struct far *h, struct call *c, unsigned n, struct why *w)
{
	unsigned i;
	int r;

	c->todo = calloc(n + 1, sizeof *c->todo);
	c->again = calloc(n + 1, sizeof *c->again);
	if (c->todo == NULL || c->again == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		c->todo[i] = i;
	c->todos = n;
	r = ask_rest(h, c, w);
	free(c->todo);
	free(c->again);
	return r;
}

/* An error= that no request of ours should have. */
static int
strange(const char *error, const struct line *l, struct why *w)
{
	const char *why = line_word(l, "why");

	return why_set(w, EXIT_DATA, "answers error=%s%s%s", error,
	    why ? " why=" : "", why ? why : "");
}

static void
begin_check(void *arg)
{
	((struct far *)arg)->said = 0;
}

static int
take_check(void *arg, const struct line *l, struct why *w)
{
	struct far *h = arg;

	if (strcmp(l->name, "store") != 0)
		return 0;
	if (line_number(l, "x", &h->said, w) < 0 ||
	    line_hex(l, "id", h->id, sizeof h->id, w) < 0 ||
	    line_hex(l, "sign", h->public, sizeof h->public, w) < 0)
		return -1;
	return 0;
}

/* Before anything is changed: is it the store that it should be? */
static int
check(struct far *h, struct why *w)
{
	if (h->checked)
		return 0;
	if (fetch(h, "/v1/store", take_check, begin_check, h, w) < 0)
		return -1;
	if (h->said != h->s.x)
		return why_set(w, EXIT_DATA, "it is store %llu", h->said);
	h->checked = true;
	return 0;
}

struct putting {
	struct far *h;
	const struct share *const *share;
	const char *owner, *group;
	enum store_put *result;
};

static void
put_fields(void *arg, unsigned i, struct line *l)
{
	struct putting *p = arg;

	share_to_line(l, p->share[i]);
	line_add_word(l, "run", p->h->run);
	if (p->owner != NULL && *p->owner != '\0')
		line_set(l, "owner", p->owner, strlen(p->owner));
	if (p->group != NULL)
		line_set(l, "group", p->group, strlen(p->group));
}

static int
put_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	struct putting *p = arg;
	const char *put = line_word(l, "put");

	if (error == NULL && put != NULL && strcmp(put, "new") == 0)
		p->result[i] = STORE_NEW;
	else if (error == NULL && put != NULL && strcmp(put, "same") == 0)
		/* Perhaps by us; undo knows. */
		p->result[i] = again ? STORE_NEW : STORE_SAME;
	else if (error == NULL)
		return https_malformed(w, "neither put= nor error=");
	else if (strcmp(error, "other") == 0)
		p->result[i] = STORE_OTHER;
	else if (strcmp(error, "removed") == 0)
		p->result[i] = STORE_REMOVED;
	else if (strcmp(error, "denied") == 0)
		p->result[i] = STORE_FORBIDDEN;
	else if (strcmp(error, "bad") == 0)
		p->result[i] = STORE_WRONG;
	else
		return strange(error, l, w);
	return 0;
}

static void
undo_fields(void *arg, unsigned i, struct line *l)
{
	(void)i;
	line_add_word(l, "run", ((struct far *)arg)->run);
}

static int
undo_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	(void)arg;
	(void)i;
	(void)again;
	return error ? strange(error, l, w) : 0;
}

static int
far_undo(struct store *s, const char *const *guid, unsigned n, struct why *w)
{
	struct call c = { .op = "undo",
		.name = guid,
		.fields = undo_fields,
		.answer = undo_answer,
		.arg = s };

	return ask((struct far *)s, &c, n, w);
}

static int
far_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result, struct why *w)
{
	struct far *h = (struct far *)s;
	struct putting p = { h, share, owner, group, result };
	const char **guid = calloc(n + 1, sizeof *guid);
	struct call c = { .op = "put",
		.name = guid,
		.fields = put_fields,
		.answer = put_answer,
		.arg = &p };
	unsigned char run[16];
	struct why later;
	unsigned i;
	int r;

	if (guid == NULL)
		die(EXIT_IO, "out of memory");
	secret_random(run, sizeof run);
	hex_encode(h->run, run, sizeof run);
	for (i = 0; i < n; i++)
		guid[i] = share[i]->guid;
	r = check(h, w);
	if (r == 0 && (r = ask(h, &c, n, w)) < 0) {
		/* All or nothing, as well as can be. */
		h->once = true;
		far_undo(s, guid, n, &later);
		h->once = false;
	}
	free(guid);
	return r;
}

struct getting {
	const uint64_t *e; /* NULL: the current ones */
	struct share *out;
	enum store_found *found;
	unsigned stride;
};

static void
get_fields(void *arg, unsigned i, struct line *l)
{
	const struct getting *g = arg;

	if (g->e != NULL)
		line_set_number(l, "e", g->e[i]);
}

static int
get_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	struct getting *g = arg;
	struct share *s = &g->out[i * g->stride];
	enum store_found *found = &g->found[i * g->stride];

	(void)again;
	*found = STORE_DAMAGED;
	if (error == NULL) {
		s->commit = NULL;
		if (share_from_line(s, l, w) == 0)
			*found = STORE_FOUND;
		else
			share_drop(s);
	} else if (strcmp(error, "missing") == 0 ||
		   strcmp(error, "removed") == 0)
		*found = STORE_MISSING;
	else if (strcmp(error, "denied") == 0 || strcmp(error, "held") == 0)
		*found = STORE_DENIED;
	else if (strcmp(error, "damaged") != 0)
		return strange(error, l, w);
	return 0;
}

static int
far_get(struct store *s, const char *const *guid, const uint64_t *e, unsigned n,
    struct share *out, enum store_found *found, unsigned stride, struct why *w)
{
	struct getting g = { e, out, found, stride };
	struct call c = { .op = "get",
		.name = guid,
		.fields = get_fields,
		.answer = get_answer,
		.arg = &g };
	unsigned i;
	int r;

	for (i = 0; i < n; i++)
		found[i * stride] = STORE_MISSING;
	r = ask((struct far *)s, &c, n, w);
	for (i = 0; r < 0 && i < n; i++)
		if (found[i * stride] == STORE_FOUND)
			share_drop(&out[i * stride]);
	return r;
}

struct removing {
	struct far *h;
	const char *const *guid;
	enum store_gone *gone;
	struct store_receipt *receipt; /* or NULL */
};

/* The receipt in the line: is it this store's, of this key? */
static int
check_receipt(const struct removing *r, unsigned i, const struct line *l)
{
	struct store_receipt *to = &r->receipt[i];
	unsigned long long removed;
	struct why w;

	memcpy(to->public, r->h->public, sizeof to->public);
	if (line_number(l, "removed", &removed, &w) < 0 ||
	    removed > INT64_MAX ||
	    line_hex(l, "store", to->id, sizeof to->id, &w) < 0 ||
	    memcmp(to->id, r->h->id, sizeof to->id) != 0 ||
	    line_hex(l, "receipt", to->sig, sizeof to->sig, &w) < 0)
		return -1;
	to->removed = (long long)removed;
	return receipt_check(
	    to->sig, to->public, to->id, r->guid[i], to->removed, &w);
}

static int
remove_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	const struct removing *r = arg;

	(void)again;
	r->gone[i] = STORE_GONE;
	if (error == NULL && line_word(l, "removed") == NULL)
		return https_malformed(w, "neither removed= nor error=");
	if (error == NULL) {
		if (r->receipt != NULL && check_receipt(r, i, l) < 0)
			r->gone[i] = STORE_UNPROVEN;
		return 0;
	}
	r->gone[i] = strcmp(error, "missing") == 0 ? STORE_NEVER : STORE_KEPT;
	if (r->gone[i] == STORE_NEVER || strcmp(error, "denied") == 0 ||
	    strcmp(error, "damaged") == 0)
		return 0;
	return strange(error, l, w);
}

static int
far_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct store_receipt *receipt, struct why *w)
{
	struct far *h = (struct far *)s;
	struct removing r = { h, guid, gone, receipt };
	struct call c = {
		.op = "rm", .name = guid, .answer = remove_answer, .arg = &r
	};

	return check(h, w) < 0 ? -1 : ask(h, &c, n, w);
}

struct listing {
	struct store_item *item;
	unsigned n, before, max;
	char after[SHARE_ID + 1];
	bool more;
};

static void
begin_list(void *arg)
{
	struct listing *l = arg;

	l->n = l->before;
	l->more = false;
}

static int
take_item(void *arg, const struct line *l, struct why *w)
{
	struct listing *p = arg;
	struct store_item *item = &p->item[p->n];
	const char *after = line_word(l, "after");
	unsigned long long k, n, e, created;

	if (p->more)
		return https_malformed(w, "more after the line that says so");
	if (strcmp(l->name, "more") == 0) {
		if (after == NULL || !share_id_ok(after) ||
		    strcmp(after, p->after) <= 0)
			return https_malformed(
			    w, "a list that does not advance");
		memcpy(p->after, after, sizeof p->after);
		p->more = true;
		return 0;
	}
	if (p->n == p->max || !share_id_ok(l->name) ||
	    strcmp(l->name, p->n ? p->item[p->n - 1].guid : "") <= 0)
		return https_malformed(w, "a list out of order");
	if (line_number(l, "k", &k, w) < 0 || line_number(l, "n", &n, w) < 0 ||
	    line_number(l, "e", &e, w) < 0 ||
	    line_number(l, "created", &created, w) < 0)
		return -1;
	if (k > SHARE_N || n > SHARE_N || created > INT64_MAX)
		return https_malformed(w, "a number out of range");
	memcpy(item->guid, l->name, sizeof item->guid);
	item->k = (unsigned)k;
	item->n = (unsigned)n;
	item->e = e;
	item->created = (long long)created;
	p->n++;
	return 0;
}

static int
far_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w)
{
	struct far *h = (struct far *)s;
	struct listing l = { .item = item, .max = max };
	char path[96];

	if (check(h, w) < 0)
		return -1;
	snprintf(l.after, sizeof l.after, "%s", after);
	do {
		l.before = l.n;
		snprintf(path, sizeof path, "/v1/list?max=%u%s%s",
		    max - l.n < 1000 ? max - l.n : 1000,
		    *l.after ? "&after=" : "", l.after);
		if (fetch(h, path, take_item, begin_list, &l, w) < 0)
			return -1;
	} while (l.more && l.n < max);
	*got = l.n;
	return 0;
}

static int
https_call(struct store *s, const struct store_call *c, struct why *w)
{
	struct far *h = (struct far *)s;
	struct call own = { .op = c->op,
		.name = c->name,
		.fields = c->fields,
		.answer = c->answer,
		.arg = c->arg };

	return check(h, w) < 0 ? -1 : ask(h, &own, c->n, w);
}

static int
far_about(struct store *s, const struct store_about *about, struct why *w)
{
	struct far *h = (struct far *)s;

	return check(h, w) < 0 ? -1
			       : fetch(h, "/v1/store", about->take,
				     about->begin, about->arg, w);
}

const struct store_kind store_https = {
	.scheme = "https",
	.far = true,
	.open = far_open,
	.close = far_close,
	.cancel = far_cancel,
	.put = far_put,
	.undo = far_undo,
	.get = far_get,
	.remove = far_remove,
	.list = far_list,
	.call = https_call,
	.about = far_about,
};
