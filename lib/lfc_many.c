#include "lfc_many.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "rec.h"
#include "word.h"

struct lfc_many {
	const char *url, *op;
	lfc_many_done *answered;
	struct lfc *lfc, *list; /* list: while lfc is asked something else */
	struct line fields;
	const char *from, *to; /* what is carried from a line to its request */
	struct line batch[LFC_BATCH];
	char *said[LFC_BATCH]; /* what each is called */
	unsigned n;
	unsigned long done;
};

static struct lfc *
open_one(const char *url)
{
	struct why w = { 0 };
	struct lfc *l = lfc_open(url, false, &w);

	if (l == NULL)
		die_why(&w);
	return l;
}

struct lfc_many *
lfc_many_open(const char *url, const char *op, lfc_many_done *answered)
{
	struct lfc_many *m = calloc(1, sizeof *m);

	if (m == NULL)
		die(EXIT_IO, "out of memory");
	m->url = url;
	m->op = op;
	m->answered = answered;
	m->lfc = open_one(url);
	line_init(&m->fields, false);
	line_set_name_word(&m->fields, "-");
	return m;
}

struct line *
lfc_many_fields(struct lfc_many *m)
{
	return &m->fields;
}

static int
on_answer(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	struct lfc_many *m = arg;

	if (refused != NULL) {
		aside(m->said[i], refused);
		return 0;
	}
	m->done++;
	return m->answered ? m->answered(m->said[i], answer, w) : 0;
}

static void
ask(struct lfc_many *m)
{
	struct why w = { 0 };

	if (m->n > 0 &&
	    lfc_ask(m->lfc, m->op, m->batch, m->n, on_answer, m, &w) < 0)
		die_why(&w);
	while (m->n > 0)
		free(m->said[--m->n]);
}

/* A new request, of the name that is still to be set. */
static struct line *
request(struct lfc_many *m, const char *said)
{
	struct line *l = &m->batch[m->n];

	line_copy(l, &m->fields);
	if ((m->said[m->n] = strdup(said)) == NULL)
		die(EXIT_IO, "out of memory");
	return l;
}

static void
requested(struct lfc_many *m)
{
	if (++m->n == LFC_BATCH)
		ask(m);
}

void
lfc_many_add(struct lfc_many *m, const char *name)
{
	struct line *l = request(m, name);
	struct line lfn;
	struct why w = { 0 };

	line_init(&lfn, false);
	if (lfc_name(&lfn, name, &w) < 0) {
		free(m->said[m->n]);
		aside(name, &w);
	} else {
		line_set_name_word(l, lfn.name);
		requested(m);
	}
	line_free(&lfn);
}

void
lfc_many_carry(struct lfc_many *m, const char *from, const char *to)
{
	m->from = from;
	m->to = to;
}

static void
ask_line(struct lfc_many *m, const struct line *l, const char *lfn)
{
	const char *word = m->from ? line_word(l, m->from) : NULL;
	struct why w;
	struct line *r;

	if (m->from != NULL && word == NULL) {
		why_set(&w, EXIT_DATA, "has no %s=", m->from);
		aside(l->name, &w);
		return;
	}
	r = request(m, l->name);
	line_set_name(r, lfn, strlen(lfn));
	if (word != NULL)
		line_set_word(r, m->to, word);
	requested(m);
}

static void
from_lines(struct lfc_many *m)
{
	struct linein *in = linein_open(STDIN_FILENO, "manifest", false);
	char lfn[REC_NAME_MAX + 1];
	struct why w = { 0 };
	struct line l;
	int got;

	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		if (catalogue_line_lfn(lfn, sizeof lfn, &l, &w) < 0) {
			aside(l.name, &w);
			continue;
		}
		ask_line(m, &l, lfn);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
}

static int
on_listed(void *arg, const char *p, size_t n, struct why *w)
{
	struct lfc_many *m = arg;
	const char *end = p + n, *next, *wrong;
	struct line l;

	line_init(&l, false);
	for (; p < end; p = next) {
		next = (const char *)rawmemchr(p, '\n') + 1;
		if ((wrong = line_parse(&l, p, (size_t)(next - p))) != NULL) {
			line_free(&l);
			return why_set(w, EXIT_DATA, "the list: %s", wrong);
		}
		if (line_word(&l, "open") != NULL)
			continue; /* it was listed, as an entry */
		line_set_name_word(request(m, l.name), l.name);
		requested(m);
	}
	line_free(&l);
	return 0;
}

static void
on_refused(void *arg, const char *name, const struct why *why)
{
	(void)arg;
	aside(name, why);
}

/* All that is below an entry; a file has nothing there. */
static void
below(struct lfc_many *m, const char *name)
{
	struct lfc_sink sink = { on_listed, on_refused, m };
	struct why w = { 0 };
	struct line what;
	int got;

	if (m->list == NULL)
		m->list = open_one(m->url);
	line_init(&what, false);
	if (lfc_name(&what, name, &w) == 0) {
		line_add_word(&what, "deep", "1");
		got = lfc_list(m->list, "ls", &what, &sink, &w);
		if (got < 0)
			die_why(&w);
		if (got == 0 && !lfc_missing(&w))
			aside(name, &w);
	}
	line_free(&what);
}

void
lfc_many_names(struct lfc_many *m, const char *const *names, bool deep)
{
	for (; *names != NULL; names++) {
		if (strcmp(*names, "-") == 0) {
			from_lines(m);
			continue;
		}
		lfc_many_add(m, *names);
		if (deep)
			below(m, *names);
	}
}

unsigned long
lfc_many_close(struct lfc_many *m)
{
	unsigned long done;

	ask(m);
	done = m->done;
	line_free(&m->fields);
	lfc_close(m->list);
	lfc_close(m->lfc);
	free(m);
	return done;
}
