#include <errno.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notify.h"
#include "serve_impl.h"
#include "tls.h"
#include "voms.h"

#define MAX_HEADERS 32768 /* a token is most of them */

const struct serve_rules serve_defaults = {
	.peer = { .sigpolicy_needed = true },
	.max_body = 64u << 20,
	.max_memory = 512u << 20,
	.max_connections = 1000,
	.patience = 15,
	.idle = 300,
	.min_rate = 2048,
	.drain = 30,
};

double
serve_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- sockets ---- */

/* "HOST:PORT", "[ADDRESS]:PORT" or ":PORT". */
static struct addrinfo *
resolve(const char *text, struct why *w)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM },
			*list = NULL;
	const char *colon = strrchr(text, ':');
	char host[256];
	size_t n;
	int rc;

	if (colon == NULL || (n = (size_t)(colon - text)) >= sizeof host) {
		why_set(w, EXIT_USAGE, "%s: not HOST:PORT", text);
		return NULL;
	}
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	rc = getaddrinfo(n ? host : NULL, colon + 1, &hints, &list);
	if (rc == 0)
		return list;
	why_set(w, EXIT_USAGE, "%s: %s", text, gai_strerror(rc));
	return NULL;
}

static bool
is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(
			   ((const struct sockaddr_in *)a)->sin_addr.s_addr) >>
			   24 ==
		       127;
	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(
		   &((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* A listening socket, or -1 with *w. */
static int
listen_on(const char *text, bool loopback, struct why *w)
{
	struct addrinfo *a = resolve(text, w);
	int fd = -1, one = 1;

	if (a == NULL)
		return -1;
	if (loopback && !is_loopback(a->ai_addr)) {
		why_set(w, EXIT_USAGE, "%s: not a loopback address", text);
	} else if ((fd = socket(a->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0 ||
		   setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) <
		       0 ||
		   bind(fd, a->ai_addr, a->ai_addrlen) < 0 ||
		   listen(fd, 1024) < 0) {
		why_set(w, EXIT_IO, "%s: %s", text, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

/* "HOST:PORT" of a socket as it is; the caller frees it. */
static char *
address_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	char host[64] = "-", port[8] = "-", *text = NULL;

	if (getsockname(fd, (struct sockaddr *)&a, &n) == 0)
		getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port,
		    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	if (asprintf(
		&text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port) < 0)
		die(EXIT_IO, "out of memory");
	return text;
}

static int
take(struct serve *s, int fd, struct why *w)
{
	int one = 1;

	evutil_make_socket_nonblocking(fd);
	/* inherited by what is accepted; without it answers wait 40 ms */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (s->sockets == sizeof s->socket / sizeof *s->socket)
		return why_set(w, EXIT_USAGE, "too many sockets to listen on");
	s->socket[s->sockets] = evhttp_accept_socket_with_handle(s->http, fd);
	if (s->socket[s->sockets] == NULL)
		return why_set(w, EXIT_IO, "a socket cannot be listened on");
	s->address[s->sockets++] = address_of(fd);
	return 0;
}

static int
open_sockets(struct serve *s, struct why *w)
{
	int fd, given = notify_sockets();
	unsigned i;

	for (fd = 3; fd < 3 + given; fd++)
		if (take(s, fd, w) < 0)
			return -1;
	for (i = 0; given == 0 && i < s->rules->listens; i++)
		if ((fd = listen_on(s->rules->listen[i], false, w)) < 0 ||
		    take(s, fd, w) < 0)
			return -1;
	if (s->sockets == 0)
		return why_set(w, EXIT_USAGE, "nothing to listen on");
	if (s->rules->status == NULL)
		return 0;
	if ((fd = listen_on(s->rules->status, true, w)) < 0)
		return -1;
	if (status_open(s, w) < 0)
		return -1;
	evhttp_accept_socket(s->status, fd);
	s->status_address = address_of(fd);
	return 0;
}

/* ---- what is read, and read again ---- */

static int
load(struct serve *s, struct why *w)
{
	const struct serve_rules *r = s->rules;
	struct tokens *tokens = NULL;
	X509_STORE *trust;
	SSL_CTX *tls;

	if ((trust = peer_trust(&r->peer, w)) == NULL)
		return -1;
	if (r->issuers != NULL &&
	    (tokens = tokens_load(r->issuers, w)) == NULL) {
		X509_STORE_free(trust);
		return -1;
	}
	tls = tls_server(r->cert, r->key, trust, tokens == NULL, w);
	if (tls == NULL) {
		X509_STORE_free(trust);
		tokens_free(tokens);
		return -1;
	}
	SSL_CTX_set_cert_verify_callback(tls, conn_verify, s);
	if (s->app->httpg)
		SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_free(s->tls);
	X509_STORE_free(s->trust);
	tokens_free(s->tokens);
	s->tls = tls;
	s->trust = trust;
	s->tokens = tokens;
	known_clear(s->known);
	s->generation++;
	return 0;
}

static void
on_hup(evutil_socket_t sig, short what, void *arg)
{
	struct serve *s = arg;
	struct why w;

	(void)sig, (void)what;
	notify_reloading();
	if (load(s, &w) < 0)
		say_error("%s; what was read before stays in force", w.text);
	if (s->rules->audit && audit_reopen(s->rules->audit, &w) < 0)
		say_error("%s; the old file is written on", w.text);
	if (s->app->reload && s->app->reload(s->app->arg, &w) < 0)
		say_error("%s; what was read before stays in force", w.text);
	notify("READY=1");
	say_note("read again");
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	struct serve *s = arg;

	(void)sig, (void)what;
	if (s->draining)
		return;
	notify("STOPPING=1");
	s->draining = serve_now();
	while (s->sockets)
		evhttp_del_accept_socket(s->http, s->socket[--s->sockets]);
	conn_check_all(s);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;

	(void)fd, (void)what;
	conn_check_all(s);
	if (s->draining &&
	    (s->count == 0 || serve_now() - s->draining > s->rules->drain))
		event_base_loopbreak(s->base);
}

/* ---- the whole ---- */

/* Connections need descriptors, and the rest of us some. */
static int
raise_limit(const struct serve_rules *r, struct why *w)
{
	struct rlimit l;
	rlim_t want = r->max_connections + 64;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= want)
		return 0;
	if (l.rlim_max < want)
		return why_set(w, EXIT_USAGE,
		    "%u connections: this process may have %llu files only",
		    r->max_connections, (unsigned long long)l.rlim_max);
	l.rlim_cur = want;
	setrlimit(RLIMIT_NOFILE, &l);
	return 0;
}

static struct event *
on_signal(struct serve *s, int sig, event_callback_fn fn)
{
	struct event *e = evsignal_new(s->base, sig, fn, s);

	if (e == NULL || event_add(e, NULL) < 0)
		die(EXIT_IO, "signals cannot be waited for");
	return e;
}

static void
hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(how, &set, NULL);
}

static void
quiet(int severity, const char *text)
{
	if (severity >= EVENT_LOG_ERR)
		say_error("libevent: %s", text);
}

struct serve *
serve_open(
    const struct serve_rules *rules, const struct serve_app *app, struct why *w)
{
	struct serve *s = calloc(1, sizeof *s);
	struct timeval second = { 0, 250000 };

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	s->rules = rules;
	s->app = app;
	s->known = known_new();
	voms_init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit is as a full disk: an error */
	event_set_log_callback(quiet);
	s->base = event_base_new();
	if (s->base == NULL || (s->http = evhttp_new(s->base)) == NULL)
		die(EXIT_IO, "libevent does not start");
	evhttp_set_bevcb(s->http, conn_new, s);
	evhttp_set_gencb(s->http, conn_request, s);
	evhttp_set_max_headers_size(s->http, MAX_HEADERS);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)rules->max_body);
	evhttp_set_timeout(s->http, (int)rules->idle + 1);
	evhttp_set_allowed_methods(
	    s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
			 EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD);
	if (raise_limit(rules, w) < 0 || load(s, w) < 0 ||
	    open_sockets(s, w) < 0) {
		serve_close(s);
		return NULL;
	}
	s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	if (s->tick == NULL || event_add(s->tick, &second) < 0)
		die(EXIT_IO, "libevent does not start");
	hold_signals(SIG_BLOCK);
	return s;
}

void
serve_addresses(const struct serve *s, FILE *f)
{
	unsigned i;

	for (i = 0; i < s->sockets; i++)
		fprintf(f, "listen %s\n", s->address[i]);
	if (s->status_address != NULL)
		fprintf(f, "status %s\n", s->status_address);
}

int
serve_run(struct serve *s, struct why *w)
{
	s->hup = on_signal(s, SIGHUP, on_hup);
	s->term = on_signal(s, SIGTERM, on_term);
	s->intr = on_signal(s, SIGINT, on_term);
	hold_signals(SIG_UNBLOCK);
	notify("READY=1");
	if (event_base_dispatch(s->base) < 0)
		return why_set(w, EXIT_BUG, "the event loop failed");
	if (s->count)
		return why_set(w, EXIT_RETRY,
		    "%u connections were cut at the end", s->count);
	return 0;
}

void
serve_close(struct serve *s)
{
	unsigned i;

	s->paused = false;
	if (s->http != NULL)
		evhttp_free(s->http);
	if (s->status != NULL)
		evhttp_free(s->status);
	for (i = 0; i < sizeof s->address / sizeof *s->address; i++)
		free(s->address[i]);
	free(s->status_address);
	if (s->hup != NULL) {
		event_free(s->hup);
		event_free(s->term);
		event_free(s->intr);
	}
	if (s->tick != NULL)
		event_free(s->tick);
	SSL_CTX_free(s->tls);
	X509_STORE_free(s->trust);
	tokens_free(s->tokens);
	known_free(s->known);
	event_base_free(s->base);
	free(s);
}
