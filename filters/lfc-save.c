/* lfc-save: what the catalogue knows of these objects, signed, to be sealed */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "https.h"
#include "lfc.h"
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

static struct lfc *catalogue;
static struct line asked[LFC_BATCH], lines[LFC_BATCH];
static unsigned waiting;
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
	unsigned long long now, serial;
	struct line in, told;
	struct why w = { 0 };

	line_init(&in, false);
	line_init(&told, false);
	line_set_name_word(&in, "-");
	if (lfc_one(catalogue, "info", &in, &told, &w) <= 0 ||
	    line_number(&told, "now", &now, &w) < 0 ||
	    line_number(&told, "serial", &serial, &w) < 0)
		die_why(&w);
	line_free(&in);
	line_free(&told);
	return (long long)now * SAVED_SECOND +
	       (long long)(serial % SAVED_SECOND);
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
static int
shown(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	const char *guid = line_word(answer, "guid");
	static struct line entry;
	int k;

	(void)arg, (void)w;
	if (refused != NULL && refused->code != EXIT_NO) {
		aside(lines[i].name, refused);
		return 0;
	}
	if (refused != NULL || guid == NULL ||
	    strcmp(guid, line_word(&lines[i], "guid")) != 0) {
		others++;
		return 0;
	}
	line_reset(&entry);
	line_set_name_word(&entry, line_word(answer, "record"));
	for (k = 0; k < answer->fields; k++)
		if (strcmp(answer->field[k].key, "record") != 0)
			line_add_word(&entry, answer->field[k].key,
			    answer->field[k].word);
	saved_add(saved, &entry);
	progress_add(1, 0);
	return 0;
}

static void
ask(void)
{
	struct why w = { 0 };

	if (lfc_ask(catalogue, "show", asked, waiting, shown, NULL, &w) < 0)
		die_why(&w);
	waiting = 0;
	if (saved_count(saved) + LFC_BATCH > SAVED_LINES)
		finish();
}

static void
serve(const struct line *l)
{
	char lfn[LINE_MAX_BYTES];
	unsigned char guid[16];
	struct why w = { 0 };

	if (catalogue_line_lfn(lfn, sizeof lfn, l, &w) < 0 ||
	    line_hex(l, "guid", guid, sizeof guid, &w) < 0) {
		aside(l->name, &w);
		return;
	}
	line_reset(&asked[waiting]);
	line_set_name(&asked[waiting], lfn, strlen(lfn));
	line_copy(&lines[waiting], l);
	if (++waiting == LFC_BATCH)
		ask();
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
	secret_init((1 << 16) + HTTPS_SECRET);
	if ((key = sign_key_open(sign_key_file(key_option), &w)) == NULL)
		die_why(&w);
	catalogue = lfc_open(lfc_url(catalogue_option), false, &w);
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
	if (waiting > 0)
		ask();
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
	lfc_close(catalogue);
	return exit_status(kept + others);
}
