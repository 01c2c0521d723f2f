#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid_conn.h"
#include "retry.h"

/*
 * WebDAV over TLS, through libcurl: the plugin that gfal2 has for it keeps each
 * upload in a file first and asks for a new connection each time, and is 10 to
 * 400 times slower.
 *
 * Each transfer has a connection of its own, and leaves it for the next.
 */
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

/* How long what is at path is, and its adler32 by the storage.  1; 0; -1. */
static int
head(struct https *h, struct conn *c, const char *path, struct why *w)
{
	grid_conn_reset(h, c);
	grid_conn_header(c, "Want-Digest: adler32");
	if (grid_conn_request(h, c, "HEAD", path, w) >= 0)
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
		grid_conn_free(c);
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
	struct conn *c = grid_conn_borrow(h);
	char dir[GRID_PATH], *p = dir;
	int r = 0;

	snprintf(dir, sizeof dir, "%s", path);
	for (; (p = strchr(p, '/')) != NULL && r >= 0; *p++ = '/') {
		*p = '\0';
		grid_conn_reset(h, c);
		r = grid_conn_request(h, c, "MKCOL", dir, w);
		if (r < 0 && (c->status == 405 || c->status == 409))
			r = 0; /* it is there; or we shall see */
	}
	grid_conn_give_back(h, c);
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
	p->c = grid_conn_borrow(https(g));
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

	grid_conn_reset(h, p->c);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, p);
	grid_conn_header(p->c, once ? "Expect: 100-continue" : "Expect:");
	return grid_conn_begin(h, p->c, NULL, p->tmp, w);
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
	moves = grid_conn_pump(c, sent);
	if (moves && !c->done)
		return 0;
	if (grid_conn_ended(https(p->p.g), c, moves, w) >= 0)
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
	if (grid_conn_ended(
		https(put->g), c, c->done || grid_conn_pump(c, NULL), w) < 0)
		return -1;
	p->sent = p->begun = true; /* there is something to remove */
	return 0;
}

static void
put_free(struct https_put *p)
{
	grid_conn_give_back(https(p->p.g), p->c);
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
	struct conn *c = grid_conn_borrow_sum(https(g));
	bool same = false;
	char sum[9] = "";
	int got = head(https(g), c, path, w);

	if (got > 0) {
		same = c->has_total && c->total == size;
		memcpy(sum, c->adler32, sizeof sum);
	}
	grid_conn_give_back_sum(https(g), c);
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
		grid_conn_reset(h, c);
		grid_conn_header(c, line);
		grid_conn_header(c, "Overwrite: F");
		if (grid_conn_request(h, c, "MOVE", from, w) >= 0)
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
	grid_conn_reset(h, c);
	if (grid_conn_request(h, c, "DELETE", path, w) >= 0)
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
		grid_conn_give_back(https(put->g), p->c); /* cuts it off */
		p->c = grid_conn_borrow(https(put->g));
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
	struct conn *c = grid_conn_borrow(h);
	struct https_get *r;
	char range[64];

	grid_conn_reset(h, c);
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
	if (grid_conn_begin(h, c, NULL, path, w) < 0)
		goto fail;
	if (!grid_conn_pump(c, has_some)) {
		grid_conn_ended(h, c, false, w);
		goto fail;
	}
	if (c->done && grid_conn_ended(h, c, true, w) < 0) {
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
	grid_conn_give_back(h, c);
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
			if (grid_conn_ended(https(get->g), c, true, w) >= 0)
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
		    !grid_conn_pump(c, filled))
			return grid_conn_ended(https(get->g), c, false, w);
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
		grid_conn_pump(r->c, has_some);
	grid_conn_give_back(https(get->g), r->c);
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
	struct conn *c = grid_conn_borrow(h);
	struct dav *d;
	int r;

	snprintf(self, sizeof self, "%s%s%.*s", h->path, *path ? "/" : "",
	    GRID_PATH - 2, path);
	grid_conn_reset(h, c);
	c->dav = d = dav_new(self, fn, arg);
	grid_conn_header(c, depth);
	grid_conn_header(c, "Content-Type: application/xml");
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, ask);
	r = grid_conn_request(h, c, "PROPFIND", path, w);
	if (r >= 0 && r != 207)
		r = why_set(w, EXIT_DATA, "%.200s: it does not list", h->g.url);
	if (r >= 0)
		r = dav_feed(d, "", 0, true, w);
	dav_free(d);
	c->dav = NULL;
	grid_conn_give_back(h, c);
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
	c = grid_conn_borrow_sum(https(g));
	if ((r = head(https(g), c, path, w)) > 0)
		memcpy(a->adler32, c->adler32, sizeof a->adler32);
	grid_conn_give_back_sum(https(g), c);
	return r;
}

static int
https_remove(struct grid *g, const char *path, struct why *w)
{
	struct conn *c = grid_conn_borrow(https(g));
	int r = unlink_it(https(g), c, path, w);

	grid_conn_give_back(https(g), c);
	return r;
}

static int
https_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	struct conn *c = grid_conn_borrow(https(g));
	struct grid_about a;
	int r = look(g, path, &a, w);

	if (r > 0 && (r = rename_to(https(g), c, path, to, w)) == 0)
		r = why_set(
		    w, EXIT_DATA, "%.200s has that name already", g->url);
	grid_conn_give_back(https(g), c);
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
