#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "https.h"
#include "lfc.h"
#include "opt.h"
#include "secret.h"
#include "word.h"

#define REQUEST (1u << 20)   /* bytes of lines in one request */
#define PAGE_MAX (64u << 20) /* bytes of a page of a listing */

struct lfc {
	char *url;
	struct lfc_api *here; /* or */
	struct https *net;
	bool reached; /* it has answered us */

	/* Across the network: */
	struct text {
		char *p;
		size_t len, size;
	} body, page;
	struct line line;
};

const char *
lfc_url(const char *option)
{
	static char url[300];
	const char *set = opt_or_env(option, "MDM_CATALOGUE");
	const char *host = opt_or_env(NULL, "LFC_HOST");
	const char *colon = host ? strrchr(host, ':') : NULL;

	if (set != NULL || host == NULL)
		return catalogue_url(option);
	/* the colons of an address in brackets name no port */
	if (colon != NULL && strchr(colon, ']') != NULL)
		colon = NULL;
	if (snprintf(url, sizeof url, "https://%s%s/", host,
		colon ? "" : ":8444") >= (int)sizeof url)
		die(EXIT_USAGE, "LFC_HOST: too long");
	return url;
}

struct lfc *
lfc_open(const char *url, bool create, struct why *w)
{
	struct lfc *l = calloc(1, sizeof *l);

	if (l == NULL || (l->url = strdup(url)) == NULL)
		die(EXIT_IO, "out of memory");
	line_init(&l->line, false);
	if (strncmp(url, "https:", 6) == 0) {
		secret_init(HTTPS_SECRET);
		l->net = https_open(url, NULL, w);
	} else
		l->here = lfc_api_open(url, create, NULL, NULL, w);
	if (l->net != NULL || l->here != NULL)
		return l;
	lfc_close(l);
	return NULL;
}

void
lfc_close(struct lfc *l)
{
	if (l == NULL)
		return;
	lfc_api_close(l->here);
	https_close(l->net);
	line_free(&l->line);
	free(l->body.p);
	free(l->page.p);
	free(l->url);
	free(l);
}

/* ---- text ---- */

static char *
room(struct text *t, size_t n)
{
	while (n > t->size - t->len) {
		t->size = t->size ? 2 * t->size : 1 << 16;
		if ((t->p = realloc(t->p, t->size)) == NULL)
			die(EXIT_IO, "out of memory");
	}
	return t->p + t->len;
}

static void
add_field(struct text *t, const char *key, const char *word)
{
	char *p = room(t, strlen(key) + strlen(word) + 2);

	*p++ = '\t';
	p = stpcpy(p, key);
	*p++ = '=';
	p = stpcpy(p, word);
	t->len = (size_t)(p - t->p);
}

static void
add_char(struct text *t, char c)
{
	*room(t, 1) = c;
	t->len++;
}

/* A line but for its newline. */
static void
add_line(struct text *t, const struct line *l)
{
	size_t n = strlen(l->name);
	int i;

	memcpy(room(t, n), l->name, n);
	t->len += n;
	for (i = 0; i < l->fields; i++)
		add_field(t, l->field[i].key, l->field[i].word);
}

static void
add_end(struct text *t, unsigned n)
{
	t->len += (size_t)sprintf(room(t, 32), ".end\t%u\n", n);
}

static int
named(const struct lfc *l, const struct why *why, struct why *w)
{
	struct why copy = *why;

	return why_set(w, copy.code, "%s: %s", l->url, copy.text);
}

/* One that answered, and does not now, is most likely being restarted. */
static bool
wait_again(struct lfc *l, struct https_patience *p, const struct why *why)
{
	struct why later = *why;

	if (l->reached && later.code == EXIT_FEW)
		later.code = EXIT_RETRY;
	return https_wait(l->net, p, &later);
}

/* ---- lines, each answered by one ---- */

struct asking {
	struct lfc *l;
	const struct line *in;
	unsigned at, sent;
	lfc_answer *fn;
	void *arg;
	bool stopped; /* by fn */
	bool again;   /* these may have been done, and their answer was lost */
};

/* error= and why= as they were. */
static int
refusal(const struct line *l, const char *error, struct why *w)
{
	static const struct {
		const char *word;
		int code;
	} codes[] = { { "bad", EXIT_DATA }, { "denied", EXIT_DENIED },
		{ "again", EXIT_RETRY }, { "missing", EXIT_NO },
		{ "no", EXIT_NO } };
	char text[sizeof w->text];
	struct why ignored;
	size_t i;

	if (line_text(l, "why", text, sizeof text, &ignored) < 0)
		strcpy(text, "refused");
	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].word, error) == 0) {
			why_set(w, codes[i].code, "%s", text);
			return 0;
		}
	return -1;
}

static int
take_answer(void *arg, const char *text, size_t n, struct why *w)
{
	struct asking *a = arg;
	struct line *l = &a->l->line;
	const char *wrong = line_parse(l, text, n), *error;
	struct why refused;

	if (wrong != NULL)
		return https_malformed(w, wrong);
	if (a->at == a->sent)
		return https_malformed(w, "more lines than were asked");
	if (strcmp(l->name, a->in[a->at].name) != 0)
		return https_malformed(w, "a line that was not asked for");
	if ((error = line_word(l, "error")) != NULL &&
	    refusal(l, error, &refused) < 0)
		return https_malformed(w, "a strange error=");
	if (a->fn(a->arg, a->at, l, error ? &refused : NULL, w) < 0) {
		a->stopped = true;
		return -1;
	}
	a->at++;
	return 0;
}

/* What is registered without lfn= has a name that only we can complete. */
static int
add_lfn(struct text *t, const struct line *in, struct why *w)
{
	char lfn[4100], word[WORD_MAX(sizeof lfn)];

	if (line_word(in, "lfn") != NULL)
		return 0;
	if (catalogue_line_lfn(lfn, sizeof lfn, in, w) < 0)
		return -1;
	word_encode(word, lfn, strlen(lfn));
	add_field(t, "lfn", word);
	return 0;
}

static void
fill(struct asking *a, unsigned n, bool with_lfn)
{
	struct text *t = &a->l->body;
	struct why ignored;

	t->len = 0;
	for (a->sent = a->at;
	     a->sent < n && a->sent - a->at < LFC_BATCH && t->len < REQUEST;
	     a->sent++) {
		add_line(t, &a->in[a->sent]);
		/* without one it is refused, by itself */
		if (with_lfn)
			add_lfn(t, &a->in[a->sent], &ignored);
		if (a->again)
			add_field(t, "again", "1");
		add_char(t, '\n');
	}
	add_end(t, a->sent - a->at);
}

static int
ask_far(
    struct lfc *l, const char *op, struct asking *a, unsigned n, struct why *w)
{
	struct https_patience p = { 0, 0 };
	bool with_lfn = strcmp(op, "register") == 0 ||
			strcmp(op, "restore") == 0 ||
			strcmp(op, "nearline") == 0,
	     again;
	struct why why;
	unsigned from;
	char path[40];

	snprintf(path, sizeof path, "/v1/%s", op);
	while (a->at < n) {
		from = a->at;
		fill(a, n, with_lfn);
		if (https_request(l->net, path, l->body.p, l->body.len,
			take_answer, a, &again, &why) == 0) {
			l->reached = true;
			a->again = false;
			if (a->at < a->sent)
				return https_malformed(
				    w, "fewer lines than were asked");
			continue;
		}
		if (a->stopped) {
			*w = why;
			return -1;
		}
		if (a->at > from)
			p = (struct https_patience){ 0, 0 };
		if (!again || !wait_again(l, &p, &why))
			return named(l, &why, w);
		a->again = !with_lfn; /* what is registered says so itself */
	}
	return 0;
}

int
lfc_ask(struct lfc *l, const char *op, const struct line *in, unsigned n,
    lfc_answer *fn, void *arg, struct why *w)
{
	struct asking a = { .l = l, .in = in, .fn = fn, .arg = arg };

	if (l->here != NULL)
		return lfc_api_ask(l->here, op, NULL, in, n, fn, arg, w);
	return ask_far(l, op, &a, n, w);
}

struct one {
	struct line *out;
	struct why *w;
	bool refused;
};

static int
take_one(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	struct one *o = arg;

	(void)i, (void)w;
	line_copy(o->out, answer);
	if ((o->refused = refused != NULL))
		*o->w = *refused;
	return 0;
}

int
lfc_one(struct lfc *l, const char *op, const struct line *in, struct line *out,
    struct why *w)
{
	struct why why;
	struct one o = { out, &why, false };

	if (lfc_ask(l, op, in, 1, take_one, &o, w) < 0)
		return -1;
	if (o.refused)
		*w = why;
	return !o.refused;
}

/* ---- listings ---- */

struct listing {
	struct lfc *l;
	const struct lfc_sink *sink;
	struct line after; /* after=: where to go on */
	bool has_after, advanced;
	bool refused, stopped;
	struct why why; /* of refused */
};

/* Does the line begin with this name (NULL: any) and this field? */
static bool
begins(const char *text, size_t n, const char *name, const char *key)
{
	const char *tab = memchr(text, '\t', n);
	size_t k = strlen(key);

	if (tab == NULL || (size_t)(text + n - tab - 1) <= k)
		return false;
	if (name != NULL && ((size_t)(tab - text) != strlen(name) ||
				memcmp(text, name, strlen(name)) != 0))
		return false;
	return memcmp(tab + 1, key, k) == 0;
}

static int
unseen(struct listing *k, const char *text, size_t n, struct why *w)
{
	struct line *l = &k->l->line;
	const char *wrong = line_parse(l, text, n);
	struct why why;

	if (wrong != NULL)
		return https_malformed(w, wrong);
	if (refusal(l, line_word(l, "error"), &why) < 0)
		return https_malformed(w, "a strange error=");
	if (k->sink->refused != NULL)
		k->sink->refused(k->sink->arg, l->name, &why);
	return 0;
}

static int
hand_on(struct listing *k, const char *p, const char *end, struct why *w)
{
	if (p == end)
		return 0;
	return k->sink->lines(k->sink->arg, p, (size_t)(end - p), w);
}

/* A page is whole: runs of its lines go on, refusals apart.  0 or -1. */
static int
deliver(struct listing *k, struct why *w)
{
	struct text *t = &k->l->page;
	const char *p = t->p, *run = p, *end = p + t->len, *next;

	for (; p < end; p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		if (!begins(p, (size_t)(next - p), NULL, "error="))
			continue;
		if (hand_on(k, run, p, w) < 0 ||
		    unseen(k, p, (size_t)(next - p), w) < 0)
			return -1;
		run = next;
	}
	t->len = 0;
	return end > run ? hand_on(k, run, end, w) : 0;
}

static int
page_ends(struct listing *k, const char *text, size_t n, struct why *w)
{
	const char *wrong = line_parse(&k->after, text, n);

	if (wrong != NULL || line_word(&k->after, "after") == NULL)
		return https_malformed(w, "a page without its end");
	k->has_after = k->advanced = true;
	if (deliver(k, w) < 0) {
		k->stopped = true;
		return -1;
	}
	return 0;
}

static int
take_listed(void *arg, const char *text, size_t n, struct why *w)
{
	struct listing *k = arg;
	struct line *l = &k->l->line;

	if (begins(text, n, "more", "after="))
		return page_ends(k, text, n, w);
	if (begins(text, n, NULL, "refused=")) {
		if (line_parse(l, text, n) != NULL ||
		    refusal(l, line_word(l, "refused"), &k->why) < 0)
			return https_malformed(w, "a strange refused=");
		k->refused = true;
		return 0;
	}
	if (k->l->page.len + n > PAGE_MAX)
		return https_malformed(w, "a page too long");
	memcpy(room(&k->l->page, n), text, n);
	k->l->page.len += n;
	return 0;
}

static void
fill_list(struct listing *k, const struct line *in)
{
	struct text *t = &k->l->body;
	struct line l;

	t->len = 0;
	line_init(&l, false);
	line_copy(&l, in);
	if (k->has_after)
		line_set_word(&l, "after", line_word(&k->after, "after"));
	add_line(t, &l);
	add_char(t, '\n');
	add_end(t, 1);
	line_free(&l);
}

static int
list_far(
    struct listing *k, const char *op, const struct line *in, struct why *w)
{
	bool removes = strcmp(op, "rmtree") == 0, again, before = false;
	struct https_patience p = { 0, 0 };
	struct lfc *l = k->l;
	struct why why;
	char path[40];

	snprintf(path, sizeof path, "/v1/%s", op);
	for (;;) {
		fill_list(k, in);
		l->page.len = 0;
		k->advanced = false;
		if (https_request(l->net, path, l->body.p, l->body.len,
			take_listed, k, &again, &why) == 0)
			break;
		if (k->stopped) {
			*w = why;
			return -1;
		}
		/* what was removed is not told again */
		if (removes && deliver(k, w) < 0)
			return -1;
		if (k->advanced)
			p = (struct https_patience){ 0, 0 };
		l->reached |= k->advanced;
		if (!again || !wait_again(l, &p, &why))
			return named(l, &why, w);
		before = true;
	}
	if (deliver(k, w) < 0)
		return -1;
	if (k->refused && !(removes && before && k->why.code == EXIT_NO)) {
		*w = k->why;
		return 0;
	}
	return 1;
}

int
lfc_list(struct lfc *l, const char *op, const struct line *in,
    const struct lfc_sink *sink, struct why *w)
{
	struct listing k = { .l = l, .sink = sink };
	int got;

	if (l->here != NULL)
		return lfc_api_list(l->here, op, NULL, in, sink, w);
	line_init(&k.after, false);
	got = list_far(&k, op, in, w);
	line_free(&k.after);
	return got;
}

/* ---- shorthands ---- */

static const char missing[] = LFC_NO_ENTRY; /* lfc_settle() says so too */

bool
lfc_missing(const struct why *refused)
{
	return refused->code == EXIT_NO && strcmp(refused->text, missing) == 0;
}

int
lfc_name(struct line *l, const char *operand, struct why *w)
{
	char lfn[4100], *copy = strdup(operand);
	size_t n = strlen(operand);
	int got;

	if (copy == NULL)
		die(EXIT_IO, "out of memory");
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if ((got = catalogue_lfn(lfn, sizeof lfn, copy, w)) == 0)
		line_set_name(l, lfn, strlen(lfn));
	free(copy);
	return got;
}

static int
lease(struct lfc *l, const char *id, const char *flag, long long ttl,
    struct why *w)
{
	struct line in, out;
	int got;

	line_init(&in, false);
	line_init(&out, false);
	line_set_name_word(&in, id);
	if (flag != NULL)
		line_add_word(&in, flag, "1");
	if (ttl > 0)
		line_set_number(&in, "ttl", (unsigned long long)ttl);
	got = lfc_one(l, "lease", &in, &out, w);
	line_free(&in);
	line_free(&out);
	return got > 0 ? 0 : -1;
}

int
lfc_lease_new(struct lfc *l, long long ttl, char id[LFC_LEASE], struct why *w)
{
	unsigned char raw[16];

	secret_random(raw, sizeof raw);
	hex_encode(id, raw, sizeof raw);
	return lease(l, id, "new", ttl, w);
}

int
lfc_lease_renew(struct lfc *l, const char *id, long long ttl, struct why *w)
{
	return lease(l, id, NULL, ttl, w);
}

int
lfc_lease_end(struct lfc *l, const char *id, struct why *w)
{
	return lease(l, id, "end", 0, w);
}
