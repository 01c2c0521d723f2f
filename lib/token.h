#ifndef TOKEN_H
#define TOKEN_H

#include <time.h>

#include "who.h"

/*
 * Bearer tokens of WLCG and OpenID Connect issuers: signed JWTs.  issuers(5)
 * lists whom we believe, for what audience, by which keys, and about which
 * groups.  Nothing is fetched: the keys are files.
 *
 * A token's client is ISSUER#SUBJECT, and its FQANs are those of its groups
 * that the issuer may speak of.  Only RS256, RS384, RS512, ES256, ES384,
 * ES512, PS256 and EdDSA signatures by the listed keys count.
 */
#define TOKEN_MAX 16384 /* bytes of a token */

struct tokens;

/* Read issuers(5) and the keys it names.  NULL with *w. */
struct tokens *tokens_load(const char *file, struct why *w);
void tokens_free(struct tokens *t); /* NULL is nothing */

/*
 * Verify, at the time now; fill *who, and *until.  0, or -1 with *w:
 * EXIT_DENIED, whose text never has the token's.
 */
int tokens_verify(const struct tokens *t, const char *jwt, time_t now,
    struct who *who, time_t *until, struct why *w);

#endif
