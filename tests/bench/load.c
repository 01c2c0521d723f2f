/*
 * load PORT CLIENT.pem CA.pem CONNECTIONS ROUNDS <IDS
 *
 * Latency of single gets: so many connections to the key store on this port
 * of localhost, each opened once, with mutual TLS; then all at once, each has
 * one POST /v1/get of one key on the way until it has done ROUNDS of them.
 * IDS are lines; the first word of each is a GUID.  Writes
 *
 *	REQUESTS SECONDS P50 P99 MAX		(the latencies in ms)
 *
 * Dies if an answer has no share in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER 8192

struct one {
	SSL *ssl;
	char request[512], answer[ANSWER];
	int len, sent, got, todo;
	double since;
};

static char (*id)[33];
static unsigned ids, next_id;
static double *took;
static unsigned long done;

static void
fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(70);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
read_ids(void)
{
	char line[65536];
	unsigned room = 0;

	while (fgets(line, sizeof line, stdin) != NULL) {
		if (strspn(line, "0123456789abcdef") != 32)
			continue;
		if (ids == room) {
			room = room ? 2 * room : 1024;
			if ((id = realloc(id, room * sizeof *id)) == NULL)
				fail("memory");
		}
		memcpy(id[ids], line, 32);
		id[ids++][32] = '\0';
	}
	if (ids == 0)
		fail("no ids");
}

static void
begin(struct one *o)
{
	static const char body[] = "%s\n.end\t1\n";
	char text[64];
	int n = snprintf(text, sizeof text, body, id[next_id++ % ids]);

	o->len = snprintf(o->request, sizeof o->request,
	    "POST /v1/get HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
	    n, text);
	o->sent = o->got = 0;
	o->since = now();
}

/* Is the answer whole?  The server gives its length, or sends chunks. */
static int
whole(const struct one *o)
{
	const char *end = strstr(o->answer, "\r\n\r\n"), *n;

	if (end == NULL)
		return 0;
	if ((n = strcasestr(o->answer, "\r\nContent-Length:")) != NULL &&
	    n < end)
		return o->answer + o->got >= end + 4 + atoi(n + 17);
	return o->got >= 5 &&
	       memcmp(o->answer + o->got - 5, "0\r\n\r\n", 5) == 0;
}

/* As far as it goes now; 0 when the connection has done its rounds. */
static int
step(struct one *o)
{
	int n;

	for (;;) {
		if (o->sent < o->len) {
			n = SSL_write(o->ssl, o->request, o->len);
			if (n > 0)
				o->sent = n;
		} else {
			n = SSL_read(
			    o->ssl, o->answer + o->got, ANSWER - 1 - o->got);
			if (n > 0) {
				o->got += n;
				o->answer[o->got] = '\0';
			}
		}
		if (n <= 0) {
			n = SSL_get_error(o->ssl, n);
			if (n == SSL_ERROR_WANT_READ ||
			    n == SSL_ERROR_WANT_WRITE)
				return 1;
			fail("connection");
		}
		if (o->sent < o->len || !whole(o))
			continue;
		if (strstr(o->answer, "share=") == NULL)
			fail(o->answer);
		took[done++] = now() - o->since;
		if (--o->todo == 0)
			return 0;
		begin(o);
	}
}

static void
open_one(struct one *o, SSL_CTX *ctx, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if ((o->ssl = SSL_new(ctx)) == NULL || !SSL_set_fd(o->ssl, fd) ||
	    SSL_connect(o->ssl) != 1)
		fail("TLS");
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET }, got;
	int ep = epoll_create1(0), i, n, rounds, left;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct one *o;
	double began;

	if (argc != 6 || ctx == NULL || ep < 0)
		fail("usage: load PORT CLIENT.pem CA.pem CONNECTIONS ROUNDS");
	n = left = atoi(argv[4]);
	rounds = atoi(argv[5]);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (n < 1 || rounds < 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, argv[2]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, argv[3], NULL) != 1)
		fail("certificates");
	read_ids();
	o = calloc((size_t)n, sizeof *o);
	took = calloc((size_t)n * (size_t)rounds, sizeof *took);
	if (o == NULL || took == NULL)
		fail("memory");
	for (i = 0; i < n; i++)
		open_one(&o[i], ctx, atoi(argv[1]));
	began = now();
	for (i = 0; i < n; i++) {
		o[i].todo = rounds;
		begin(&o[i]);
		e.data.ptr = &o[i];
		epoll_ctl(ep, EPOLL_CTL_ADD, SSL_get_fd(o[i].ssl), &e);
	}
	while (left > 0)
		if (epoll_wait(ep, &got, 1, -1) == 1 &&
		    ((struct one *)got.data.ptr)->todo > 0)
			left -= step(got.data.ptr) == 0;
	began = now() - began;
	qsort(took, done, sizeof *took, by_size);
	printf("%lu %.3f %.2f %.2f %.2f\n", done, began, took[done / 2] * 1e3,
	    took[done * 99 / 100] * 1e3, took[done - 1] * 1e3);
	return 0;
}
