#ifndef PEER_H
#define PEER_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

#include "who.h"

/*
 * Who is at the other end of a TLS connection, by the rules of the grid:
 *
 *  - a chain up to an authority in ca_dir (hashed names, CRLs beside them),
 *    which may end in RFC 3820 proxies;
 *  - proxies that hand on all rights.  Limited ones if so configured; every
 *    other policy (independent, or a language we do not know) is refused,
 *    although OpenSSL accepts it;
 *  - every name in the chain allowed by the signing policy of its issuer;
 *  - the DN is that of the first certificate that is not a proxy;
 *  - the FQANs are those of its VOMS attributes.
 *
 * A DN that could be read as another one (a value with "/CN=" in it, say) is
 * refused: ACLs compare the text.
 */
struct peer_rules {
	const char *ca_dir;
	const char *voms_dir;  /* NULL: attributes are not read */
	bool limited;          /* take limited proxies */
	bool crl_needed;       /* an authority without a CRL is not trusted */
	bool sigpolicy_needed; /* nor one without a signing policy */
};

/*
 * The authorities and CRLs of ca_dir as they are now; a later change of a CRL
 * is seen by a new one only.  X509_STORE_free(); NULL with *w.
 */
X509_STORE *peer_trust(const struct peer_rules *r, struct why *w);

/* For SSL_CTX_set_verify() and X509_STORE: lets CRLs be missing, if allowed. */
int peer_verify_cb(int ok, X509_STORE_CTX *ctx);

/*
 * Verify leaf and the chain that came with it, now, and fill *who and *until
 * (the earliest end of chain and attributes).  0, or -1 with *w: EXIT_DENIED;
 * *who then needs no who_free(), and *dn, unless NULL, is the DN as far as it
 * is known, for the audit.
 */
int peer_identify(const struct peer_rules *r, X509_STORE *trust, X509 *leaf,
    STACK_OF(X509) * chain, struct who *who, time_t *until,
    char dn[WHO_MAX + 1], struct why *w);

/* The DN in slash form.  -1 with *w: EXIT_DENIED, ambiguous or too long. */
int peer_dn(const X509_NAME *name, char dn[WHO_MAX + 1], struct why *w);

/* The DN of the first of these that is no proxy, verified or not, or "". */
void peer_claims(X509 *leaf, STACK_OF(X509) * chain, char dn[WHO_MAX + 1]);

#endif
