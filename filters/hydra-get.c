/* hydra-get: get the shares of keys from the key stores */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyring.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "secret.h"

static const char *stores_file;

static const struct poptOption options[] = {
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "the list of key stores (default: $MDM_STORES)", "FILE" },
	OPT_COMMON
};

/* Ids as they came; those that are no GUID are answered without asking. */
static struct batch {
	char **id;
	unsigned n, max;
} batch;

static struct keyring *keyring;
static struct lineout *out;
static struct line answer; /* secret */
static unsigned long served;

static void
put(const struct line *l)
{
	struct why w;

	if (lineout_put(out, l, &w) < 0)
		die_why(&w);
}

static void
put_error(const char *id, const char *error, const struct why *w)
{
	aside(id, w);
	line_reset(&answer);
	line_set_name_word(&answer, id);
	line_set_word(&answer, "error", error);
	put(&answer);
}

/* Answer id, which is the i-th that was collected, or -1. */
static void
answer_one(const char *id, int i)
{
	const struct share *shares[SHARE_N];
	const char *error;
	struct why w;
	unsigned n, j;

	if (i < 0) {
		why_set(
		    &w, EXIT_DATA, "not a GUID of 32 lower-case hex digits");
		put_error(id, "missing", &w);
		return;
	}
	n = keyring_shares(keyring, (unsigned)i, shares, &error, &w);
	if (n == 0) {
		put_error(id, error, &w);
		return;
	}
	for (j = 0; j < n; j++) {
		share_to_line(&answer, shares[j]);
		put(&answer);
	}
	served++;
}

static void
serve(void)
{
	const char **guid = calloc(batch.n + 1, sizeof *guid);
	unsigned i, n = 0;

	if (guid == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < batch.n; i++)
		if (share_id_ok(batch.id[i]))
			guid[n++] = batch.id[i];
	keyring_collect(keyring, guid, n);
	for (i = n = 0; i < batch.n; i++)
		answer_one(
		    batch.id[i], share_id_ok(batch.id[i]) ? (int)n++ : -1);
	progress_add(batch.n, 0);
	for (i = 0; i < batch.n; i++)
		free(batch.id[i]);
	free(guid);
	batch.n = 0;
}

static void
idle(void *arg)
{
	serve();
	lineout_idle(arg);
}

int
main(int argc, char **argv)
{
	struct linein *in;
	struct line l;
	struct why w;
	int got;

	if (*opt_parse(argc, argv, options, "< lines > shares"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(KEYRING_SECRET);
	if ((keyring = keyring_open(stores_file, &w)) == NULL)
		die_why(&w);
	batch.max = keyring_batch(keyring);
	if ((batch.id = calloc(batch.max, sizeof *batch.id)) == NULL)
		die(EXIT_IO, "out of memory");
	in = linein_open(STDIN_FILENO, "lines", false);
	out = lineout_open(out_open(opt_output), "shares", true);
	linein_on_idle(in, idle, out);
	line_init(&l, false);
	line_init(&answer, true);
	while ((got = linein_next(in, &l, &w)) > 0) {
		if ((batch.id[batch.n++] = strdup(line_id(&l))) == NULL)
			die(EXIT_IO, "out of memory");
		if (batch.n == batch.max)
			serve();
	}
	if (got < 0)
		die_why(&w);
	serve();
	line_free(&l);
	line_free(&answer);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	keyring_free(keyring);
	free(batch.id);
	return exit_status(served);
}
