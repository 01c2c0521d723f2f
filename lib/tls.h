#ifndef TLS_H
#define TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "say.h"

/*
 * A server's side of TLS: 1.2 and 1.3, no renegotiation, and no resumption,
 * since a resumed session carries no chain to know the client by.
 *
 * cert is a PEM file, the server's own certificate first; key its key, in a
 * file that others cannot read.  Clients are verified against trust (kept, by
 * reference); needed: a client without a certificate is not let in.
 * SSL_CTX_free(); NULL with *w.
 */
SSL_CTX *tls_server(const char *cert, const char *key, X509_STORE *trust,
    bool needed, struct why *w);

#endif
