#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "below.h"
#include "hash.h"
#include "srm_dir.h"

#define ATTRIBUTE "user.mdm.adler32"
#define PIECE (4u << 20) /* bytes of a sum at a time */

struct srm_dir {
	int root;
};

struct srm_dir *
srm_dir_open(const char *path, struct why *w)
{
	struct srm_dir *d = calloc(1, sizeof *d);

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	d->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->root >= 0)
		return d;
	why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
	free(d);
	return NULL;
}

void
srm_dir_close(struct srm_dir *d)
{
	if (d == NULL)
		return;
	close(d->root);
	free(d);
}

static const char *
relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

/* ---- names ---- */

void
srm_names_add(
    struct srm_names *l, const char *name, const struct srm_info *info)
{
	struct srm_name *v = l->v;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		v = realloc(l->v, l->room * sizeof *v);
	}
	if (v == NULL || (v[l->n].name = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
	l->v = v;
	v[l->n++].info = *info;
}

static int
by_name(const void *a, const void *b)
{
	const struct srm_name *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	/* What is online says its size. */
	return c ? c : (int)y->info.online - (int)x->info.online;
}

void
srm_names_sort(struct srm_names *l)
{
	size_t i, n = 0;

	if (l->n == 0)
		return;
	qsort(l->v, l->n, sizeof *l->v, by_name);
	for (i = 1; i < l->n; i++) {
		if (strcmp(l->v[n].name, l->v[i].name) != 0) {
			l->v[++n] = l->v[i];
			continue;
		}
		if (l->v[i].info.nearline)
			l->v[n].info.nearline = true;
		free(l->v[i].name);
	}
	l->n = n + 1;
}

void
srm_names_free(struct srm_names *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct srm_names){ 0 };
}

/* ---- looking ---- */

/* What the attribute's value would be if the sum is this one. */
static void
attribute(char text[80], const struct stat *st, const char *adler32)
{
	snprintf(text, 80, "%llu:%lld.%09ld:%s",
	    (unsigned long long)st->st_size, (long long)st->st_mtim.tv_sec,
	    st->st_mtim.tv_nsec, adler32);
}

static void
known_sum(int fd, const struct stat *st, char adler32[9])
{
	char text[80], want[80];
	ssize_t n = fgetxattr(fd, ATTRIBUTE, text, sizeof text - 1);

	adler32[0] = '\0';
	if (n < 9)
		return;
	text[n] = '\0';
	attribute(want, st, text + n - 8);
	if (strcmp(text, want) != 0 ||
	    strspn(text + n - 8, "0123456789abcdef") != 8)
		return;
	strcpy(adler32, text + n - 8);
}

/* False: clients do not see what it is. */
static bool
describe(const struct stat *st, struct srm_info *info)
{
	*info = (struct srm_info){
		.directory = S_ISDIR(st->st_mode),
		.online = S_ISREG(st->st_mode),
		.size =
		    S_ISREG(st->st_mode) ? (unsigned long long)st->st_size : 0,
		.mtime = st->st_mtim.tv_sec,
	};
	return info->directory || info->online;
}

int
srm_dir_stat(struct srm_dir *d, const char *path, struct srm_info *info)
{
	/* O_NONBLOCK: a FIFO must not hang us. */
	int fd = below_open(d->root, relative(path),
	    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0)
		rc = errno;
	else if (!describe(&st, info))
		rc = ENOENT;
	else if (info->online)
		known_sum(fd, &st, info->adler32);
	close(fd);
	return rc;
}

int
srm_dir_list(struct srm_dir *d, const char *path, struct srm_names *names)
{
	int fd = below_open(
	    d->root, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct srm_info info;
	struct dirent *e;
	struct stat st;
	DIR *dir;
	int rc;

	if (fd < 0)
		return errno;
	if ((dir = fdopendir(fd)) == NULL)
		die(EXIT_IO, "out of memory");
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    strncmp(e->d_name, SRM_HIDDEN, strlen(SRM_HIDDEN)) == 0 ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (describe(&st, &info))
			srm_names_add(names, e->d_name, &info);
	}
	rc = errno;
	closedir(dir);
	return rc;
}

/* ---- changing ---- */

/* The directory of path in *fd, its last part in *name. */
static int
parent(struct srm_dir *d, const char *path, int *fd, const char **name)
{
	*fd = below_parent(d->root, relative(path), name);
	if (*fd < 0)
		return errno;
	if (strcmp(*name, ".") != 0)
		return 0;
	close(*fd); /* the root is in nothing of ours */
	return EBUSY;
}

/* After a change in the directory fd, which is closed: make it last. */
static int
last(int fd, int rc)
{
	int error = rc < 0 ? errno : 0;

	if (rc == 0 && fsync(fd) < 0)
		error = errno;
	close(fd);
	return error;
}

int
srm_dir_mkdir(struct srm_dir *d, const char *path)
{
	const char *name;
	int fd, rc = parent(d, path, &fd, &name);

	return rc ? rc == EBUSY ? EEXIST : rc
		  : last(fd, mkdirat(fd, name, 0755));
}

int
srm_dir_rmdir(struct srm_dir *d, const char *path)
{
	const char *name;
	int fd, rc = parent(d, path, &fd, &name);

	return rc ? rc : last(fd, unlinkat(fd, name, AT_REMOVEDIR));
}

int
srm_dir_remove(struct srm_dir *d, const char *path)
{
	const char *name;
	int fd, rc = parent(d, path, &fd, &name);

	return rc ? rc : last(fd, unlinkat(fd, name, 0));
}

/* Rename, over what is there only if so told. */
static int
rename_at(int from, const char *name, int to, const char *as, bool over)
{
	if (over)
		return renameat(from, name, to, as);
	if (renameat2(from, name, to, as, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system without that flag: link does the same, for files. */
	if (errno != EINVAL || linkat(from, name, to, as, 0) < 0)
		return -1;
	return unlinkat(from, name, 0);
}

static int
move(struct srm_dir *d, const char *from, const char *to, bool over)
{
	const char *name, *as;
	int a, b, rc = parent(d, from, &a, &name);

	if (rc)
		return rc;
	if ((rc = parent(d, to, &b, &as)) != 0) {
		close(a);
		return rc;
	}
	rc = last(b, rename_at(a, name, b, as, over));
	if (rc == 0)
		return last(a, 0);
	close(a);
	return rc;
}

int
srm_dir_move(struct srm_dir *d, const char *from, const char *to)
{
	return move(d, from, to, false);
}

int
srm_dir_settle(struct srm_dir *d, const char *temp, const char *path, bool over)
{
	return move(d, temp, path, over);
}

int
srm_dir_room(struct srm_dir *d, unsigned long long *bytes)
{
	struct statvfs v;

	if (fstatvfs(d->root, &v) < 0)
		return errno;
	*bytes = (unsigned long long)v.f_bavail * v.f_frsize;
	return 0;
}

int
srm_dir_inode(struct srm_dir *d, const char *path, unsigned long long *inode)
{
	int fd = below_open(
	    d->root, relative(path), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0)
		rc = errno;
	*inode = st.st_ino;
	close(fd);
	return rc;
}

int
srm_dir_sync(struct srm_dir *d, const char *temp, unsigned long long *size,
    unsigned long long *inode)
{
	int fd = below_open(d->root, relative(temp),
	    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno;
	if (fsync(fd) < 0 || fstat(fd, &st) < 0)
		rc = errno;
	else if (!S_ISREG(st.st_mode))
		rc = ENOENT;
	*size = (unsigned long long)st.st_size;
	*inode = st.st_ino;
	close(fd);
	return rc;
}

/* ---- sums ---- */

struct srm_sum {
	int fd;
	struct stat st;
	struct sums sums;
	unsigned char piece[PIECE];
};

struct srm_sum *
srm_sum_begin(struct srm_dir *d, const char *path)
{
	struct srm_sum *s = calloc(1, sizeof *s);

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	s->fd = below_open(d->root, relative(path),
	    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (s->fd >= 0 && fstat(s->fd, &s->st) == 0 && S_ISREG(s->st.st_mode)) {
		sums_begin(&s->sums);
		return s;
	}
	srm_sum_free(s);
	return NULL;
}

int
srm_sum_step(struct srm_sum *s, char adler32[9])
{
	ssize_t n = read(s->fd, s->piece, sizeof s->piece);
	struct sums_text t;
	char text[80];
	struct stat now;

	if (n < 0)
		return errno == EINTR ? 1 : -1;
	if (n > 0) {
		sums_add(&s->sums, s->piece, (size_t)n);
		return 1;
	}
	sums_end(&s->sums, &t);
	strcpy(adler32, t.adler32);
	if (fstat(s->fd, &now) == 0 && now.st_size == s->st.st_size &&
	    now.st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec) {
		attribute(text, &now, adler32);
		/* Not kept is not wrong: it is made again. */
		fsetxattr(s->fd, ATTRIBUTE, text, strlen(text), 0);
	}
	return 0;
}

void
srm_sum_free(struct srm_sum *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	sums_free(&s->sums);
	free(s);
}
