#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db.h"
#include "secret.h"
#include "store.h"
#include "word.h"

/*
 * A store behind hydra-serve: the requests of hydra-api(5) over one
 * connection, which is kept.  All of them are safe to ask again, so that what
 * was answered before a connection broke stands, and only the rest is asked
 * again.  This is the one file that knows libcurl.
 */
#define REQUEST (128u << 10)      /* bytes of lines in one request */
#define REQUEST_LEAST (16u << 10) /* where secure memory is short */
#define TRIES 4                   /* of a connection */
#define ID 33                     /* 16 bytes in hex, with its NUL */

struct https {
	struct store s; /* first */
	CURL *curl;
	struct curl_slist *header;
	char error[CURL_ERROR_SIZE];
	char run[ID];      /* marks the rows that the last put inserted */
	const char *proof; /* what we show, or NULL: nothing */
	long patience;     /* seconds without a byte before we give up */
	bool checked;      /* it is store x */
	bool once;         /* do not ask again */
	bool doubt;        /* it broke off before it answered anything */
	bool refused;      /* it hung up before it was asked anything */
	int fd;            /* of the connection */

	/* The request. */
	char *body; /* secure */
	size_t len, size;

	/* The answer, line by line. */
	char *text; /* secure, LINE_MAX_BYTES */
	size_t used;
	struct line line; /* secret */
	unsigned long lines;
	bool ended, stopped;
	long status;
	int (*take)(void *arg, const struct line *l, struct why *w);
	void *arg;
	struct why why; /* of stopped */
};

/* An answer that breaks the rules. */
static int
malformed(struct why *w, const char *what)
{
	return why_set(w, EXIT_DATA, "its answer is malformed: %s", what);
}

static int
take_line(struct https *h, const char *text, size_t n)
{
	const char *wrong;
	char end[32];

	if (h->ended)
		return malformed(&h->why, "more after its last line");
	if (n >= 5 && memcmp(text, ".end\t", 5) == 0) {
		size_t m =
		    (size_t)snprintf(end, sizeof end, ".end\t%lu\n", h->lines);

		if (m != n || memcmp(text, end, n) != 0)
			return malformed(&h->why, "lines are missing");
		h->ended = true;
		return 0;
	}
	if ((wrong = line_parse(&h->line, text, n)) != NULL)
		return malformed(&h->why, wrong);
	h->lines++;
	return h->take(h->arg, &h->line, &h->why);
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
			malformed(&h->why, "a line is too long");
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

/* Is there a file that holds a key only we can read?  1; 0: none; -1. */
static int
key_file(const char *path, struct why *w)
{
	int fd = secret_open(path, w);

	if (fd < 0)
		return -1;
	close(fd);
	return 1;
}

/* Our certificate and key, where grid programs look for them. */
static int
show_certificate(struct https *h, struct why *w)
{
	const char *cert = getenv("X509_USER_PROXY");
	const char *key = cert, *home = getenv("HOME");
	char usual[64], c[4096], k[4096];

	snprintf(usual, sizeof usual, "/tmp/x509up_u%ld", (long)getuid());
	if (cert == NULL && (cert = getenv("X509_USER_CERT")) != NULL &&
	    (key = getenv("X509_USER_KEY")) == NULL)
		key = cert;
	if (cert == NULL && access(usual, F_OK) == 0)
		key = cert = usual;
	if (cert == NULL && home != NULL &&
	    snprintf(c, sizeof c, "%s/.globus/usercert.pem", home) <
		(int)sizeof c &&
	    snprintf(k, sizeof k, "%s/.globus/userkey.pem", home) <
		(int)sizeof k &&
	    access(c, F_OK) == 0) {
		cert = c;
		key = k;
	}
	if (cert == NULL)
		return 0;
	if (key_file(key, w) < 0)
		return -1;
	curl_easy_setopt(h->curl, CURLOPT_SSLCERT, cert);
	curl_easy_setopt(h->curl, CURLOPT_SSLKEY, key);
	h->proof = "our certificate or proxy";
	return 0;
}

static int
show_token(struct https *h, struct why *w)
{
	const char *token = getenv("BEARER_TOKEN");
	const char *file = getenv("BEARER_TOKEN_FILE");
	char *read = NULL, *field;
	size_t n = token ? strlen(token) : 0;

	if (token == NULL && file != NULL) {
		if ((read = secret_read(file, 16384, &n, w)) == NULL)
			return -1;
		token = read;
	}
	while (n > 0 && strchr(" \t\r\n", token[n - 1]) != NULL)
		n--;
	if (n == 0 || strcspn(token, " \t\r\n") < n) {
		secret_free(read, 16384 + 2);
		return token == NULL ? 0
				     : why_set(w, EXIT_DENIED,
					   "the bearer token is not one word");
	}
	field = secret_alloc(n + 32);
	sprintf(field, "Authorization: Bearer %.*s", (int)n, token);
	h->header = curl_slist_append(h->header, field);
	secret_free(field, n + 32);
	secret_free(read, 16384 + 2);
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
	const char *ca = getenv("X509_CERT_DIR");
	const char *wait = getenv("MDM_STORE_WAIT");
	CURL *c = h->curl;

	h->patience = wait ? strtol(wait, NULL, 10) : 30;
	if (h->patience < 1)
		die(EXIT_USAGE, "MDM_STORE_WAIT: not a number of seconds");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH,
	    ca && *ca ? ca : "/etc/grid-security/certificates");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
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

static void
https_close(struct store *s)
{
	struct https *h = (struct https *)s;
	struct curl_slist *l;

	if (h->curl != NULL)
		curl_easy_cleanup(h->curl);
	for (l = h->header; l != NULL; l = l->next)
		secret_clear(l->data, strlen(l->data));
	curl_slist_free_all(h->header);
	secret_free(h->body, h->size);
	secret_free(h->text, LINE_MAX_BYTES);
	line_free(&h->line);
	free(h);
}

/* Whether it answers is seen when it is asked. */
static struct store *
https_open(
    unsigned x, const char *url, const char *pin, bool create, struct why *w)
{
	static bool begun; /* stores are opened by one thread */
	struct https *h = calloc(1, sizeof *h);

	(void)x;
	(void)create;
	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EXIT_BUG, "libcurl does not start");
	begun = true;
	if (h == NULL || (h->curl = curl_easy_init()) == NULL)
		die(EXIT_IO, "out of memory");
	line_init(&h->line, true);
	set_up(h);
	if (strpbrk(url, "?#@ ") != NULL)
		why_set(w, EXIT_DATA, "not a URL of https://HOST:PORT/");
	else if (set_pin(h, pin, w) == 0 && show_certificate(h, w) == 0 &&
		 show_token(h, w) == 0) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->header);
		return &h->s;
	}
	https_close(&h->s);
	return NULL;
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
	why_set(w, code, "status %ld%s%.*s", h->status, n ? ": " : "", (int)n,
	    h->text);
	return again;
}

/* A write to a connection that the other side closed must not kill us. */
static CURLcode
perform(CURL *c)
{
	static const struct timespec now = { 0, 0 };
	sigset_t pipe, before, pending;
	CURLcode r;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = curl_easy_perform(c);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/*
 * One request: what is in h->body, or a GET.  0; or -1 with *w, and *again if
 * the same may work when it is asked again.
 */
static int
request(
    struct https *h, const char *path, bool post, bool *again, struct why *w)
{
	char url[4200];
	size_t n = strlen(h->s.url);
	CURLcode r;

	if (h->text == NULL)
		h->text = secret_alloc(LINE_MAX_BYTES);
	while (n > 0 && h->s.url[n - 1] == '/')
		n--;
	*again = false;
	if (snprintf(url, sizeof url, "%.*s%s", (int)n, h->s.url, path) >=
	    (int)sizeof url)
		return why_set(w, EXIT_DATA, "its URL is too long");
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	if (post) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, h->body);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)h->len);
	} else
		curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	h->used = h->lines = 0;
	h->ended = h->stopped = h->refused = false;
	h->status = 0;
	*h->error = '\0';
	r = perform(h->curl);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->status);
	h->doubt &= h->status == 0;
	if (h->stopped) {
		*w = h->why;
		return -1;
	}
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
		return malformed(w, "it ends before its last line");
	}
	return 0;
}

/* How long we have waited for a store that may answer later. */
struct patience {
	unsigned tries;
	double waited; /* seconds */
};

/* Wait before asking again, longer each time; false: no more. */
static bool
wait_again(struct https *h, struct patience *p, const struct why *w)
{
	double s = 0.05 * (1 << (p->tries < 7 ? p->tries : 7));
	curl_off_t asked = 0;
	struct timespec t;
	unsigned char random;

	p->tries++;
	if (h->once || (w->code != EXIT_RETRY && p->tries >= TRIES))
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
	t.tv_sec = (time_t)s;
	t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	return true;
}

/* GET, as often as it takes.  take must bear to be called again from start. */
static int
fetch(struct https *h, const char *path,
    int (*take)(void *arg, const struct line *l, struct why *w),
    void (*begin)(void *arg), void *arg, struct why *w)
{
	struct patience p = { 0, 0 };
	bool again;

	for (;;) {
		begin(arg);
		h->take = take;
		h->arg = arg;
		if (request(h, path, false, &again, w) == 0)
			return 0;
		if (!again || !wait_again(h, &p, w))
			return -1;
	}
}

/* Names to be asked about, each answered by a line. */
struct call {
	const char *op;
	const char *const *name;
	/* The line's fields; may be NULL. */
	void (*fields)(void *arg, unsigned i, struct line *l);
	/*
	 * The answer to name i; error is its error=, or NULL.  again: it was
	 * sent before, and the answer was lost.
	 */
	int (*answer)(void *arg, unsigned i, const struct line *l,
	    const char *error, bool again, struct why *w);
	void *arg;

	/* At work: which are not answered yet. */
	unsigned *todo, todos, sent, at, busy;
	bool *again;
};

static int
take_answer(void *arg, const struct line *l, struct why *w)
{
	struct call *c = arg;
	const char *error = line_word(l, "error");
	unsigned i;

	if (c->at == c->sent)
		return malformed(w, "more lines than were asked");
	i = c->todo[c->at];
	if (strcmp(l->name, c->name[i]) != 0)
		return malformed(w, "a line that was not asked for");
	c->at++;
	if (error != NULL && strcmp(error, "busy") == 0) {
		c->todo[c->busy++] = i; /* never beyond at */
		return 0;
	}
	return c->answer(c->arg, i, l, error, c->again[i], w);
}

/* Add the line in h->line to the request, if there is room. */
static bool
add_line(struct https *h)
{
	const struct line *l = &h->line;
	size_t n = strlen(l->name) + 1;
	char *p;
	int i;

	for (i = 0; i < l->fields; i++)
		n += strlen(l->field[i].key) + strlen(l->field[i].word) + 2;
	if (n + 32 > h->size - h->len)
		return false;
	p = stpcpy(h->body + h->len, l->name);
	for (i = 0; i < l->fields; i++) {
		*p++ = '\t';
		p = stpcpy(p, l->field[i].key);
		*p++ = '=';
		p = stpcpy(p, l->field[i].word);
	}
	*p++ = '\n';
	h->len += n;
	return true;
}

/* As many of the names as there is room for. */
static int
fill(struct https *h, struct call *c, struct why *w)
{
	if (h->body == NULL)
		for (h->size = REQUEST; (h->body = secret_try(h->size)) == NULL;
		     h->size /= 2)
			if (h->size == REQUEST_LEAST)
				return why_set(
				    w, EXIT_IO, "out of secure memory");
	h->len = 0;
	for (c->sent = 0; c->sent < c->todos; c->sent++) {
		line_reset(&h->line);
		line_set_name_word(&h->line, c->name[c->todo[c->sent]]);
		if (c->fields != NULL)
			c->fields(c->arg, c->todo[c->sent], &h->line);
		if (!add_line(h))
			break;
	}
	line_reset(&h->line);
	if (c->sent == 0)
		return why_set(w, EXIT_DATA, "a line is too long");
	h->len += (size_t)sprintf(h->body + h->len, ".end\t%u\n", c->sent);
	return 0;
}

/* Ask about what is left of the names, until all are answered. */
static int
ask_rest(struct https *h, struct call *c, struct why *w)
{
	struct patience p = { 0, 0 };
	char path[32];
	unsigned i, done;
	bool again;
	int r;

	snprintf(path, sizeof path, "/v1/%s", c->op);
	while (c->todos > 0) {
		if (fill(h, c, w) < 0)
			return -1;
		c->at = c->busy = 0;
		h->take = take_answer;
		h->arg = c;
		r = request(h, path, true, &again, w);
		secret_clear(h->body, h->len);
		if (r == 0 && c->at < c->sent)
			return malformed(w, "fewer lines than were asked");
		for (i = c->at; i < c->sent; i++)
			c->again[c->todo[i]] = true;
		done = c->at - c->busy;
		memmove(c->todo + c->busy, c->todo + c->at,
		    (c->todos - c->at) * sizeof *c->todo);
		c->todos -= done;
		if (done > 0)
			p = (struct patience){ 0, 0 };
		if (r < 0 && !again)
			return -1;
		if (r == 0 && c->busy > 0)
			why_set(w, EXIT_RETRY, "too many requests by us");
		if ((r < 0 || c->busy > 0) && !wait_again(h, &p, w))
			return -1;
	}
	return 0;
}

static int
ask(struct https *h, struct call *c, unsigned n, struct why *w)
{
	unsigned i;
	int r;

	c->todo = calloc(n + 1, sizeof *c->todo);
	c->again = calloc(n + 1, sizeof *c->again);
	if (c->todo == NULL || c->again == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		c->todo[i] = i;
	c->todos = n;
	r = ask_rest(h, c, w);
	free(c->todo);
	free(c->again);
	return r;
}

/* An error= that no request of ours should have. */
static int
strange(const char *error, const struct line *l, struct why *w)
{
	const char *why = line_word(l, "why");

	return why_set(w, EXIT_DATA, "answers error=%s%s%s", error,
	    why ? " why=" : "", why ? why : "");
}

static void
begin_check(void *arg)
{
	*(unsigned long long *)arg = 0;
}

static int
take_check(void *arg, const struct line *l, struct why *w)
{
	if (strcmp(l->name, "store") != 0)
		return 0;
	return line_number(l, "x", arg, w);
}

/* Before anything is changed: is it the store that it should be? */
static int
check(struct https *h, struct why *w)
{
	unsigned long long x;

	if (h->checked)
		return 0;
	if (fetch(h, "/v1/store", take_check, begin_check, &x, w) < 0)
		return -1;
	if (x != h->s.x)
		return why_set(w, EXIT_DATA, "it is store %llu", x);
	h->checked = true;
	return 0;
}

struct putting {
	struct https *h;
	const struct share *const *share;
	const char *owner, *group;
	enum store_put *result;
};

static void
put_fields(void *arg, unsigned i, struct line *l)
{
	struct putting *p = arg;

	share_to_line(l, p->share[i]);
	line_add_word(l, "run", p->h->run);
	if (p->owner != NULL && *p->owner != '\0')
		line_set(l, "owner", p->owner, strlen(p->owner));
	if (p->group != NULL)
		line_set(l, "group", p->group, strlen(p->group));
}

static int
put_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	struct putting *p = arg;
	const char *put = line_word(l, "put");

	if (error == NULL && put != NULL && strcmp(put, "new") == 0)
		p->result[i] = STORE_NEW;
	else if (error == NULL && put != NULL && strcmp(put, "same") == 0)
		/* Perhaps by us; undo knows. */
		p->result[i] = again ? STORE_NEW : STORE_SAME;
	else if (error == NULL)
		return malformed(w, "neither put= nor error=");
	else if (strcmp(error, "other") == 0)
		p->result[i] = STORE_OTHER;
	else if (strcmp(error, "removed") == 0)
		p->result[i] = STORE_REMOVED;
	else if (strcmp(error, "denied") == 0)
		p->result[i] = STORE_FORBIDDEN;
	else if (strcmp(error, "bad") == 0)
		p->result[i] = STORE_WRONG;
	else
		return strange(error, l, w);
	return 0;
}

static void
undo_fields(void *arg, unsigned i, struct line *l)
{
	(void)i;
	line_add_word(l, "run", ((struct https *)arg)->run);
}

static int
undo_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	(void)arg;
	(void)i;
	(void)again;
	return error ? strange(error, l, w) : 0;
}

static int
https_undo(struct store *s, const char *const *guid, unsigned n, struct why *w)
{
	struct call c = { .op = "undo",
		.name = guid,
		.fields = undo_fields,
		.answer = undo_answer,
		.arg = s };

	return ask((struct https *)s, &c, n, w);
}

static int
https_put(struct store *s, const struct share *const *share, unsigned n,
    const char *owner, const char *group, enum store_put *result, struct why *w)
{
	struct https *h = (struct https *)s;
	struct putting p = { h, share, owner, group, result };
	const char **guid = calloc(n + 1, sizeof *guid);
	struct call c = { .op = "put",
		.name = guid,
		.fields = put_fields,
		.answer = put_answer,
		.arg = &p };
	unsigned char run[16];
	struct why later;
	unsigned i;
	int r;

	if (guid == NULL)
		die(EXIT_IO, "out of memory");
	secret_random(run, sizeof run);
	hex_encode(h->run, run, sizeof run);
	for (i = 0; i < n; i++)
		guid[i] = share[i]->guid;
	r = check(h, w);
	if (r == 0 && (r = ask(h, &c, n, w)) < 0) {
		/* All or nothing, as well as can be. */
		h->once = true;
		https_undo(s, guid, n, &later);
		h->once = false;
	}
	free(guid);
	return r;
}

struct getting {
	const uint64_t *e; /* NULL: the current ones */
	struct share *out;
	enum store_found *found;
	unsigned stride;
};

static void
get_fields(void *arg, unsigned i, struct line *l)
{
	const struct getting *g = arg;

	if (g->e != NULL)
		line_set_number(l, "e", g->e[i]);
}

static int
get_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	struct getting *g = arg;
	struct share *s = &g->out[i * g->stride];
	enum store_found *found = &g->found[i * g->stride];

	(void)again;
	*found = STORE_DAMAGED;
	if (error == NULL) {
		s->commit = NULL;
		if (share_from_line(s, l, w) == 0)
			*found = STORE_FOUND;
		else
			share_drop(s);
	} else if (strcmp(error, "missing") == 0 ||
		   strcmp(error, "removed") == 0)
		*found = STORE_MISSING;
	else if (strcmp(error, "denied") == 0 || strcmp(error, "held") == 0)
		*found = STORE_DENIED;
	else if (strcmp(error, "damaged") != 0)
		return strange(error, l, w);
	return 0;
}

static int
https_get(struct store *s, const char *const *guid, const uint64_t *e,
    unsigned n, struct share *out, enum store_found *found, unsigned stride,
    struct why *w)
{
	struct getting g = { e, out, found, stride };
	struct call c = { .op = "get",
		.name = guid,
		.fields = get_fields,
		.answer = get_answer,
		.arg = &g };
	unsigned i;
	int r;

	for (i = 0; i < n; i++)
		found[i * stride] = STORE_MISSING;
	r = ask((struct https *)s, &c, n, w);
	for (i = 0; r < 0 && i < n; i++)
		if (found[i * stride] == STORE_FOUND)
			share_drop(&out[i * stride]);
	return r;
}

static int
remove_answer(void *arg, unsigned i, const struct line *l, const char *error,
    bool again, struct why *w)
{
	enum store_gone *gone = arg;

	(void)again;
	gone[i] = STORE_GONE;
	if (error == NULL && line_word(l, "removed") == NULL)
		return malformed(w, "neither removed= nor error=");
	if (error == NULL || strcmp(error, "missing") == 0)
		return 0;
	gone[i] = STORE_KEPT;
	if (strcmp(error, "denied") == 0 || strcmp(error, "damaged") == 0)
		return 0;
	return strange(error, l, w);
}

static int
https_remove(struct store *s, const char *const *guid, unsigned n,
    enum store_gone *gone, struct why *w)
{
	struct https *h = (struct https *)s;
	struct call c = {
		.op = "rm", .name = guid, .answer = remove_answer, .arg = gone
	};

	return check(h, w) < 0 ? -1 : ask(h, &c, n, w);
}

struct listing {
	struct store_item *item;
	unsigned n, before, max;
	char after[SHARE_ID + 1];
	bool more;
};

static void
begin_list(void *arg)
{
	struct listing *l = arg;

	l->n = l->before;
	l->more = false;
}

static int
take_item(void *arg, const struct line *l, struct why *w)
{
	struct listing *p = arg;
	struct store_item *item = &p->item[p->n];
	const char *after = line_word(l, "after");
	unsigned long long k, n, e, created;

	if (p->more)
		return malformed(w, "more after the line that says so");
	if (strcmp(l->name, "more") == 0) {
		if (after == NULL || !share_id_ok(after) ||
		    strcmp(after, p->after) <= 0)
			return malformed(w, "a list that does not advance");
		memcpy(p->after, after, sizeof p->after);
		p->more = true;
		return 0;
	}
	if (p->n == p->max || !share_id_ok(l->name) ||
	    strcmp(l->name, p->n ? p->item[p->n - 1].guid : "") <= 0)
		return malformed(w, "a list out of order");
	if (line_number(l, "k", &k, w) < 0 || line_number(l, "n", &n, w) < 0 ||
	    line_number(l, "e", &e, w) < 0 ||
	    line_number(l, "created", &created, w) < 0)
		return -1;
	if (k > SHARE_N || n > SHARE_N || created > INT64_MAX)
		return malformed(w, "a number out of range");
	memcpy(item->guid, l->name, sizeof item->guid);
	item->k = (unsigned)k;
	item->n = (unsigned)n;
	item->e = e;
	item->created = (long long)created;
	p->n++;
	return 0;
}

static int
https_list(struct store *s, const char *after, struct store_item *item,
    unsigned max, unsigned *got, struct why *w)
{
	struct https *h = (struct https *)s;
	struct listing l = { .item = item, .max = max };
	char path[96];

	if (check(h, w) < 0)
		return -1;
	snprintf(l.after, sizeof l.after, "%s", after);
	do {
		l.before = l.n;
		snprintf(path, sizeof path, "/v1/list?max=%u%s%s",
		    max - l.n < 1000 ? max - l.n : 1000,
		    *l.after ? "&after=" : "", l.after);
		if (fetch(h, path, take_item, begin_list, &l, w) < 0)
			return -1;
	} while (l.more && l.n < max);
	*got = l.n;
	return 0;
}

static int
https_call(struct store *s, const struct store_call *c, struct why *w)
{
	struct https *h = (struct https *)s;
	struct call own = { .op = c->op,
		.name = c->name,
		.fields = c->fields,
		.answer = c->answer,
		.arg = c->arg };

	return check(h, w) < 0 ? -1 : ask(h, &own, c->n, w);
}

static int
https_about(struct store *s, const struct store_about *about, struct why *w)
{
	struct https *h = (struct https *)s;

	return check(h, w) < 0 ? -1
			       : fetch(h, "/v1/store", about->take,
				     about->begin, about->arg, w);
}

const struct store_kind store_https = {
	.scheme = "https",
	.far = true,
	.open = https_open,
	.close = https_close,
	.put = https_put,
	.undo = https_undo,
	.get = https_get,
	.remove = https_remove,
	.list = https_list,
	.call = https_call,
	.about = https_about,
};
