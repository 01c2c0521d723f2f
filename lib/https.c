#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "db.h"
#include "https.h"
#include "line.h"
#include "secret.h"
#include "word.h"

#define TRIES 4 /* of a connection */

struct https {
	CURL *curl;
	CURLM *multi;          /* with curl alone: what can be woken */
	atomic_bool cancelled; /* by another thread */
	char *url;
	struct curl_slist *header;
	char error[CURL_ERROR_SIZE];
	const char *proof; /* what we show, or NULL: nothing */
	long patience;     /* seconds without a byte before we give up */
	bool doubt;        /* it broke off before it answered anything */
	bool refused;      /* it hung up before it was asked anything */
	int fd;            /* of the connection */

	/* The answer, line by line. */
	char *text; /* secure, LINE_MAX_BYTES */
	size_t used;
	unsigned long lines;
	bool ended, stopped;
	long status;
	https_take *take;
	void *arg;
	struct why why; /* of stopped */
};

int
https_malformed(struct why *w, const char *what)
{
	return why_set(w, EXIT_DATA, "its answer is malformed: %s", what);
}

static int
take_line(struct https *h, const char *text, size_t n)
{
	char end[32];
	size_t m;

	if (h->ended)
		return https_malformed(&h->why, "more after its last line");
	if (n >= 5 && memcmp(text, ".end\t", 5) == 0) {
		m = (size_t)snprintf(end, sizeof end, ".end\t%lu\n", h->lines);
		if (m != n || memcmp(text, end, n) != 0)
			return https_malformed(&h->why, "lines are missing");
		h->ended = true;
		return 0;
	}
	h->lines++;
	return h->take(h->arg, text, n, &h->why);
}

/* libcurl gives us bytes of the answer; to take fewer of them stops it. */
static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct https *h = arg;
	size_t left = n, m;
	char *nl;

	(void)one;
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->status);
	while (left > 0) {
		nl = memchr(p, '\n', left);
		m = nl ? (size_t)(nl - p) + 1 : left;
		if (m > LINE_MAX_BYTES - h->used) {
			https_malformed(&h->why, "a line is too long");
			h->stopped = true;
			return 0;
		}
		memcpy(h->text + h->used, p, m);
		h->used += m;
		p += m;
		left -= m;
		if (h->status != 200 || nl == NULL)
			continue; /* of an error the text is kept */
		if (take_line(h, h->text, h->used) < 0) {
			h->stopped = true;
			return 0;
		}
		h->used = 0;
	}
	return n;
}

static int
on_socket(void *arg, curl_socket_t fd, curlsocktype type)
{
	(void)type;
	((struct https *)arg)->fd = fd;
	return CURL_SOCKOPT_OK;
}

/*
 * TLS 1.3 refuses a certificate after the handshake, and to write to such a
 * connection may fail before we read why.  If that is in doubt, wait a little
 * before the request, to see whether the store hangs up by itself.
 */
static int
on_request(void *arg, char *there, char *here, int port, int our_port)
{
	struct https *h = arg;
	struct pollfd p = { .fd = h->fd, .events = POLLRDHUP };

	(void)there;
	(void)here;
	(void)port;
	(void)our_port;
	if (h->doubt && poll(&p, 1, 1000) > 0)
		h->refused = true;
	return h->refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int
show_certificate(struct https *h, struct why *w)
{
	struct cred c;
	int got = cred_certificate(&c, w);

	if (got <= 0)
		return got;
	curl_easy_setopt(h->curl, CURLOPT_SSLCERT, c.cert);
	curl_easy_setopt(h->curl, CURLOPT_SSLKEY, c.key);
	h->proof = "our certificate or proxy";
	return 0;
}

/*
 * Not one that lies about for other services: who shows a token is not known
 * by their proxy any more.
 */
static int
show_token(struct https *h, struct why *w)
{
	size_t size;
	char *token = cred_token(CRED_NAMED, &size, w), *field;

	if (token == NULL)
		return w->code ? -1 : 0;
	field = secret_alloc(size + 32);
	sprintf(field, "Authorization: Bearer %s", token);
	h->header = curl_slist_append(h->header, field);
	secret_free(field, size + 32);
	secret_free(token, size);
	h->proof = "our token";
	return 0;
}

/* Its key must be this one, whatever authorities say. */
static int
set_pin(struct https *h, const char *pin, struct why *w)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char d[33] = { 0 };
	char text[64] = "sha256//";
	unsigned i, n = 8;

	if (pin == NULL || *pin == '\0')
		return 0;
	if (strlen(pin) != 64 || hex_decode(d, 32, pin) < 0)
		return why_set(
		    w, EXIT_DATA, "pin=: not 64 lower-case hex digits");
	for (i = 0; i < 33; i += 3) {
		unsigned v = (unsigned)d[i] << 16 | d[i + 1] << 8 | d[i + 2];

		text[n++] = digit[v >> 18];
		text[n++] = digit[v >> 12 & 63];
		text[n++] = digit[v >> 6 & 63];
		text[n++] = digit[v & 63];
	}
	text[n - 1] = '='; /* of 33 bytes, one too many */
	text[n] = '\0';
	if (curl_easy_setopt(h->curl, CURLOPT_PINNEDPUBLICKEY, text) !=
	    CURLE_OK)
		return why_set(w, EXIT_BUG, "libcurl takes no pin");
	return 0;
}

static void
set_up(struct https *h)
{
	const char *wait = getenv("MDM_STORE_WAIT");
	CURL *c = h->curl;

	h->patience = wait ? strtol(wait, NULL, 10) : 30;
	if (h->patience < 1)
		die(EXIT_USAGE, "MDM_STORE_WAIT: not a number of seconds");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, cred_ca_dir());
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, h->patience);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, h->patience);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_SOCKOPTDATA, h);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, h);
	h->header = curl_slist_append(NULL, "Expect:");
	h->header = curl_slist_append(h->header, "Content-Type: text/plain");
}

/* Whether it answers is seen when it is asked. */
struct https *
https_open(const char *url, const char *pin, struct why *w)
{
	static bool begun; /* services are opened by one thread */
	struct https *h = calloc(1, sizeof *h);
	size_t n = strlen(url);

	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EXIT_BUG, "libcurl does not start");
	begun = true;
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (h == NULL || (h->curl = curl_easy_init()) == NULL ||
	    (h->multi = curl_multi_init()) == NULL ||
	    (h->url = strndup(url, n)) == NULL)
		die(EXIT_IO, "out of memory");
	set_up(h);
	if (strpbrk(url, "?#@ ") != NULL)
		why_set(w, EXIT_DATA, "not a URL of https://HOST:PORT/");
	else if (set_pin(h, pin, w) == 0 && show_certificate(h, w) == 0 &&
		 show_token(h, w) == 0) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->header);
		return h;
	}
	https_close(h);
	return NULL;
}

void
https_close(struct https *h)
{
	struct curl_slist *l;

	if (h == NULL)
		return;
	if (h->curl != NULL)
		curl_easy_cleanup(h->curl);
	curl_multi_cleanup(h->multi);
	for (l = h->header; l != NULL; l = l->next)
		secret_clear(l->data, strlen(l->data));
	curl_slist_free_all(h->header);
	secret_free(h->text, LINE_MAX_BYTES);
	free(h->url);
	free(h);
}

void
https_cancel(struct https *h)
{
	atomic_store(&h->cancelled, true);
	curl_multi_wakeup(h->multi);
}

/* What the transfer says; may asking again help? */
static bool
transfer_failed(struct https *h, CURLcode r, struct why *w)
{
	const char *said = *h->error ? h->error : curl_easy_strerror(r);

	switch (r) {
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		why_set(
		    w, EXIT_DENIED, "its key is not the one that pin= names");
		return false;
	case CURLE_PEER_FAILED_VERIFICATION:
		why_set(w, EXIT_DENIED,
		    "its certificate is not trusted (see X509_CERT_DIR): %s",
		    said);
		return false;
	case CURLE_SSL_CERTPROBLEM:
		why_set(
		    w, EXIT_DENIED, "our certificate, proxy or key: %s", said);
		return false;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_URL_MALFORMAT:
		why_set(w, EXIT_DENIED, "%s", said);
		return false;
	default:
		break;
	}
	if (h->refused)
		said = "it hangs up";
	if (h->refused || strstr(said, "alert") != NULL) {
		why_set(w, EXIT_DENIED, "refuses %s: %s",
		    h->proof ? h->proof
			     : "us, who show no certificate, proxy or token",
		    said);
		return false;
	}
	h->doubt = h->status == 0 && r != CURLE_OPERATION_TIMEDOUT &&
		   r != CURLE_COULDNT_CONNECT;
	why_set(w, EXIT_FEW, "%s", said);
	return r != CURLE_OPERATION_TIMEDOUT;
}

static bool
status_failed(struct https *h, struct why *w)
{
	size_t n = h->used;
	int code = EXIT_FEW;
	bool again = true;

	while (n > 0 && h->text[n - 1] == '\n')
		n--;
	if (n > 200)
		n = 200;
	if (h->status == 429 || h->status == 503)
		code = EXIT_RETRY;
	else if (h->status == 401 || h->status == 403) {
		code = EXIT_DENIED;
		again = false;
	} else if (h->status < 500) {
		code = EXIT_DATA;
		again = false;
	} else if (h->status == 500)
		again = false;
	if (h->status == 429)
		why_set(w, code, "too many requests by us");
	else
		why_set(w, code, "status %ld%s%.*s", h->status, n ? ": " : "",
		    (int)n, h->text);
	return again;
}

static CURLcode
transfer(struct https *h)
{
	CURLcode r = CURLE_ABORTED_BY_CALLBACK;
	CURLMcode m = curl_multi_add_handle(h->multi, h->curl);
	const CURLMsg *said;
	int running = 1, left;

	while (m == CURLM_OK && running > 0 && !atomic_load(&h->cancelled)) {
		m = curl_multi_perform(h->multi, &running);
		if (m == CURLM_OK && running > 0)
			m = curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
	if (m != CURLM_OK)
		die(EXIT_BUG, "libcurl: %s", curl_multi_strerror(m));
	while ((said = curl_multi_info_read(h->multi, &left)) != NULL)
		if (said->msg == CURLMSG_DONE)
			r = said->data.result;
	curl_multi_remove_handle(h->multi, h->curl);
	return r;
}

/* A write to a connection that the other side closed must not kill us. */
static CURLcode
perform(struct https *h)
{
	static const struct timespec now = { 0, 0 };
	sigset_t pipe, before, pending;
	CURLcode r;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = transfer(h);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int
https_request(struct https *h, const char *path, const char *body, size_t len,
    https_take *take, void *arg, bool *again, struct why *w)
{
	char url[4200];
	CURLcode r;

	if (h->text == NULL)
		h->text = secret_alloc(LINE_MAX_BYTES);
	*again = false;
	if (snprintf(url, sizeof url, "%s%s", h->url, path) >= (int)sizeof url)
		return why_set(w, EXIT_DATA, "its URL is too long");
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	if (body != NULL) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)len);
	} else
		curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	h->take = take;
	h->arg = arg;
	h->used = h->lines = 0;
	h->ended = h->stopped = h->refused = false;
	h->status = 0;
	*h->error = '\0';
	r = perform(h);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->status);
	h->doubt &= h->status == 0;
	if (h->stopped) {
		*w = h->why;
		return -1;
	}
	if (atomic_load(&h->cancelled))
		return why_set(w, EXIT_FEW, "broken off");
	if (r != CURLE_OK) {
		*again = transfer_failed(h, r, w);
		return -1;
	}
	if (h->status != 200) {
		*again = status_failed(h, w);
		return -1;
	}
	if (!h->ended) {
		*again = true; /* cut: it may be well again */
		return https_malformed(w, "it ends before its last line");
	}
	return 0;
}

bool
https_wait(struct https *h, struct https_patience *p, const struct why *w)
{
	double s = 0.05 * (1 << (p->tries < 7 ? p->tries : 7));
	curl_off_t asked = 0;
	unsigned char random;

	p->tries++;
	if (w->code != EXIT_RETRY && p->tries >= TRIES)
		return false;
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &asked);
	if (w->code == EXIT_RETRY && s < (double)asked)
		s = (double)asked;
	if (p->waited + s > db_lock_wait() / 1000.)
		return false;
	p->waited += s;
	/* Not all clients at the same moment. */
	secret_random(&random, 1);
	s *= 1 + random / 512.;
	/* A signal may end the wait early; then it is asked early. */
	curl_multi_poll(h->multi, NULL, 0, (int)(s * 1000), NULL);
	return !atomic_load(&h->cancelled);
}
