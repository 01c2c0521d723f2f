#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cred.h"
#include "grid_impl.h"
#include "retry.h"
#include "wire.h"

/* Storages that gfal2 speaks with: root, gsiftp, srm, sftp. */

#define CHUNK (4u << 20) /* bytes to the server at once */

struct g2 {
	struct grid g; /* first */
	struct wire wire;
	pthread_mutex_t lock;
	unsigned char made[256]; /* the directories aa that are there */
	bool incoming;           /* .incoming is */
};

struct g2_put {
	struct grid_put p; /* first */
	char tmp[GRID_SURL + GRID_PATH];
	int fd;         /* -1: closed */
	long long size; /* -1: not known */
	char *buf;      /* CHUNK, when it is needed */
	size_t used;
};

struct g2_get {
	struct grid_get r; /* first */
	int fd;
	unsigned long long left;
};

static struct g2 *
g2(const struct grid *g)
{
	return (struct g2 *)g;
}

/* Long names, since servers may be given a second by some. */
static const struct {
	int error, code;
	const char *text; /* NULL: strerror's */
} codes[] = {
	{ ENOENT, EXIT_FEW, NULL },
	{ ENOTDIR, EXIT_FEW, NULL },
	{ EACCES, EXIT_DENIED, NULL },
	{ EPERM, EXIT_DENIED, NULL },
	{ EBADE, EXIT_DENIED, "it does not accept who we are" },
	{ EAGAIN, EXIT_RETRY, NULL },
	{ EBUSY, EXIT_RETRY, NULL },
	{ ECOMM, EXIT_RETRY, NULL },
	{ ECONNABORTED, EXIT_RETRY, NULL },
	{ ECONNREFUSED, EXIT_RETRY, NULL },
	{ ECONNRESET, EXIT_RETRY, NULL },
	{ EHOSTDOWN, EXIT_RETRY, NULL },
	{ EHOSTUNREACH, EXIT_RETRY, NULL },
	{ EINPROGRESS, EXIT_RETRY, NULL },
	{ EINTR, EXIT_RETRY, NULL },
	{ EIO, EXIT_RETRY, NULL },
	{ ENETDOWN, EXIT_RETRY, NULL },
	{ ENETUNREACH, EXIT_RETRY, NULL },
	{ ENOTCONN, EXIT_RETRY, NULL },
	{ EPIPE, EXIT_RETRY, NULL },
	{ ESTALE, EXIT_RETRY, "the connection was lost" },
	{ ETIMEDOUT, EXIT_RETRY, "it does not answer" },
};

static struct wire *
wire(const struct grid *g)
{
	return &g2(g)->wire;
}

static const struct wire_calls *
calls(const struct grid *g)
{
	return g2(g)->wire.calls;
}

/* By errno.  What else there is may have been said by the server. */
static int
failed(struct why *w, const struct grid *g)
{
	int error = errno ? errno : EIO, code = EXIT_IO;
	const char *text = NULL;
	struct why ignored = { 0 };
	struct cred c;
	size_t i;

	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].error == error) {
			code = codes[i].code;
			text = codes[i].text;
		}
	if (code == EXIT_FEW)
		return why_set(w, code, "%.200s has no such object", g->url);
	if (code == EXIT_DENIED && cred_certificate(&c, &ignored) > 0 &&
	    cred_expired(c.cert))
		text = "our proxy or certificate has expired";
	return why_set(
	    w, code, "%.200s: %s", g->url, text ? text : strerror(error));
}

static void
g2_close(struct grid *g)
{
	pthread_mutex_destroy(&g2(g)->lock);
	free(g);
}

static struct grid *
g2_open(const char *url, bool create, struct why *w)
{
	struct g2 *f = calloc(1, sizeof *f);

	(void)create; /* directories are made when something is put there */
	if (f == NULL)
		die(EXIT_IO, "out of memory");
	f->g.kind = &grid_gfal;
	pthread_mutex_init(&f->lock, NULL);
	if (!grid_url_one(url, f->g.url))
		why_set(w, EXIT_USAGE, "%.200s: not a storage's URL", url);
	else if (wire_open(&f->wire, f->g.url, w) == 0)
		return &f->g;
	g2_close(&f->g);
	return NULL;
}

static void
url_of(const struct grid *g, const char *path, char url[GRID_SURL + GRID_PATH])
{
	snprintf(url, GRID_SURL + GRID_PATH, "%s%s%.*s", g->url,
	    *path ? "/" : "", GRID_PATH - 2, path);
}

/* Make the directory that path is in, once. */
static int
make_parent(struct g2 *f, const char *path, struct why *w)
{
	char url[GRID_SURL + GRID_PATH], dir[GRID_PATH];
	bool *made = NULL;
	unsigned aa;
	int r = 0;

	snprintf(
	    dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	if (strcmp(dir, GRID_INCOMING_DIR) == 0)
		made = &f->incoming;
	else if (strlen(dir) == 2 && sscanf(dir, "%2x", &aa) == 1)
		made = (bool *)&f->made[aa];
	pthread_mutex_lock(&f->lock);
	if (made == NULL || !*made) {
		url_of(&f->g, dir, url);
		if (wire_mkdir(&f->wire, url) < 0 && errno != EEXIST)
			r = failed(w, &f->g);
		else if (made != NULL)
			*made = true;
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

/* XRootD makes directories as it goes. */
static bool
is_root(const struct grid *g)
{
	return strncmp(g->url, "root:", 5) == 0;
}

static struct grid_put *
g2_put_begin(struct grid *g, const char *path, long long size, struct why *w)
{
	struct g2_put *p;
	char tmp[GRID_PATH];

	grid_incoming(tmp, path);
	if (!is_root(g) && make_parent(g2(g), tmp, w) < 0)
		return NULL;
	if ((p = calloc(1, sizeof *p)) == NULL)
		die(EXIT_IO, "out of memory");
	p->size = size;
	url_of(g, tmp, p->tmp);
	p->fd =
	    calls(g)->open(wire(g), p->tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (p->fd >= 0)
		return &p->p;
	failed(w, g);
	free(p);
	return NULL;
}

static int
flush(struct g2_put *p, const char *b, size_t n, struct why *w)
{
	const struct grid *g = p->p.g;
	long got;

	while (n > 0) {
		if ((got = calls(g)->write(wire(g), p->fd, b, n)) <= 0)
			return failed(w, g);
		b += got;
		n -= (size_t)got;
	}
	return 0;
}

static int
g2_put_write(struct grid_put *put, const void *b, size_t n, struct why *w)
{
	struct g2_put *p = (struct g2_put *)put;
	const char *from = b;
	size_t take;

	/* All of it at once need not be copied. */
	if (p->buf == NULL && (unsigned long long)p->size == n)
		return flush(p, b, n, w);
	if (p->buf == NULL && (p->buf = malloc(CHUNK)) == NULL)
		die(EXIT_IO, "out of memory");
	while (n > 0) {
		take = n < CHUNK - p->used ? n : CHUNK - p->used;
		memcpy(p->buf + p->used, from, take);
		p->used += take;
		from += take;
		n -= take;
		if (p->used == CHUNK) {
			p->used = 0;
			if (flush(p, p->buf, CHUNK, w) < 0)
				return -1;
		}
	}
	return 0;
}

static void
g2_put_void(struct grid_put *put)
{
	struct g2_put *p = (struct g2_put *)put;
	const struct grid *g = put->g;

	if (p->fd >= 0)
		calls(g)->close(wire(g), p->fd);
	calls(g)->remove(wire(g), p->tmp);
	free(p->buf);
	free(p);
}

/* The storage's own adler32 of what is at url.  1; 0: it makes none; -1. */
static int
their_sum(const struct grid *g, const char *url, char sum[9], struct why *w)
{
	char text[256] = "";
	unsigned long n;
	char *end;

	if (calls(g)->adler32(wire(g), url, text, sizeof text) < 0)
		return errno == EPROTONOSUPPORT || errno == ENOSYS ||
			       errno == ENOTSUP || errno == EINVAL
			   ? 0
			   : failed(w, g);
	n = strtoul(text, &end, 16);
	if (end == text || *end != '\0' || n > 0xffffffff)
		return why_set(
		    w, EXIT_DATA, "%.200s: its checksum is not one", g->url);
	snprintf(sum, 9, "%08lx", n);
	return 1;
}

/* By reading it, where the storage makes no checksums. */
static int
our_sum(const struct grid *g, const char *url, char sum[9], struct why *w)
{
	struct sums sums = { 0 };
	struct sums_text t;
	char *buf = malloc(CHUNK);
	long n = -1;
	int fd;

	if (buf == NULL)
		die(EXIT_IO, "out of memory");
	if ((fd = calls(g)->open(wire(g), url, O_RDONLY, 0)) >= 0) {
		sums_begin(&sums);
		while ((n = calls(g)->read(wire(g), fd, buf, CHUNK)) > 0)
			sums_add(&sums, buf, (size_t)n);
		sums_end(&sums, &t);
		sums_free(&sums);
		memcpy(sum, t.adler32, 9);
	}
	if (n < 0)
		failed(w, g);
	if (fd >= 0)
		calls(g)->close(wire(g), fd);
	free(buf);
	return n < 0 ? -1 : 0;
}

/* 1 and its size; 0; -1. */
static int
look(const struct grid *g, const char *url, struct stat *st, struct why *w)
{
	memset(st, 0, sizeof *st);
	if (calls(g)->stat(wire(g), url, st) == 0)
		return 1;
	failed(w, g);
	return w->code == EXIT_FEW ? 0 : -1;
}

/*
 * Is what is at url so long, with that sum?  1; 0; -1: not there, unknown.
 * Over root a round trip is saved: the sum is of every byte, so it says the
 * length too.
 */
static int
is_that(const struct grid *g, const char *url, const char *adler32,
    unsigned long long size, struct why *w)
{
	char sum[9];
	struct stat st;
	int got;

	if (!is_root(g)) {
		if ((got = look(g, url, &st, w)) <= 0)
			return -1;
		if ((unsigned long long)st.st_size != size)
			return 0;
	}
	if ((got = their_sum(g, url, sum, w)) == 0)
		got = our_sum(g, url, sum, w) < 0 ? -1 : 1;
	return got < 0 ? -1 : strcmp(sum, adler32) == 0;
}

/*
 * What is complete at tmp gets its name.  Servers rename over what is there,
 * so that must be looked at first; two that put the same GUID at once do not
 * exist, since each GUID is made for one attempt.
 */
static int
settle(struct grid *g, const char *tmp, const char *path, const char *adler32,
    unsigned long long size, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];
	struct stat st;
	int got = is_that(g, tmp, adler32, size, w);

	if (got == 0)
		why_set(w, EXIT_IO, "%.200s: what it has is not what was sent",
		    g->url);
	if (got <= 0)
		return -1;
	url_of(g, path, url);
	if ((got = look(g, url, &st, w)) < 0)
		return -1;
	if (got > 0) {
		calls(g)->remove(wire(g), tmp);
		got = is_that(g, url, adler32, size, w);
		return got > 0    ? 0
		       : got == 0 ? why_set(w, EXIT_DATA,
					"the storage has another object of "
					"its GUID")
				  : -1;
	}
	if (!is_root(g) && make_parent(g2(g), path, w) < 0)
		return -1;
	return calls(g)->rename(wire(g), tmp, url) < 0 ? failed(w, g) : 0;
}

static int
g2_put_sent(struct grid_put *put, struct why *w)
{
	struct g2_put *p = (struct g2_put *)put;
	int r;

	if (p->fd < 0)
		return 0;
	if (flush(p, p->buf, p->used, w) < 0)
		return -1;
	r = calls(put->g)->close(wire(put->g), p->fd);
	p->fd = -1;
	return r < 0 ? failed(w, put->g) : 0;
}

static int
g2_put_done(struct grid_put *put, const struct sums_text *sums,
    unsigned long long size, struct why *w)
{
	struct g2_put *p = (struct g2_put *)put;

	if (g2_put_sent(put, w) < 0 ||
	    settle(put->g, p->tmp, put->path, sums->adler32, size, w) < 0) {
		g2_put_void(put);
		return -1;
	}
	free(p->buf);
	free(p);
	return 0;
}

static struct grid_get *
g2_get_open(struct grid *g, const char *path, unsigned long long first,
    long long count, unsigned long long *size, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];
	struct g2_get *r;
	struct stat st = { 0 };
	long long size_at = 0;
	int fd;

	url_of(g, path, url);
	/* XRootD says how long a file is when it opens it. */
	if (!is_root(g)) {
		if (look(g, url, &st, w) <= 0)
			return NULL;
		size_at = (long long)st.st_size;
		if (!S_ISREG(st.st_mode)) {
			why_set(w, EXIT_DENIED,
			    "its surl is not a regular file of %.200s", g->url);
			return NULL;
		}
	}
	if ((fd = calls(g)->open(wire(g), url, O_RDONLY, 0)) < 0) {
		failed(w, g);
		return NULL;
	}
	if (is_root(g))
		size_at = calls(g)->seek(wire(g), fd, 0, SEEK_END);
	if (size_at < 0)
		failed(w, g);
	else if (first > (unsigned long long)size_at) {
		why_set(w, EXIT_DATA, "it is shorter than that");
		size_at = -1;
	} else if ((is_root(g) || first > 0) &&
		   calls(g)->seek(wire(g), fd, (long long)first, SEEK_SET) <
		       0) {
		failed(w, g);
		size_at = -1;
	}
	if (size_at < 0) {
		calls(g)->close(wire(g), fd);
		return NULL;
	}
	*size = (unsigned long long)size_at;
	if ((r = calloc(1, sizeof *r)) == NULL)
		die(EXIT_IO, "out of memory");
	r->fd = fd;
	r->left = *size - first;
	if (count >= 0 && r->left > (unsigned long long)count)
		r->left = (unsigned long long)count;
	return &r->r;
}

static long
g2_get_read(struct grid_get *get, void *b, size_t n, struct why *w)
{
	struct g2_get *r = (struct g2_get *)get;
	long got;

	if (n > r->left)
		n = (size_t)r->left;
	if (n == 0)
		return 0;
	got = calls(get->g)->read(wire(get->g), r->fd, b, n);
	if (got < 0)
		return failed(w, get->g);
	r->left -= (unsigned long long)got;
	return got;
}

static void
g2_get_close(struct grid_get *r)
{
	calls(r->g)->close(wire(r->g), ((struct g2_get *)r)->fd);
	free(r);
}

static int
g2_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];
	struct stat st;
	int got;

	url_of(g, path, url);
	if ((got = look(g, url, &st, w)) <= 0)
		return got;
	*size = (unsigned long long)st.st_size;
	*mtime = (long long)st.st_mtime;
	return S_ISREG(st.st_mode);
}

static int
g2_about(struct grid *g, const char *path, struct grid_about *a, struct why *w)
{
	char url[GRID_SURL + GRID_PATH], text[256];
	long n;
	int got = g2_stat(g, path, &a->size, &a->mtime, w);

	if (got <= 0)
		return got;
	url_of(g, path, url);
	n = wire_status(wire(g), url, text, sizeof text);
	grid_locality(a->locality, text, n > 0 ? (size_t)n : 0, sizeof text);
	/* To make a checksum would bring it back from tape. */
	if (strcmp(a->locality, "NEARLINE") == 0)
		return 1;
	return their_sum(g, url, a->adler32, w) < 0 ? -1 : 1;
}

static int
g2_remove(struct grid *g, const char *path, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];

	url_of(g, path, url);
	if (calls(g)->remove(wire(g), url) == 0)
		return 1;
	failed(w, g);
	return w->code == EXIT_FEW ? 0 : -1;
}

static int
g2_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	char a[GRID_SURL + GRID_PATH], b[GRID_SURL + GRID_PATH];
	struct stat st;
	int got;

	url_of(g, path, a);
	url_of(g, to, b);
	if ((got = look(g, a, &st, w)) <= 0)
		return got;
	if ((got = look(g, b, &st, w)) != 0)
		return got < 0 ? -1
			       : why_set(w, EXIT_DATA,
				     "%.200s has that name already", g->url);
	if (!is_root(g) && make_parent(g2(g), to, w) < 0)
		return -1;
	return calls(g)->rename(wire(g), a, b) < 0 ? failed(w, g) : 1;
}

/*
 * XRootD's client looks only every 2.5 seconds whether the storages are done:
 * what is smaller is sooner through us.
 */
#define ROOT_FETCH_MIN (16ULL << 20)

static int
g2_fetch(struct grid *g, const char *surl, const char *path,
    const char *adler32, unsigned long long size, struct why *w)
{
	char tmp[GRID_PATH], url[GRID_SURL + GRID_PATH];
	size_t scheme = strcspn(g->url, ":");

	/* Others would pass through us, and better by ourselves. */
	if (strncmp(surl, g->url, scheme + 1) != 0 ||
	    (is_root(g) ? size < ROOT_FETCH_MIN
			: strncmp(g->url, "gsiftp", scheme) != 0))
		return 0;
	grid_incoming(tmp, path);
	url_of(g, tmp, url);
	if (!is_root(g) && make_parent(g2(g), tmp, w) < 0)
		return -1;
	if (wire_copy(wire(g), surl, url,
		2 * retry_limit() + (unsigned)(size >> 20)) < 0) {
		/* Whatever it was, it may work through us. */
		calls(g)->remove(wire(g), url);
		return 0;
	}
	if (settle(g, url, path, adler32, size, w) == 0)
		return 1;
	calls(g)->remove(wire(g), url);
	return -1;
}

static void
name(void *arg, const char *text, const struct stat *st)
{
	struct grid_name *n;

	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0 ||
	    strchr(text, '/') != NULL)
		return;
	n = grid_names_add(arg, text);
	/* The plugin for root tells no more than what a directory is. */
	n->type = S_ISDIR(st->st_mode) ? GRID_DIR
		  : S_ISREG(st->st_mode) || (st->st_mode & S_IFMT) == 0
		      ? GRID_FILE
		      : GRID_ODD;
	n->size = (unsigned long long)st->st_size;
	n->mtime = (long long)st->st_mtime;
}

static int
g2_names(struct grid *g, const char *path, struct grid_names *k, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];

	url_of(g, path, url);
	if (wire_list(wire(g), url, name, k) == 0)
		return 0;
	failed(w, g);
	return w->code == EXIT_FEW && *path ? 0 : -1;
}

static const char *const schemes[] = { "root", "xroot", "gsiftp", "srm", "sftp",
	NULL };

const struct grid_kind grid_gfal = {
	.schemes = schemes,
	.far = true,
	.open = g2_open,
	.close = g2_close,
	.path = grid_url_below,
	.put_begin = g2_put_begin,
	.put_write = g2_put_write,
	.put_sent = g2_put_sent,
	.put_done = g2_put_done,
	.put_void = g2_put_void,
	.get_open = g2_get_open,
	.get_read = g2_get_read,
	.get_close = g2_get_close,
	.stat = g2_stat,
	.about = g2_about,
	.remove = g2_remove,
	.move = g2_move,
	.fetch = g2_fetch,
	.names = g2_names,
};
