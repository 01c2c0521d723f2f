#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cred.h"
#include "dav.h"
#include "grid_impl.h"
#include "retry.h"
#include "secret.h"

/*
 * WebDAV over TLS, through libcurl: the plugin that gfal2 has for it keeps each
 * upload in a file first and asks for a new connection each time, and is 10 to
 * 400 times slower.
 *
 * Each transfer has a connection of its own, and leaves it for the next.
 */
#define BLOCK (512u << 10) /* bytes of an answer that come at once */
#define TEXT 512           /* bytes kept of an answer that nobody reads */

struct conn {
	struct conn *next; /* of those that nobody uses */
	CURL *easy;
	CURLM *multi;
	char error[CURL_ERROR_SIZE];
	struct curl_slist *header;
	bool running, done;
	CURLcode result;

	/* What goes up: left bytes at from, and then more unless ended. */
	const char *from;
	size_t left;
	bool ended, waits;

	/* What comes: to the reader, and what is too much for it into over. */
	char *to;
	size_t room;
	char *over;
	size_t over_used, over_at;
	unsigned long long skip; /* bytes of it that were not asked for */
	bool held;
	bool reading; /* else the first bytes are kept in text */
	struct dav *dav;
	struct why why;
	char text[TEXT];
	size_t text_used;

	/* Of the answer's head. */
	long status;
	char adler32[9];
	unsigned long long total;
	bool has_total, ranged;
	time_t moved; /* when bytes last moved, or anything else did */
};

struct https {
	struct grid g;    /* first */
	const char *path; /* of url */
	pthread_mutex_t lock;
	struct conn *idle;
	struct conn *sums, **sums_end; /* idle, longest first */
	int sums_n;
	struct cred cred;
	bool proof;
};

/*
 * What is small is sent from memory, and can be sent again when we are sent to
 * another server.  Of what is not we ask before each whether it is welcome
 * (100-continue), since it can be sent once; XRootD hangs up after that.
 */
struct https_put {
	struct grid_put p; /* first */
	char tmp[GRID_PATH];
	struct conn *c;
	long long size; /* -1: not known */
	char *buf;      /* BLOCK bytes, used of them */
	size_t used;
	bool begun, sent;
};

struct https_get {
	struct grid_get r; /* first */
	struct conn *c;
	unsigned long long left; /* bytes that are still to come */
};

static struct https *
https(const struct grid *g)
{
	return (struct https *)g;
}

static time_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static size_t
on_read(char *p, size_t one, size_t n, void *arg)
{
	struct conn *c = arg;

	n *= one;
	c->moved = now();
	if (c->left == 0) {
		c->waits = !c->ended;
		return c->ended ? 0 : CURL_READFUNC_PAUSE;
	}
	if (n > c->left)
		n = c->left;
	memcpy(p, c->from, n);
	c->from += n;
	c->left -= n;
	return n;
}

/* What is not for a reader: a listing, or an error's text. */
static size_t
keep(struct conn *c, const char *p, size_t n)
{
	size_t take = n < TEXT - 1 - c->text_used ? n : TEXT - 1 - c->text_used;

	if (c->dav != NULL && c->status == 207)
		return dav_feed(c->dav, p, n, false, &c->why) < 0 ? 0 : n;
	memcpy(c->text + c->text_used, p, take);
	c->text_used += take;
	return n;
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct conn *c = arg;
	size_t left = n * one, take;

	c->moved = now();
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
	if (!c->reading || c->status / 100 != 2)
		return keep(c, p, left);
	if (c->over_at < c->over_used) {
		c->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	take = left < c->skip ? left : (size_t)c->skip;
	c->skip -= take;
	p += take;
	left -= take;
	take = left < c->room ? left : c->room;
	if (take > 0)
		memcpy(c->to, p, take);
	c->to += take;
	c->room -= take;
	p += take;
	left -= take;
	if (left > 0 && c->over == NULL && (c->over = malloc(BLOCK)) == NULL)
		die(EXIT_IO, "out of memory");
	if (left > BLOCK)
		return 0; /* never: it is the size that we set */
	if (left > 0)
		memcpy(c->over, p, left);
	c->over_at = 0;
	c->over_used = left;
	return n * one;
}

/* The value of a field of this name, in a line that does not end with NUL. */
static const char *
field(const char *p, size_t n, const char *name, char *out, size_t size)
{
	size_t m = strlen(name);

	if (n <= m || strncasecmp(p, name, m) != 0 || p[m] != ':')
		return NULL;
	p += m + 1;
	n -= m + 1;
	while (n > 0 && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n > 0 && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	if (n >= size)
		return NULL;
	memcpy(out, p, n);
	out[n] = '\0';
	return out;
}

static size_t
on_header(char *p, size_t one, size_t n, void *arg)
{
	struct conn *c = arg;
	char value[512], *at, *end;
	unsigned long sum;

	n *= one;
	c->moved = now();
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		c->has_total = c->ranged = false; /* of another answer */
		*c->adler32 = '\0';
	} else if (field(p, n, "Content-Length", value, sizeof value)) {
		if (!c->ranged) {
			c->total = strtoull(value, &end, 10);
			c->has_total =
			    *value >= '0' && *value <= '9' && *end == '\0';
		}
	} else if (field(p, n, "Content-Range", value, sizeof value)) {
		at = strchr(value, '/');
		c->ranged = true;
		c->has_total = at != NULL && at[1] >= '0' && at[1] <= '9';
		if (c->has_total)
			c->total = strtoull(at + 1, NULL, 10);
	} else if (field(p, n, "Digest", value, sizeof value) &&
		   (at = strcasestr(value, "adler32=")) != NULL) {
		sum = strtoul(at + 8, &end, 16);
		if (end > at + 8 && end <= at + 16 && sum <= 0xffffffff &&
		    (*end == '\0' || *end == ','))
			snprintf(c->adler32, sizeof c->adler32, "%08lx", sum);
	}
	return n;
}

static void
conn_free(struct conn *c)
{
	curl_multi_remove_handle(c->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->header);
	free(c->over);
	free(c);
}

static struct conn *
conn_new(void)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c == NULL || (c->easy = curl_easy_init()) == NULL ||
	    (c->multi = curl_multi_init()) == NULL)
		die(EXIT_IO, "out of memory");
	return c;
}

/* Forget the last request, keep the connection. */
static void
conn_reset(struct https *h, struct conn *c)
{
	CURL *e = c->easy;

	curl_easy_reset(e);
	curl_slist_free_all(c->header);
	c->header = NULL;
	c->running = c->done = c->ended = c->waits = c->held = false;
	c->reading = c->has_total = c->ranged = false;
	c->left = c->room = c->over_used = c->over_at = c->text_used = 0;
	c->skip = 0;
	c->status = 0;
	c->dav = NULL;
	c->why.code = 0;
	*c->adler32 = *c->error = '\0';
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, 4L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(e, CURLOPT_CAPATH, cred_ca_dir());
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)retry_limit());
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BLOCK);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)BLOCK);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	if (h->proof) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, h->cred.cert);
		curl_easy_setopt(e, CURLOPT_SSLKEY, h->cred.key);
	}
}

static struct conn *
borrow(struct https *h)
{
	struct conn *c;

	pthread_mutex_lock(&h->lock);
	if ((c = h->idle) != NULL)
		h->idle = c->next;
	pthread_mutex_unlock(&h->lock);
	return c ? c : conn_new();
}

static void
give_back(struct https *h, struct conn *c)
{
	if (c->running)
		curl_multi_remove_handle(c->multi, c->easy);
	c->running = false;
	pthread_mutex_lock(&h->lock);
	c->next = h->idle;
	h->idle = c;
	pthread_mutex_unlock(&h->lock);
}

/*
 * Connections that ask for checksums, and for nothing else, in turn: XRootD
 * (5.5, to say the least) answers such a request in another thread than the
 * one that reads the connection, and what comes too soon after it on the same
 * TLS connection confuses the whole server.
 */
#define SUMS 8

static struct conn *
borrow_sum(struct https *h)
{
	struct conn *c = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->sums_n >= SUMS) {
		c = h->sums;
		if ((h->sums = c->next) == NULL)
			h->sums_end = &h->sums;
		h->sums_n--;
	}
	pthread_mutex_unlock(&h->lock);
	return c ? c : conn_new();
}

static void
give_back_sum(struct https *h, struct conn *c)
{
	if (c->running)
		curl_multi_remove_handle(c->multi, c->easy);
	c->running = false;
	c->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->sums_end = c;
	h->sums_end = &c->next;
	h->sums_n++;
	pthread_mutex_unlock(&h->lock);
}

static void
add(struct conn *c, const char *line)
{
	c->header = curl_slist_append(c->header, line);
	if (c->header == NULL)
		die(EXIT_IO, "out of memory");
}

/* The token may have been renewed since the last request. */
static int
show_token(struct conn *c, struct why *w)
{
	size_t size, n;
	char *token = cred_token(&size, w), *line;

	if (token == NULL)
		return w->code ? -1 : 0;
	n = strlen(token) + 32;
	line = secret_alloc(n);
	sprintf(line, "Authorization: Bearer %s", token);
	add(c, line);
	secret_free(line, n);
	secret_free(token, size);
	return 0;
}

/* Begin a request for path; method NULL: a GET, or an upload. */
static int
begin(struct https *h, struct conn *c, const char *method, const char *path,
    struct why *w)
{
	char url[GRID_SURL + GRID_PATH];

	snprintf(url, sizeof url, "%s%s%.*s", h->g.url, *path ? "/" : "",
	    GRID_PATH - 2, path);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	if (method != NULL && strcmp(method, "HEAD") == 0)
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	else if (method != NULL)
		curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
	if (show_token(c, w) < 0)
		return -1;
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->header);
	c->moved = now();
	c->running = curl_multi_add_handle(c->multi, c->easy) == CURLM_OK;
	return c->running ? 0 : why_set(w, EXIT_BUG, "libcurl does not start");
}

/* One round; waits for something to happen if nothing can be done now. */
static void
step(struct conn *c)
{
	CURLMsg *m;
	int n;

	if (curl_multi_perform(c->multi, &n) != CURLM_OK)
		die(EXIT_BUG, "libcurl fails");
	while ((m = curl_multi_info_read(c->multi, &n)) != NULL)
		if (m->msg == CURLMSG_DONE) {
			c->result = m->data.result;
			c->done = true;
		}
	if (c->done) {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
		curl_multi_remove_handle(c->multi, c->easy);
		c->running = false;
	}
}

/*
 * Go on until what(c), or the end of the request.  A write to a connection
 * that the other side closed must not kill us.  False: it stalls.
 */
static bool
pump(struct conn *c, bool (*what)(const struct conn *c))
{
	static const struct timespec none = { 0, 0 };
	sigset_t pipe, before, pending;
	bool stalls = false;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	c->moved = now();
	for (;;) {
		step(c);
		if (c->done || (what != NULL && what(c)))
			break;
		stalls = now() - c->moved > (time_t)retry_limit();
		if (stalls)
			break;
		curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
	}
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !stalls;
}

static int
refused(struct https *h, struct why *w, const char *said)
{
	if (h->proof && cred_expired(h->cred.cert))
		said = "our proxy or certificate has expired";
	return why_set(w, EXIT_DENIED, "%.200s refuses us: %s", h->g.url, said);
}

/* The transfer failed. */
static int
broken(struct https *h, struct conn *c, struct why *w)
{
	const char *said = *c->error ? c->error : curl_easy_strerror(c->result);

	if (c->why.code != 0) {
		*w = c->why;
		return -1;
	}
	switch (c->result) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return why_set(w, EXIT_DENIED,
		    "%.200s: its certificate is not trusted (see "
		    "X509_CERT_DIR): %s",
		    h->g.url, said);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
		return refused(h, w, said);
	default:
		break;
	}
	/* TLS 1.3 refuses a client so late that it looks like a lost
	 * connection. */
	if (strstr(said, "alert") != NULL ||
	    (h->proof && cred_expired(h->cred.cert)))
		return refused(h, w, said);
	return why_set(w, EXIT_RETRY, "%.200s: %s", h->g.url, said);
}

/* The request has ended, well or not: its status, or -1 with *w. */
static int
ended(struct https *h, struct conn *c, bool moves, struct why *w)
{
	if (!moves)
		return why_set(
		    w, EXIT_RETRY, "%.200s: it does not answer", h->g.url);
	if (c->result != CURLE_OK)
		return broken(h, c, w);
	switch (c->status) {
	case 401:
	case 403:
		refused(h, w, c->status == 401 ? "status 401" : "status 403");
		break;
	case 404:
	case 410:
		why_set(w, EXIT_FEW, "%.200s has no such object", h->g.url);
		break;
	case 507:
		why_set(w, EXIT_IO, "%.200s: No space left", h->g.url);
		break;
	case 408:
	case 423:
	case 425:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		why_set(
		    w, EXIT_RETRY, "%.200s: status %ld", h->g.url, c->status);
		break;
	default:
		if (c->status >= 300)
			why_set(w, EXIT_IO, "%.200s: status %ld", h->g.url,
			    c->status);
		else
			return (int)c->status;
	}
	return -1;
}

/* One request with nothing to send or read: its status, or -1 with *w. */
static int
request(struct https *h, struct conn *c, const char *method, const char *path,
    struct why *w)
{
	if (begin(h, c, method, path, w) < 0)
		return -1;
	return ended(h, c, pump(c, NULL), w);
}

/* How long what is at path is, and its adler32 by the storage.  1; 0; -1. */
static int
head(struct https *h, struct conn *c, const char *path, struct why *w)
{
	conn_reset(h, c);
	add(c, "Want-Digest: adler32");
	if (request(h, c, "HEAD", path, w) >= 0)
		return 1;
	return w->code == EXIT_FEW ? 0 : -1;
}

static void
https_close(struct grid *g)
{
	struct https *h = https(g);
	struct conn *c;

	*h->sums_end = h->idle; /* one list of all */
	while ((c = h->sums) != NULL) {
		h->sums = c->next;
		conn_free(c);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void
begin_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EXIT_BUG, "libcurl does not start");
}

static struct grid *
https_open(const char *url, bool create, struct why *w)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct https *h = calloc(1, sizeof *h);
	int got;

	(void)create;
	if (h == NULL)
		die(EXIT_IO, "out of memory");
	pthread_once(&once, begin_curl);
	h->g.kind = &grid_https;
	pthread_mutex_init(&h->lock, NULL);
	h->sums_end = &h->sums;
	if (!grid_url_one(url, h->g.url))
		why_set(w, EXIT_USAGE, "%.200s: not a storage's URL", url);
	else if ((got = cred_certificate(&h->cred, w)) >= 0) {
		h->proof = got > 0;
		h->path = strchr(h->g.url + 8, '/');
		return &h->g;
	}
	https_close(&h->g);
	return NULL;
}

/* Make the directories that path is in, from the root's own parents down. */
static int
make_parent(struct https *h, const char *path, struct why *w)
{
	struct conn *c = borrow(h);
	char dir[GRID_PATH], *p = dir;
	int r = 0;

	snprintf(dir, sizeof dir, "%s", path);
	for (; (p = strchr(p, '/')) != NULL && r >= 0; *p++ = '/') {
		*p = '\0';
		conn_reset(h, c);
		r = request(h, c, "MKCOL", dir, w);
		if (r < 0 && (c->status == 405 || c->status == 409))
			r = 0; /* it is there; or we shall see */
	}
	give_back(h, c);
	return r < 0 ? -1 : 0;
}

static struct grid_put *
https_put_begin(struct grid *g, const char *path, long long size, struct why *w)
{
	struct https_put *p = calloc(1, sizeof *p);

	(void)w;
	if (p == NULL || (p->buf = malloc(BLOCK)) == NULL)
		die(EXIT_IO, "out of memory");
	grid_incoming(p->tmp, path);
	p->c = borrow(https(g));
	p->size = size;
	return &p->p;
}

static int
on_seek(void *arg, curl_off_t at, int from)
{
	struct https_put *p = arg;

	if (p->begun || at != 0 || from != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	p->c->from = p->buf;
	p->c->left = p->used;
	return CURL_SEEKFUNC_OK;
}

static int
begin_put(struct https_put *p, long long size, bool once, struct why *w)
{
	struct https *h = https(p->p.g);
	CURL *e = p->c->easy;

	conn_reset(h, p->c);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, p);
	add(p->c, once ? "Expect: 100-continue" : "Expect:");
	return begin(h, p->c, NULL, p->tmp, w);
}

static bool
sent(const struct conn *c)
{
	return c->left == 0;
}

/* The server may end the request before it has all. */
static int
send_some(struct https_put *p, const char *b, size_t n, struct why *w)
{
	struct conn *c = p->c;
	bool moves;

	c->from = b;
	c->left = n;
	if (c->waits) {
		c->waits = false;
		curl_easy_pause(c->easy, CURLPAUSE_CONT);
	}
	moves = pump(c, sent);
	if (moves && !c->done)
		return 0;
	if (ended(https(p->p.g), c, moves, w) >= 0)
		why_set(w, EXIT_IO, "%.200s: it did not take all of it",
		    p->p.g->url);
	return -1;
}

static int
https_put_write(struct grid_put *put, const void *b, size_t n, struct why *w)
{
	struct https_put *p = (struct https_put *)put;

	if (!p->begun && n <= BLOCK - p->used) {
		memcpy(p->buf + p->used, b, n);
		p->used += n;
		return 0;
	}
	if (!p->begun) {
		p->begun = true;
		if (begin_put(p, p->size, true, w) < 0 ||
		    (p->used > 0 && send_some(p, p->buf, p->used, w) < 0))
			return -1;
	}
	return n > 0 ? send_some(p, b, n, w) : 0;
}

/* All of it has been given to us: 0 when the server has it. */
static int
https_put_sent(struct grid_put *put, struct why *w)
{
	struct https_put *p = (struct https_put *)put;
	struct conn *c = p->c;

	if (p->sent)
		return 0;
	if (!p->begun) {
		if (begin_put(p, (long long)p->used, false, w) < 0)
			return -1;
		c->from = p->buf;
		c->left = p->used;
	}
	c->ended = true;
	if (c->waits) {
		c->waits = false;
		curl_easy_pause(c->easy, CURLPAUSE_CONT);
	}
	if (ended(https(put->g), c, c->done || pump(c, NULL), w) < 0)
		return -1;
	p->sent = p->begun = true; /* there is something to remove */
	return 0;
}

static void
put_free(struct https_put *p)
{
	give_back(https(p->p.g), p->c);
	free(p->buf);
	free(p);
}

/* The adler32 of what is at path, by reading it. */
static int
our_sum(struct grid *g, const char *path, char sum[9], struct why *w)
{
	struct sums sums = { 0 };
	struct sums_text t;
	unsigned long long size;
	char *buf = malloc(BLOCK);
	struct grid_get *r = grid_get_open(g, path, 0, -1, &size, w);
	long n = -1;

	if (buf == NULL)
		die(EXIT_IO, "out of memory");
	if (r != NULL) {
		sums_begin(&sums);
		while ((n = grid_get_read(r, buf, BLOCK, w)) > 0)
			sums_add(&sums, buf, (size_t)n);
		sums_end(&sums, &t);
		sums_free(&sums);
		memcpy(sum, t.adler32, 9);
	}
	grid_get_close(r);
	free(buf);
	return n < 0 ? -1 : 0;
}

/* Is what is at path so long, with that sum?  1; 0; -2: not there; -1. */
static int
is_that(struct grid *g, const char *path, const char *adler32,
    unsigned long long size, struct why *w)
{
	struct conn *c = borrow_sum(https(g));
	bool same = false;
	char sum[9] = "";
	int got = head(https(g), c, path, w);

	if (got > 0) {
		same = c->has_total && c->total == size;
		memcpy(sum, c->adler32, sizeof sum);
	}
	give_back_sum(https(g), c);
	if (got <= 0)
		return got < 0 ? -1 : -2;
	if (!same)
		return 0;
	if (*sum == '\0' && our_sum(g, path, sum, w) < 0)
		return -1;
	return strcmp(sum, adler32) == 0;
}

/*
 * Another name: 1; 0: something has it, in as far as the server heeds
 * "Overwrite"; -1 with *w.  To look first would be a request more, and XRootD
 * hangs up whenever it answers that there is nothing.
 */
static int
rename_to(struct https *h, struct conn *c, const char *from, const char *to,
    struct why *w)
{
	char line[GRID_SURL + GRID_PATH + 16];
	int try;

	snprintf(line, sizeof line, "Destination: %s/%s", h->g.url, to);
	for (try = 0; try < 2; try++) {
		conn_reset(h, c);
		add(c, line);
		add(c, "Overwrite: F");
		if (request(h, c, "MOVE", from, w) >= 0)
			return 1;
		if (c->status == 412)
			return 0;
		if (try > 0 || (c->status != 409 && c->status != 404) ||
		    make_parent(h, to, w) < 0)
			break;
	}
	return -1;
}

static int
unlink_it(struct https *h, struct conn *c, const char *path, struct why *w)
{
	conn_reset(h, c);
	if (request(h, c, "DELETE", path, w) >= 0)
		return 1;
	return w->code == EXIT_FEW ? 0 : -1;
}

/* What is complete at tmp gets its name. */
static int
settle(struct grid *g, struct conn *c, const char *tmp, const char *path,
    const char *adler32, unsigned long long size, struct why *w)
{
	struct why ignored;
	int got = is_that(g, tmp, adler32, size, w);

	if (got == 0)
		why_set(w, EXIT_IO, "%.200s: what it has is not what was sent",
		    g->url);
	if (got <= 0)
		return -1;
	if ((got = rename_to(https(g), c, tmp, path, w)) != 0)
		return got < 0 ? -1 : 0;
	got = is_that(g, path, adler32, size, w);
	unlink_it(https(g), c, tmp, &ignored);
	if (got == 0)
		why_set(
		    w, EXIT_DATA, "the storage has another object of its GUID");
	return got > 0 ? 0 : -1;
}

static void
https_put_void(struct grid_put *put)
{
	struct https_put *p = (struct https_put *)put;
	struct why ignored;

	if (p->begun) {
		give_back(https(put->g), p->c); /* cuts it off */
		p->c = borrow(https(put->g));
		unlink_it(https(put->g), p->c, p->tmp, &ignored);
	}
	put_free(p);
}

static int
https_put_done(struct grid_put *put, const struct sums_text *sums,
    unsigned long long size, struct why *w)
{
	struct https_put *p = (struct https_put *)put;
	int r = https_put_sent(put, w);

	if (r == 0)
		r = settle(
		    put->g, p->c, p->tmp, put->path, sums->adler32, size, w);
	/* A server that does not answer will not remove it either. */
	p->begun = r < 0 && w->code != EXIT_RETRY;
	https_put_void(put);
	return r;
}

static bool
has_some(const struct conn *c)
{
	return c->over_used > c->over_at;
}

static struct grid_get *
https_get_open(struct grid *g, const char *path, unsigned long long first,
    long long count, unsigned long long *size, struct why *w)
{
	struct https *h = https(g);
	struct conn *c = borrow(h);
	struct https_get *r;
	char range[64];

	conn_reset(h, c);
	c->reading = true;
	if (first > 0 || count >= 0) {
		if (count < 0)
			sprintf(range, "%llu-", first);
		else
			sprintf(range, "%llu-%llu", first,
			    first + (count ? (unsigned long long)count : 1) -
				1);
		curl_easy_setopt(c->easy, CURLOPT_RANGE, range);
	}
	if (begin(h, c, NULL, path, w) < 0)
		goto fail;
	if (!pump(c, has_some)) {
		ended(h, c, false, w);
		goto fail;
	}
	if (c->done && ended(h, c, true, w) < 0) {
		if (c->status == 416)
			why_set(w, EXIT_DATA, "it is shorter than that");
		goto fail;
	}
	if (!c->has_total) {
		why_set(w, EXIT_IO, "%.200s: it does not say how long it is",
		    g->url);
		goto fail;
	}
	if (first > c->total) {
		why_set(w, EXIT_DATA, "it is shorter than that");
		goto fail;
	}
	if ((r = calloc(1, sizeof *r)) == NULL)
		die(EXIT_IO, "out of memory");
	*size = c->total;
	r->c = c;
	r->left = c->total - first;
	if (count >= 0 && r->left > (unsigned long long)count)
		r->left = (unsigned long long)count;
	/* A server that knows no ranges sends all of it. */
	if (c->status == 200)
		c->skip = first;
	return &r->r;
fail:
	give_back(h, c);
	return NULL;
}

static bool
filled(const struct conn *c)
{
	return c->room == 0;
}

static long
https_get_read(struct grid_get *get, void *b, size_t n, struct why *w)
{
	struct https_get *r = (struct https_get *)get;
	struct conn *c = r->c;
	size_t got = 0, take;

	if (n > r->left)
		n = (size_t)r->left;
	if (n == 0)
		return 0;
	while (got == 0) {
		take = c->over_used - c->over_at;
		if (take > 0 && c->skip > 0) {
			if (take > c->skip)
				take = (size_t)c->skip;
			c->over_at += take;
			c->skip -= take;
			continue;
		}
		if (take > 0) {
			got = take < n ? take : n;
			memcpy(b, c->over + c->over_at, got);
			c->over_at += got;
			break;
		}
		if (c->done) {
			if (ended(https(get->g), c, true, w) >= 0)
				why_set(w, EXIT_RETRY,
				    "%.200s: it ends too early", get->g->url);
			return -1;
		}
		c->to = b;
		c->room = n;
		if (c->held) {
			c->held = false;
			curl_easy_pause(c->easy, CURLPAUSE_CONT);
		}
		if (c->room == n && !c->done && !has_some(c) &&
		    !pump(c, filled))
			return ended(https(get->g), c, false, w);
		got = n - c->room;
		c->room = 0;
	}
	r->left -= got;
	return (long)got;
}

static void
https_get_close(struct grid_get *get)
{
	struct https_get *r = (struct https_get *)get;

	/* The answer's last bytes, so that the connection can be used again. */
	if (r->left == 0 && !r->c->done && !has_some(r->c))
		pump(r->c, has_some);
	give_back(https(get->g), r->c);
	free(r);
}

/* What PROPFIND says of one thing. */
static void
on_one(void *arg, const struct dav_entry *e)
{
	struct grid_about *a = arg;

	if (*e->name != '\0' || e->dir)
		return;
	a->size = e->size;
	a->mtime = e->mtime;
	snprintf(a->locality, sizeof a->locality, "%.23s",
	    e->has_size ? e->locality : "");
	a->adler32[0] = '!'; /* it is there */
}

static const char ask[] =
    "<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\" "
    "xmlns:S=\"http://srm.lbl.gov/StorageResourceManager\"><D:prop>"
    "<D:resourcetype/><D:getcontentlength/><D:getlastmodified/>"
    "<S:FileLocality/></D:prop></D:propfind>";

static int
propfind(struct https *h, const char *path, const char *depth, dav_visit *fn,
    void *arg, struct why *w)
{
	char self[GRID_SURL + GRID_PATH];
	struct conn *c = borrow(h);
	struct dav *d;
	int r;

	snprintf(self, sizeof self, "%s%s%.*s", h->path, *path ? "/" : "",
	    GRID_PATH - 2, path);
	conn_reset(h, c);
	c->dav = d = dav_new(self, fn, arg);
	add(c, depth);
	add(c, "Content-Type: application/xml");
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, ask);
	r = request(h, c, "PROPFIND", path, w);
	if (r >= 0 && r != 207)
		r = why_set(w, EXIT_DATA, "%.200s: it does not list", h->g.url);
	if (r >= 0)
		r = dav_feed(d, "", 0, true, w);
	dav_free(d);
	c->dav = NULL;
	give_back(h, c);
	return r < 0 ? -1 : 0;
}

static int
look(struct grid *g, const char *path, struct grid_about *a, struct why *w)
{
	int r;

	memset(a, 0, sizeof *a);
	r = propfind(https(g), path, "Depth: 0", on_one, a, w);
	if (r < 0)
		return w->code == EXIT_FEW ? 0 : -1;
	r = *a->adler32 != '\0';
	*a->adler32 = '\0';
	return r;
}

static int
https_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w)
{
	struct grid_about a;
	int r = look(g, path, &a, w);

	if (r > 0) {
		*size = a.size;
		*mtime = a.mtime;
	}
	return r;
}

static int
https_about(
    struct grid *g, const char *path, struct grid_about *a, struct why *w)
{
	struct conn *c;
	int r = look(g, path, a, w);

	/* To make a checksum would bring it back from tape. */
	if (r <= 0 || strcmp(a->locality, "NEARLINE") == 0)
		return r;
	c = borrow_sum(https(g));
	if ((r = head(https(g), c, path, w)) > 0)
		memcpy(a->adler32, c->adler32, sizeof a->adler32);
	give_back_sum(https(g), c);
	return r;
}

static int
https_remove(struct grid *g, const char *path, struct why *w)
{
	struct conn *c = borrow(https(g));
	int r = unlink_it(https(g), c, path, w);

	give_back(https(g), c);
	return r;
}

static int
https_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	struct conn *c = borrow(https(g));
	struct grid_about a;
	int r = look(g, path, &a, w);

	if (r > 0 && (r = rename_to(https(g), c, path, to, w)) == 0)
		r = why_set(
		    w, EXIT_DATA, "%.200s has that name already", g->url);
	give_back(https(g), c);
	return r;
}

static void
on_name(void *arg, const struct dav_entry *e)
{
	struct grid_name *n;

	if (*e->name == '\0')
		return;
	n = grid_names_add(arg, e->name);
	n->type = e->dir ? GRID_DIR : e->has_size ? GRID_FILE : GRID_ODD;
	n->size = e->size;
	n->mtime = e->mtime;
}

static int
https_names(
    struct grid *g, const char *path, struct grid_names *k, struct why *w)
{
	int r = propfind(https(g), path, "Depth: 1", on_name, k, w);

	return r < 0 && w->code == EXIT_FEW && *path ? 0 : r;
}

static const char *const schemes[] = { "https", "davs", NULL };

const struct grid_kind grid_https = {
	.schemes = schemes,
	.far = true,
	.open = https_open,
	.close = https_close,
	.path = grid_url_below,
	.put_begin = https_put_begin,
	.put_write = https_put_write,
	.put_sent = https_put_sent,
	.put_done = https_put_done,
	.put_void = https_put_void,
	.get_open = https_get_open,
	.get_read = https_get_read,
	.get_close = https_get_close,
	.stat = https_stat,
	.about = https_about,
	.remove = https_remove,
	.move = https_move,
	.names = https_names,
};
