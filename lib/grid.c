#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "grid.h"
#include "opt.h"
#include "out.h"
#include "secret.h"
#include "word.h"

#define INCOMING ".incoming"

struct grid {
	char url[GRID_SURL];   /* file:/canonical */
	char given[GRID_SURL]; /* as it was named, absolute */
	int root, incoming;    /* directories; incoming -1: not opened */
	int put;               /* the upload, or -1 */
	char guid[GRID_GUID];
	char tmp[GRID_GUID + 24]; /* its name in incoming */
};

const char *
grid_default(const char *option)
{
	static char url[GRID_SURL];
	const char *set = opt_or_env(option, "MDM_STORAGE");

	if (set != NULL)
		return set;
	snprintf(url, sizeof url, "file:%s/storage", opt_home());
	return url;
}

static int
failed(struct why *w, const struct grid *g, const char *path)
{
	return why_set(w, EXIT_IO, "%s%s%s: %s", g->url, path ? "/" : "",
	    path ? path : "", strerror(errno));
}

/* The path of a file: URL; "file://" has an empty host before it. */
static const char *
file_path(const char *url)
{
	if (strncmp(url, "file:", 5) != 0)
		return NULL;
	url += 5;
	return strncmp(url, "///", 3) == 0 ? url + 2 : url;
}

/* Make path's missing directories, each durable in the one above. */
static int
make_dirs(const char *path)
{
	char copy[PATH_MAX], *p;
	int n = snprintf(copy, sizeof copy, "%s/", path);

	if (n < 0 || (size_t)n >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (p = copy + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(copy, 0700) == 0) {
			if (out_sync_dir(copy) < 0)
				return -1;
		} else if (errno != EEXIST && errno != EROFS) {
			return -1;
		}
		*p = '/';
	}
	return 0;
}

static int
name_it(struct grid *g, const char *path, struct why *w)
{
	char real[PATH_MAX], cwd[PATH_MAX] = "";
	size_t n;

	if (realpath(path, real) == NULL)
		return why_set(
		    w, EXIT_IO, "file:%s: %s", path, strerror(errno));
	if (strcmp(real, "/") == 0)
		return why_set(w, EXIT_USAGE, "file:/: not a storage");
	if (*path != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return why_set(
		    w, EXIT_IO, "file:%s: %s", path, strerror(errno));
	snprintf(g->url, sizeof g->url, "file:%s", real);
	n = (size_t)snprintf(g->given, sizeof g->given, "file:%s%s%s", cwd,
	    *cwd ? "/" : "", path);
	if (n >= sizeof g->given)
		return why_set(w, EXIT_USAGE, "file:%s: too long", path);
	while (n > 6 && g->given[n - 1] == '/')
		g->given[--n] = '\0';
	return 0;
}

struct grid *
grid_open(const char *url, bool create, struct why *w)
{
	const char *path = file_path(url);
	struct grid *g;

	if (path == NULL || *path == '\0') {
		why_set(w, EXIT_USAGE, "%s: no such kind of storage", url);
		return NULL;
	}
	if ((g = calloc(1, sizeof *g)) == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	g->root = g->incoming = g->put = -1;
	if (create && make_dirs(path) < 0) {
		why_set(w, EXIT_IO, "%s: %s", url, strerror(errno));
	} else if (name_it(g, path, w) == 0) {
		g->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (g->root >= 0)
			return g;
		failed(w, g, NULL);
	}
	grid_close(g);
	return NULL;
}

void
grid_close(struct grid *g)
{
	if (g == NULL)
		return;
	grid_put_void(g);
	if (g->incoming >= 0)
		close(g->incoming);
	if (g->root >= 0)
		close(g->root);
	free(g);
}

const char *
grid_url(const struct grid *g)
{
	return g->url;
}

static const char *
below(const char *root, const char *path)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && path[n] == '/' && path[n + 1]
		   ? path + n + 1
		   : NULL;
}

const char *
grid_path(const struct grid *g, const char *surl)
{
	const char *path = file_path(surl), *rest;

	if (path == NULL)
		return NULL;
	rest = below(g->url + 5, path);
	return rest ? rest : below(g->given + 5, path);
}

static bool
is_guid(const char *s)
{
	return strlen(s) == GRID_GUID - 1 &&
	       strspn(s, "0123456789abcdef") == GRID_GUID - 1;
}

int
grid_put_begin(struct grid *g, const char *guid, struct why *w)
{
	unsigned char raw[8];
	char text[17];

	if (!is_guid(guid))
		return why_set(w, EXIT_DATA, "its guid is not one");
	if (g->incoming < 0) {
		if (mkdirat(g->root, INCOMING, 0700) < 0 && errno != EEXIST)
			return failed(w, g, INCOMING);
		g->incoming = openat(g->root, INCOMING,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (g->incoming < 0)
			return failed(w, g, INCOMING);
	}
	/* A name of its own: what a dead run left never stands in the way. */
	secret_random(raw, sizeof raw);
	hex_encode(text, raw, sizeof raw);
	snprintf(g->guid, sizeof g->guid, "%s", guid);
	snprintf(g->tmp, sizeof g->tmp, "%s.%s", guid, text);
	g->put = openat(g->incoming, g->tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return g->put < 0 ? failed(w, g, INCOMING) : 0;
}

int
grid_put_write(struct grid *g, const void *p, size_t n, struct why *w)
{
	struct why io;

	if (out_write(g->put, p, n, &io) == 0)
		return 0;
	return why_set(w, EXIT_IO, "%s: %s", g->url, io.text);
}

void
grid_put_void(struct grid *g)
{
	if (g->put < 0)
		return;
	close(g->put);
	g->put = -1;
	unlinkat(g->incoming, g->tmp, 0);
}

/* Is the object at path the one that has these sums?  1, 0, -1. */
static int
same_object(struct grid *g, const char *path, const struct sums_text *want,
    unsigned long long size, struct why *w)
{
	static unsigned char buf[1 << 18];
	static struct sums sums;
	unsigned long long there;
	struct sums_text t;
	ssize_t n = 0;
	int fd = grid_get(g, path, &there, w);

	if (fd < 0)
		return -1;
	sums_begin(&sums);
	while (there == size && (n = read(fd, buf, sizeof buf)) > 0)
		sums_add(&sums, buf, (size_t)n);
	close(fd);
	if (n < 0)
		return failed(w, g, path);
	sums_end(&sums, &t);
	return there == size && strcmp(t.sha256, want->sha256) == 0;
}

/* Rename, never over an object; makes the directory when it is missing. */
static int
rename_to(struct grid *g, char path[GRID_PATH])
{
	int try;

	for (try = 0; try < 2; try++) {
		if (renameat2(g->incoming, g->tmp, g->root, path,
			RENAME_NOREPLACE) == 0)
			return 0;
		/* A file system without that flag: link does the same. */
		if (errno == EINVAL &&
		    linkat(g->incoming, g->tmp, g->root, path, 0) == 0)
			return unlinkat(g->incoming, g->tmp, 0);
		if (errno != ENOENT || try > 0)
			return -1;
		path[2] = '\0';
		if (mkdirat(g->root, path, 0700) < 0 && errno != EEXIST)
			return -1;
		path[2] = '/';
	}
	return -1;
}

int
grid_put_done(struct grid *g, const struct sums_text *sums,
    unsigned long long size, char surl[GRID_SURL], struct why *w)
{
	char path[GRID_PATH];
	int fd = g->put, got;

	g->put = -1;
	/* Let the disk begin now: grid_sync() will have less to wait for. */
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	snprintf(path, sizeof path, "%.2s/%s", g->guid, g->guid);
	if (close(fd) < 0 || rename_to(g, path) < 0) {
		int error = errno;

		unlinkat(g->incoming, g->tmp, 0);
		errno = error;
		if (error != EEXIST)
			return failed(w, g, path);
		if ((got = same_object(g, path, sums, size, w)) < 0)
			return -1;
		if (got == 0)
			return why_set(w, EXIT_DATA,
			    "the storage has another object of its GUID");
	}
	if (snprintf(surl, GRID_SURL, "%s/%s", g->url, path) >= GRID_SURL)
		return why_set(w, EXIT_IO, "%s: too long", g->url);
	return 0;
}

int
grid_sync(struct grid *g, struct why *w)
{
	return syncfs(g->root) < 0 ? failed(w, g, NULL) : 0;
}

/* Without openat2(): each directory in turn, none of them a link. */
static int
open_by_steps(int root, const char *path, int flags)
{
	char part[NAME_MAX + 1];
	const char *slash;
	int dir = root, next;

	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		size_t n = (size_t)(slash - path);

		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			next = -1;
		} else {
			memcpy(part, path, n);
			part[n] = '\0';
			if (n == 0 || strcmp(part, ".") == 0 ||
			    strcmp(part, "..") == 0) {
				errno = EXDEV;
				next = -1;
			} else {
				next = openat(dir, part,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW |
					O_CLOEXEC);
			}
		}
		if (dir != root)
			close(dir);
		if (next < 0)
			return -1;
		dir = next;
	}
	if (*path == '\0' || strcmp(path, ".") == 0 ||
	    strcmp(path, "..") == 0) {
		errno = EXDEV;
		next = -1;
	} else {
		next = openat(dir, path, flags | O_NOFOLLOW);
	}
	if (dir != root)
		close(dir);
	return next;
}

/* Open path below root, whoever made it: no links, no "..". */
static int
open_below(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned long long)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	if (getenv("MDM_NO_OPENAT2") == NULL)
		fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	else
		errno = ENOSYS;
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_steps(root, path, flags);
	return (int)fd;
}

int
grid_get(
    struct grid *g, const char *path, unsigned long long *size, struct why *w)
{
	/* O_NONBLOCK: a FIFO in the place of an object must not hang us. */
	int fd = open_below(
	    g->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return why_set(w, EXIT_FEW, "%s has no such object", g->url);
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return why_set(w, EXIT_DENIED,
		    "its surl leads through a link or out of %s", g->url);
	if (fd < 0)
		return failed(w, g, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return why_set(w, EXIT_DENIED,
		    "its surl is not a regular file of %s", g->url);
	}
	*size = (unsigned long long)st.st_size;
	return fd;
}

int
grid_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w)
{
	int fd = open_below(g->root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			  errno == EXDEV))
		return 0;
	if (fd < 0)
		return failed(w, g, path);
	r = fstat(fd, &st);
	close(fd);
	if (r < 0)
		return failed(w, g, path);
	*size = (unsigned long long)st.st_size;
	*mtime = (long long)st.st_mtime;
	return S_ISREG(st.st_mode);
}

int
grid_remove(struct grid *g, const char *path, struct why *w)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd = -1, r;

	if (slash == NULL || (size_t)(slash - path) >= sizeof dir ||
	    strcmp(slash + 1, "..") == 0 || strcmp(slash + 1, ".") == 0)
		return why_set(w, EXIT_DENIED, "its surl is not an object's");
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	fd = open_below(g->root, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return why_set(w, EXIT_DENIED,
		    "its surl leads through a link or out of %s", g->url);
	if (fd < 0)
		return failed(w, g, dir);
	r = unlinkat(fd, slash + 1, 0);
	if (r < 0 && errno != ENOENT)
		failed(w, g, path);
	else
		r = r == 0;
	close(fd);
	return r;
}

/* A directory's names, sorted; NULL-terminated, the caller's to free. */
struct names {
	char **v;
	size_t n, size;
};

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_free(struct names *k)
{
	while (k->n > 0)
		free(k->v[--k->n]);
	free(k->v);
}

static int
names_of(struct grid *g, const char *path, struct names *k, struct why *w)
{
	struct dirent *d;
	DIR *dir;
	int fd = openat(
	    g->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	memset(k, 0, sizeof *k);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL)
		return failed(w, g, path);
	errno = 0;
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (k->n == k->size) {
			k->size = k->size ? 2 * k->size : 64;
			k->v = realloc(k->v, k->size * sizeof *k->v);
		}
		if (k->v == NULL || (k->v[k->n++] = strdup(d->d_name)) == NULL)
			die(EXIT_IO, "out of memory");
	}
	if (errno != 0) {
		failed(w, g, path);
		closedir(dir);
		names_free(k);
		return -1;
	}
	closedir(dir);
	if (k->n > 0)
		qsort(k->v, k->n, sizeof *k->v, by_bytes);
	return 0;
}

struct lister {
	struct grid *g;
	grid_visit *fn;
	void *arg;
};

static bool
is_branch(const char *s)
{
	return strlen(s) == 2 && strspn(s, "0123456789abcdef") == 2;
}

/* Show one name; 2 if it is a directory to go into. */
static int
show(struct lister *k, const char *path, int level, struct why *w)
{
	struct grid_item i = { .path = path, .kind = GRID_FOREIGN };
	const char *name = strrchr(path, '/');
	struct stat st;

	name = name ? name + 1 : path;
	if (fstatat(k->g->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(w, k->g, path);
	if (S_ISDIR(st.st_mode)) {
		if (level == 0 && strcmp(name, INCOMING) == 0)
			return 2;
		if (level == 0 && is_branch(name))
			return 2;
	} else if (S_ISREG(st.st_mode)) {
		if (level == 1 && is_guid(name) && strncmp(name, path, 2) == 0)
			i.kind = GRID_OBJECT;
		else if (level == 2)
			i.kind = GRID_INCOMING;
	}
	i.size = (unsigned long long)st.st_size;
	i.mtime = (long long)st.st_mtime;
	return k->fn(k->arg, &i, w);
}

/* level: 0 the root, 1 aa, 2 the uploads. */
static int
list(struct lister *k, const char *dir, int level, struct why *w)
{
	struct names names;
	char path[PATH_MAX];
	size_t i;
	int r = 0;

	if (names_of(k->g, level ? dir : ".", &names, w) < 0)
		return -1;
	for (i = 0; i < names.n && r >= 0; i++) {
		snprintf(path, sizeof path, "%s%s%s", dir, level ? "/" : "",
		    names.v[i]);
		r = show(k, path, level, w);
		if (r == 2)
			r = list(k, path,
			    strcmp(path, INCOMING) == 0 ? 2 : level + 1, w);
	}
	names_free(&names);
	return r < 0 ? -1 : 0;
}

int
grid_list(struct grid *g, grid_visit *fn, void *arg, struct why *w)
{
	struct lister k = { g, fn, arg };

	return list(&k, "", 0, w);
}
