#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "grid_conn.h"
#include "retry.h"
#include "secret.h"

static time_t
conn_now(void)
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
	c->moved = conn_now();
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

	c->moved = conn_now();
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
	c->moved = conn_now();
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

void
grid_conn_free(struct conn *c)
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
void
grid_conn_reset(struct https *h, struct conn *c)
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

struct conn *
grid_conn_borrow(struct https *h)
{
	struct conn *c;

	pthread_mutex_lock(&h->lock);
	if ((c = h->idle) != NULL)
		h->idle = c->next;
	pthread_mutex_unlock(&h->lock);
	return c ? c : conn_new();
}

void
grid_conn_give_back(struct https *h, struct conn *c)
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

struct conn *
grid_conn_borrow_sum(struct https *h)
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

void
grid_conn_give_back_sum(struct https *h, struct conn *c)
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

void
grid_conn_header(struct conn *c, const char *line)
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
	char *token = cred_token(CRED_USUAL, &size, w), *line;

	if (token == NULL)
		return w->code ? -1 : 0;
	n = strlen(token) + 32;
	line = secret_alloc(n);
	sprintf(line, "Authorization: Bearer %s", token);
	grid_conn_header(c, line);
	secret_free(line, n);
	secret_free(token, size);
	return 0;
}

/* Begin a request for path; method NULL: a GET, or an upload. */
int
grid_conn_begin(struct https *h, struct conn *c, const char *method,
    const char *path, struct why *w)
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
	c->moved = conn_now();
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
bool
grid_conn_pump(struct conn *c, bool (*what)(const struct conn *c))
{
	static const struct timespec none = { 0, 0 };
	sigset_t pipe, before, pending;
	bool stalls = false;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	c->moved = conn_now();
	for (;;) {
		step(c);
		if (c->done || (what != NULL && what(c)))
			break;
		stalls = conn_now() - c->moved > (time_t)retry_limit();
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
int
grid_conn_ended(struct https *h, struct conn *c, bool moves, struct why *w)
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
int
grid_conn_request(struct https *h, struct conn *c, const char *method,
    const char *path, struct why *w)
{
	if (grid_conn_begin(h, c, method, path, w) < 0)
		return -1;
	return grid_conn_ended(h, c, grid_conn_pump(c, NULL), w);
}
