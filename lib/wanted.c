#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "opt.h"
#include "wanted.h"

/* How a line of the input fared. */
struct account {
	unsigned long announced, missing;
	struct why why; /* of the first that is missing */
};

static void
announce(struct wanted *x, const struct query_name *name, const char *sop_class)
{
	unsigned char id[16];

	x->account[x->lines].announced++;
	idset_name(id, name->sop);
	if (idset_has(x->had, id, NULL))
		x->had_count++;
	else
		fetch_add(x->fetch, name, sop_class, x->lines);
}

static int
found(void *arg, const struct query_name *name, const char *sop_class,
    const void *p, size_t n, struct why *w)
{
	struct wanted *x = arg;

	(void)p, (void)n;
	if (*sop_class == '\0' && x->find.classes)
		return why_set(w, EXIT_FEW,
		    "the server does not say what class an object is");
	announce(x, name, sop_class);
	return 0;
}

void
wanted_init(struct wanted *x)
{
	struct why w = { 0 };

	query_init(&x->query, QUERY_IMAGE);
	if (query_add(&x->query, "study", &w) < 0 ||
	    query_add(&x->query, "series", &w) < 0 ||
	    query_add(&x->query, "sop", &w) < 0)
		die_why(&w);
	x->had = idset_new();
	x->find.q = &x->query;
	x->find.answer = found;
	x->find.arg = x;
	lookup_begin(&x->find);
}

/* Ask what is below a name.  0 or -1 with *w. */
static int
look(struct wanted *x, const struct query_name *name, struct why *w)
{
	struct lookup *find = &x->find;
	const unsigned long before = find->unsplit, answers = find->answers;

	if (x->down) {
		*w = x->why;
		return -1;
	}
	if (x->may(x, w) < 0)
		return -1;
	if (x->ready(x, w) < 0) {
		x->down = true;
		x->why = *w;
		return -1;
	}
	if (lookup_run(find, name, w) < 0) {
		if (find->d)
			dimse_abort(find->d);
		find->d = NULL;
		return -1;
	}
	if (find->unsplit != before)
		return why_set(w, EXIT_NO,
		    "the server cut the list of its objects, or says that it "
		    "has more than it lists: some may be missing");
	if (find->answers == answers)
		return why_set(
		    w, EXIT_NO, "the server has nothing of that name");
	return 0;
}

static void
next_account(struct wanted *x)
{
	if (++x->lines >= x->size) {
		x->size = x->size ? 2 * x->size : 256;
		x->account = realloc(x->account, x->size * sizeof *x->account);
		if (x->account == NULL)
			die(EXIT_IO, "out of memory");
	}
	memset(x->account + x->lines, 0, sizeof *x->account);
}

static void
set_aside(unsigned long line, const struct why *w)
{
	char what[32];

	snprintf(what, sizeof what, "line:%lu", line);
	aside(what, w);
}

void
wanted_read(struct wanted *x, int fd)
{
	struct linein *list = linein_open(fd, "names", false);
	struct query_name name;
	struct why w = { 0 };
	char sop_class[65];
	struct line l;
	int got;

	line_init(&l, false);
	while ((got = linein_next(list, &l, &w)) == 1) {
		next_account(x);
		if (query_name(&name, &l, &w) < 0) {
			set_aside(x->lines, &w);
			continue;
		}
		if (*name.sop && !x->find.classes)
			announce(x, &name, "");
		else if (*name.sop && line_word(&l, "class") &&
			 line_text(&l, "class", sop_class, sizeof sop_class,
			     &w) > 0 &&
			 ident_is_uid(sop_class, strlen(sop_class)))
			announce(x, &name, sop_class);
		else if (look(x, &name, &w) < 0)
			set_aside(x->lines, &w);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(list);
}

void
wanted_had(struct wanted *x, int fd, const char *what)
{
	struct linein *list = linein_open(fd, what, false);
	struct why w = { 0 };
	struct query_name name;
	unsigned char id[16];
	struct line l;
	int got;

	line_init(&l, false);
	while ((got = linein_next(list, &l, &w)) == 1) {
		if (query_name(&name, &l, &w) != 3)
			die(EXIT_DATA, "%s: line %lu: not STUDY/SERIES/SOP",
			    what, linein_count(list));
		idset_name(id, name.sop);
		idset_add(x->had, id, 0);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(list);
}

struct reporting {
	struct wanted *x;
	struct lineout *lost;
	struct line l;
};

static void
on_missing(void *arg, const char *name, const char *sop_class,
    unsigned long line, const struct why *why)
{
	struct reporting *r = arg;
	struct account *a = r->x->account + line;
	struct why w;

	if (a->missing++ == 0)
		a->why = *why;
	if (r->lost == NULL)
		return;
	line_reset(&r->l);
	line_set_name(&r->l, name, strlen(name));
	if (ident_is_uid(sop_class, strlen(sop_class)))
		line_set_word(&r->l, "class", sop_class);
	line_set(&r->l, "why", why->text, strlen(why->text));
	if (lineout_put(r->lost, &r->l, &w) < 0)
		die_why(&w);
}

void
wanted_report(struct wanted *x, struct lineout *lost)
{
	struct reporting r = { .x = x, .lost = lost };
	const struct fetch *f = x->fetch;
	struct why w;
	unsigned long i;

	line_init(&r.l, false);
	fetch_missing(x->fetch, on_missing, &r);
	line_free(&r.l);
	if (lost && lineout_end(lost, &w) < 0)
		die_why(&w);
	for (i = 1; i <= x->lines; i++) {
		const struct account *a = x->account + i;

		if (a->missing == 0)
			continue;
		why_set(&w, a->why.code, "%lu of %lu objects missing: %s",
		    a->missing, a->announced, a->why.text);
		set_aside(i, &w);
	}
	if (fetch_unasked(f) > 0)
		say_warning("%lu objects that nobody asked for were refused",
		    fetch_unasked(f));
	if (opt_verbose || aside_count() > 0)
		say_note("%lu announced, %lu received, %lu already here, %lu "
			 "missing",
		    fetch_announced(f) + x->had_count, fetch_received(f),
		    x->had_count, fetch_announced(f) - fetch_received(f));
}
