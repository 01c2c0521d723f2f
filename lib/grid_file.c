#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "below.h"
#include "grid_impl.h"
#include "out.h"

/* A storage in files, which trusts neither its names nor its links. */
struct file {
	struct grid g;         /* first; its url is file:/canonical */
	char given[GRID_SURL]; /* as it was named, absolute */
	int root, incoming;    /* directories; incoming -1: not opened */
	pthread_mutex_t lock;  /* of incoming */
};

struct file_put {
	struct grid_put p; /* first */
	int fd;
	char tmp[GRID_PATH];
};

struct file_get {
	struct grid_get r; /* first */
	int fd;
	long long left; /* bytes to read; -1: all */
};

static struct file *
file(const struct grid *g)
{
	return (struct file *)g;
}

static int
failed(struct why *w, const struct file *g, const char *path)
{
	return why_set(w, EXIT_IO, "%s%s%s: %s", g->g.url, path ? "/" : "",
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
name_it(struct file *g, const char *path, struct why *w)
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
	snprintf(g->g.url, sizeof g->g.url, "file:%s", real);
	n = (size_t)snprintf(g->given, sizeof g->given, "file:%s%s%s", cwd,
	    *cwd ? "/" : "", path);
	if (n >= sizeof g->given)
		return why_set(w, EXIT_USAGE, "file:%s: too long", path);
	while (n > 6 && g->given[n - 1] == '/')
		g->given[--n] = '\0';
	return 0;
}

static void
file_close(struct grid *g)
{
	struct file *f = file(g);

	if (f->incoming >= 0)
		close(f->incoming);
	if (f->root >= 0)
		close(f->root);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static struct grid *
file_open(const char *url, bool create, struct why *w)
{
	const char *path = file_path(url);
	struct file *f;

	if (path == NULL || *path == '\0') {
		why_set(w, EXIT_USAGE, "%.200s: names no directory", url);
		return NULL;
	}
	if ((f = calloc(1, sizeof *f)) == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	f->g.kind = &grid_file;
	f->root = f->incoming = -1;
	pthread_mutex_init(&f->lock, NULL);
	if (create && make_dirs(path) < 0) {
		why_set(w, EXIT_IO, "%s: %s", url, strerror(errno));
	} else if (name_it(f, path, w) == 0) {
		f->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (f->root >= 0)
			return &f->g;
		failed(w, f, NULL);
	}
	file_close(&f->g);
	return NULL;
}

static const char *
below(const char *root, const char *path)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && path[n] == '/' && path[n + 1]
		   ? path + n + 1
		   : NULL;
}

static const char *
file_below(const struct grid *g, const char *surl)
{
	const char *path = file_path(surl), *rest;

	if (path == NULL)
		return NULL;
	rest = below(g->url + 5, path);
	return rest ? rest : below(file(g)->given + 5, path);
}

static int
open_incoming(struct file *f)
{
	int fd;

	pthread_mutex_lock(&f->lock);
	if (f->incoming < 0 &&
	    (mkdirat(f->root, GRID_INCOMING_DIR, 0700) == 0 || errno == EEXIST))
		f->incoming = openat(f->root, GRID_INCOMING_DIR,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fd = f->incoming;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

static struct grid_put *
file_put_begin(struct grid *g, const char *path, long long size, struct why *w)
{
	struct file *f = file(g);
	struct file_put *p = calloc(1, sizeof *p);
	char tmp[GRID_PATH];

	(void)size;
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	grid_incoming(tmp, path);
	strcpy(p->tmp, strchr(tmp, '/') + 1);
	if (open_incoming(f) >= 0) {
		p->fd = openat(f->incoming, p->tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (p->fd >= 0)
			return &p->p;
	}
	failed(w, f, GRID_INCOMING_DIR);
	free(p);
	return NULL;
}

static int
file_put_write(struct grid_put *p, const void *b, size_t n, struct why *w)
{
	struct why io;

	if (out_write(((struct file_put *)p)->fd, b, n, &io) == 0)
		return 0;
	return why_set(w, EXIT_IO, "%s: %s", p->g->url, io.text);
}

static void
file_put_void(struct grid_put *p)
{
	struct file_put *f = (struct file_put *)p;

	if (f->fd >= 0)
		close(f->fd);
	unlinkat(file(p->g)->incoming, f->tmp, 0);
	free(f);
}

/* A descriptor of the regular file at path, or -1. */
static int
open_file(
    struct file *f, const char *path, unsigned long long *size, struct why *w)
{
	/* O_NONBLOCK: a FIFO in the place of an object must not hang us. */
	int fd = below_open(
	    f->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return why_set(w, EXIT_FEW, "%s has no such object", f->g.url);
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return why_set(w, EXIT_DENIED,
		    "its surl leads through a link or out of %s", f->g.url);
	if (fd < 0)
		return failed(w, f, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return why_set(w, EXIT_DENIED,
		    "its surl is not a regular file of %s", f->g.url);
	}
	*size = (unsigned long long)st.st_size;
	return fd;
}

static struct grid_get *
file_get_open(struct grid *g, const char *path, unsigned long long first,
    long long count, unsigned long long *size, struct why *w)
{
	int fd = open_file(file(g), path, size, w);
	struct file_get *r;

	if (fd < 0)
		return NULL;
	if ((r = calloc(1, sizeof *r)) == NULL)
		die(EXIT_IO, "out of memory");
	r->fd = fd;
	r->left = count;
	if (first <= *size && lseek(fd, (off_t)first, SEEK_SET) >= 0)
		return &r->r;
	why_set(w, EXIT_DATA, "it is shorter than that");
	close(fd);
	free(r);
	return NULL;
}

static long
file_get_read(struct grid_get *r, void *b, size_t n, struct why *w)
{
	struct file_get *f = (struct file_get *)r;
	ssize_t got;

	if (f->left >= 0 && n > (unsigned long long)f->left)
		n = (size_t)f->left;
	if (n == 0)
		return 0;
	do
		got = read(f->fd, b, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return why_set(w, EXIT_IO, "the storage: %s", strerror(errno));
	if (f->left >= 0)
		f->left -= got;
	return got;
}

static void
file_get_close(struct grid_get *r)
{
	close(((struct file_get *)r)->fd);
	free(r);
}

/* Is the object at path the one that has these sums?  1, 0, -1. */
static int
same_object(struct file *f, const char *path, const struct sums_text *want,
    unsigned long long size, struct why *w)
{
	unsigned char *buf = malloc(1 << 18);
	unsigned long long there;
	struct sums_text t;
	struct sums sums = { 0 };
	ssize_t n = 0;
	int fd = open_file(f, path, &there, w);

	if (buf == NULL)
		die(EXIT_IO, "out of memory");
	if (fd < 0) {
		free(buf);
		return -1;
	}
	sums_begin(&sums);
	while (there == size && (n = read(fd, buf, 1 << 18)) > 0)
		sums_add(&sums, buf, (size_t)n);
	close(fd);
	free(buf);
	sums_end(&sums, &t);
	sums_free(&sums);
	if (n < 0)
		return failed(w, f, path);
	return there == size && strcmp(t.sha256, want->sha256) == 0;
}

/* Make the directories that path is in; those of ours are not links. */
static int
make_parents(struct file *f, const char *path)
{
	char copy[GRID_PATH], *p = copy;

	snprintf(copy, sizeof copy, "%s", path);
	while ((p = strchr(p, '/')) != NULL) {
		*p = '\0';
		if (mkdirat(f->root, copy, 0700) < 0 && errno != EEXIST)
			return -1;
		*p++ = '/';
	}
	return 0;
}

/* Rename, never over what is there; makes the directory when it is missing. */
static int
rename_to(struct file *f, int dir, const char *name, const char *path)
{
	int try;

	for (try = 0; try < 2; try++) {
		if (renameat2(dir, name, f->root, path, RENAME_NOREPLACE) == 0)
			return 0;
		/* A file system without that flag: link does the same. */
		if (errno == EINVAL && linkat(dir, name, f->root, path, 0) == 0)
			return unlinkat(dir, name, 0);
		if (errno != ENOENT || try > 0 || make_parents(f, path) < 0)
			return -1;
	}
	return -1;
}

static int
file_put_done(struct grid_put *p, const struct sums_text *sums,
    unsigned long long size, struct why *w)
{
	struct file_put *u = (struct file_put *)p;
	struct file *f = file(p->g);
	int got = 1, error, fd = u->fd;

	/* Let the disk begin now: grid_sync() will have less to wait for. */
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	u->fd = -1;
	if (close(fd) < 0 || rename_to(f, f->incoming, u->tmp, p->path) < 0) {
		error = errno;
		unlinkat(f->incoming, u->tmp, 0);
		errno = error;
		got = error != EEXIST ? failed(w, f, p->path)
				      : same_object(f, p->path, sums, size, w);
	}
	free(u);
	if (got == 0)
		return why_set(
		    w, EXIT_DATA, "the storage has another object of its GUID");
	return got < 0 ? -1 : 0;
}

static int
file_sync(struct grid *g, struct why *w)
{
	return syncfs(file(g)->root) < 0 ? failed(w, file(g), NULL) : 0;
}

static int
file_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w)
{
	struct file *f = file(g);
	int fd = below_open(f->root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			  errno == EXDEV))
		return 0;
	if (fd < 0)
		return failed(w, f, path);
	r = fstat(fd, &st);
	close(fd);
	if (r < 0)
		return failed(w, f, path);
	*size = (unsigned long long)st.st_size;
	*mtime = (long long)st.st_mtime;
	return S_ISREG(st.st_mode);
}

static int
file_about(
    struct grid *g, const char *path, struct grid_about *a, struct why *w)
{
	unsigned char *buf;
	struct sums_text t;
	struct sums sums = { 0 };
	ssize_t n;
	int fd, got = file_stat(g, path, &a->size, &a->mtime, w);

	if (got <= 0)
		return got;
	if ((fd = open_file(file(g), path, &a->size, w)) < 0)
		return w->code == EXIT_FEW ? 0 : -1;
	if ((buf = malloc(1 << 18)) == NULL)
		die(EXIT_IO, "out of memory");
	sums_begin(&sums);
	while ((n = read(fd, buf, 1 << 18)) > 0)
		sums_add(&sums, buf, (size_t)n);
	close(fd);
	free(buf);
	sums_end(&sums, &t);
	sums_free(&sums);
	if (n < 0)
		return failed(w, file(g), path);
	strcpy(a->adler32, t.adler32);
	strcpy(a->locality, "ONLINE");
	return 1;
}

/* The directory of path, opened; *name is the rest of it.  -2: not there. */
static int
open_dir_of(struct file *f, const char *path, const char **name, struct why *w)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	if (slash == NULL || (size_t)(slash - path) >= sizeof dir ||
	    strcmp(slash + 1, "..") == 0 || strcmp(slash + 1, ".") == 0)
		return why_set(w, EXIT_DENIED, "its surl is not an object's");
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	*name = slash + 1;
	fd = below_open(f->root, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return -2;
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return why_set(w, EXIT_DENIED,
		    "its surl leads through a link or out of %s", f->g.url);
	return fd < 0 ? failed(w, f, dir) : fd;
}

static int
file_remove(struct grid *g, const char *path, struct why *w)
{
	const char *name;
	int r, fd = open_dir_of(file(g), path, &name, w);

	if (fd < 0)
		return fd == -2 ? 0 : -1;
	r = unlinkat(fd, name, 0);
	if (r < 0 && errno != ENOENT)
		failed(w, file(g), path);
	else
		r = r == 0;
	close(fd);
	return r;
}

static int
file_move(struct grid *g, const char *path, const char *to, struct why *w)
{
	const char *name;
	int r, error, fd = open_dir_of(file(g), path, &name, w);

	if (fd < 0)
		return fd == -2 ? 0 : -1;
	/* Else a missing directory of to would look like a missing path. */
	r = make_parents(file(g), to);
	if (r == 0)
		r = rename_to(file(g), fd, name, to);
	error = errno;
	close(fd);
	errno = error;
	if (r < 0)
		return error == ENOENT ? 0 : failed(w, file(g), to);
	return 1;
}

static int
add_name(struct grid_names *k, int dir, const char *name)
{
	struct grid_name *n;
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	n = grid_names_add(k, name);
	n->type = S_ISREG(st.st_mode)   ? GRID_FILE
		  : S_ISDIR(st.st_mode) ? GRID_DIR
					: GRID_ODD;
	n->size = (unsigned long long)st.st_size;
	n->mtime = (long long)st.st_mtime;
	return 0;
}

static int
file_names(
    struct grid *g, const char *path, struct grid_names *k, struct why *w)
{
	struct file *f = file(g);
	struct dirent *d;
	DIR *dir;
	int r = 0, fd = openat(f->root, *path ? path : ".",
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL)
		return failed(w, f, path);
	while (r == 0) {
		errno = 0;
		if ((d = readdir(dir)) == NULL)
			break;
		r = add_name(k, fd, d->d_name);
	}
	if (errno != 0)
		r = failed(w, f, path);
	closedir(dir);
	return r;
}

static const char *const schemes[] = { "file", NULL };

const struct grid_kind grid_file = {
	.schemes = schemes,
	.open = file_open,
	.close = file_close,
	.path = file_below,
	.put_begin = file_put_begin,
	.put_write = file_put_write,
	.put_done = file_put_done,
	.put_void = file_put_void,
	.get_open = file_get_open,
	.get_read = file_get_read,
	.get_close = file_get_close,
	.sync = file_sync,
	.stat = file_stat,
	.about = file_about,
	.remove = file_remove,
	.move = file_move,
	.names = file_names,
};
