/* dcm-leaks: are known identities anywhere in these objects? */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare.h"
#include "leak.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "parts.h"
#include "progress.h"
#include "rec.h"
#include "sandbox.h"

static long long max_dataset = 64 << 20;

static const struct poptOption options[] = {
	{ "max-dataset", '\0', POPT_ARG_LONGLONG, &max_dataset, 0,
	    "bytes of an object, its pixels aside, that are held (64 MiB)",
	    "BYTES" },
	OPT_COMMON
};

/* The search through one record. */
static struct search {
	struct leaks *leaks;
	struct lineout *out;
	struct line line;
	const char *name;         /* of the record */
	const char *where;        /* not in its bytes: in this attribute */
	const struct parts *head; /* to say which element it is, or NULL */
	unsigned long hits;       /* of this record */
	/* What was said of this record: a word and a place, once. */
	struct said {
		unsigned word;
		uint32_t tag;
	} * said;
	size_t saids, room;
} search;

/* The top-level element at that offset; 0 before the first or not known. */
static uint32_t
element_at(const struct parts *p, unsigned long long at)
{
	size_t lo = 0, hi = p->elements;

	if (p->pixels && at >= p->walk.at)
		return p->walk.tag; /* or after it */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->element[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? p->element[lo - 1].tag : 0;
}

static bool
said_before(struct search *s, unsigned word, uint32_t tag)
{
	size_t i;

	for (i = 0; i < s->saids; i++)
		if (s->said[i].word == word && s->said[i].tag == tag)
			return true;
	if (s->saids == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->said = realloc(s->said, s->room * sizeof *s->said);
		if (s->said == NULL)
			die(EXIT_IO, "out of memory");
	}
	s->said[s->saids++] = (struct said){ word, tag };
	return false;
}

/* Where it is and which line of WORDS it is: never what it is. */
static void
found(void *arg, const struct leak *hit)
{
	struct search *s = arg;
	struct why w = { 0 };
	char where[32] = "meta";
	uint32_t tag = 0;

	s->hits++;
	if (s->where == NULL && s->head != NULL)
		tag = element_at(s->head, hit->at);
	if (tag != 0)
		snprintf(where, sizeof where, "(%04x,%04x)",
		    (unsigned)(tag >> 16), (unsigned)(tag & 0xffff));
	if (s->where == NULL && said_before(s, hit->word, tag))
		return;
	line_reset(&s->line);
	line_set_name(&s->line, s->name, strlen(s->name));
	line_set_number(&s->line, "word", hit->word);
	if (s->where != NULL)
		line_set(&s->line, "where", s->where, strlen(s->where));
	else if (s->head != NULL)
		line_set(&s->line, "where", where, strlen(where));
	line_set_number(&s->line, "at", hit->at);
	line_set(&s->line, "charset", hit->charset, strlen(hit->charset));
	if (lineout_put(s->out, &s->line, &w) < 0)
		die_why(&w);
}

static void
search_text(struct search *s, const char *where, const void *p, size_t n)
{
	s->where = where;
	leaks_begin(s->leaks, found, s);
	leaks_feed(s->leaks, p, n, false);
	leaks_end(s->leaks);
	s->where = NULL;
}

/* What is known about it travels with it. */
static void
search_record(struct search *s, const struct rec *r)
{
	char where[128];
	int i;

	search_text(s, "name", r->name, strlen(r->name));
	for (i = 0; i < r->attrs; i++) {
		snprintf(where, sizeof where, "attribute:%s", r->attr[i].key);
		search_text(s, where, r->attr[i].value, r->attr[i].len);
	}
}

/* 0; REC_VOID; -1 with *w, EXIT_DATA if it cannot be searched. */
static int
search_object(struct search *s, struct parts *p,
    int (*fill)(void *, void *, size_t, size_t *, struct why *), void *arg,
    struct why *w)
{
	enum parts_kind kind;
	const void *bytes;
	size_t n;
	int got;

	if (parts_open(p, fill, arg, (size_t)max_dataset, w) < 0)
		return -1;
	s->head = p->walked ? p : NULL;
	leaks_begin(s->leaks, found, s);
	while ((got = parts_next(p, &bytes, &n, &kind, w)) == 1)
		leaks_feed(s->leaks, bytes, n, kind == PARTS_PIXELS);
	leaks_end(s->leaks);
	return got;
}

/* One identity a line; what is empty or begins with # is none. */
static struct leaks *
read_words(const char *file)
{
	struct leaks *l = leaks_new();
	struct why w = { 0 };
	int fd = opt_open(file, O_RDONLY, &w);
	unsigned number = 0, words = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	if (fd < 0)
		die_why(&w);
	if ((f = fdopen(fd, "r")) == NULL)
		die(EXIT_IO, "out of memory");
	while ((n = getline(&line, &size, f)) > 0) {
		number++;
		while (n > 0 && strchr("\r\n", line[n - 1]))
			n--;
		if (n == 0 || line[0] == '#')
			continue;
		if (leaks_add(l, line, (size_t)n, number, &w) < 0)
			die(w.code, "%s: line %u: %s", file, number, w.text);
		words++;
	}
	if (ferror(f))
		die(EXIT_IO, "%s: cannot be read", file);
	if (words == 0)
		die(EXIT_DATA, "%s: no identity in it", file);
	fclose(f);
	free(line);
	return l;
}

static int
record_fill(void *arg, void *buf, size_t size, size_t *got, struct why *w)
{
	return recin_fill(arg, buf, size, got, w);
}

/* Returns whether anything was found. */
static bool
all_records(struct search *s, struct recin *in)
{
	struct parts p = { 0 };
	struct why w = { 0 };
	bool leaks = false;
	struct rec *r;
	int got;

	while ((got = recin_next(in, &r, &w)) > 0) {
		s->name = r->name;
		s->hits = 0;
		s->saids = 0;
		search_record(s, r);
		got = search_object(s, &p, record_fill, in, &w);
		if (got < 0 && w.code != EXIT_DATA)
			die_why(&w);
		if (got < 0)
			aside(r->name, &w);
		leaks |= s->hits > 0;
		progress_add(1, (unsigned long long)r->size);
	}
	if (got < 0)
		die_why(&w);
	parts_free(&p);
	return leaks;
}

static bool
one_object(struct search *s, struct bare_source *b)
{
	struct parts p = { 0 };
	struct why w = { 0 };

	s->name = ""; /* written "-" */
	if (search_object(s, &p, bare_fill, b, &w) < 0)
		die_why(&w);
	parts_free(&p);
	return s->hits > 0;
}

int
main(int argc, char **argv)
{
	struct bare_source head = { .fd = STDIN_FILENO };
	const char **args = opt_parse(argc, argv, options, "WORDS < records");
	struct recin *in = NULL;
	struct why w = { 0 };
	int fd, kind;
	bool leaks;

	if (args[0] == NULL || args[1] != NULL)
		die(EXIT_USAGE, "takes one operand, a file of identities");
	if (max_dataset < 1 << 10 || max_dataset > 1LL << 31)
		die(EXIT_USAGE, "--max-dataset: from 1 KiB to 2 GiB");
	search.leaks = read_words(args[0]);
	fd = out_open(opt_output);
	if ((kind = bare_look(STDIN_FILENO, head.head, &head.n, &w)) < 0)
		die_why(&w);
	if (kind == BARE_STREAM &&
	    (in = recin_open(STDIN_FILENO, head.head, head.n, &w)) == NULL)
		die_why(&w);
	search.out = lineout_open(fd, "leaks", false);
	line_init(&search.line, false);
	if (opt_output == NULL)
		sandbox_closed();
	if (in != NULL)
		recin_on_idle(in, lineout_idle, search.out);
	leaks = in ? all_records(&search, in) : one_object(&search, &head);
	if (lineout_end(search.out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return leaks || aside_count() ? EXIT_NO : EXIT_OK;
}
