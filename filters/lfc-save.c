/* lfc-save: what the catalogue knows of these objects, signed, to be sealed */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "saved.h"
#include "secret.h"
#include "sign.h"

static const char *catalogue_option, *key_option;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "sign-key", '\0', POPT_ARG_STRING, &key_option, 0,
	    "sign with the key in FILE (default: $MDM_SIGN_KEY)", "FILE" },
	OPT_COMMON
};

static struct catalogue *catalogue;
static struct sign_key *key;
static struct recout *out;
static struct saved *saved;
static unsigned long kept, others;

/*
 * Which of two manifests is the later: by the catalogue's clock, and within a
 * second by its serial.  Asked before the entries are.
 */
static long long
moment(void)
{
	struct why w = { 0 };
	long long serial = catalogue_serial(catalogue, &w);

	if (serial < 0)
		die_why(&w);
	return catalogue_now(catalogue) * SAVED_SECOND + serial % SAVED_SECOND;
}

/* What was gathered becomes a record. */
static void
finish(void)
{
	struct why w = { 0 };
	char name[40];
	struct rec r;
	const void *p;
	size_t n;

	if (saved_count(saved) == 0)
		return;
	if ((p = saved_end(saved, key, &n, &w)) == NULL)
		die_why(&w);
	snprintf(name, sizeof name, "saved/%lu", recout_count(out) + 1);
	rec_init(&r);
	rec_set_name(&r, name);
	if (recout_begin(out, &r, (long long)n, REC_WHOLE, &w) < 0 ||
	    recout_write(out, p, n, &w) < 0 || recout_done(out, NULL, &w) < 0)
		die_why(&w);
	rec_clear(&r);
	kept += saved_count(saved);
	saved_begin(saved, moment());
}

/*
 * The entry as it is now, if it is of the line's GUID: what never got as far
 * as the catalogue, was replaced or has been removed is not to come back.
 */
static void
serve(const struct line *l)
{
	static struct line entry;
	struct catalogue_entry e;
	char lfn[LINE_MAX_BYTES];
	unsigned char guid[16];
	struct why w = { 0 };
	int got;

	if (catalogue_line_lfn(lfn, sizeof lfn, l, &w) < 0 ||
	    line_hex(l, "guid", guid, sizeof guid, &w) < 0) {
		aside(l->name, &w);
		return;
	}
	if ((got = catalogue_stat(catalogue, lfn, &e, &w)) < 0)
		die_why(&w);
	if (got == 0 || e.dir || e.guid == NULL ||
	    memcmp(e.guid, guid, sizeof guid) != 0) {
		others++;
		return;
	}
	if (catalogue_line(catalogue, &e, NULL, &entry, &w) < 0)
		die_why(&w);
	saved_add(saved, &entry);
	progress_add(1, 0);
	if (saved_count(saved) == SAVED_LINES)
		finish();
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct linein *in;
	struct line l;
	int got;

	if (*opt_parse(argc, argv, options, "< manifest > records"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(1 << 16);
	if ((key = sign_key_open(sign_key_file(key_option), &w)) == NULL)
		die_why(&w);
	catalogue = catalogue_open(catalogue_url(catalogue_option), false, &w);
	if (catalogue == NULL ||
	    (out = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	in = linein_open(STDIN_FILENO, "manifest", false);
	line_init(&l, false);
	saved = saved_new();
	saved_begin(saved, moment());
	while ((got = linein_next(in, &l, &w)) > 0)
		serve(&l);
	if (got < 0)
		die_why(&w);
	finish();
	if (recout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	if (opt_verbose)
		say_note("%lu entries, %lu that the catalogue has otherwise",
		    kept, others);
	sign_key_free(key);
	saved_free(saved);
	catalogue_close(catalogue);
	return exit_status(kept + others);
}
