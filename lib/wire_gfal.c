#include <dlfcn.h>
#include <errno.h>
#include <gfal_api.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "retry.h"
#include "secret.h"
#include "wire.h"

/*
 * gfal2 brings the clients of all that it speaks with it, and a start costs
 * 30 ms: it is loaded when the first such URL is opened.  One context for each
 * kind serves the process, and all of its threads; it has that kind's plugins
 * alone, because each call asks every plugin whether a URL is one of its own,
 * and some of them compile regular expressions to answer.
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

/* 1; 0: we have none, and a server that wants none is not shown it; -1. */
static int
show_token(struct wire *x, const char *url, struct why *w)
{
	size_t size;
	char *token = cred_token(CRED_USUAL, &size, w);
	gfal2_cred_t *c;

	if (token == NULL)
		return w->code ? -1 : 0;
	c = lib.gfal2_cred_new(GFAL_CRED_BEARER, token);
	lib.gfal2_cred_set(x->context, url, c, NULL);
	lib.gfal2_cred_free(c);
	secret_free(token, size);
	return 1;
}

int
wire_open(struct wire *x, const char *url, struct why *w)
{
	int shown;

	if ((x->context = context_for(url, w)) == NULL ||
	    (shown = show_token(x, url, w)) < 0)
		return -1;
	x->calls = &wire_gfal;
	if (!shown && strncmp(url, "root:", 5) == 0 && wire_root_loads())
		x->calls = &wire_root;
	return 0;
}

/* -1, and errno; frees e. */
static int
failed(GError *e)
{
	int error = e->code;

	lib.g_error_free(e);
	errno = error ? error : EIO;
	return -1;
}

static int
by_gfal_open(struct wire *x, const char *url, int flags, int mode)
{
	GError *e = NULL;
	int fd = lib.gfal2_open2(x->context, url, flags, (mode_t)mode, &e);

	return e != NULL ? failed(e) : fd;
}

static long
by_gfal_read(struct wire *x, int fd, void *b, size_t n)
{
	GError *e = NULL;
	ssize_t got = lib.gfal2_read(x->context, fd, b, n, &e);

	return e != NULL ? failed(e) : got;
}

static long
by_gfal_write(struct wire *x, int fd, const void *b, size_t n)
{
	GError *e = NULL;
	ssize_t got = lib.gfal2_write(x->context, fd, b, n, &e);

	return e != NULL ? failed(e) : got;
}

static long long
by_gfal_seek(struct wire *x, int fd, long long at, int whence)
{
	GError *e = NULL;
	off_t got = lib.gfal2_lseek(x->context, fd, (off_t)at, whence, &e);

	return e != NULL ? failed(e) : got;
}

static int
by_gfal_close(struct wire *x, int fd)
{
	GError *e = NULL;
	int r = lib.gfal2_close(x->context, fd, &e);

	return e != NULL ? failed(e) : r;
}

static int
by_gfal_stat(struct wire *x, const char *url, struct stat *st)
{
	GError *e = NULL;
	int r = lib.gfal2_stat(x->context, url, st, &e);

	return e != NULL ? failed(e) : r;
}

static int
by_gfal_remove(struct wire *x, const char *url)
{
	GError *e = NULL;
	int r = lib.gfal2_unlink(x->context, url, &e);

	return e != NULL ? failed(e) : r;
}

static int
by_gfal_rename(struct wire *x, const char *from, const char *to)
{
	GError *e = NULL;
	int r = lib.gfal2_rename(x->context, from, to, &e);

	return e != NULL ? failed(e) : r;
}

static int
by_gfal_adler32(struct wire *x, const char *url, char *sum, size_t size)
{
	GError *e = NULL;
	int r =
	    lib.gfal2_checksum(x->context, url, "ADLER32", 0, 0, sum, size, &e);

	return e != NULL ? failed(e) : r;
}

int
wire_mkdir(struct wire *x, const char *url)
{
	GError *e = NULL;
	int r = lib.gfal2_mkdir_rec(x->context, url, 0700, &e);

	return e != NULL ? failed(e) : r;
}

long
wire_status(struct wire *x, const char *url, char *text, size_t size)
{
	GError *e = NULL;
	ssize_t n =
	    lib.gfal2_getxattr(x->context, url, "user.status", text, size, &e);

	return e != NULL ? failed(e) : n;
}

int
wire_copy(struct wire *x, const char *from, const char *to, unsigned wait)
{
	GError *e = NULL;
	gfalt_params_t params = lib.gfalt_params_handle_new(&e);
	int r;

	if (e != NULL)
		return failed(e);
	lib.gfalt_set_timeout(params, wait, NULL);
	lib.gfalt_set_create_parent_dir(params, TRUE, NULL);
	lib.gfalt_set_checksum(params, GFALT_CHECKSUM_NONE, NULL, NULL, NULL);
	r = lib.gfalt_copy_file(x->context, params, from, to, &e);
	lib.gfalt_params_handle_delete(params, NULL);
	return e != NULL ? failed(e) : r;
}

int
wire_list(struct wire *x, const char *url, wire_entry *fn, void *arg)
{
	GError *e = NULL;
	DIR *dir = lib.gfal2_opendir(x->context, url, &e);
	struct dirent *d;
	struct stat st;

	if (e != NULL || dir == NULL)
		return e != NULL ? failed(e) : -1;
	while ((d = lib.gfal2_readdirpp(x->context, dir, &st, &e)) != NULL)
		fn(arg, d->d_name, &st);
	lib.gfal2_closedir(x->context, dir, NULL);
	return e != NULL ? failed(e) : 0;
}

const struct wire_calls wire_gfal = {
	.open = by_gfal_open,
	.read = by_gfal_read,
	.write = by_gfal_write,
	.seek = by_gfal_seek,
	.close = by_gfal_close,
	.stat = by_gfal_stat,
	.remove = by_gfal_remove,
	.rename = by_gfal_rename,
	.adler32 = by_gfal_adler32,
};
