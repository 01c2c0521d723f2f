#include <dlfcn.h>
#include <errno.h>
#include <gfal_api.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "grid_impl.h"
#include "retry.h"
#include "secret.h"

/*
 * What gfal2 speaks: root, gsiftp, srm, sftp.  It brings the clients of all
 * these with it, and a start costs 30 ms: it is loaded when the first such URL
 * is opened.  One context for each kind serves the process, and all of its
 * threads; it has that kind's plugins alone, because each call asks every
 * plugin whether a URL is one of its own, and some of them compile regular
 * expressions to answer.
 */
#define GFAL(F)                                                                \
	F(gfal2_bring_online)                                                  \
	F(gfal2_checksum)                                                      \
	F(gfal2_close)                                                         \
	F(gfal2_closedir)                                                      \
	F(gfal2_context_new)                                                   \
	F(gfal2_cred_free)                                                     \
	F(gfal2_cred_new)                                                      \
	F(gfal2_cred_set)                                                      \
	F(gfal2_getxattr)                                                      \
	F(gfal2_lseek)                                                         \
	F(gfal2_mkdir_rec)                                                     \
	F(gfal2_open2)                                                         \
	F(gfal2_opendir)                                                       \
	F(gfal2_read)                                                          \
	F(gfal2_readdirpp)                                                     \
	F(gfal2_rename)                                                        \
	F(gfal2_set_opt_boolean)                                               \
	F(gfal2_set_opt_integer)                                               \
	F(gfal2_set_opt_string_list)                                           \
	F(gfal2_stat)                                                          \
	F(gfal2_unlink)                                                        \
	F(gfal2_write)                                                         \
	F(g_error_free)

#define TRANSFER(F)                                                            \
	F(gfalt_copy_file)                                                     \
	F(gfalt_params_handle_delete)                                          \
	F(gfalt_params_handle_new)                                             \
	F(gfalt_set_checksum)                                                  \
	F(gfalt_set_create_parent_dir)                                         \
	F(gfalt_set_timeout)

#define MEMBER(name) __typeof__(&name) name;
static struct {
	GFAL(MEMBER)
	TRANSFER(MEMBER)
	bool loaded;
} lib;

#define CHUNK (4u << 20) /* bytes to the server at once */

struct g2 {
	struct grid g; /* first */
	gfal2_context_t context;
	pthread_mutex_t lock;
	unsigned char made[256]; /* the directories aa that are there */
	bool incoming;           /* .incoming is */
};

struct g2_put {
	struct grid_put p; /* first */
	char tmp[GRID_SURL + GRID_PATH];
	int fd; /* gfal2's; 0: closed */
	char *buf;
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

/* Frees e.  What gfal2 says may have been said by the server: not repeated. */
static int
failed(struct why *w, const struct grid *g, GError *e)
{
	int error = e ? e->code : EIO, code = EXIT_IO;
	const char *text = NULL;
	struct why ignored = { 0 };
	struct cred c;
	size_t i;

	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].error == error) {
			code = codes[i].code;
			text = codes[i].text;
		}
	if (e != NULL)
		lib.g_error_free(e);
	if (code == EXIT_FEW)
		return why_set(w, code, "%.200s has no such object", g->url);
	if (code == EXIT_DENIED && cred_certificate(&c, &ignored) > 0 &&
	    cred_expired(c.cert))
		text = "our proxy or certificate has expired";
	return why_set(
	    w, code, "%.200s: %s", g->url, text ? text : strerror(error));
}

static bool
find(const char *file, void **members, const char *const *names, size_t n)
{
	void *so = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	for (i = 0; so != NULL && i < n; i++)
		if ((members[i] = dlsym(so, names[i])) == NULL)
			return false;
	return so != NULL;
}

/* How long XRootD's own client waits, unless the user has set it. */
static void
be_patient(void)
{
	static const char *const seconds[] = { "XRD_CONNECTIONWINDOW",
		"XRD_REQUESTTIMEOUT", "XRD_STREAMTIMEOUT" };
	char text[16];
	size_t i;

	snprintf(text, sizeof text, "%u", retry_limit());
	for (i = 0; i < 3; i++)
		setenv(seconds[i], text, 0);
	setenv("XRD_CONNECTIONRETRY", "1", 0);
	setenv("XRD_STREAMERRORWINDOW", "0", 0);
	setenv("XRD_TIMEOUTRESOLUTION", "1", 0);
	/* Proxies are verified against the grid's CAs, not the web's. */
	setenv("X509_CERT_DIR", cred_ca_dir(), 0);
}

/*
 * The configuration that the user would have to write else: the defaults ask
 * servers for tokens and information systems for addresses, and do not know
 * that SRM leads to root.
 */
static void
configure(gfal2_context_t c)
{
	static const char *const turls[] = { "root", "gsiftp", "https" };
	int wait = (int)retry_limit();

	lib.gfal2_set_opt_boolean(c, "BDII", "ENABLED", FALSE, NULL);
	lib.gfal2_set_opt_boolean(
	    c, "HTTP PLUGIN", "RETRIEVE_BEARER_TOKEN", FALSE, NULL);
	lib.gfal2_set_opt_string_list(
	    c, "SRM PLUGIN", "TURL_PROTOCOLS", turls, 3, NULL);
	lib.gfal2_set_opt_integer(c, "SRM PLUGIN", "CONN_TIMEOUT", wait, NULL);
	lib.gfal2_set_opt_integer(
	    c, "SRM PLUGIN", "OPERATION_TIMEOUT", wait, NULL);
	lib.gfal2_set_opt_integer(
	    c, "GRIDFTP PLUGIN", "OPERATION_TIMEOUT", wait, NULL);
	lib.gfal2_set_opt_integer(c, "CORE", "NAMESPACE_TIMEOUT", wait, NULL);
}

static int
load(struct why *w)
{
#define NAME(name) #name,
	static const char *const names[] = { GFAL(NAME) };
	static const char *const more[] = { TRANSFER(NAME) };
	const size_t n = sizeof names / sizeof *names;
	void **members = (void **)&lib;

	if (lib.loaded)
		return 0;
	be_patient();
	if (!find("libgfal2.so.2", members, names, n) ||
	    !find("libgfal_transfer.so.2", members + n, more,
		sizeof more / sizeof *more))
		return why_set(
		    w, EXIT_FEW, "gfal2 is not installed: %.200s", dlerror());
	lib.loaded = true;
	return 0;
}

static struct kind {
	const char *scheme, *plugins[4];
	gfal2_context_t context;
} kinds[] = {
	{ "root", { "xrootd" }, NULL },
	{ "gsiftp", { "gridftp" }, NULL },
	{ "srm", { "srm", "xrootd", "gridftp", "http" }, NULL },
	{ "sftp", { "sftp" }, NULL },
};

/*
 * Let only these be loaded, unless the user says which: gfal2 takes them from a
 * directory, so make one, with links, for as long as it reads it.
 */
static void
choose(const struct kind *k, char dir[PATH_MAX])
{
	char there[PATH_MAX], here[PATH_MAX + 64];
	const char *tmp = getenv("TMPDIR"), *slash;
	Dl_info info;
	size_t i;

	*dir = '\0';
	if (getenv("GFAL_PLUGIN_DIR") != NULL ||
	    dladdr(*(void **)&lib.gfal2_context_new, &info) == 0 ||
	    (slash = strrchr(info.dli_fname, '/')) == NULL)
		return;
	snprintf(dir, PATH_MAX, "%.1000s/mdm-gfal.XXXXXX",
	    tmp && *tmp ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		*dir = '\0'; /* all of them, then */
		return;
	}
	for (i = 0; i < 4 && k->plugins[i] != NULL; i++) {
		snprintf(there, sizeof there,
		    "%.*s/gfal2-plugins/libgfal_plugin_%s.so",
		    (int)(slash - info.dli_fname), info.dli_fname,
		    k->plugins[i]);
		snprintf(here, sizeof here, "%s/libgfal_plugin_%s.so", dir,
		    k->plugins[i]);
		if (access(there, R_OK) == 0 && symlink(there, here) < 0)
			say_warning("%s: %s", here, strerror(errno));
	}
	setenv("GFAL_PLUGIN_DIR", dir, 1);
}

static void
chosen(const struct kind *k, const char *dir)
{
	char here[PATH_MAX + 64];
	size_t i;

	if (*dir == '\0')
		return;
	unsetenv("GFAL_PLUGIN_DIR");
	for (i = 0; i < 4 && k->plugins[i] != NULL; i++) {
		snprintf(here, sizeof here, "%s/libgfal_plugin_%s.so", dir,
		    k->plugins[i]);
		unlink(here);
	}
	rmdir(dir);
}

/* Storages are opened by one thread. */
static gfal2_context_t
context_for(const char *url, struct why *w)
{
	char dir[PATH_MAX];
	struct kind *k = kinds;
	GError *e = NULL;

	if (load(w) < 0)
		return NULL;
	while (strncmp(url, k->scheme, strcspn(url, ":")) != 0)
		k++;
	if (k->context == NULL) {
		choose(k, dir);
		k->context = lib.gfal2_context_new(&e);
		chosen(k, dir);
		if (k->context == NULL) {
			lib.g_error_free(e);
			why_set(w, EXIT_FEW, "gfal2 does not start");
			return NULL;
		}
		configure(k->context);
	}
	return k->context;
}

/* For all below the root.  A server that wants none is not shown it. */
static int
show_token(const struct grid *g, struct why *w)
{
	size_t size;
	char *token = cred_token(&size, w);
	gfal2_cred_t *c;

	if (token == NULL)
		return w->code ? -1 : 0;
	c = lib.gfal2_cred_new(GFAL_CRED_BEARER, token);
	lib.gfal2_cred_set(g2(g)->context, g->url, c, NULL);
	lib.gfal2_cred_free(c);
	secret_free(token, size);
	return 0;
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
	else if ((f->context = context_for(f->g.url, w)) != NULL &&
		 show_token(&f->g, w) == 0)
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
	GError *e = NULL;
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
		if (lib.gfal2_mkdir_rec(f->context, url, 0700, &e) < 0 &&
		    e->code != EEXIST)
			r = failed(w, &f->g, e);
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
	GError *e = NULL;

	(void)size;
	grid_incoming(tmp, path);
	if (!is_root(g) && make_parent(g2(g), tmp, w) < 0)
		return NULL;
	if ((p = calloc(1, sizeof *p)) == NULL ||
	    (p->buf = malloc(CHUNK)) == NULL)
		die(EXIT_IO, "out of memory");
	url_of(g, tmp, p->tmp);
	p->fd = lib.gfal2_open2(
	    g2(g)->context, p->tmp, O_WRONLY | O_CREAT | O_EXCL, 0600, &e);
	if (e == NULL)
		return &p->p;
	failed(w, g, e);
	free(p->buf);
	free(p);
	return NULL;
}

static int
flush(struct g2_put *p, const char *b, size_t n, struct why *w)
{
	GError *e = NULL;
	ssize_t got;

	while (n > 0) {
		got = lib.gfal2_write(g2(p->p.g)->context, p->fd, b, n, &e);
		if (got <= 0)
			return failed(w, p->p.g, e);
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

	if (p->fd != 0)
		lib.gfal2_close(g2(put->g)->context, p->fd, NULL);
	lib.gfal2_unlink(g2(put->g)->context, p->tmp, NULL);
	free(p->buf);
	free(p);
}

/* The storage's own adler32 of what is at url.  1; 0: it makes none; -1. */
static int
their_sum(const struct grid *g, const char *url, char sum[9], struct why *w)
{
	char text[256] = "";
	GError *e = NULL;
	unsigned long n;
	char *end;

	if (lib.gfal2_checksum(g2(g)->context, url, "ADLER32", 0, 0, text,
		sizeof text, &e) < 0) {
		if (e->code != EPROTONOSUPPORT && e->code != ENOSYS &&
		    e->code != ENOTSUP && e->code != EINVAL)
			return failed(w, g, e);
		lib.g_error_free(e);
		return 0;
	}
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
	GError *e = NULL;
	char *buf = malloc(CHUNK);
	ssize_t n = 0;
	int fd;

	if (buf == NULL)
		die(EXIT_IO, "out of memory");
	fd = lib.gfal2_open2(g2(g)->context, url, O_RDONLY, 0, &e);
	if (e == NULL) {
		sums_begin(&sums);
		while ((n = lib.gfal2_read(
			    g2(g)->context, fd, buf, CHUNK, &e)) > 0)
			sums_add(&sums, buf, (size_t)n);
		sums_end(&sums, &t);
		sums_free(&sums);
		lib.gfal2_close(g2(g)->context, fd, NULL);
		memcpy(sum, t.adler32, 9);
	}
	free(buf);
	return e != NULL ? failed(w, g, e) : 0;
}

/* 1 and its size; 0; -1. */
static int
look(const struct grid *g, const char *url, struct stat *st, struct why *w)
{
	GError *e = NULL;

	memset(st, 0, sizeof *st);
	if (lib.gfal2_stat(g2(g)->context, url, st, &e) == 0)
		return 1;
	failed(w, g, e);
	return w->code == EXIT_FEW ? 0 : -1;
}

/* Is what is at url so long, with that sum?  1; 0; -1: not there, unknown. */
static int
is_that(const struct grid *g, const char *url, const char *adler32,
    unsigned long long size, struct why *w)
{
	char sum[9];
	struct stat st;
	int got;

	if ((got = look(g, url, &st, w)) <= 0)
		return -1;
	if ((unsigned long long)st.st_size != size)
		return 0;
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
	GError *e = NULL;
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
		lib.gfal2_unlink(g2(g)->context, tmp, NULL);
		got = is_that(g, url, adler32, size, w);
		return got > 0    ? 0
		       : got == 0 ? why_set(w, EXIT_DATA,
					"the storage has another object of "
					"its GUID")
				  : -1;
	}
	if (!is_root(g) && make_parent(g2(g), path, w) < 0)
		return -1;
	if (lib.gfal2_rename(g2(g)->context, tmp, url, &e) < 0)
		return failed(w, g, e);
	return 0;
}

static int
g2_put_sent(struct grid_put *put, struct why *w)
{
	struct g2_put *p = (struct g2_put *)put;
	GError *e = NULL;
	int r;

	if (p->fd == 0)
		return 0;
	if (flush(p, p->buf, p->used, w) < 0)
		return -1;
	r = lib.gfal2_close(g2(put->g)->context, p->fd, &e);
	p->fd = 0;
	return r < 0 ? failed(w, put->g, e) : 0;
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
	GError *e = NULL;
	struct stat st = { 0 };
	int fd;

	url_of(g, path, url);
	/* XRootD says how long a file is when it opens it. */
	if (!is_root(g)) {
		if (look(g, url, &st, w) <= 0)
			return NULL;
		if (!S_ISREG(st.st_mode)) {
			why_set(w, EXIT_DENIED,
			    "its surl is not a regular file of %.200s", g->url);
			return NULL;
		}
	}
	fd = lib.gfal2_open2(g2(g)->context, url, O_RDONLY, 0, &e);
	if (e == NULL && is_root(g))
		st.st_size =
		    lib.gfal2_lseek(g2(g)->context, fd, 0, SEEK_END, &e);
	if (e == NULL && first > (unsigned long long)st.st_size)
		why_set(w, EXIT_DATA, "it is shorter than that");
	else if (e == NULL) {
		if (is_root(g) || first > 0)
			lib.gfal2_lseek(
			    g2(g)->context, fd, (off_t)first, SEEK_SET, &e);
	}
	if (e != NULL || first > (unsigned long long)st.st_size) {
		if (e != NULL)
			failed(w, g, e);
		if (fd > 0)
			lib.gfal2_close(g2(g)->context, fd, NULL);
		return NULL;
	}
	*size = (unsigned long long)st.st_size;
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
	GError *e = NULL;
	ssize_t got;

	if (n > r->left)
		n = (size_t)r->left;
	if (n == 0)
		return 0;
	got = lib.gfal2_read(g2(get->g)->context, r->fd, b, n, &e);
	if (got < 0)
		return failed(w, get->g, e);
	r->left -= (unsigned long long)got;
	return (long)got;
}

static void
g2_get_close(struct grid_get *r)
{
	lib.gfal2_close(g2(r->g)->context, ((struct g2_get *)r)->fd, NULL);
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
	ssize_t n;
	int got = g2_stat(g, path, &a->size, &a->mtime, w);

	if (got <= 0)
		return got;
	url_of(g, path, url);
	n = lib.gfal2_getxattr(
	    g2(g)->context, url, "user.status", text, sizeof text - 1, NULL);
	if (n > 0 && (size_t)n < sizeof text) {
		text[n] = '\0';
		text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] = '\0';
		snprintf(a->locality, sizeof a->locality, "%.23s", text);
	}
	/* To make a checksum would bring it back from tape. */
	if (strcmp(a->locality, "NEARLINE") == 0)
		return 1;
	return their_sum(g, url, a->adler32, w) < 0 ? -1 : 1;
}

static int
g2_remove(struct grid *g, const char *path, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];
	GError *e = NULL;

	url_of(g, path, url);
	if (lib.gfal2_unlink(g2(g)->context, url, &e) == 0)
		return 1;
	failed(w, g, e);
	return w->code == EXIT_FEW ? 0 : -1;
}

static int
g2_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	char a[GRID_SURL + GRID_PATH], b[GRID_SURL + GRID_PATH];
	GError *e = NULL;
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
	if (lib.gfal2_rename(g2(g)->context, a, b, &e) < 0)
		return failed(w, g, e);
	return 1;
}

static int
g2_fetch(struct grid *g, const char *surl, const char *path,
    const char *adler32, unsigned long long size, struct why *w)
{
	char tmp[GRID_PATH], url[GRID_SURL + GRID_PATH];
	size_t scheme = strcspn(g->url, ":");
	gfalt_params_t params;
	GError *e = NULL;
	int r;

	/* Others would pass through us, and better by ourselves. */
	if (strncmp(surl, g->url, scheme + 1) != 0 ||
	    (!is_root(g) && strncmp(g->url, "gsiftp", scheme) != 0))
		return 0;
	grid_incoming(tmp, path);
	url_of(g, tmp, url);
	if (!is_root(g) && make_parent(g2(g), tmp, w) < 0)
		return -1;
	params = lib.gfalt_params_handle_new(&e);
	lib.gfalt_set_timeout(
	    params, 2 * retry_limit() + (guint64)(size >> 20), NULL);
	lib.gfalt_set_create_parent_dir(params, TRUE, NULL);
	lib.gfalt_set_checksum(params, GFALT_CHECKSUM_NONE, NULL, NULL, NULL);
	r = lib.gfalt_copy_file(g2(g)->context, params, surl, url, &e);
	lib.gfalt_params_handle_delete(params, NULL);
	if (r < 0) {
		/* Whatever it was, it may work through us. */
		lib.g_error_free(e);
		lib.gfal2_unlink(g2(g)->context, url, NULL);
		return 0;
	}
	if (settle(g, url, path, adler32, size, w) == 0)
		return 1;
	lib.gfal2_unlink(g2(g)->context, url, NULL);
	return -1;
}

static int
g2_names(struct grid *g, const char *path, struct grid_names *k, struct why *w)
{
	char url[GRID_SURL + GRID_PATH];
	struct grid_name *n;
	struct dirent *d;
	struct stat st;
	GError *e = NULL;
	DIR *dir;

	url_of(g, path, url);
	if ((dir = lib.gfal2_opendir(g2(g)->context, url, &e)) == NULL) {
		failed(w, g, e);
		return w->code == EXIT_FEW && *path ? 0 : -1;
	}
	while (
	    (d = lib.gfal2_readdirpp(g2(g)->context, dir, &st, &e)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0 ||
		    strchr(d->d_name, '/') != NULL)
			continue;
		n = grid_names_add(k, d->d_name);
		/* The plugin for root tells no more than what a directory is.
		 */
		n->type = S_ISDIR(st.st_mode) ? GRID_DIR
			  : S_ISREG(st.st_mode) || (st.st_mode & S_IFMT) == 0
			      ? GRID_FILE
			      : GRID_ODD;
		n->size = (unsigned long long)st.st_size;
		n->mtime = (long long)st.st_mtime;
	}
	lib.gfal2_closedir(g2(g)->context, dir, NULL);
	return e != NULL ? failed(w, g, e) : 0;
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
