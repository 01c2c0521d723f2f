#ifndef CRED_H
#define CRED_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * Who we are to a grid service: the certificate or proxy and the bearer token
 * of the user's environment, found where grid programs look for them.
 *
 *	X509_USER_PROXY, X509_USER_CERT and X509_USER_KEY, /tmp/x509up_uID,
 *	~/.globus/usercert.pem and userkey.pem
 *	BEARER_TOKEN, BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_uID, /tmp/bt_uID
 *
 * A file that others can read, or that others own, is refused.
 */
struct cred {
	char cert[4096], key[4096]; /* PEM files, the same for a proxy */
};

/* 1; 0: there is none; -1 with *w: EXIT_DENIED. */
int cred_certificate(struct cred *c, struct why *w);

/*
 * The token that the environment names, or else that of the usual places too.
 * It is in memory from secret.h, *size bytes of it, with a NUL: give it to
 * secret_free(token, size).  NULL: there is none, and w->code is 0, or it
 * cannot be used.  Needs secret_init().
 */
enum cred_where { CRED_NAMED, CRED_USUAL };
char *cred_token(enum cred_where where, size_t *size, struct why *w);

/* Has this certificate or proxy, or what it hangs on, expired? */
bool cred_expired(const char *pem);

/* The directory of trusted CAs; for a service too. */
const char *cred_ca_dir(void);

#endif
