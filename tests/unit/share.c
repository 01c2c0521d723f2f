#include <string.h>

#include "secret.h"
#include "share.h"
#include "tap.h"

/* The plainest reference: bit by bit, one byte at a time. */
static unsigned
mul(unsigned a, unsigned b)
{
	unsigned r = 0, i;

	for (i = 0; i < 8; i++)
		if (b >> i & 1)
			r ^= a << i;
	for (i = 14; i >= 8; i--)
		if (r >> i & 1)
			r ^= 0x11bu << (i - 8);
	return r;
}

/* Of k = 2 a share is secret + coef * x: every product is seen once. */
static void
field(void)
{
	unsigned char secret[64], coef[64], y[255 * 64];
	unsigned a, base, x, i, wrong = 0;

	for (base = 0; base < 256; base += 64) {
		for (i = 0; i < 64; i++) {
			secret[i] = (unsigned char)(i * 7 + base);
			coef[i] = (unsigned char)(base + i);
		}
		share_split(y, secret, 64, 2, 255, coef);
		for (x = 1; x <= 255; x++)
			for (i = 0; i < 64; i++) {
				a = mul(coef[i], x) ^ secret[i];
				wrong += a != y[(x - 1) * 64 + i];
			}
	}
	ok(wrong == 0, "all 65,280 products are those of the reference");
}

static struct share set[255];
static const struct share *ptr[255];
static unsigned char commits[255 * SHARE_TAG];
static enum share_verdict verdict[255];

/* Split key into set[0..n-1]. */
static void
make(const unsigned char *key, size_t len, unsigned k, unsigned n, uint64_t e)
{
	static unsigned char coef[254 * 64], y[255 * 64];
	unsigned x;

	secret_random(coef, sizeof coef);
	share_split(y, key, len, k, n, coef);
	for (x = 1; x <= n; x++) {
		struct share *s = &set[x - 1];

		memset(s, 0, sizeof *s);
		memcpy(s->guid, "00112233445566778899aabbccddeeff", 33);
		s->x = x;
		s->k = k;
		s->n = n;
		s->e = e;
		s->len = len;
		s->commit = commits;
		memcpy(s->y, y + (x - 1) * len, len);
		share_check(s->check, s, key, len);
		share_commit(commits + (x - 1) * SHARE_TAG, s);
		ptr[x - 1] = s;
	}
}

static int
joins(unsigned count, const unsigned char *key, size_t len)
{
	unsigned char got[SHARE_MAX];
	struct why w = { 0 };
	size_t n;

	if (share_join(got, &n, ptr, count, 2, verdict, &w) < 0)
		return w.code;
	return n == len && memcmp(got, key, len) == 0 ? 0 : -1;
}

static void
edges(void)
{
	static const unsigned kn[][2] = { { 2, 2 }, { 2, 3 }, { 3, 5 },
		{ 2, 255 }, { 254, 255 }, { 255, 255 }, { 128, 200 } };
	static const size_t lens[] = { 16, 17, 31, 32, 33, 64 };
	unsigned char key[64];
	unsigned i, j, wrong = 0, few = 0;

	for (i = 0; i < 7; i++)
		for (j = 0; j < 6; j++) {
			unsigned k = kn[i][0], n = kn[i][1];

			secret_random(key, sizeof key);
			make(key, lens[j], k, n, 1);
			memmove(ptr, ptr + (n - k), k * sizeof *ptr);
			wrong += joins(k, key, lens[j]) != 0;
			few += joins(k - 1, key, lens[j]) != EXIT_FEW;
		}
	ok(wrong == 0, "the last k of n give the key back, at every edge");
	ok(few == 0, "k - 1 never do");
}

static void
lies(void)
{
	static unsigned char own[255 * SHARE_TAG];
	unsigned char key[32] = "an object's key, of 32 bytes...";
	int r;

	make(key, 32, 3, 5, 1);
	set[1].y[7] ^= 1;
	r = joins(5, key, 32);
	ok(r == 0 && verdict[1] == SHARE_WRONG && verdict[0] == SHARE_GOOD,
	    "a damaged share among five is named, the rest is used");
	r = joins(3, key, 32);
	ok(r == EXIT_DATA && verdict[1] == SHARE_WRONG &&
		verdict[0] == SHARE_GOOD && verdict[2] == SHARE_GOOD,
	    "even among k");
	make(key, 32, 2, 3, 1);
	set[2].y[0] ^= 0x80;
	memcpy(own, commits, sizeof own);
	share_commit(own + 2 * SHARE_TAG, &set[2]);
	memset(own, 0, 2 * SHARE_TAG);
	set[2].commit = own;
	r = joins(3, key, 32);
	ok(r == 0 && verdict[2] == SHARE_WRONG,
	    "a liar who commits to its lie and denies the others is outvoted");
	ptr[1] = ptr[2];
	ok(joins(2, key, 32) == EXIT_DATA, "one against one gives no key");
	make(key, 32, 2, 3, 1);
	set[1].y[0] ^= 1;
	set[2].y[0] ^= 1;
	ok(joins(3, key, 32) == EXIT_DATA, "two wrong of three give no key");
	make(key, 32, 2, 3, 1);
	set[0].k = 1;
	r = joins(3, key, 32);
	ok(r == 0 && verdict[0] == SHARE_WEAK, "k = 1 is never believed");
	make(key, 32, 2, 3, 1);
	set[0].e = 2;
	r = joins(3, key, 32);
	ok(r == 0 && verdict[0] == SHARE_ODD, "epochs do not mix");
	ptr[1] = ptr[0];
	ok(joins(2, key, 32) != 0, "one share twice is one share");
	make(key, 32, 2, 3, 1);
	memset(set[0].check, 0, 16);
	memset(set[1].check, 0, 16);
	memset(set[2].check, 0, 16);
	ok(joins(3, key, 32) == EXIT_DATA, "a wrong check gives no key");
}

static void
original(void)
{
	static uint16_t y[300], s[3], back[3], coef[6];
	const uint16_t *p[3];
	unsigned x[3], i, wrong = 0;

	for (i = 0; i < 65521; i += 13) {
		s[0] = (uint16_t)i;
		s[1] = (uint16_t)(65520 - i);
		s[2] = 65520;
		coef[0] = (uint16_t)(i * 3 % 65521);
		coef[1] = 65520;
		coef[3] = 65520;
		coef[4] = (uint16_t)(i ^ 1);
		for (x[0] = 1; x[0] <= 100; x[0]++)
			gf65521_at(y + (x[0] - 1) * 3, s, 3, 3, x[0], coef);
		x[0] = 100;
		x[1] = 1 + i % 50;
		x[2] = 51 + i % 49;
		p[0] = y + 99 * 3;
		p[1] = y + (x[1] - 1) * 3;
		p[2] = y + (x[2] - 1) * 3;
		gf65521_join(back, p, x, 3, 3, 0);
		wrong += memcmp(back, s, sizeof s) != 0;
	}
	ok(wrong == 0, "GF(65521) comes back");
}

int
main(void)
{
	secret_init(1 << 16);
	field();
	edges();
	lies();
	original();
	return done_testing();
}
