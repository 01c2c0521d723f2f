#ifndef SHARE_H
#define SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line.h"
#include "say.h"

/*
 * Shamir's secret sharing over GF(256), share(5): n shares of a key, any k of
 * which give it back and fewer of which say nothing about it.
 *
 * Constant time: nothing here branches on, or looks up memory by, a byte of a
 * secret or of a share.  What is public (x, k, n, e, the GUID, the digests) is
 * treated as public.  The caller keeps secrets and struct shares in memory
 * from secret.h.
 */

#define SHARE_ID 32  /* characters of a GUID: lower-case hex */
#define SHARE_MIN 16 /* bytes of a secret */
#define SHARE_MAX 64
#define SHARE_TAG 16 /* bytes of check and of each commitment */
#define SHARE_N 255

struct share {
	char guid[SHARE_ID + 1];
	unsigned x, k, n; /* 1 <= x <= n, 2 <= k <= n <= 255 */
	uint64_t e;       /* epoch; counted up by every re-sharing */
	unsigned char check[SHARE_TAG];
	unsigned char
	    *commit; /* n * SHARE_TAG bytes; whose, the caller knows */
	size_t len;  /* bytes of the secret and of each share */
	unsigned char y[SHARE_MAX];
};

/* Does the text look like a GUID: 32 lower-case hex digits? */
bool share_id_ok(const char *id);

/*
 * Split len bytes into n shares of len bytes, laid one after the other in y.
 * coef is (k - 1) * len random bytes, used once.
 */
void share_at(unsigned char *y, const unsigned char *secret, size_t len,
    unsigned k, unsigned x, const unsigned char *coef); /* one of them */
void share_split(unsigned char *y, const unsigned char *secret, size_t len,
    unsigned k, unsigned n, const unsigned char *coef);

/* check: tells a right secret from a wrong one.  Of s: guid, k, n, e. */
void share_check(unsigned char out[SHARE_TAG], const struct share *s,
    const unsigned char *secret, size_t len);

/* commit of share s: guid, x, e, y, len. */
void share_commit(unsigned char out[SHARE_TAG], const struct share *s);

/*
 * Read a line of share(5).  s->commit must have room for SHARE_N * SHARE_TAG
 * bytes, unless it is NULL: then it is allocated here, of n * SHARE_TAG bytes
 * (share_drop() frees it).  0, or -1 with *w.
 */
int share_from_line(struct share *s, const struct line *l, struct why *w);
void share_to_line(struct line *l, const struct share *s);
void share_drop(struct share *s); /* clears y, frees commit */

/* What became of each share of a set. */
enum share_verdict {
	SHARE_GOOD,  /* a majority of the set vouches for it */
	SHARE_WRONG, /* a majority says it is another's, or damaged */
	SHARE_DOUBT, /* as many for as against */
	SHARE_ODD,   /* k, n, e or check are not those of the others */
	SHARE_OLD,   /* of an earlier epoch than the others */
	SHARE_WEAK,  /* its k is below the threshold */
	SHARE_TWICE, /* a second share of the same x */
};
const char *share_verdict_text(enum share_verdict v);

/*
 * Which of these shares of one GUID can be trusted?  Those who agree on k, n,
 * e and check and whose commitments the majority of them holds.  Looks at
 * nothing secret but hashes.  Returns how many are good; the set can be joined
 * if that is at least *k, which is 0 if no set of enough shares agrees.
 */
unsigned share_judge(const struct share *const *s, unsigned count,
    unsigned threshold, enum share_verdict *verdict, unsigned *k);

/*
 * Judge, join into secret (SHARE_MAX bytes) and test with check.  0, or -1
 * with *w: EXIT_FEW too few shares; EXIT_DATA wrong ones, and then secret is
 * cleared.  Never a wrong secret.
 */
int share_join(unsigned char *secret, size_t *len, const struct share *const *s,
    unsigned count, unsigned threshold, enum share_verdict *verdict,
    struct why *w);

/* The bare interpolation of k shares, at position at; the x are distinct. */
void share_interpolate(
    unsigned char *out, const struct share *const *s, unsigned k, unsigned at);

/*
 * The original's scheme over GF(65521), for --plain: x is the position, each
 * 16-bit limb has a polynomial of its own.  Limbs are in host order.
 */
#define GF65521 65521u
#define GF65521_SHARES 65520u

/* Share x.  coef: (k - 1) * limbs values below GF65521.  y: limbs. */
void gf65521_at(uint16_t *y, const uint16_t *secret, size_t limbs, unsigned k,
    unsigned x, const uint16_t *coef);

/*
 * The polynomial through k shares, at position at (0: the secret).  y: k
 * pointers to limbs values; x: their k distinct positions, from 1.
 */
void gf65521_join(uint16_t *out, const uint16_t *const *y, const unsigned *x,
    unsigned k, size_t limbs, unsigned at);

#endif
