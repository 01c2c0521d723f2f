/* Shares from shares: anew, and the one that was lost */

#include <string.h>

#include "reshare.h"
#include "secret.h"
#include "tap.h"

#define N 5

static unsigned char commits[N][SHARE_N * SHARE_TAG],
    other[SHARE_N * SHARE_TAG];
static struct share *set; /* N of them, secure */
static const struct share *old[N];
static enum share_verdict verdict[SHARE_N];
static struct why w;

/* Three of five of a key of 32 bytes, each with commitments of its own. */
static void
make(const unsigned char *key)
{
	unsigned char y[N * 32], coef[2 * 32];
	unsigned i, j;

	secret_random(coef, sizeof coef);
	share_split(y, key, 32, 3, N, coef);
	for (i = 0; i < N; i++) {
		struct share *s = &set[i];

		memset(s, 0, sizeof *s);
		memset(s->guid, 'a', SHARE_ID);
		s->x = i + 1;
		s->k = 3;
		s->n = N;
		s->e = 4;
		s->len = 32;
		s->commit = commits[i];
		memcpy(s->y, y + i * 32, 32);
		share_check(s->check, s, key, 32);
		for (j = 0; j < N; j++)
			share_commit(commits[j] + i * SHARE_TAG, s);
		old[i] = s;
	}
}

static void
lost(const unsigned char *key)
{
	struct share *out = secret_alloc(sizeof *out);

	make(key);
	out->x = 2;
	old[1] = &set[4];
	ok(reshare_lost(old, 4, 2, other, out, verdict, &w) == 0 &&
		memcmp(out->y, set[1].y, 32) == 0 && out->e == 4 &&
		out->k == 3 && out->n == N && out->len == 32 &&
		memcmp(out->check, set[1].check, SHARE_TAG) == 0 &&
		memcmp(out->commit, commits[0], N * SHARE_TAG) == 0,
	    "the lost share is the one there was");
	ok(reshare_lost(old, 2, 2, other, out, verdict, &w) < 0,
	    "two of three are too few");
	commits[0][SHARE_TAG] ^= 1;
	ok(reshare_lost(old, 4, 2, other, out, verdict, &w) == 0 &&
		memcmp(out->commit, commits[2], N * SHARE_TAG) == 0,
	    "one that lies about the lost share is outvoted");
	commits[0][SHARE_TAG] ^= 1;
	set[0].y[0] ^= 1;
	ok(reshare_lost(old, 4, 2, other, out, verdict, &w) == 0 &&
		verdict[0] == SHARE_WRONG && memcmp(out->y, set[1].y, 32) == 0,
	    "a wrong share is not used");
	out->x = N + 1;
	ok(reshare_lost(old, 4, 2, other, out, verdict, &w) < 0 &&
		w.code == EXIT_DATA,
	    "a share there never was");
	make(key);
	old[1] = &set[4];
	for (out->x = 0; out->x < N; out->x++)
		commits[out->x][SHARE_TAG] ^= 1;
	out->x = 2;
	memset(out->y, 7, sizeof out->y);
	ok(reshare_lost(old, 4, 2, other, out, verdict, &w) < 0 &&
		w.code == EXIT_DATA && out->y[0] == 0,
	    "what all commitments are against is not given out");
	secret_free(out, sizeof *out);
}

static void
anew(const unsigned char *key)
{
	struct share *to = secret_alloc(4 * sizeof *to), *out[3];
	const struct share *mixed[3] = { &to[0], &set[1], &set[2] };
	const struct share *now[3] = { &to[0], &to[1], &to[2] };
	unsigned char *got = secret_alloc(SHARE_MAX);
	size_t len;
	unsigned i;

	make(key);
	for (i = 0; i < 3; i++) {
		out[i] = &to[i];
		to[i].x = 2 * i + 1;
	}
	ok(reshare(old, 3, 3, 2, 6, 9, other, out, 3, verdict, &w) == 0 &&
		to[2].x == 5 && to[2].k == 2 && to[2].n == 6 && to[2].e == 9,
	    "other shares");
	ok(share_join(got, &len, now + 1, 2, 2, verdict, &w) == 0 &&
		len == 32 && memcmp(got, key, 32) == 0,
	    "of the same key");
	ok(share_join(got, &len, mixed, 3, 2, verdict, &w) < 0,
	    "that do not go with the old ones");
	share_interpolate(got, mixed, 3, 0);
	ok(memcmp(got, key, 32) != 0, "not even when they are made to");
	ok(memcmp(to[0].y, set[0].y, 32) != 0, "none is as it was");
	memset(&to[0].y, 0, 32);
	ok(reshare(old, 2, 3, 2, 6, 9, other, out, 3, verdict, &w) < 0 &&
		w.code == EXIT_FEW && to[0].y[0] == 0,
	    "too few to begin with");
	secret_free(to, 4 * sizeof *to);
	secret_free(got, SHARE_MAX);
}

int
main(void)
{
	unsigned char key[32];

	secret_init(1 << 16);
	set = secret_alloc(N * sizeof *set);
	secret_random(key, sizeof key);
	lost(key);
	anew(key);
	secret_free(set, N * sizeof *set);
	return done_testing();
}
