/* ssss-join: join the shares of each key and test what they give */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "plain.h"
#include "sandbox.h"
#include "secret.h"
#include "share.h"
#include "stores.h"
#include "word.h"

static int threshold;
static struct plain plain;

static const struct poptOption options[] = {
	{ "threshold", 'k', POPT_ARG_INT, &threshold, 0,
	    "believe no key with a smaller k (default: of stores(5))", "K" },
	PLAIN_OPTIONS(plain),
	{ "candidates", '\0', POPT_ARG_NONE, &plain.candidates, 0,
	    "with --plain --hex: every secret the shares may stand for", NULL },
	OPT_COMMON
};

/* The shares of one key, as they come. */
static struct share *set[SHARE_N];
static unsigned char commits[SHARE_N][SHARE_N * SHARE_TAG];
static unsigned count;
static char guid[SHARE_ID + 1], done[SHARE_ID + 1];
static bool bad; /* a line of it could not be read */

static struct lineout *out;
static unsigned long served;

static void
put(const struct line *l)
{
	struct why w;

	if (lineout_put(out, l, &w) < 0)
		die_why(&w);
}

static void
put_error(const char *name, const char *error, const struct why *w)
{
	struct line l;

	aside(name, w);
	line_init(&l, false);
	line_set_name_word(&l, name);
	line_set_word(&l, "error", error);
	put(&l);
	line_free(&l);
}

static void
name_bad(const enum share_verdict *verdict)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (verdict[i] != SHARE_GOOD)
			say_warning("%s: share %u is %s", guid, set[i]->x,
			    share_verdict_text(verdict[i]));
}

/* The shares of one key have all come. */
static void
join(struct line *o)
{
	enum share_verdict verdict[SHARE_N];
	unsigned char *key;
	struct why w;
	size_t len;
	char *hex;

	if (guid[0] == '\0')
		return;
	key = secret_alloc(SHARE_MAX);
	if (share_join(key, &len, (const struct share *const *)set, count,
		(unsigned)threshold, verdict, &w) == 0) {
		name_bad(verdict);
		hex = secret_alloc(2 * SHARE_MAX + 1);
		hex_encode(hex, key, len);
		line_reset(o);
		line_set_name_word(o, guid);
		line_set_word(o, "key", hex);
		put(o);
		served++;
		secret_free(hex, 2 * SHARE_MAX + 1);
	} else {
		name_bad(verdict);
		if (bad && w.code == EXIT_FEW)
			w.code = EXIT_DATA;
		put_error(guid, w.code == EXIT_DATA ? "wrong" : "missing", &w);
	}
	secret_free(key, SHARE_MAX);
	count = 0;
	guid[0] = '\0';
	bad = false;
}

/* A line without a share: its key is not to be had. */
static void
pass_error(const struct line *l)
{
	const char *error = line_word(l, "error");
	struct why w;

	if (strcmp(error, "denied") == 0)
		why_set(&w, EXIT_DENIED, "the key stores deny its key");
	else if (strcmp(error, "wrong") == 0)
		why_set(&w, EXIT_DATA, "its shares are wrong");
	else if (strcmp(error, "unavailable") == 0)
		why_set(&w, EXIT_FEW, "too few key stores answer");
	else
		why_set(&w, EXIT_DENIED, "no key store has its key");
	aside(l->name, &w);
	put(l);
}

static void
take(const struct line *l, struct line *o)
{
	struct why w;

	if (strcmp(done, l->name) == 0)
		return; /* joined already: see idle() */
	if (strcmp(guid, l->name) != 0) {
		join(o);
		done[0] = '\0';
	}
	if (line_word(l, "error") != NULL) {
		pass_error(l);
		return;
	}
	if (!share_id_ok(l->name)) {
		why_set(
		    &w, EXIT_DATA, "not a GUID of 32 lower-case hex digits");
		aside(l->name, &w);
		return;
	}
	memcpy(guid, l->name, sizeof guid);
	if (count == SHARE_N) {
		say_warning("%s: more than %d shares", guid, SHARE_N);
		return;
	}
	if (set[count] == NULL)
		set[count] = secret_alloc(sizeof *set[count]);
	set[count]->commit = commits[count];
	if (share_from_line(set[count], l, &w) < 0) {
		say_warning(
		    "%s: a share that cannot be used: %s", guid, w.text);
		bad = true;
		return;
	}
	count++;
}

/* The input pauses: what can be joined need not wait for the next key. */
static void
idle(void *o)
{
	enum share_verdict verdict[SHARE_N];
	unsigned k, good = share_judge((const struct share *const *)set, count,
			(unsigned)threshold, verdict, &k);

	if (k > 0 && good >= k) {
		memcpy(done, guid, sizeof done);
		join(o);
	}
	lineout_idle(out);
}

int
main(int argc, char **argv)
{
	struct stores *stores;
	struct linein *in;
	struct line l, o;
	struct why w;
	int got;

	if (*opt_parse(argc, argv, options, "< shares > keys"))
		die(EXIT_USAGE, "takes no operands");
	if (plain_given(&plain))
		return plain_join(&plain, (unsigned)threshold);
	if (threshold == 0) {
		if ((stores = stores_load(NULL, false, &w)) == NULL)
			die_why(&w);
		threshold = (int)stores->threshold;
		stores_free(stores);
	}
	if (threshold < 2 || threshold > SHARE_N)
		die(EXIT_USAGE, "--threshold: not in 2..%d", SHARE_N);
	secret_init(5 * LINE_SECRET_COST + SHARE_N * 256);
	in = linein_open(STDIN_FILENO, "shares", true);
	out = lineout_open(out_open(opt_output), "keys", true);
	linein_on_idle(in, idle, &o);
	if (opt_output == NULL)
		sandbox_closed();
	line_init(&l, true);
	line_init(&o, true);
	while ((got = linein_next(in, &l, &w)) > 0)
		take(&l, &o);
	if (got < 0)
		die_why(&w);
	join(&o);
	line_free(&l);
	line_free(&o);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	while (set[0] != NULL && count < SHARE_N && set[count] != NULL)
		secret_free(set[count++], sizeof **set);
	return exit_status(served);
}
