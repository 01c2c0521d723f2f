#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "dicomjson.h"
#include "dicomweb.h"
#include "dict.h"
#include "dimsg.h"
#include "multipart.h"
#include "query.h"
#include "secret.h"
#include "walk.h"

#define TRIES 4
#define PAGE_LEAST 10 /* no server gives fewer at once */
#define TOKEN_MAX 16384

struct dicomweb {
	CURL *curl;
	struct curl_slist *find, *get, *to; /* header fields; host */
	char *base;                         /* owned: without a slash at end */
	char error[CURL_ERROR_SIZE];
	char type[256]; /* Content-Type */
	long status;
	int fd;       /* of the connection */
	bool heard;   /* it has answered, ever */
	bool doubt;   /* it broke off before it answered anything */
	bool refused; /* it hung up before it was asked anything */
	bool warned;  /* there is more */
	bool stopped; /* by us: why */
	bool used;    /* something of the answer was passed on */
	struct why why;

	/* Of a question. */
	struct dicomjson *json;
	const struct ident *q;
	int (*fn)(void *, const void *, size_t, struct why *);
	void *arg;
	unsigned long answers;
	unsigned long long first;  /* a digest of the first answer */
	unsigned long long before; /* that of the page before */
	bool later;                /* there is a page before */
	bool again;                /* it was given again */

	/* Of an object. */
	struct multipart parts;
	struct intake_way *way;
	const char *sop;
	bool begun;    /* the body as a whole */
	bool multi;    /* it has parts */
	bool open;     /* an object of it is begun */
	bool dataset;  /* and its data set */
	size_t head_n; /* of what precedes it */
	unsigned char head[WALK_META_MAX + 512];
};

static struct curl_slist *authorization;

static struct curl_slist *
with(struct curl_slist *l, const char *field)
{
	if ((l = curl_slist_append(l, field)) == NULL)
		die(EXIT_IO, "out of memory");
	return l;
}

static int
read_token(const char *file, struct why *w)
{
	char *token, *field;
	size_t n;

	secret_init(4 * TOKEN_MAX);
	if ((token = secret_read(file, TOKEN_MAX, &n, w)) == NULL)
		return -1;
	while (n > 0 && strchr(" \t\r\n", token[n - 1]) != NULL)
		n--;
	if (n == 0 || strcspn(token, " \t\r\n") < n) {
		secret_free(token, TOKEN_MAX + 2);
		return why_set(
		    w, EXIT_DENIED, "the bearer token is not one word");
	}
	field = secret_alloc(n + 32);
	sprintf(field, "Authorization: Bearer %.*s", (int)n, token);
	authorization = with(NULL, field);
	secret_free(field, n + 32);
	secret_free(token, TOKEN_MAX + 2);
	return 0;
}

int
dicomweb_init(const struct dicomweb_conf *c, struct why *w)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EXIT_BUG, "libcurl does not start");
	return c->token ? read_token(c->token, w) : 0;
}

bool
dicomweb_busy(unsigned status)
{
	return status >> 8 == 0xa7 || status == DICOMWEB_STATUS + 429 ||
	       status == DICOMWEB_STATUS + 503;
}

int
dicomweb_why(unsigned status, struct why *w)
{
	const unsigned http = status - DICOMWEB_STATUS;

	if (status < DICOMWEB_STATUS)
		return dimsg_why(status, w);
	switch (http) {
	case 401:
	case 403:
		return why_set(w, EXIT_DENIED,
		    "the server does not allow it (HTTP %u)", http);
	case 404:
	case 410:
		return why_set(
		    w, EXIT_NO, "the server does not have it (HTTP %u)", http);
	case 406:
		return why_set(w, EXIT_NO,
		    "the server cannot send it as it is stored (HTTP %u)",
		    http);
	case 429:
	case 503:
		return why_set(w, EXIT_RETRY,
		    "the server is out of resources (HTTP %u)", http);
	}
	if (http >= 400 && http < 500)
		return why_set(w, EXIT_FEW,
		    "the server does not understand the request (HTTP %u)",
		    http);
	return why_set(w, EXIT_FEW, "the server failed (HTTP %u)", http);
}

/* The answer's header, line by line; a new one after 100 Continue. */
static size_t
on_header(char *p, size_t one, size_t n, void *arg)
{
	static const char type[] = "content-type:", warning[] = "warning:";
	struct dicomweb *d = arg;
	const char *v;
	size_t m = n;

	(void)one;
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		*d->type = '\0';
		d->warned = false;
	}
	while (m > 0 && strchr(" \t\r\n", p[m - 1]) != NULL)
		m--;
	if (m > sizeof type && strncasecmp(p, type, sizeof type - 1) == 0) {
		v = p + sizeof type - 1;
		for (m -= sizeof type - 1; *v == ' ' || *v == '\t'; m--)
			v++;
		if (m < sizeof d->type) {
			memcpy(d->type, v, m);
			d->type[m] = '\0';
		}
	} else if (m > sizeof warning &&
		   strncasecmp(p, warning, sizeof warning - 1) == 0) {
		d->warned |= memmem(p, m, "299", 3) != NULL;
	}
	return n;
}

/* An object's bytes: what precedes its data set is held, then written anew. */
static int
object_data(void *arg, const void *p, size_t n, struct why *w)
{
	struct dicomweb *d = arg;
	const size_t room = sizeof d->head - d->head_n;
	const size_t taken = n < room ? n : room;
	struct walk_meta m;
	int got;

	if (d->dataset) {
		intake_data(d->way, p, n);
		return 0;
	}
	memcpy(d->head + d->head_n, p, taken);
	d->head_n += taken;
	got = walk_meta(&m, d->head, d->head_n, false, w);
	if (got == WALK_MORE && d->head_n < sizeof d->head)
		return 0;
	if (got != 1 || m.guessed || m.dataset > d->head_n)
		return why_set(w, EXIT_DATA, "what was sent is not DICOM");
	intake_begin(d->way, m.sop_class, d->sop, m.transfer);
	d->dataset = d->used = true;
	intake_data(d->way, d->head + m.dataset, d->head_n - m.dataset);
	intake_data(d->way, (const char *)p + taken, n - taken);
	return 0;
}

static int
object_begin(void *arg, struct why *w)
{
	struct dicomweb *d = arg;

	(void)w;
	d->open = true;
	d->dataset = false;
	d->head_n = 0;
	return 0;
}

static int
object_end(void *arg, struct why *w)
{
	struct dicomweb *d = arg;

	d->open = false;
	if (!d->dataset)
		return why_set(w, EXIT_DATA, "what was sent is not DICOM");
	intake_end(d->way);
	return 0;
}

/* The beginning of an object's answer: parts, or just the object. */
static int
begin_object(struct dicomweb *d, struct why *w)
{
	static const char plain[] = "application/dicom";

	d->begun = true;
	d->multi = strncasecmp(d->type, plain, sizeof plain - 1) != 0;
	if (!d->multi)
		return object_begin(d, w);
	if (multipart_init(&d->parts, d->type, w) < 0)
		return -1;
	d->parts.begin = object_begin;
	d->parts.data = object_data;
	d->parts.end = object_end;
	d->parts.arg = d;
	return 0;
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct dicomweb *d = arg;
	int got;

	(void)one;
	curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &d->status);
	if (d->status != 200)
		return n; /* an error's text may name who was asked for */
	if (d->json)
		got = dicomjson_feed(d->json, p, n, &d->why);
	else if (!d->begun && begin_object(d, &d->why) < 0)
		got = -1;
	else if (d->multi)
		got = multipart_feed(&d->parts, p, n, &d->why);
	else
		got = object_data(d, p, n, &d->why);
	d->stopped = got < 0;
	return got < 0 ? 0 : n;
}

static int
on_socket(void *arg, curl_socket_t fd, curlsocktype type)
{
	(void)type;
	((struct dicomweb *)arg)->fd = fd;
	return CURL_SOCKOPT_OK;
}

/*
 * TLS 1.3 refuses a certificate after the handshake, and to write to such a
 * connection may fail before we read why.  If that is in doubt, wait a little
 * before the request, to see whether the server hangs up by itself.
 */
static int
on_request(void *arg, char *there, char *here, int port, int our_port)
{
	struct dicomweb *d = arg;
	struct pollfd p = { .fd = d->fd, .events = POLLRDHUP };

	(void)there, (void)here, (void)port, (void)our_port;
	if (d->doubt && poll(&p, 1, 1000) > 0)
		d->refused = true;
	return d->refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* Its certificate is for a name that is not its host's. */
static void
set_name(struct dicomweb *d, const char *name)
{
	char *host = strstr(d->base, "://") + 3, *path, *url, to[512];
	size_t n = strcspn(host, "/"), port = n;

	if (*name == '\0') {
		curl_easy_setopt(d->curl, CURLOPT_SSL_VERIFYHOST, 0L);
		return;
	}
	while (port > 0 && host[port - 1] != ':' && host[port - 1] != ']')
		port--;
	port = port > 0 && host[port - 1] == ':' ? port - 1 : n;
	snprintf(to, sizeof to, "::%.*s%s", (int)n, host, port == n ? ":" : "");
	path = host + port;
	if ((url = malloc(strlen(d->base) + strlen(name) + 1)) == NULL)
		die(EXIT_IO, "out of memory");
	sprintf(url, "%.*s%s%s", (int)(host - d->base), d->base, name, path);
	free(d->base);
	d->base = url;
	d->to = with(NULL, to);
	curl_easy_setopt(d->curl, CURLOPT_CONNECT_TO, d->to);
}

static void
set_up(struct dicomweb *d, const struct dicomweb_conf *c)
{
	CURL *h = d->curl;

	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	if (c->ca) {
		curl_easy_setopt(h, CURLOPT_CAINFO, c->ca);
		curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	}
	if (c->cert) {
		curl_easy_setopt(h, CURLOPT_SSLCERT, c->cert);
		curl_easy_setopt(h, CURLOPT_SSLKEY, c->key ? c->key : c->cert);
	}
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 1L << 18);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)c->connect_time);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)c->time);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, d->error);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, d);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, d);
	if (strncmp(c->url, "https:", 6) != 0)
		return;
	curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(h, CURLOPT_SOCKOPTDATA, d);
	curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(h, CURLOPT_PREREQDATA, d);
	if (c->name)
		set_name(d, c->name);
}

struct dicomweb *
dicomweb_open(const struct dicomweb_conf *c)
{
	struct dicomweb *d = calloc(1, sizeof *d);
	const struct curl_slist *l;
	size_t n = strlen(c->url);

	while (n > 0 && c->url[n - 1] == '/')
		n--;
	if (d == NULL || (d->curl = curl_easy_init()) == NULL ||
	    (d->base = strndup(c->url, n)) == NULL)
		die(EXIT_IO, "out of memory");
	set_up(d, c);
	d->find = with(NULL, "Accept: application/dicom+json");
	d->get =
	    with(NULL, "Accept: multipart/related; type=\"application/dicom\"; "
		       "transfer-syntax=*");
	for (l = authorization; l; l = l->next) {
		d->find = with(d->find, l->data);
		d->get = with(d->get, l->data);
	}
	return d;
}

static void
free_fields(struct curl_slist *fields)
{
	struct curl_slist *l;

	for (l = fields; l; l = l->next)
		secret_clear(l->data, strlen(l->data));
	curl_slist_free_all(fields);
}

void
dicomweb_close(struct dicomweb *d)
{
	if (d == NULL)
		return;
	curl_easy_cleanup(d->curl);
	free_fields(d->find);
	free_fields(d->get);
	curl_slist_free_all(d->to);
	free(d->base);
	free(d);
}

/* A write to a connection that the other side closed must not kill us. */
static CURLcode
perform(struct dicomweb *d)
{
	static const struct timespec now = { 0, 0 };
	sigset_t pipe, before, pending;
	CURLcode r;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = curl_easy_perform(d->curl);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* What a transfer says that failed.  Its URL is not said: UIDs identify. */
static int
transfer_why(const struct dicomweb *d, CURLcode r, struct why *w)
{
	switch (r) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return why_set(w, EXIT_DENIED,
		    "the server's certificate is not trusted, or has another "
		    "name: %s",
		    d->error);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return why_set(w, EXIT_DENIED,
		    "our certificate, key or authorities: %s",
		    *d->error ? d->error : curl_easy_strerror(r));
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return why_set(w, EXIT_FEW, "no DICOMweb server answers: %s",
		    curl_easy_strerror(r));
	case CURLE_OPERATION_TIMEDOUT:
		return why_set(w, EXIT_FEW, "the server is silent");
	default:
		if (d->refused || strstr(d->error, "alert") != NULL)
			return why_set(w, EXIT_DENIED,
			    "the server refuses our certificate, or that we "
			    "show none: %s",
			    d->refused ? "it hangs up" : d->error);
		return why_set(w, EXIT_FEW, "the connection was lost: %s",
		    curl_easy_strerror(r));
	}
}

static bool
passes(long status)
{
	return dicomweb_busy(DICOMWEB_STATUS + (unsigned)status) ||
	       status == 502 || status == 504;
}

static void
pause_before(struct dicomweb *d, int tries)
{
	curl_off_t asked = 0;
	long ms = 50l << 2 * tries;
	struct timespec t;

	curl_easy_getinfo(d->curl, CURLINFO_RETRY_AFTER, &asked);
	if (asked > 0)
		ms = asked < 30 ? (long)asked * 1000 : 30000;
	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	nanosleep(&t, NULL);
}

/*
 * One GET, perhaps tried again.  begin() makes ready for an answer.  0 with
 * d->status; -1 with *w.
 */
static int
request(struct dicomweb *d, const char *url, struct curl_slist *fields,
    void (*begin)(struct dicomweb *d), struct why *w)
{
	CURLcode r;
	int tries;

	curl_easy_setopt(d->curl, CURLOPT_URL, url);
	curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, fields);
	d->used = d->stopped = d->refused = d->doubt = false;
	for (tries = 0;; tries++) {
		d->status = 0;
		*d->error = '\0';
		begin(d);
		r = perform(d);
		curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &d->status);
		d->heard |= d->status != 0;
		if (d->stopped) {
			*w = d->why;
			return -1;
		}
		if (r == CURLE_OK && !passes(d->status))
			return 0;
		if (r != CURLE_OK && transfer_why(d, r, w) < 0 &&
		    w->code == EXIT_DENIED)
			return -1;
		if (d->used || tries + 1 == TRIES ||
		    r == CURLE_OPERATION_TIMEDOUT)
			return r == CURLE_OK ? 0 : -1;
		d->doubt = r != CURLE_OK && d->status == 0;
		pause_before(d, tries);
	}
}

static unsigned long long
digest(const unsigned char *p, size_t n)
{
	unsigned long long h = 14695981039346656037u;

	for (; n > 0; n--)
		h = (h ^ *p++) * 1099511628211u;
	return h;
}

/* A page that begins as the one before does is that page. */
static int
on_answer(void *arg, const void *p, size_t n, struct why *w)
{
	struct dicomweb *d = arg;

	if (d->answers++ == 0) {
		d->first = digest(p, n);
		d->again = d->later && d->first == d->before;
	}
	if (d->again)
		return 0;
	d->used = true;
	return d->fn(d->arg, p, n, w);
}

static void
begin_find(struct dicomweb *d)
{
	dicomjson_free(d->json);
	d->json = dicomjson_new(d->q, on_answer, d);
	d->answers = 0;
}

/*
 * A value in a URL, curl_free()'d.  Lists of UIDs have commas here.  What may
 * stand for itself does: some servers look for wild cards before they decode.
 */
static char *
escape(struct dicomweb *d, uint32_t tag, const char *value)
{
	char *text = curl_easy_escape(d->curl, value, 0), *o, *p;

	if (text == NULL)
		die(EXIT_IO, "out of memory");
	for (o = p = text; *p; o++) {
		if (strncmp(p, "%2A", 3) == 0)
			*o = '*', p += 3;
		else if (strncmp(p, "%3F", 3) == 0)
			*o = '?', p += 3;
		else if (strncmp(p, "%5C", 3) == 0 &&
			 dict_vr(tag) == VR('U', 'I'))
			*o = ',', p += 3;
		else
			*o = *p++;
	}
	*o = '\0';
	return text;
}

/* The URL of a question, malloc'd. */
static char *
find_url(struct dicomweb *d, const struct ident *q, unsigned long offset)
{
	const char *level = ident_get(q, TAG_LEVEL);
	const char *study = ident_get(q, TAG_STUDY);
	const char *series = ident_get(q, TAG_SERIES);
	const bool below = *level != 'S' || level[1] == 'E';
	char *text, *escaped;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	char sep = '?';
	int i;

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	fprintf(f, "%s/studies", d->base);
	if (below)
		fprintf(f, "/%s/series", study);
	if (*level == 'I')
		fprintf(f, "/%s/instances", series);
	for (i = 0; i < q->keys; i++) {
		const uint32_t tag = q->key[i].tag;

		if (tag == TAG_LEVEL || (below && tag == TAG_STUDY) ||
		    (*level == 'I' && tag == TAG_SERIES))
			continue; /* they are in the path */
		if (*q->key[i].value == '\0') {
			fprintf(f, "%cincludefield=%08X", sep, tag);
			sep = '&';
			continue;
		}
		escaped = escape(d, tag, q->key[i].value);
		fprintf(f, "%c%08X=%s", sep, tag, escaped);
		sep = '&';
		curl_free(escaped);
	}
	if (offset > 0)
		fprintf(f, "%coffset=%lu", sep, offset);
	if (fclose(f) != 0)
		die(EXIT_IO, "out of memory");
	return text;
}

/* One page.  0 or -1 with *w. */
static int
find_page(struct dicomweb *d, const struct ident *q, unsigned long offset,
    struct why *w)
{
	char *url = find_url(d, q, offset);
	int got = request(d, url, d->find, begin_find, w);

	free(url);
	if (got == 0 && d->status == 200)
		got = dicomjson_end(d->json, w);
	dicomjson_free(d->json);
	d->json = NULL;
	return got;
}

int
dicomweb_find(struct dicomweb *d, const struct ident *q, unsigned cap,
    int (*fn)(void *, const void *, size_t, struct why *), void *arg,
    unsigned *status, struct why *w)
{
	unsigned long offset = 0;
	bool warned = false;

	d->q = q;
	d->fn = fn;
	d->arg = arg;
	d->later = d->again = false;
	*status = DIMSG_SUCCESS;
	for (;;) {
		if (find_page(d, q, offset, w) < 0)
			return -1;
		if (d->status != 200 && d->status != 204) {
			*status = DICOMWEB_STATUS + (unsigned)d->status;
			return 0;
		}
		if (d->again || d->answers == 0)
			break;
		warned = d->warned;
		d->later = true;
		d->before = d->first;
		offset += d->answers;
		if (!warned && d->answers < (cap > 0 ? cap : PAGE_LEAST))
			return 0;
	}
	/* It says that there are more, or may have, and gives no more. */
	if (warned || (d->again && cap > 0 && offset >= cap))
		*status = DIMSG_FULL;
	return 0;
}

bool
dicomweb_pages(const struct dicomweb *d)
{
	return !d->again;
}

bool
dicomweb_heard(const struct dicomweb *d)
{
	return d->heard;
}

static void
begin_fetch(struct dicomweb *d)
{
	d->begun = d->multi = d->open = d->dataset = false;
	d->head_n = 0;
}

int
dicomweb_fetch(struct dicomweb *d, const char *study, const char *series,
    const char *sop, struct intake_way *way, unsigned *status, struct why *w)
{
	char url[4096];
	int got;

	if (snprintf(url, sizeof url, "%s/studies/%s/series/%s/instances/%s",
		d->base, study, series, sop) >= (int)sizeof url)
		return why_set(w, EXIT_USAGE, "the server's URL is too long");
	d->way = way;
	d->sop = sop;
	got = request(d, url, d->get, begin_fetch, w);
	if (got == 0 && d->status == 200 && d->open && !d->multi)
		got = object_end(d, w);
	else if (got == 0 && d->multi && !multipart_whole(&d->parts))
		got = why_set(w, EXIT_FEW, "its answer was cut");
	if (d->open && d->dataset)
		intake_abort(way);
	*status = d->status == 200 || d->status == 204
		      ? DIMSG_SUCCESS
		      : DICOMWEB_STATUS + (unsigned)d->status;
	return got;
}
