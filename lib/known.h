#ifndef KNOWN_H
#define KNOWN_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

#include "who.h"

/*
 * Clients whose identity was established within the last minute, by all the
 * certificates that they showed: the connections of one job show the same
 * proxy, and to read its attributes costs a hundred times what a request
 * does.  Authorities, CRLs and attribute servers may change: forget with
 * known_clear() when they are read again.
 */
#define KNOWN_TIME 60 /* seconds that an entry is good for */

struct known;

struct known *known_new(void);
void known_free(struct known *k); /* NULL is nothing */
void known_clear(struct known *k);

/* The digest of all that was shown. */
void known_digest(unsigned char out[32], X509 *leaf, STACK_OF(X509) * chain);

/* Is it known at the time now?  Then *who (who_free()) and *until. */
bool known_find(struct known *k, const unsigned char digest[32], time_t now,
    struct who *who, time_t *until);

/* until: when the identity ends. */
void known_add(struct known *k, const unsigned char digest[32], time_t now,
    const struct who *who, time_t until);

#endif
