#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "secret.h"
#include "serve_impl.h"

#define PIECE 65536         /* bytes of a body at a time */
#define ENOUGH (1u << 18)   /* of an answer, to let it begin to leave */
#define TOO_MUCH (1u << 20) /* of it not yet taken, to stop working */

/* ---- its life ---- */

static void
phase(struct conn *c, enum phase p)
{
	if (c->phase == PHASE_CUT)
		return;
	c->phase = p;
	c->since = serve_now();
	c->moved = 0;
}

/*
 * Close by way of the socket: libevent then finds it closed, and lets go of
 * everything in its own order.
 */
void
conn_cut(struct conn *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);

	if (c->phase == PHASE_CUT)
		return;
	phase(c, PHASE_CUT);
	c->s->n.cut++;
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static void
forget(struct conn *c)
{
	who_free(&c->who);
	if (c->token != NULL)
		secret_clear(c->token, strlen(c->token));
	free(c->token);
	c->token = NULL;
	c->known = false;
}

static void
drop_call(struct conn *c)
{
	if (c->call != NULL)
		c->s->app->drop(c->call);
	c->call = NULL;
	if (c->turn != NULL)
		event_del(c->turn);
	evbuffer_drain(c->out.buf, evbuffer_get_length(c->out.buf));
}

static int ssl_index = -1;

/* Called when OpenSSL frees the connection's SSL. */
static void
conn_free(
    void *parent, void *p, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct conn *c = p;
	struct serve *s;
	unsigned i;

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	if (c == NULL)
		return;
	s = c->s;
	drop_call(c);
	forget(c);
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	s->count--;
	s->waiting -= c->waiting;
	if (c->turn != NULL)
		event_free(c->turn);
	evbuffer_free(c->out.buf);
	free(c);
	if (s->paused && !s->draining) {
		s->paused = false;
		for (i = 0; i < s->sockets; i++)
			evconnlistener_enable(
			    evhttp_bound_socket_get_listener(s->socket[i]));
	}
}

/*
 * The first bytes of a connection.  HTTPG puts one in front of the first
 * request: 0, nothing is delegated; D, a proxy would be, which we do not want.
 */
static void
first_bytes(struct conn *c, struct evbuffer *b)
{
	char first;

	c->spoke = true;
	if (!c->s->app->httpg || evbuffer_copyout(b, &first, 1) != 1)
		return;
	if (first == '0')
		evbuffer_drain(b, 1);
	else if (first == 'D')
		conn_cut(c);
}

/* Plain bytes came, or were taken up. */
static void
on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;
	struct serve *s = c->s;
	size_t now;

	if (!c->spoke && info->n_added > 0)
		first_bytes(c, b);
	now = evbuffer_get_length(b);
	s->waiting += now - c->waiting;
	c->waiting = now;
	s->n.in += info->n_added;
	if (info->n_added == 0)
		return;
	if (c->phase == PHASE_IDLE || c->phase == PHASE_HELLO)
		phase(c, PHASE_READING);
	c->moved += info->n_added;
	if (s->waiting > s->rules->max_memory)
		conn_cut(c);
}

static void
on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	(void)b;
	c->moved += info->n_deleted;
	c->s->n.out += info->n_deleted;
}

/*
 * One more than there may be: the one that has done nothing for longest goes;
 * if all are at work, no more are taken until one has ended.
 */
static void
make_room(struct serve *s)
{
	struct conn *c, *oldest = NULL;
	unsigned i;

	for (c = s->conns; c != NULL; c = c->next)
		if ((c->phase == PHASE_IDLE || c->phase == PHASE_HELLO) &&
		    c->next != NULL &&
		    (oldest == NULL || c->since < oldest->since))
			oldest = c;
	if (oldest != NULL) {
		conn_cut(oldest);
		return;
	}
	s->paused = true;
	for (i = 0; i < s->sockets; i++)
		evconnlistener_disable(
		    evhttp_bound_socket_get_listener(s->socket[i]));
}

static void work(evutil_socket_t fd, short what, void *arg);

struct bufferevent *
conn_new(struct event_base *base, void *serve)
{
	struct serve *s = serve;
	struct conn *c = calloc(1, sizeof *c);

	if (ssl_index < 0)
		ssl_index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, conn_free);
	if (c == NULL || (c->ssl = SSL_new(s->tls)) == NULL)
		die(EXIT_IO, "out of memory");
	c->s = s;
	c->out.buf = evbuffer_new();
	c->turn = event_new(base, -1, 0, work, c);
	c->bev = bufferevent_openssl_socket_new(
	    base, -1, c->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (c->out.buf == NULL || c->turn == NULL || c->bev == NULL)
		die(EXIT_IO, "out of memory");
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c);
	c->next = s->conns;
	c->at = &s->conns;
	if (c->next != NULL)
		c->next->at = &c->next;
	s->conns = c;
	SSL_set_ex_data(c->ssl, ssl_index, c);
	c->phase = PHASE_HELLO;
	c->since = serve_now();
	s->n.conns++;
	if (++s->count >= s->rules->max_connections)
		make_room(s);
	return c->bev;
}

static bool
out_of_time(const struct conn *c, double now)
{
	const struct serve_rules *r = c->s->rules;
	double allowed = r->patience;

	switch (c->phase) {
	case PHASE_IDLE:
		return c->s->draining || now - c->since > r->idle;
	case PHASE_HELLO:
		return c->s->draining || now - c->since > allowed;
	case PHASE_READING:
	case PHASE_WRITING:
		allowed += (double)c->moved / r->min_rate;
		return now - c->since > allowed;
	default:
		return false;
	}
}

void
conn_check_all(struct serve *s)
{
	double now = serve_now();
	struct conn *c;

	for (c = s->conns; c != NULL; c = c->next) {
		if (c->phase == PHASE_HELLO && SSL_is_init_finished(c->ssl))
			phase(c, PHASE_IDLE);
		if (out_of_time(c, now))
			conn_cut(c);
	}
}

/* ---- who it is ---- */

static const char *
peer_name(struct conn *c)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	char host[48], port[8];

	if (c->peer[0] == '\0' &&
	    getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&a, &n) ==
		0 &&
	    getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port,
		sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(c->peer, sizeof c->peer, "%s:%s", host, port);
	return c->peer;
}

/* A refusal goes on record; it stands whether or not that can be written. */
static void
record(struct conn *c, const char *dn, const char *op, const char *answer,
    const char *text)
{
	struct who claimed = { (char *)(uintptr_t)dn, NULL, 0 };
	struct why w;

	if (c->s->rules->audit == NULL)
		return;
	audit_add(c->s->rules->audit, peer_name(c),
	    dn != NULL && *dn ? &claimed : NULL, op, NULL, answer, text, 1);
	if (audit_flush(c->s->rules->audit, &w) < 0)
		say_error("%s", w.text);
}

/* OpenSSL's verification, of which only the reason of a failure is ours. */
int
conn_verify(X509_STORE_CTX *ctx, void *serve)
{
	struct serve *s = serve;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct conn *c = ssl ? SSL_get_ex_data(ssl, ssl_index) : NULL;
	char dn[WHO_MAX + 1];
	int ok = X509_verify_cert(ctx);

	if (ok > 0 || c == NULL)
		return ok;
	s->n.hello_refused++;
	peer_claims(X509_STORE_CTX_get0_cert(ctx),
	    X509_STORE_CTX_get0_untrusted(ctx), dn);
	record(c, dn, "connect", "refused",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return ok;
}

/* By the token that came with the request: 0 or a status. */
static int
by_token(struct conn *c, const char *token, struct why *w)
{
	if (c->s->tokens == NULL) {
		why_set(w, EXIT_DENIED, "no tokens are accepted here");
		return 401;
	}
	if (c->known && c->token != NULL && strcmp(c->token, token) == 0)
		return 0;
	forget(c);
	if (tokens_verify(
		c->s->tokens, token, time(NULL), &c->who, &c->until, w) < 0)
		return 401;
	if ((c->token = strdup(token)) == NULL)
		die(EXIT_IO, "out of memory");
	return 0;
}

static int
by_certificate(struct conn *c, struct why *w)
{
	X509 *leaf = SSL_get0_peer_certificate(c->ssl);
	STACK_OF(X509) * chain;
	unsigned char digest[32];
	time_t now = time(NULL);
	char dn[WHO_MAX + 1];

	if (c->known && c->token == NULL)
		return 0;
	forget(c);
	if (leaf == NULL) {
		why_set(w, EXIT_DENIED, "no certificate and no token");
		return 401;
	}
	chain = SSL_get_peer_cert_chain(c->ssl);
	known_digest(digest, leaf, chain);
	if (known_find(c->s->known, digest, now, &c->who, &c->until))
		return 0;
	if (peer_identify(&c->s->rules->peer, c->s->trust, leaf, chain, &c->who,
		&c->until, dn, w) == 0) {
		known_add(c->s->known, digest, now, &c->who, c->until);
		return 0;
	}
	record(c, dn, "identify", "refused", w->text);
	return 403;
}

/* 0 and c->who, or a status with *w. */
static int
identify(struct conn *c, const char *authorization, struct why *w)
{
	int status;

	if (c->known &&
	    (c->generation != c->s->generation || time(NULL) >= c->until))
		forget(c);
	if (authorization == NULL)
		status = by_certificate(c, w);
	else if (strncasecmp(authorization, "Bearer ", 7) == 0)
		status = by_token(c, authorization + 7, w);
	else {
		why_set(w, EXIT_DENIED, "an Authorization that is not Bearer");
		status = 401;
	}
	if (status) {
		c->s->n.refused++;
		if (status == 401)
			record(c, NULL, "identify", "refused", w->text);
		return status;
	}
	c->known = true;
	c->generation = c->s->generation;
	return 0;
}

/* ---- the request ---- */

static const char *
phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 429:
		return "Too Many Requests";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "-";
	}
}

static void
count(struct conn *c, int status)
{
	double took = serve_now() - c->began;
	int i;

	for (i = 0; i < LATENCIES - 1; i++)
		if (took <= serve_latency[i])
			break;
	c->s->n.latency[i]++;
	c->s->n.requests++;
	c->s->n.seconds += took;
	if (status > 0 && status < 600)
		c->s->n.answers[status]++;
}

/* The client has all of the answer. */
static void
on_complete(struct evhttp_request *req, void *arg)
{
	struct conn *c = arg;

	(void)req;
	c->req = NULL;
	if (evbuffer_get_length(bufferevent_get_input(c->bev)))
		phase(c, PHASE_READING); /* the next is there already */
	else
		phase(c, PHASE_IDLE);
}

static void
headers(struct conn *c, int status)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(c->req);

	evhttp_add_header(h, "Content-Type",
	    status == 200 && c->s->app->type ? c->s->app->type : "text/plain");
	evhttp_add_header(h, "Cache-Control", "no-store");
	if (status == 401)
		evhttp_add_header(h, "WWW-Authenticate", "Bearer");
	if (status == 429 || status == 503)
		evhttp_add_header(h, "Retry-After", "1");
	if (c->s->draining || status == 401 || status == 403)
		evhttp_add_header(h, "Connection", "close");
}

/*
 * The end of a request that cannot be served: with a status if nothing of the
 * answer has left, else by cutting the connection.
 */
static void
fail(struct conn *c, int status, const struct why *w)
{
	struct evhttp_request *req = c->req;
	struct evbuffer *text;
	bool begun = c->begun;

	count(c, status);
	drop_call(c);
	if (begun) {
		conn_cut(c);
		evhttp_send_reply_end(req);
		return;
	}
	if (status >= 500)
		say_error("%s %s: %s", c->seen.method, c->seen.target, w->text);
	if ((text = evbuffer_new()) == NULL)
		die(EXIT_IO, "out of memory");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add_printf(text, "%s\n", w->text);
	headers(c, status);
	phase(c, PHASE_WRITING);
	evhttp_send_reply(req, status, phrase(status), text);
	evbuffer_free(text);
}

/* The application, or its store, would not: this goes on record too. */
static void
refuse(struct conn *c, int status, const struct why *w)
{
	char answer[16];
	struct why bad;

	if (c->s->rules->audit != NULL) {
		snprintf(answer, sizeof answer, "%d", status);
		audit_add(c->s->rules->audit, c->peer, &c->who, "request", NULL,
		    answer, w->text, 1);
		if (audit_flush(c->s->rules->audit, &bad) < 0)
			say_error("%s", bad.text);
	}
	fail(c, status, w);
}

static void
done(struct conn *c)
{
	count(c, 200);
	phase(c, PHASE_WRITING);
	if (c->begun) {
		evhttp_send_reply_chunk(c->req, c->out.buf);
		drop_call(c);
		evhttp_send_reply_end(c->req);
	} else {
		headers(c, 200);
		evhttp_send_reply(c->req, 200, phrase(200), c->out.buf);
		drop_call(c);
	}
}

static void
taken(struct evhttp_connection *ec, void *arg)
{
	struct conn *c = arg;

	(void)ec;
	if (c->call == NULL)
		return;
	phase(c, PHASE_WORKING);
	event_active(c->turn, 0, 0);
}

/* Let what there is of the answer go.  True: first wait for it to be taken. */
static bool
send_some(struct conn *c)
{
	if (!c->begun) {
		headers(c, 200);
		evhttp_send_reply_start(c->req, 200, phrase(200));
		c->begun = true;
	}
	evhttp_send_reply_chunk_with_cb(c->req, c->out.buf, taken, c);
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) < TOO_MUCH)
		return false;
	phase(c, PHASE_WRITING);
	return true;
}

/*
 * One piece of the body, or of what follows it; the loop comes back for the
 * next.
 */
static void
work(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	const struct serve_app *app = c->s->app;
	struct evbuffer *in = evhttp_request_get_input_buffer(c->req);
	struct evbuffer_iovec v = { NULL, 0 };
	struct why w = { 0, "" };
	int status;

	(void)fd, (void)what;
	if (c->generation != c->s->generation &&
	    (status = identify(c,
		 evhttp_find_header(
		     evhttp_request_get_input_headers(c->req), "Authorization"),
		 &w)) != 0) {
		fail(c, status, &w);
		return;
	}
	if (evbuffer_peek(in, PIECE, NULL, &v, 1) > 0 && v.iov_len > 0) {
		if (v.iov_len > PIECE)
			v.iov_len = PIECE;
		status = app->feed(c->call, v.iov_base, v.iov_len, &w);
		if (status) {
			refuse(c, status, &w);
			return;
		}
		evbuffer_drain(in, v.iov_len);
	} else {
		status = app->finish(c->call, &w);
		if (status == 200)
			done(c);
		else if (status)
			refuse(c, status, &w);
		if (status)
			return;
	}
	if (evbuffer_get_length(c->out.buf) < ENOUGH || !send_some(c))
		event_active(c->turn, 0, 0);
}

/* The client went away.  If the request is in our hands, it is ours to free. */
static void
on_close(struct evhttp_connection *ec, void *arg)
{
	struct conn *c = arg;
	struct evhttp_request *req = c->req;

	(void)ec;
	drop_call(c);
	c->req = NULL;
	if (req != NULL && evhttp_request_get_connection(req) == NULL)
		evhttp_request_free(req);
}

static const char *
method(const struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	default:
		return "-";
	}
}

void
conn_request(struct evhttp_request *req, void *serve)
{
	struct serve *s = serve;
	struct evhttp_connection *ec = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(ec);
	struct conn *c =
	    SSL_get_ex_data(bufferevent_openssl_get_ssl(bev), ssl_index);
	struct why w = { 0, "" };
	int status;

	c->req = req;
	c->begun = false;
	c->began = serve_now();
	phase(c, PHASE_WORKING);
	evhttp_connection_set_closecb(ec, on_close, c);
	evhttp_request_set_on_complete_cb(req, on_complete, c);
	c->seen = (struct serve_request){ method(req),
		evhttp_request_get_uri(req), peer_name(c), &c->who };
	status = identify(c,
	    evhttp_find_header(
		evhttp_request_get_input_headers(req), "Authorization"),
	    &w);
	if (status) {
		fail(c, status, &w);
		return;
	}
	status = s->app->begin(s->app->arg, &c->seen, &c->out, &c->call, &w);
	if (status) {
		refuse(c, status, &w);
		return;
	}
	work(-1, 0, c);
	/* a small request is answered without going round the loop */
	if (c->call != NULL && !c->begun &&
	    evbuffer_get_length(evhttp_request_get_input_buffer(req)) == 0) {
		event_del(c->turn);
		work(-1, 0, c);
	}
}

void
serve_put(void *out, const void *p, size_t n)
{
	struct serve_out *o = out;

	if (evbuffer_add(o->buf, p, n) < 0)
		die(EXIT_IO, "out of memory");
}
