#include <string.h>

#include "reshare.h"
#include "secret.h"

/* What they have in common. */
static void
describe(struct share *to, const struct share *from, unsigned char *commit)
{
	unsigned x = to->x;

	*to = *from;
	to->x = x;
	to->commit = commit;
	memset(to->y, 0, sizeof to->y);
}

int
reshare(const struct share *const *old, unsigned count, unsigned threshold,
    unsigned k, unsigned n, uint64_t e, unsigned char *commit,
    struct share *const *out, unsigned m, enum share_verdict *verdict,
    struct why *w)
{
	unsigned char *key = secret_alloc(SHARE_MAX);
	size_t random = (size_t)(k - 1) * SHARE_MAX;
	unsigned char *coef = secret_alloc(random);
	struct share *s = secret_alloc(sizeof *s);
	size_t len;
	unsigned j;
	int r;

	r = share_join(key, &len, old, count, threshold, verdict, w);
	if (r == 0) {
		memcpy(s->guid, old[0]->guid, sizeof s->guid);
		s->k = k;
		s->n = n;
		s->e = e;
		s->len = len;
		s->commit = commit;
		share_check(s->check, s, key, len);
		secret_random(coef, (k - 1) * len);
	}
	for (s->x = 1; r == 0 && s->x <= n; s->x++) {
		share_at(s->y, key, len, k, s->x, coef);
		share_commit(commit + (s->x - 1) * SHARE_TAG, s);
		for (j = 0; j < m; j++)
			if (out[j]->x == s->x)
				*out[j] = *s;
	}
	secret_free(key, SHARE_MAX);
	secret_free(coef, random);
	secret_free(s, sizeof *s);
	return r;
}

/* One whose commitments most of them hold. */
static const struct share *
spokesman(const struct share *const *s, unsigned m)
{
	unsigned i, j, votes, most = 0, best = 0;

	for (i = 0; i < m; i++) {
		for (j = votes = 0; j < m; j++)
			votes += memcmp(s[i]->commit, s[j]->commit,
				     (size_t)s[i]->n * SHARE_TAG) == 0;
		if (votes > most) {
			most = votes;
			best = i;
		}
	}
	return s[best];
}

int
reshare_lost(const struct share *const *old, unsigned count, unsigned threshold,
    unsigned char *commit, struct share *out, enum share_verdict *verdict,
    struct why *w)
{
	const struct share *use[SHARE_N], *one;
	unsigned char tag[SHARE_TAG];
	unsigned i, k, good, m = 0;

	good = share_judge(old, count, threshold, verdict, &k);
	if (k == 0 || good < k)
		return why_set(w, EXIT_DATA,
		    "%u good shares of %u, fewer than its threshold", good,
		    count);
	for (i = 0; i < count && m < k; i++)
		if (verdict[i] == SHARE_GOOD)
			use[m++] = old[i];
	one = spokesman(use, m);
	if (out->x > one->n)
		return why_set(w, EXIT_DATA, "it has %u shares", one->n);
	memcpy(commit, one->commit, (size_t)one->n * SHARE_TAG);
	describe(out, one, commit);
	share_interpolate(out->y, use, k, out->x);
	share_commit(tag, out);
	if (memcmp(tag, commit + (out->x - 1) * SHARE_TAG, SHARE_TAG) == 0)
		return 0;
	secret_clear(out->y, sizeof out->y);
	return why_set(
	    w, EXIT_DATA, "its share is not what the others committed to");
}
