/* lfc-new: pass the records that the catalogue does not have yet */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "idset.h"
#include "lfc.h"
#include "lfc_dir.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "word.h"

static const char *catalogue_option, *skipped_file, *lfns_file;
static int supersede;
static int ttl = 86400; /* seconds */

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "supersede", '\0', POPT_ARG_NONE, &supersede, 0,
	    "pass other objects of known names, as a new generation", NULL },
	{ "skipped", '\0', POPT_ARG_STRING, &skipped_file, 0,
	    "write the names of records that are registered already", "FILE" },
	{ "lfns", '\0', POPT_ARG_STRING, &lfns_file, 0,
	    "only records that FILE names, as the LFNs that it gives them",
	    "FILE" },
	{ "lease-ttl", '\0', POPT_ARG_INT, &ttl, 0,
	    "how long this run may take to register (default 86400)",
	    "SECONDS" },
	OPT_COMMON
};

/* How much of a large body passes before the lease is looked at again. */
#define LEASE_BYTES (16LL << 20)

static struct lfc *catalogue;
static struct lfc_dir *dirs;
static struct recin *in;
static struct recout *out;
static struct lineout *skipped;
static struct idset *names;
static unsigned long skips;
static char lease[LFC_LEASE];
static time_t renewed;
static struct line asked, told;

/* A lease for garbage that nobody will register would only delay its removal.
 */
static void
drop_lease(void)
{
	struct why ignored;

	if (lease[0] != '\0')
		lfc_lease_end(catalogue, lease, &ignored);
}

static _Noreturn void
fail(const struct why *w)
{
	drop_lease();
	die_why(w);
}

/* Take a lease with the first record that passes, keep it while we read. */
static void
keep_lease(void)
{
	time_t now = time(NULL);
	struct why w = { 0 };
	int r = 0;

	if (lease[0] == '\0') {
		r = lfc_lease_new(catalogue, ttl, lease, &w);
		renewed = now;
	} else if (now - renewed > ttl / 4) {
		r = lfc_lease_renew(catalogue, lease, ttl, &w);
		renewed = now;
	}
	if (r < 0)
		fail(&w);
}

/*
 * With --lfns, the LFNs that names were given: an entry that was moved is found
 * under the name that is signed.  Sorted by name; both are words.
 */
static struct given {
	char *name, *lfn;
} * given;
static size_t n_given;

static int
by_name(const void *a, const void *b)
{
	return strcmp(
	    ((const struct given *)a)->name, ((const struct given *)b)->name);
}

static void
read_lfns(void)
{
	struct why w = { 0 };
	int fd = opt_open(lfns_file, O_RDONLY, &w), got;
	struct linein *list;
	const char *lfn;
	struct line l;

	if (fd < 0)
		die_why(&w);
	list = linein_open(fd, lfns_file, false);
	line_init(&l, false);
	while ((got = linein_next(list, &l, &w)) > 0) {
		if ((lfn = line_word(&l, "lfn")) == NULL)
			die(EXIT_DATA, "%s: line %lu: has no lfn=", lfns_file,
			    linein_count(list));
		if ((n_given & (n_given - 1)) == 0)
			given =
			    realloc(given, (2 * n_given + 1) * sizeof *given);
		if (given == NULL ||
		    (given[n_given].name = strdup(l.name)) == NULL ||
		    (given[n_given].lfn = strdup(lfn)) == NULL)
			die(EXIT_IO, "out of memory");
		n_given++;
	}
	if (got < 0)
		die_why(&w);
	qsort(given, n_given, sizeof *given, by_name);
	line_free(&l);
	linein_free(list);
}

/* Ask of the LFN of this record's name: 0, or -1 with *w. */
static int
ask_of(const struct rec *r, struct why *w)
{
	char word[WORD_MAX(REC_NAME_MAX)];
	struct given key = { .name = word }, *g;

	line_reset(&asked);
	if (lfns_file == NULL)
		return lfc_name(&asked, r->name, w);
	word_encode(word, r->name, strlen(r->name));
	g = n_given ? bsearch(&key, given, n_given, sizeof *given, by_name)
		    : NULL;
	if (g == NULL)
		return why_set(
		    w, EXIT_NO, "a record that --lfns does not name");
	line_set_name_word(&asked, g->lfn);
	return 0;
}

/* What is known about a record's name. */
enum known { UNKNOWN, SAME, OTHER, UNDECIDED };

static enum known
look(const struct rec *r, unsigned long long *gen, struct why *w)
{
	const char *plain = rec_get(r, "plain", NULL), *known, *word;
	int got;

	*gen = 1;
	if (*r->name == '/') {
		why_set(w, EXIT_DATA, "an absolute name");
		return OTHER;
	}
	if (ask_of(r, w) < 0)
		return OTHER;
	if ((got = lfc_dir_stat(dirs, &asked, &told, w)) < 0)
		fail(w);
	if (got == 0)
		return lfc_missing(w) ? UNKNOWN : OTHER;
	if ((word = line_word(&told, "type")) == NULL || *word != 'f') {
		why_set(w, EXIT_NO, "is a %s in the catalogue",
		    word && *word == 'l' ? "symbolic link" : "directory");
		return OTHER;
	}
	if (line_number(&told, "gen", gen, w) < 0)
		return OTHER;
	*gen += 1;
	word = line_word(&told, "status");
	if (word == NULL || strcmp(word, "online") != 0)
		return UNKNOWN; /* known, but without ciphertext */
	known = line_word(&told, "plain");
	if (plain != NULL && known != NULL && strcmp(known, plain) == 0)
		return SAME;
	if (supersede)
		return UNKNOWN;
	if (plain == NULL)
		return UNDECIDED;
	why_set(w, EXIT_NO, "another object of this name is registered");
	return OTHER;
}

/* Read the rest of the body, for the attributes that come after it. */
static int
drain(struct rec *r)
{
	struct why w = { 0 };
	const void *p;
	size_t n;
	int got;

	(void)r;
	while ((got = recin_block(in, &p, &n, &w)) == 1)
		;
	if (got < 0)
		fail(&w);
	return got;
}

static void
skip(const struct rec *r)
{
	struct line l;
	struct why w = { 0 };

	skips++;
	if (skipped == NULL)
		return;
	line_init(&l, false);
	line_set_name(&l, r->name, strlen(r->name));
	if (lineout_put(skipped, &l, &w) < 0)
		fail(&w);
	line_free(&l);
}

/* Hand the record on; the attributes after first are those that came late. */
static int
pass(struct rec *r, unsigned long long gen)
{
	struct why w = { 0 };
	struct rec late;
	char text[24];
	int first, got, i;

	keep_lease();
	snprintf(text, sizeof text, "%llu", gen);
	rec_set_text(r, "gen", text);
	rec_set_text(r, "lease", lease);
	if (lfns_file != NULL) {
		char lfn[REC_NAME_MAX + 1];

		if (line_name(&asked, lfn, sizeof lfn, &w) < 0)
			fail(&w);
		rec_set_text(r, "lfn", lfn);
	}
	rec_via(r, NULL);
	first = r->attrs;
	if (recout_begin(out, r, r->size, recin_whole(in) ? REC_WHOLE : 0, &w) <
	    0)
		fail(&w);
	while ((got = recin_copy(in, out, LEASE_BYTES, &w)) == 1)
		keep_lease();
	if (got < 0)
		fail(&w);
	if (got == REC_VOID) {
		if (recout_void(out, &w) < 0)
			fail(&w);
		return got;
	}
	rec_init(&late);
	for (i = first; i < r->attrs; i++)
		rec_set(
		    &late, r->attr[i].key, r->attr[i].value, r->attr[i].len);
	if (recout_done(out, &late, &w) < 0)
		fail(&w);
	rec_clear(&late);
	progress_add(1, (unsigned long long)r->size);
	return got;
}

static void
serve(struct rec *r)
{
	struct why w = { 0 };
	unsigned long long gen;
	unsigned char id[16];
	enum known known;
	int got;

	idset_name(id, r->name);
	if (idset_has(names, id, NULL)) {
		why_set(&w, EXIT_NO, "a second record of this name");
		if (drain(r) != REC_VOID)
			aside(r->name, &w);
		return;
	}
	known = look(r, &gen, &w);
	if (known == UNKNOWN) {
		got = pass(r, gen);
	} else {
		if ((got = drain(r)) != REC_VOID && known == UNDECIDED)
			known = look(r, &gen, &w);
		if (known == UNDECIDED)
			why_set(&w, EXIT_NO,
			    "a registered name, and no plain= to compare");
	}
	if (got == REC_VOID)
		return;
	idset_add(names, id, 0);
	if (known == SAME) {
		skip(r);
	} else if (known != UNKNOWN) {
		aside(r->name, &w);
		if (w.code == EXIT_NO && aside_count() == 1)
			say_hint("--supersede registers a corrected object");
	}
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct rec *r;
	int got, fd;

	if (*opt_parse(argc, argv, options, "< records > records"))
		die(EXIT_USAGE, "takes no operands");
	if (ttl < 1)
		die(EXIT_USAGE, "--lease-ttl: not a positive number");
	if (lfns_file != NULL)
		read_lfns();
	line_init(&asked, false);
	line_init(&told, false);
	catalogue = lfc_open(lfc_url(catalogue_option), true, &w);
	if (catalogue == NULL)
		die_why(&w);
	dirs = lfc_dir_new(catalogue);
	if (skipped_file != NULL) {
		fd = opt_open(skipped_file, O_WRONLY | O_CREAT | O_TRUNC, &w);
		if (fd < 0)
			die_why(&w);
		skipped = lineout_open(fd, "skipped", false);
	}
	names = idset_new();
	if ((in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL ||
	    (out = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	recin_on_idle(in, recout_idle, out);

	while ((got = recin_next(in, &r, &w)) > 0)
		serve(r);
	if (got < 0 || recout_end(out, &w) < 0 ||
	    (skipped != NULL && lineout_end(skipped, &w) < 0))
		fail(&w);
	if (recout_count(out) == 0)
		drop_lease();
	out_commit();
	progress_end();
	if (opt_verbose)
		say_note("%lu passed, %lu registered already, %lu set aside",
		    recout_count(out), skips, aside_count());
	lfc_dir_free(dirs);
	lfc_close(catalogue);
	return exit_status(recout_count(out) + skips);
}
