#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#include "say.h"

/*
 * Checksums of a body as it passes: what manifest(5) calls size, sha256 and
 * adler32, the two kinds that storage elements and catalogues compare.
 */
struct sums {
	unsigned long long size; /* bytes so far */
	uint32_t adler;
	void *md; /* EVP_MD_CTX */
};

struct sums_text {
	char sha256[65]; /* lower-case hex */
	char adler32[9]; /* always eight lower-case hex digits */
};

/* All die EXIT_BUG if OpenSSL fails.  A struct sums may be begun again. */
void sums_begin(struct sums *s);
void sums_add(struct sums *s, const void *p, size_t n);
void sums_end(struct sums *s, struct sums_text *t);
void sums_free(struct sums *s); /* one that is not static */

/* HMAC-SHA-256 of a message that comes in pieces. */
struct hmac; /* opaque */
struct hmac *hmac_new(const void *key, size_t n);
void hmac_begin(struct hmac *h); /* again, with the same key */
void hmac_add(struct hmac *h, const void *p, size_t n);
void hmac_end(struct hmac *h, unsigned char out[32]);
void hmac_free(struct hmac *h);

void sha256(unsigned char out[32], const void *p, size_t n);

/* HKDF-SHA-256 (RFC 5869), len bytes into out. */
void hkdf(void *out, size_t len, const void *ikm, size_t ikm_len,
    const void *salt, size_t salt_len, const void *info, size_t info_len);

#endif
