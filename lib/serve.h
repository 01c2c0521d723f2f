#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "audit.h"
#include "peer.h"
#include "say.h"
#include "who.h"

/*
 * A service over HTTPS: connections, TLS, identity, limits, and the life of a
 * daemon.  What is served is the application's, which knows nothing of these.
 *
 * One thread, one loop: the application is called for one request at a time,
 * a piece of its body at a time, so that a long request does not hold up
 * short ones.  Answers leave while the body is still worked off; a client
 * that does not read them is not worked for.
 *
 * No client can hold the server up: each has so many seconds, and more only
 * for the bytes that it moves.  Bodies and connections are limited, and so is
 * what all bodies together take.
 *
 * Who asks is found out once for a connection and holds until the first of
 * its certificates, proxies and attributes ends, or until SIGHUP, after which
 * even a request that is being worked off is looked at anew.
 *
 * SIGHUP: certificates, authorities, CRLs and issuers are read again, the
 * audit file opened again; what cannot be read stays as it was, with a line
 * on standard error.  SIGTERM, SIGINT: no new connections; what was taken is
 * finished, within drain seconds.
 */
struct serve_rules {
	const char *const *listen; /* HOST:PORT; port 0: any that is free */
	unsigned listens;
	const char *status; /* HOST:PORT of /healthz and /metrics, or NULL */
	const char *cert;   /* PEM files of the service itself */
	const char *key;
	struct peer_rules peer;
	const char *issuers; /* issuers(5) for tokens, or NULL */
	size_t max_body;     /* bytes of a request */
	size_t max_memory;   /* bytes of all of them */
	unsigned max_connections;
	double patience; /* s to shake hands, to send or to take a request */
	double idle;     /* s a connection may do nothing */
	double min_rate; /* bytes/s that earn more time */
	double drain;    /* s to finish after SIGTERM */
	struct audit *audit;
};
extern const struct serve_rules serve_defaults;

struct serve;     /* the server */
struct serve_out; /* where a request's answer goes */

struct serve_request {
	const char *method, *target, *peer;
	const struct who *who;
};

/*
 * The application.  Statuses are HTTP's; a function that returns one of 400
 * or more fills *w, whose text is the answer's body.
 */
struct serve_app {
	const char *name; /* begins the names of metrics */
	void *arg;

	/*
	 * A request begins: 0 and a call in *call, or a status.  req and out
	 * stay until the call is dropped.
	 */
	int (*begin)(void *arg, const struct serve_request *req,
	    struct serve_out *out, void **call, struct why *w);
	int (*feed)(void *call, const void *p, size_t n, struct why *w); /* 0 */
	/*
	 * The body has come: 200, or a status; or 0 when there is more of the
	 * answer: it is called again when what there is was taken, and others
	 * had their turn.
	 */
	int (*finish)(void *call, struct why *w);
	void (*drop)(void *call);

	int (*health)(void *arg, struct why *w); /* 0 or -1; or NULL */
	int (*reload)(void *arg, struct why *w); /* 0 or -1; or NULL */
	void (*metrics)(void *arg, FILE *f);     /* or NULL */

	const char *type; /* of its answers; NULL: text/plain */
	/*
	 * It speaks the grid's HTTPG too: a connection may begin with one byte,
	 * 0, by which the client says that it delegates nothing; and TLS is
	 * 1.2, the newest that such clients understand.
	 */
	bool httpg;
};

/* Seconds that never go back. */
double serve_now(void);

/* Add to the answer. */
void serve_put(void *out, const void *p, size_t n);

/*
 * Make the server: sockets are bound (or taken from the service manager),
 * files are read.  rules and app are kept.  NULL with *w.  From here on
 * signals wait for serve_run(), so that whoever learns the address may send
 * them.
 */
struct serve *serve_open(const struct serve_rules *rules,
    const struct serve_app *app, struct why *w);

/* "listen HOST:PORT" and "status HOST:PORT" lines, ports as they are. */
void serve_addresses(const struct serve *s, FILE *f);

/* Until SIGTERM or SIGINT.  0, or -1 with *w. */
int serve_run(struct serve *s, struct why *w);
void serve_close(struct serve *s);

#endif
