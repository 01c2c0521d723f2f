#ifndef SERVE_IMPL_H
#define SERVE_IMPL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <time.h>

#include "known.h"
#include "serve.h"
#include "token.h"

/* What lib/serve*.c share; nobody else includes it. */

enum phase {
	PHASE_HELLO,   /* shaking hands */
	PHASE_IDLE,    /* between requests */
	PHASE_READING, /* a request is coming */
	PHASE_WORKING, /* it is being worked off */
	PHASE_WRITING, /* the client is to take the answer */
	PHASE_CUT,     /* no more of this one */
	PHASES
};

struct serve_out {
	struct evbuffer *buf;
};

/* A connection; it lives and dies with its SSL. */
struct conn {
	struct serve *s;
	struct conn *next, **at; /* in s->conns, the newest first */
	struct bufferevent *bev;
	SSL *ssl;
	enum phase phase;
	double since;   /* when the phase began */
	size_t moved;   /* bytes in it */
	size_t waiting; /* bytes of its request in memory */
	bool spoke;     /* its first byte has come */
	char peer[64];

	/* who it is: valid if generation is the server's, until then */
	struct who who;
	bool known;
	time_t until;
	unsigned generation;
	char *token; /* that says so; NULL: the certificate */

	/* the request in hand */
	struct evhttp_request *req;
	struct serve_request seen;
	struct serve_out out;
	void *call;
	double began;
	bool begun;         /* the answer has begun to leave */
	struct event *turn; /* to go on with it */
};

#define LATENCIES 10
extern const double serve_latency[LATENCIES]; /* s; the last has no bound */

struct serve {
	const struct serve_rules *rules;
	const struct serve_app *app;
	struct event_base *base;
	struct evhttp *http, *status;
	struct evhttp_bound_socket *socket[16];
	unsigned sockets;
	char *address[16], *status_address;
	bool paused; /* not accepting: as many connections as there may be */
	struct event *tick, *hup, *term, *intr;

	SSL_CTX *tls;
	X509_STORE *trust;
	struct tokens *tokens;
	struct known *known;
	unsigned generation; /* of those four */

	struct conn *conns;
	unsigned count;
	size_t waiting;
	double draining; /* when SIGTERM came, or 0 */

	struct {
		unsigned long long conns, hello_refused, refused, cut;
		unsigned long long answers[600];
		unsigned long long latency[LATENCIES], requests;
		unsigned long long in, out;
		double seconds;
	} n;
};

/* serve_conn.c */
struct bufferevent *conn_new(struct event_base *base, void *serve);
void conn_request(struct evhttp_request *req, void *serve);
void conn_cut(struct conn *c);
void conn_check_all(struct serve *s); /* patience, idleness, draining */
int conn_verify(X509_STORE_CTX *ctx, void *serve); /* for SSL_CTX */

/* serve_status.c */
int status_open(struct serve *s, struct why *w);

#endif
