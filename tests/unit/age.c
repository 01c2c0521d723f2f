#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "bech32.h"
#include "hash.h"
#include "payload.h"
#include "secret.h"
#include "tap.h"
#include "word.h"

static void
test_bech32(void)
{
	static const char *const valid[] = { "A12UEL5L", "a12uel5l",
		"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", NULL };
	static const char *const invalid[] = { "", "1", "a1", "pzry9x0s0muk",
		"1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8",
		"A12uEL5L", "a12uel5m", "a1lqfn3a", NULL };
	char hrp[BECH32_HRP_MAX], text[BECH32_MAX(64)], text2[BECH32_MAX(64)];
	unsigned char data[64], back[64];
	size_t n, i;
	bool good = true;

	for (i = 0; valid[i]; i++)
		if (bech32_decode(hrp, data, sizeof data, valid[i]) < 0)
			good = false;
	ok(good, "bech32: valid texts are taken");
	good = true;
	for (i = 0; invalid[i]; i++)
		if (bech32_decode(hrp, data, sizeof data, invalid[i]) >= 0)
			good = false;
	ok(good, "bech32: invalid texts are refused");
	good = true;
	for (n = 0; n <= 64; n++) {
		for (i = 0; i < n; i++)
			data[i] = (unsigned char)(17 * i + n);
		if (bech32_encode(text, "age", data, n) < 0 ||
		    bech32_decode(hrp, back, sizeof back, text) != (long)n ||
		    memcmp(data, back, n) != 0 || strcmp(hrp, "age") != 0)
			good = false;
		/* every single altered character is found */
		for (i = 4; good && text[i]; i++) {
			strcpy(text2, text);
			text2[i] = text[i] == 'q' ? 'p' : 'q';
			if (bech32_decode(hrp, back, sizeof back, text2) >= 0)
				good = false;
		}
	}
	ok(good, "bech32: what is written is read, an error is found");
	n = (size_t)bech32_decode(hrp, data, 64, "A12UEL5L");
	ok(n == 0 && bech32_decode(hrp, back, 31,
			 "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869x"
			 "eexvn73equnujwj") < 0,
	    "bech32: data longer than its place is refused");
}

static void
test_hkdf(void)
{
	static const char *const want[] = {
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5"
		"bf34007208d5b887185865",
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d"
		"2d9d201395faa4b61a96c8"
	};
	unsigned char ikm[22], salt[13], info[10], out[42];
	char text[2 * sizeof out + 1];
	unsigned i;

	memset(ikm, 0x0b, sizeof ikm);
	for (i = 0; i < sizeof salt; i++)
		salt[i] = (unsigned char)i;
	for (i = 0; i < sizeof info; i++)
		info[i] = (unsigned char)(0xf0 + i);
	hkdf(out, sizeof out, ikm, sizeof ikm, salt, sizeof salt, info,
	    sizeof info);
	hex_encode(text, out, sizeof out);
	ok(strcmp(text, want[0]) == 0, "HKDF: RFC 5869, test case 1");
	hkdf(out, sizeof out, ikm, sizeof ikm, NULL, 0, NULL, 0);
	hex_encode(text, out, sizeof out);
	ok(strcmp(text, want[1]) == 0, "HKDF: RFC 5869, test case 3");
}

static void
test_base64(void)
{
	unsigned char b[9], back[9];
	char text[AGE_BASE64(9)];
	bool good = true;
	size_t n, i, len;

	for (n = 0; n <= sizeof b; n++) {
		for (i = 0; i < n; i++)
			b[i] = (unsigned char)(251 * (i + 1) + n);
		len = age_base64(text, b, n);
		if (len != strlen(text) || len + 1 > AGE_BASE64(n) ||
		    age_unbase64(back, text, len) != (long)n ||
		    memcmp(b, back, n) != 0)
			good = false;
	}
	ok(good, "base64: there and back");
	ok(age_unbase64(back, "AA", 2) == 1 &&
		age_unbase64(back, "AB", 2) < 0 &&
		age_unbase64(back, "AAB", 3) < 0 &&
		age_unbase64(back, "AA==", 4) < 0 &&
		age_unbase64(back, "A", 1) < 0 &&
		age_unbase64(back, "A-A_", 4) < 0 &&
		age_unbase64(back, "AA A", 4) < 0,
	    "base64: padding, blanks and loose bits are refused");
}

static void
test_keys(void)
{
	/* the specification's own pair */
	static const char identity[] = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYS"
				       "JZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
	static const char recipient[] = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s8"
					"2hzrye869xeexvn73equnujwj";
	static const char guid[] = "000102030405060708090a0b0c0d0e0f";
	unsigned char *s = secret_alloc(128), pub[32], *key = s + 32,
		      *file = s + 64, *back = s + 96;
	unsigned char payload[32], payload2[32], zero[32] = { 0 };
	struct age_head *h = age_head_new(), *r = age_head_new();
	struct why w = { 0 };
	char text[BECH32_MAX(32)], got[AGE_GUID + 1];
	const void *p;
	size_t n, used, i;
	bool good = true;

	ok(age_identity(s, identity, &w) == 0 &&
		age_recipient(pub, recipient, &w) == 0,
	    "keys: identity and recipient are read");
	bech32_encode(text, "age", zero, 32);
	ok(age_recipient(pub, text, &w) < 0,
	    "keys: a useless point is refused");
	ok(age_recipient(pub, identity, &w) < 0 &&
		age_identity(back, recipient, &w) < 0,
	    "keys: one is not taken for the other");
	age_recipient(pub, recipient, &w);
	secret_random(key, 32);
	secret_random(file, AGE_FILE_KEY);
	age_head_begin(h);
	age_wrap_mdm(h, guid, key, file);
	age_wrap_x25519(h, pub, file);
	p = age_head_end(h, file, payload, &n);
	for (i = 0; i < n; i++) { /* byte by byte */
		int whole = age_head_feed(r, (const char *)p + i, 1, &used, &w);

		if (used != 1 || whole != (i == n - 1))
			good = false;
	}
	ok(good && age_head_size(r) == n, "head: whole with its last byte");
	ok(age_guid(r, got, &w) == 1 && strcmp(got, guid) == 0,
	    "head: its GUID");
	ok(age_unwrap(r, key, back, &w) == 0 && memcmp(back, file, 16) == 0,
	    "head: the object's key opens it");
	memset(back, 0, 16);
	ok(age_unwrap_x25519(r, s, back, &w) == 1 &&
		memcmp(back, file, 16) == 0,
	    "head: the identity opens it");
	ok(age_payload_key(r, back, payload2, &w) == 0 &&
		memcmp(payload, payload2, 32) == 0,
	    "head: both derive one payload key");
	key[0] ^= 1;
	ok(age_unwrap(r, key, back, &w) < 0 && w.code == EXIT_DATA,
	    "head: another key does not");
	s[1] ^= 1;
	ok(age_unwrap_x25519(r, s, back, &w) == 0,
	    "head: another identity does not");
	back[0] = file[0] ^ 1;
	ok(age_payload_key(r, back, payload2, &w) < 0 && w.code == EXIT_DATA,
	    "head: the MAC is checked");
	age_head_free(h);
	age_head_free(r);
	secret_free(s, 128);
}

struct sunk {
	unsigned char *p;
	size_t n;
};

static int
sink(void *arg, const void *p, size_t n, struct why *w)
{
	struct sunk *s = arg;

	(void)w;
	memcpy(s->p + s->n, p, n);
	s->n += n;
	return 0;
}

enum { BIG = 5 << 20 };

/* Run n bytes through in pieces; the result's length, or -1. */
static long
through(struct payload *p, enum payload_mode mode, unsigned char *out,
    const unsigned char *in, size_t n, size_t piece, struct why *w)
{
	static const unsigned char key[PAYLOAD_KEY] = "a key";
	struct sunk s = { out, 0 };
	size_t k;

	payload_begin(p, mode, key, sink, &s);
	for (; n > 0; in += k, n -= k) {
		k = n < piece ? n : piece;
		if (payload_put(p, in, k, w) < 0)
			return -1;
	}
	return payload_end(p, w) < 0 ? -1 : (long)s.n;
}

static void
test_payload(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537,
		4 * 65536 - 1, 4 * 65536, 4 * 65536 + 1, BIG, 0, 17, BIG - 1 };
	unsigned char *in = malloc(BIG), *mid = malloc(BIG + 4096),
		      *out = malloc(BIG + 4096);
	struct payload *p = payload_new();
	struct why w = { 0 };
	bool good = true, lengths = true;
	size_t i;
	long n;

	for (i = 0; i < BIG; i++)
		in[i] = (unsigned char)(i * 2654435761u >> 13);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		n = through(p, PAYLOAD_SEAL, mid, in, sizes[i], 70001, &w);
		lengths = lengths && n == payload_sealed((long long)sizes[i]) &&
			  payload_plain(n) == (long long)sizes[i];
		if (n < 0 ||
		    through(p, PAYLOAD_OPEN, out, mid, (size_t)n, 4097, &w) !=
			(long)sizes[i] ||
		    memcmp(in, out, sizes[i]) != 0)
			good = false;
	}
	ok(good, "payload: there and back, at every kind of end");
	ok(lengths, "payload: lengths are foretold");
	ok(payload_plain(0) < 0 && payload_plain(15) < 0 &&
		payload_plain(16) == 0 && payload_plain(65536 + 16 + 16) < 0 &&
		payload_plain(65536 + 16 + 17) == 65537,
	    "payload: lengths that nothing has");
	n = through(p, PAYLOAD_SEAL, mid, in, BIG, BIG, &w);
	mid[n / 2] ^= 4;
	ok(through(p, PAYLOAD_OPEN, out, mid, (size_t)n, BIG, &w) < 0 &&
		w.code == EXIT_DATA,
	    "payload: a flipped bit in mid-object is found");
	mid[n / 2] ^= 4;
	ok(through(p, PAYLOAD_OPEN, out, mid, (size_t)n - 1, BIG, &w) < 0 &&
		through(p, PAYLOAD_OPEN, out, mid, (size_t)n, 1000, &w) == BIG,
	    "payload: a failed object leaves the next one alone");
	payload_free(p);
	free(in);
	free(mid);
	free(out);
}

int
main(void)
{
	secret_init(1 << 16);
	test_bech32();
	test_hkdf();
	test_base64();
	test_keys();
	test_payload();
	return done_testing();
}
