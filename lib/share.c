#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "secret.h"
#include "share.h"
#include "word.h"

/*
 * GF(256) with the polynomial x^8 + x^4 + x^3 + x + 1, eight elements to a
 * word.  Words of a secret are multiplied by public constants only, so that
 * the loops may follow the constant's bits.
 */
#define WORDS (SHARE_MAX / 8)
#define EVERY(byte) (0x0101010101010101ULL * (byte))

static uint64_t
twice(uint64_t v)
{
	uint64_t high = (v >> 7) & EVERY(0x01);

	return ((v & EVERY(0x7f)) << 1) ^ high * 0x1b;
}

/* v *= c */
static void
scale(uint64_t *v, size_t words, unsigned c)
{
	uint64_t power[WORDS];
	size_t i;

	memcpy(power, v, words * 8);
	memset(v, 0, words * 8);
	for (;; c >>= 1) {
		if (c & 1)
			for (i = 0; i < words; i++)
				v[i] ^= power[i];
		if (c <= 1)
			break;
		for (i = 0; i < words; i++)
			power[i] = twice(power[i]);
	}
	secret_clear(power, words * 8);
}

static void
add(uint64_t *v, size_t words, const unsigned char *p, size_t len)
{
	uint64_t t[WORDS];
	size_t i;

	t[words - 1] = 0;
	memcpy(t, p, len);
	for (i = 0; i < words; i++)
		v[i] ^= t[i];
	secret_clear(t, words * 8);
}

void
share_at(unsigned char *y, const unsigned char *secret, size_t len, unsigned k,
    unsigned x, const unsigned char *coef)
{
	size_t words = (len + 7) / 8;
	uint64_t v[WORDS] = { 0 };
	unsigned j;

	for (j = k - 1; j > 0; j--) {
		add(v, words, coef + (j - 1) * len, len);
		scale(v, words, x);
	}
	add(v, words, secret, len);
	memcpy(y, v, len);
	secret_clear(v, sizeof v);
}

void
share_split(unsigned char *y, const unsigned char *secret, size_t len,
    unsigned k, unsigned n, const unsigned char *coef)
{
	unsigned x;

	for (x = 1; x <= n; x++)
		share_at(y + (x - 1) * len, secret, len, k, x, coef);
}

/* Of public elements. */
static unsigned
times(unsigned a, unsigned b)
{
	unsigned r = 0;

	for (; b != 0; b >>= 1) {
		if (b & 1)
			r ^= a;
		a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
	}
	return r;
}

static unsigned
inverse(unsigned a)
{
	unsigned r = 1, i;

	for (i = 0; i < 7; i++) { /* a^254 */
		a = times(a, a);
		r = times(r, a);
	}
	return r;
}

void
share_interpolate(
    unsigned char *out, const struct share *const *s, unsigned k, unsigned at)
{
	size_t len = s[0]->len, words = (len + 7) / 8, w;
	uint64_t sum[WORDS] = { 0 }, v[WORDS];
	unsigned i, j;

	for (i = 0; i < k; i++) {
		unsigned above = 1, below = 1;

		for (j = 0; j < k; j++)
			if (j != i) {
				above = times(above, s[j]->x ^ at);
				below = times(below, s[j]->x ^ s[i]->x);
			}
		memset(v, 0, sizeof v);
		add(v, words, s[i]->y, len);
		scale(v, words, times(above, inverse(below)));
		for (w = 0; w < words; w++)
			sum[w] ^= v[w];
	}
	memcpy(out, sum, len);
	secret_clear(sum, sizeof sum);
	secret_clear(v, sizeof v);
}

/* Append to a message of fixed layout. */
static unsigned char *
put(unsigned char *o, const void *p, size_t n)
{
	memcpy(o, p, n);
	return o + n;
}

static unsigned char *
put_epoch(unsigned char *o, uint64_t e)
{
	int shift;

	for (shift = 56; shift >= 0; shift -= 8)
		*o++ = (unsigned char)(e >> shift);
	return o;
}

#define SCHEME_GF256 1

void
share_check(unsigned char out[SHARE_TAG], const struct share *s,
    const unsigned char *secret, size_t len)
{
	/* HMAC-SHA-256 by its definition: two short hashes, no context. */
	unsigned char inner[64 + 64] = { 0 }, outer[64 + 32] = { 0 }, md[32];
	unsigned char *o = inner + 64;
	size_t i;

	for (i = 0; i < 64; i++) {
		unsigned char c = i < len ? secret[i] : 0;

		inner[i] = c ^ 0x36;
		outer[i] = c ^ 0x5c;
	}
	o = put(o, "mdm check v1", 12);
	o = put(o, s->guid, SHARE_ID);
	*o++ = (unsigned char)s->k;
	*o++ = (unsigned char)s->n;
	*o++ = SCHEME_GF256;
	o = put_epoch(o, s->e);
	sha256(outer + 64, inner, (size_t)(o - inner));
	sha256(md, outer, sizeof outer);
	memcpy(out, md, SHARE_TAG);
	secret_clear(inner, sizeof inner);
	secret_clear(outer, sizeof outer);
	secret_clear(md, sizeof md);
}

void
share_commit(unsigned char out[SHARE_TAG], const struct share *s)
{
	unsigned char m[12 + SHARE_ID + 1 + 8 + SHARE_MAX], md[32], *o = m;

	o = put(o, "mdm share v1", 12);
	o = put(o, s->guid, SHARE_ID);
	*o++ = (unsigned char)s->x;
	o = put_epoch(o, s->e);
	o = put(o, s->y, s->len);
	sha256(md, m, (size_t)(o - m));
	memcpy(out, md, SHARE_TAG);
	secret_clear(m, sizeof m);
}

bool
share_id_ok(const char *id)
{
	return strspn(id, "0123456789abcdef") == SHARE_ID &&
	       id[SHARE_ID] == '\0';
}

static int
number(const struct line *l, const char *key, unsigned long long min,
    unsigned long long max, unsigned long long *v, struct why *w)
{
	if (line_number(l, key, v, w) < 0)
		return -1;
	if (*v < min || *v > max)
		return why_set(
		    w, EXIT_DATA, "%s=: not in %llu..%llu", key, min, max);
	return 0;
}

int
share_from_line(struct share *s, const struct line *l, struct why *w)
{
	unsigned long long x, k, n, e;
	const char *word = line_word(l, "share");
	size_t len = word ? strlen(word) / 2 : 0;

	if (!share_id_ok(l->name))
		return why_set(w, EXIT_DATA,
		    "not a GUID of %d lower-case hex "
		    "digits",
		    SHARE_ID);
	memcpy(s->guid, l->name, SHARE_ID + 1);
	if (number(l, "n", 2, SHARE_N, &n, w) < 0 ||
	    number(l, "k", 2, n, &k, w) < 0 ||
	    number(l, "x", 1, n, &x, w) < 0 ||
	    number(l, "e", 1, INT64_MAX, &e, w) < 0)
		return -1;
	if (word != NULL && (len < SHARE_MIN || len > SHARE_MAX))
		return why_set(w, EXIT_DATA, "share=: not %d to %d bytes",
		    SHARE_MIN, SHARE_MAX);
	if (line_hex(l, "share", s->y, len, w) < 0 ||
	    line_hex(l, "check", s->check, SHARE_TAG, w) < 0)
		return -1;
	if (s->commit == NULL && (s->commit = malloc(n * SHARE_TAG)) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	if (line_hex(l, "commit", s->commit, n * SHARE_TAG, w) < 0)
		return -1;
	s->x = (unsigned)x;
	s->k = (unsigned)k;
	s->n = (unsigned)n;
	s->e = e;
	s->len = len;
	return 0;
}

void
share_to_line(struct line *l, const struct share *s)
{
	char hex[2 * SHARE_N * SHARE_TAG + 1];

	line_reset(l);
	line_set_name_word(l, s->guid);
	line_set_number(l, "x", s->x);
	line_set_number(l, "k", s->k);
	line_set_number(l, "n", s->n);
	line_set_number(l, "e", s->e);
	hex_encode(hex, s->y, s->len);
	line_set_word(l, "share", hex);
	secret_clear(hex, 2 * s->len);
	hex_encode(hex, s->check, SHARE_TAG);
	line_set_word(l, "check", hex);
	hex_encode(hex, s->commit, (size_t)s->n * SHARE_TAG);
	line_set_word(l, "commit", hex);
}

void
share_drop(struct share *s)
{
	free(s->commit);
	s->commit = NULL;
	secret_clear(s->y, sizeof s->y);
}

const char *
share_verdict_text(enum share_verdict v)
{
	switch (v) {
	case SHARE_GOOD:
		return "good";
	case SHARE_WRONG:
		return "wrong: it is not what the others committed to";
	case SHARE_DOUBT:
		return "in doubt: as many commitments against it as for it";
	case SHARE_ODD:
		return "its k, n, e or check are not those of the others";
	case SHARE_OLD:
		return "of an earlier epoch: it missed a refresh, or was put "
		       "back";
	case SHARE_WEAK:
		return "its k is below the threshold of stores(5)";
	case SHARE_TWICE:
		return "a second one of the same x";
	}
	return "?";
}

/* Do both speak of the same splitting of the same secret? */
static bool
agree(const struct share *a, const struct share *b)
{
	return a->k == b->k && a->n == b->n && a->e == b->e &&
	       a->len == b->len && memcmp(a->check, b->check, SHARE_TAG) == 0;
}

/*
 * Find the splitting most speak of: of those with at least k shares the
 * newest, else the one with most shares.  Returns one of its shares, or -1.
 */
static int
leader(const struct share *const *s, unsigned count,
    const enum share_verdict *verdict, bool *enough)
{
	unsigned i, j, most = 0;
	int best = -1;

	*enough = false;
	for (i = 0; i < count; i++) {
		bool seen[SHARE_N + 1] = { false }, full;
		unsigned votes = 0;

		if (verdict[i] != SHARE_GOOD ||
		    (best >= 0 && agree(s[best], s[i])))
			continue;
		for (j = 0; j < count; j++)
			if (verdict[j] == SHARE_GOOD && agree(s[i], s[j]) &&
			    !seen[s[j]->x]) {
				seen[s[j]->x] = true;
				votes++;
			}
		full = votes >= s[i]->k;
		if (best < 0 || full > *enough ||
		    (full == *enough &&
			(full ? s[i]->e > s[best]->e : votes > most))) {
			best = (int)i;
			most = votes;
			*enough = full;
		}
	}
	return best;
}

/* Count who holds the right commitment to share i, itself included. */
static enum share_verdict
vote(const struct share *const *s, unsigned count, unsigned i,
    const enum share_verdict *in)
{
	unsigned char tag[SHARE_TAG];
	int balance = 0;
	unsigned j;

	share_commit(tag, s[i]);
	for (j = 0; j < count; j++) {
		const unsigned char *c =
		    s[j]->commit + (size_t)(s[i]->x - 1) * SHARE_TAG;

		if (in[j] != SHARE_GOOD || (j != i && s[j]->x == s[i]->x))
			continue; /* not of this splitting, or a rival */
		balance += memcmp(c, tag, SHARE_TAG) == 0 ? 1 : -1;
	}
	return balance > 0   ? SHARE_GOOD
	       : balance < 0 ? SHARE_WRONG
			     : SHARE_DOUBT;
}

unsigned
share_judge(const struct share *const *s, unsigned count, unsigned threshold,
    enum share_verdict *verdict, unsigned *k)
{
	enum share_verdict in[SHARE_N];
	bool seen[SHARE_N + 1] = { false }, enough;
	unsigned i, good = 0;
	int lead;

	*k = 0;
	if (count > SHARE_N)
		count = SHARE_N;
	for (i = 0; i < count; i++)
		verdict[i] = s[i]->k < threshold ? SHARE_WEAK : SHARE_GOOD;
	if ((lead = leader(s, count, verdict, &enough)) < 0)
		return 0;
	for (i = 0; i < count; i++)
		if (verdict[i] == SHARE_GOOD && !agree(s[lead], s[i]))
			verdict[i] =
			    s[i]->e < s[lead]->e ? SHARE_OLD : SHARE_ODD;
	memcpy(in, verdict, count * sizeof *in);
	for (i = 0; i < count; i++) {
		if (in[i] != SHARE_GOOD)
			continue;
		if ((verdict[i] = vote(s, count, i, in)) != SHARE_GOOD)
			continue;
		if (seen[s[i]->x])
			verdict[i] = SHARE_TWICE;
		else
			good++;
		seen[s[i]->x] = true;
	}
	if (enough)
		*k = s[lead]->k;
	return good;
}

int
share_join(unsigned char *secret, size_t *len, const struct share *const *s,
    unsigned count, unsigned threshold, enum share_verdict *verdict,
    struct why *w)
{
	const struct share *use[SHARE_N];
	unsigned char tag[SHARE_TAG];
	unsigned i, k, m = 0, trusted = 0, good;

	if (count > SHARE_N)
		return why_set(w, EXIT_DATA, "more than %d shares", SHARE_N);
	good = share_judge(s, count, threshold, verdict, &k);
	for (i = 0; i < count; i++)
		trusted +=
		    verdict[i] == SHARE_GOOD || verdict[i] == SHARE_TWICE;
	if (k == 0 || good < k) {
		/* Too few, or enough that do not go together? */
		if (trusted == count)
			return why_set(w, EXIT_FEW,
			    "%u good shares, fewer than its threshold", good);
		return why_set(w, EXIT_DATA,
		    "%u good shares among %u: some are wrong", good, count);
	}
	for (i = 0; i < count && m < k; i++)
		if (verdict[i] == SHARE_GOOD)
			use[m++] = s[i];
	share_interpolate(secret, use, k, 0);
	*len = use[0]->len;
	share_check(tag, use[0], secret, *len);
	if (secret_equal(tag, use[0]->check, SHARE_TAG))
		return 0;
	secret_clear(secret, *len);
	return why_set(w, EXIT_DATA, "the joined key fails its check");
}

/* GF(65521): products fit 32 bits; the remainder by a constant is multiplied.
 */
static uint32_t
mod(uint32_t v)
{
	/*
	 * 2^16 = 15 mod p, twice, then one subtraction without a branch:
	 * the compiler might choose a division, whose time can vary.
	 */
	v = (v >> 16) * 15 + (v & 0xffff);
	v = (v >> 16) * 15 + (v & 0xffff);
	v -= GF65521 & (0u - (uint32_t)(v >= GF65521));
	return v;
}

void
gf65521_at(uint16_t *y, const uint16_t *secret, size_t limbs, unsigned k,
    unsigned x, const uint16_t *coef)
{
	unsigned j;
	size_t i;

	for (i = 0; i < limbs; i++) {
		uint32_t v = 0;

		for (j = k - 1; j > 0; j--)
			v = mod(mod(v + coef[(j - 1) * limbs + i]) * x);
		y[i] = (uint16_t)mod(v + secret[i]);
	}
}

static uint32_t
power(uint32_t a, unsigned n)
{
	uint32_t r = 1;

	for (; n != 0; n >>= 1) {
		if (n & 1)
			r = mod(r * a);
		a = mod(a * a);
	}
	return r;
}

void
gf65521_join(uint16_t *out, const uint16_t *const *y, const unsigned *x,
    unsigned k, size_t limbs, unsigned at)
{
	unsigned i, j;
	size_t l;

	memset(out, 0, limbs * sizeof *out);
	for (i = 0; i < k; i++) {
		uint32_t above = 1, below = 1, c;

		for (j = 0; j < k; j++)
			if (j != i) {
				above = mod(above * mod(x[j] + GF65521 - at));
				below = mod(below * mod(x[j] + GF65521 - x[i]));
			}
		c = mod(above * power(below, GF65521 - 2));
		for (l = 0; l < limbs; l++)
			out[l] = (uint16_t)mod(out[l] + mod(c * mod(y[i][l])));
	}
}
