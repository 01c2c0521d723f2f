#ifndef VOMS_H
#define VOMS_H

#include <openssl/x509.h>
#include <time.h>

#include "who.h"

/*
 * What a VO says of a certificate's holder: the FQANs of the attribute
 * certificates in a proxy, signed by a VOMS server that voms_dir lists for
 * that VO (voms_dir/VO/HOST.lsc).  Only for chains that OpenSSL has verified:
 * libvomsapi alone also takes proxies of kinds long given up.
 */

/*
 * Before any other thread and before voms_read(): keeps libvomsapi from
 * trusting, and loading, the system's web authorities.
 */
void voms_init(void);

/*
 * Add the FQANs of leaf and chain to *who, and lower *until to the end of
 * their validity.  Returns how many attribute certificates there were, 0 for
 * none, or -1 with *w: EXIT_DENIED, there is one and it is not good.
 */
int voms_read(const char *voms_dir, const char *ca_dir, X509 *leaf,
    STACK_OF(X509) * chain, struct who *who, time_t *until, struct why *w);

#endif
