/* mdm-verify: let a manifest pass only if every line is what its site signed */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "seen.h"
#include "sign.h"

static const char *signers_file, *seen_file;

static const struct poptOption options[] = {
	{ "signers", '\0', POPT_ARG_STRING, &signers_file, 0,
	    "trust the signers in FILE", "FILE" },
	{ "seen", '\0', POPT_ARG_STRING, &seen_file, 0,
	    "remember generations in FILE, refuse older ones", "FILE" },
	OPT_COMMON
};

enum { LFN_MAX = 2 * REC_NAME_MAX, SHOWN = 20 };

static char **below; /* NULL-terminated; empty: anything */

/* LFNs as lfc-ls takes them: relative ones are below LFC_HOME. */
static void
take_operands(const char **v)
{
	const char *home = opt_or_env(NULL, "LFC_HOME");
	size_t n = 0, i, len;

	while (v[n])
		n++;
	if ((below = calloc(n + 1, sizeof *below)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++) {
		if (asprintf(&below[i], "%s%s%s",
			v[i][0] == '/' ? ""
			: home         ? home
				       : "/grid/mdm",
			v[i][0] == '/' ? "" : "/", v[i]) < 0)
			die(EXIT_IO, "out of memory");
		for (len = strlen(below[i]);
		     len > 0 && below[i][len - 1] == '/';)
			below[i][--len] = '\0';
	}
}

/* The LFN must end in the signed name, and be one that was asked for. */
static int
check_lfn(const struct line *l, struct why *w)
{
	char lfn[LFN_MAX + 1], name[REC_NAME_MAX + 1];
	long n, k;
	int i;

	if (line_word(l, "lfn") == NULL)
		return *below ? why_set(w, EXIT_DATA, "no lfn") : 0;
	if ((n = line_text(l, "lfn", lfn, sizeof lfn, w)) < 0 ||
	    (k = line_name(l, name, sizeof name, w)) < 0)
		return -1;
	if (n <= k || lfn[n - k - 1] != '/' || strcmp(lfn + n - k, name) != 0)
		return why_set(w, EXIT_DATA,
		    "the catalogue gives another object as %.200s",
		    line_word(l, "lfn"));
	for (i = 0; below[i]; i++) {
		size_t len = strlen(below[i]);

		if (strncmp(lfn, below[i], len) == 0 &&
		    (lfn[len] == '/' || lfn[len] == '\0'))
			return 0;
	}
	return i == 0
		   ? 0
		   : why_set(w, EXIT_DATA,
			 "the catalogue gave %.200s, which was not asked for",
			 line_word(l, "lfn"));
}

static int
check_gen(struct seen *seen, const struct line *l, struct why *w)
{
	unsigned long long gen = 1;

	if (line_word(l, "gen") && line_number(l, "gen", &gen, w) < 0)
		return -1;
	if (seen && seen_check(seen, l->name, gen) < 0)
		return why_set(w, EXIT_DATA,
		    "the catalogue brought back an older generation");
	return 0;
}

int
main(int argc, char **argv)
{
	static char home[4096];
	unsigned long bad = 0;
	struct signers *signers;
	struct seen *seen = NULL;
	struct why w = { 0 };
	struct lineout *out;
	struct linein *in;
	struct line l;
	int got;

	take_operands(
	    opt_parse(argc, argv, options, "[LFN...] < manifest > manifest"));
	snprintf(home, sizeof home, "%s/signers", opt_home());
	signers_file = opt_or_env(signers_file, "MDM_SIGNERS");
	signers = signers_open(signers_file ? signers_file : home, &w);
	if (signers == NULL ||
	    (seen_file && (seen = seen_open(seen_file, &w)) == NULL))
		die_why(&w);
	out = lineout_open(out_open(opt_output), "manifest", false);
	in = linein_open(STDIN_FILENO, "manifest", false);
	line_init(&l, false);

	/* after a lie nothing passes, but the other lies are named too */
	while ((got = linein_next(in, &l, &w)) > 0) {
		if (signers_check(signers, &l, &w) < 0 ||
		    check_lfn(&l, &w) < 0 || check_gen(seen, &l, &w) < 0) {
			if (bad++ < SHOWN)
				say_error("%.200s: %s", l.name, w.text);
		} else if (bad == 0 && lineout_put(out, &l, &w) < 0) {
			die_why(&w);
		}
		progress_add(1, 0);
	}
	if (got < 0)
		die_why(&w);
	if (bad > SHOWN)
		say_error("and %lu more lines", bad - SHOWN);
	if (bad > 0)
		exit(EXIT_DATA);
	if ((seen && seen_save(seen, &w) < 0) || lineout_end(out, &w) < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
	lineout_free(out);
	seen_free(seen);
	signers_free(signers);
	progress_end();
	out_commit();
	return EXIT_OK;
}
