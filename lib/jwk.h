#ifndef JWK_H
#define JWK_H

#include <openssl/evp.h>
#include <stddef.h>

#include "say.h"

/*
 * Public keys as token issuers publish them, a JSON Web Key Set (RFC 7517),
 * and the signatures that they verify (RFC 7518, RFC 8037).
 */
struct jwks;

/*
 * Parse the n bytes.  Keys of kinds that we do not know, or not for signing,
 * are left out; a set without any key left is no set.  NULL with *w.
 */
struct jwks *jwks_parse(const char *text, size_t n, struct why *w);
void jwks_free(struct jwks *j); /* NULL is nothing */
unsigned jwks_count(const struct jwks *j);

/*
 * Is sig, by algorithm alg ("RS256"...) and the key kid (NULL: any), one of
 * the n bytes of data?  1, or 0.
 */
int jwks_verify(const struct jwks *j, const char *alg, const char *kid,
    const void *data, size_t n, const unsigned char *sig, size_t sig_len);

/*
 * Base64url without padding, in its one form, of n characters into out (n
 * bytes).  Returns the length, or -1.
 */
long base64url_decode(unsigned char *out, const char *text, size_t n);

#endif
