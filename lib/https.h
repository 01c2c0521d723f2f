#ifndef HTTPS_H
#define HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * A connection to one of our services, as a client: requests whose answers are
 * lines with an .end line (line.h).  This and nothing else of lib/ knows
 * libcurl, where we speak to hydra-serve and lfc-serve.
 *
 * We show what cred.h finds: a proxy or certificate, and a bearer token if the
 * environment names one; the service must show a certificate of an authority
 * in cred_ca_dir().  The connection is kept between requests.
 *
 * A service that is silent for 30 s (MDM_STORE_WAIT) is given up.  Messages do
 * not name the service.  Needs secret_init() with HTTPS_SECRET for each.
 */
#define HTTPS_SECRET (3u << 16)

struct https;

/*
 * pin: 64 hex digits that the SHA-256 of its public key must be, or NULL.
 * Nothing is sent yet.  NULL with *w.
 */
struct https *https_open(const char *url, const char *pin, struct why *w);
void https_close(struct https *h); /* NULL is nothing */

/* From any thread: the request under way fails soon, and all after it. */
void https_cancel(struct https *h);

/* A line of the answer, n bytes with the newline; not the last, .end. */
typedef int https_take(void *arg, const char *line, size_t n, struct why *w);

/*
 * One request: POST of len bytes of body, or GET if it is NULL.  path is added
 * to the URL.  0 when the answer was whole; or -1 with *w, and *again if the
 * same may work when it is asked again.  Lines of an answer that is then cut
 * have been taken.
 */
int https_request(struct https *h, const char *path, const char *body,
    size_t len, https_take *take, void *arg, bool *again, struct why *w);

/* How long we have waited for a service that may answer later; zeroed. */
struct https_patience {
	unsigned tries;
	double waited; /* seconds */
};

/*
 * Wait before asking again, longer each time, some db_lock_wait() in all for
 * one that says "later" (EXIT_RETRY), a moment for others; false: no more.
 */
bool https_wait(struct https *h, struct https_patience *p, const struct why *w);

/* An answer that breaks the rules: EXIT_DATA, -1. */
int https_malformed(struct why *w, const char *what);

#endif
