/* ssss-split: split each key into n shares, any k of which give it back */

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

static int k, n;
static long long epoch = 1;
static struct plain plain;

static const struct poptOption options[] = {
	{ "threshold", 'k', POPT_ARG_INT, &k, 0,
	    "shares that give a key back (default: of stores(5))", "K" },
	{ "shares", 'n', POPT_ARG_INT, &n, 0,
	    "shares to make (default: one for each store)", "N" },
	{ "epoch", 'e', POPT_ARG_LONGLONG, &epoch, 0,
	    "number of this splitting (default: 1)", "E" },
	PLAIN_OPTIONS(plain), OPT_COMMON
};

/* Random bytes, a pool at a time: the generator is slow to start. */
#define POOL 65536
static unsigned char *pool;
static size_t pooled;

static const unsigned char *
random_bytes(size_t bytes)
{
	if (bytes > pooled) {
		secret_random(pool, POOL);
		pooled = POOL;
	}
	pooled -= bytes;
	return pool + pooled;
}

/* The key of the line into key; its length, or -1. */
static long
key_of(const struct line *l, unsigned char *key, struct why *w)
{
	const char *hex = line_word(l, "key");
	size_t len = hex ? strlen(hex) / 2 : 0;

	if (!share_id_ok(l->name))
		return why_set(w, EXIT_DATA,
		    "not a GUID of 32 lower-case hex "
		    "digits");
	if (hex != NULL && (len < SHARE_MIN || len > SHARE_MAX))
		return why_set(w, EXIT_DATA, "key=: not %d to %d bytes",
		    SHARE_MIN, SHARE_MAX);
	return line_hex(l, "key", key, len, w) < 0 ? -1 : (long)len;
}

/* s holds the key's GUID, k, n, e, len and check; y the shares. */
static void
put_shares(struct lineout *out, struct line *l, struct share *s,
    const unsigned char *y)
{
	char *hex = (char *)(pool + POOL); /* behind the pool: secure */
	struct why w;

	for (s->x = 1; s->x <= s->n; s->x++) {
		memcpy(s->y, y + (s->x - 1) * s->len, s->len);
		share_commit(s->commit + (s->x - 1) * SHARE_TAG, s);
	}
	s->x = 1;
	memcpy(s->y, y, s->len);
	share_to_line(l, s); /* and then only what differs */
	for (;;) {
		if (lineout_put(out, l, &w) < 0)
			die_why(&w);
		if (s->x++ == s->n)
			break;
		hex_encode(hex, y + (s->x - 1) * s->len, s->len);
		line_set_word(l, "share", hex);
		line_set_number(l, "x", s->x);
	}
}

static void
split(struct linein *in, struct lineout *out)
{
	struct share *s = secret_alloc(sizeof *s);
	unsigned char *key = secret_alloc(SHARE_MAX);
	unsigned char *y = secret_alloc(SHARE_N * SHARE_MAX);
	static unsigned char commits[SHARE_N * SHARE_TAG];
	struct line l, o;
	struct why w;
	long len;
	int got;

	line_init(&l, true);
	line_init(&o, true);
	s->k = (unsigned)k;
	s->n = (unsigned)n;
	s->e = (uint64_t)epoch;
	s->commit = commits;
	while ((got = linein_next(in, &l, &w)) > 0) {
		if ((len = key_of(&l, key, &w)) < 0) {
			aside(l.name, &w);
			continue;
		}
		memcpy(s->guid, l.name, SHARE_ID + 1);
		s->len = (size_t)len;
		share_split(y, key, s->len, s->k, s->n,
		    random_bytes((s->k - 1) * s->len));
		share_check(s->check, s, key, s->len);
		put_shares(out, &o, s, y);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	line_free(&o);
	secret_free(s, sizeof *s);
	secret_free(key, SHARE_MAX);
	secret_free(y, SHARE_N * SHARE_MAX);
}

/* What was not said, the list of stores says. */
static void
defaults(void)
{
	struct why w;
	struct stores *s;

	if (k == 0 || n == 0) {
		if ((s = stores_load(NULL, false, &w)) == NULL)
			die_why(&w);
		if (n == 0)
			n = (int)stores_n(s);
		if (k == 0)
			k = (int)s->threshold;
		stores_free(s);
	}
	if (k < 2 || k > n || n > SHARE_N)
		die(EXIT_USAGE, "not 2 <= k <= n <= %d", SHARE_N);
	if (epoch < 1)
		die(EXIT_USAGE, "--epoch: not 1 or more");
}

int
main(int argc, char **argv)
{
	struct linein *in;
	struct lineout *out;
	struct why w;

	if (*opt_parse(argc, argv, options, "< keys > shares"))
		die(EXIT_USAGE, "takes no operands");
	if (plain_given(&plain))
		return plain_split(&plain, (unsigned)k, (unsigned)n);
	defaults();
	secret_init(5 * LINE_SECRET_COST + 3 * POOL);
	pool = secret_alloc(POOL + 2 * SHARE_MAX + 1);
	in = linein_open(STDIN_FILENO, "keys", true);
	out = lineout_open(out_open(opt_output), "shares", true);
	linein_on_idle(in, lineout_idle, out);
	if (opt_output == NULL)
		sandbox_closed();
	split(in, out);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	secret_free(pool, POOL + 2 * SHARE_MAX + 1);
	return exit_status(lineout_count(out));
}
