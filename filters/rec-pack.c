/* rec-pack: files, or a tar, become a record stream */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"

static int nul;
static const char *list;

static const struct poptOption options[] = {
	{ "files-from", 'T', POPT_ARG_STRING, &list, 0,
	    "also take the paths that LIST holds, one a line", "LIST" },
	{ "null", '0', POPT_ARG_NONE, &nul, 0,
	    "the paths in LIST end in a NUL, not a newline", NULL },
	OPT_COMMON
};

static struct recout *out;
static unsigned char buf[REC_SMALL];
static unsigned long others; /* neither file nor directory */

static void
set_aside(const char *path, int code, const char *why)
{
	struct why w;

	why_set(&w, code, "%s", why);
	aside(path, &w);
}

/* As tar does: a name is relative and does not begin by climbing. */
static const char *
name_of(const char *path)
{
	for (;;) {
		if (*path == '/')
			path++;
		else if (strncmp(path, "./", 2) == 0)
			path += 2;
		else if (strncmp(path, "../", 3) == 0)
			path += 3;
		else
			return path;
	}
}

/* Read until n bytes or the end of the file. */
static ssize_t
read_full(int fd, unsigned char *p, size_t n)
{
	size_t got = 0;
	ssize_t k;

	while (got < n && (k = read(fd, p + got, n - got)) != 0) {
		if (k > 0)
			got += (size_t)k;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)got;
}

/*
 * Small files (of up to REC_SMALL bytes) are taken whole before their record
 * begins, so that one that cannot be read is set aside; of a larger one the
 * header is out already.  If the kernel lets us, they wait in a pipe of our
 * own, as pages of the page cache, and are never copied.
 */
static int way[2] = { -1, -1 };

static void
open_way(void)
{
	if (pipe2(way, O_CLOEXEC) == 0 &&
	    fcntl(way[1], F_SETPIPE_SZ, REC_SMALL) > 0)
		return;
	close(way[0]);
	close(way[1]);
	way[0] = way[1] = -1;
}

/* Take n bytes of fd into the pipe, or into buf: how many, -1. */
static ssize_t
take(int fd, size_t n)
{
	size_t got = 0;
	ssize_t k = 0;

	while (way[0] >= 0 && got < n) {
		k = splice(fd, NULL, way[1], NULL, n - got, SPLICE_F_NONBLOCK);
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	if (got == 0 && (way[0] < 0 || (k < 0 && errno == EINVAL))) {
		close(way[0]);
		close(way[1]);
		way[0] = way[1] = -1;
		return read_full(fd, buf, n);
	}
	return k < 0 ? -1 : (ssize_t)got;
}

static void
begin(const char *path, long long size)
{
	struct why w = { 0 };
	struct rec r;

	rec_init(&r);
	rec_set_name(&r, name_of(path));
	rec_via(&r, NULL);
	if (recout_begin(out, &r, size, REC_WHOLE, &w) < 0)
		die(w.code, "%s: %s", path, w.text);
	rec_clear(&r);
}

static void
pack_small(int fd, const char *path, size_t size)
{
	struct why w = { 0 };
	ssize_t n = take(fd, size);

	if (n < 0 || (size_t)n < size) {
		set_aside(path, EXIT_IO,
		    n < 0 ? strerror(errno)
			  : "became shorter while it was read");
		if (way[0] >= 0) { /* with what is in it */
			close(way[0]);
			close(way[1]);
			open_way();
		}
		return;
	}
	begin(path, (long long)size);
	if ((way[0] >= 0 ? recout_move(out, way[0], (long long)size, &w)
			 : recout_write(out, buf, size, &w)) < 0)
		die_why(&w);
}

static void
pack_large(int fd, const char *path, long long size)
{
	struct why w = { 0 };
	long long left, k;

	begin(path, size);
	for (left = size; left > 0; left -= k) {
		k = recout_move(out, fd, left, &w);
		if (k < 0)
			die_why(&w);
		if (k == 0 && errno == EINVAL &&
		    (k = read_full(fd, buf, sizeof buf)) > 0 &&
		    recout_write(
			out, buf, (size_t)(k < left ? k : (k = left)), &w) < 0)
			die_why(&w);
		if (k <= 0)
			die(EXIT_IO, "%s: %s", path,
			    k < 0 ? strerror(errno)
				  : "became shorter while it was read");
	}
}

static void
pack_open(int fd, const char *path, long long size)
{
	struct why w = { 0 };
	unsigned long before = aside_count();

	if (*name_of(path) == '\0' || strlen(name_of(path)) > REC_NAME_MAX) {
		set_aside(path, EXIT_DATA, "its name cannot be a record's");
		return;
	}
	if (size <= REC_SMALL)
		pack_small(fd, path, (size_t)size);
	else
		pack_large(fd, path, size);
	if (aside_count() != before)
		return;
	if (recout_done(out, NULL, &w) < 0)
		die_why(&w);
	progress_add(1, (unsigned long long)size);
}

static void
pack_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0)
		set_aside(path, errno == EACCES ? EXIT_DENIED : EXIT_IO,
		    strerror(errno));
	else if (!S_ISREG(st.st_mode))
		set_aside(path, EXIT_DATA, "not a regular file");
	else
		pack_open(fd, path, st.st_size);
	if (fd >= 0)
		close(fd);
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A file, or all files below a directory; links below it are not followed. */
static void
pack_path(const char *path)
{
	char *roots[] = { (char *)(uintptr_t)path, NULL };
	struct stat st;
	FTSENT *e;
	FTS *fts;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		pack_file(path);
		return;
	}
	fts = fts_open(
	    roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (fts == NULL)
		die(EXIT_IO, "%s: %s", path, strerror(errno));
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_F)
			pack_file(e->fts_path);
		else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR ||
			 e->fts_info == FTS_NS)
			set_aside(e->fts_path,
			    e->fts_errno == EACCES ? EXIT_DENIED : EXIT_IO,
			    strerror(e->fts_errno));
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
			others++;
	}
	fts_close(fts);
}

static void
pack_list(void)
{
	struct why w = { 0 };
	char *path = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;
	int fd = opt_open(list, O_RDONLY, &w);

	if (fd < 0)
		die_why(&w);
	if ((f = fdopen(fd, "r")) == NULL)
		die(EXIT_IO, "%s: %s", list, strerror(errno));
	while ((n = getdelim(&path, &size, nul ? '\0' : '\n', f)) > 0) {
		if (path[n - 1] == (nul ? '\0' : '\n'))
			path[--n] = '\0';
		if (strlen(path) != (size_t)n)
			set_aside(path, EXIT_DATA, "a NUL in a path");
		else if (n > 0)
			pack_path(path);
	}
	if (ferror(f))
		die(EXIT_IO, "%s: %s", list, strerror(errno));
	free(path);
	fclose(f);
}

static void
pack_tar(void)
{
	struct why w = { 0 };
	struct recin *in = recin_open(STDIN_FILENO, NULL, 0, &w);
	struct rec *r;
	const void *p;
	size_t n;
	int got;

	if (in == NULL)
		die_why(&w);
	recin_any_tar(in);
	recin_on_idle(in, recout_idle, out);
	while ((got = recin_next(in, &r, &w)) > 0) {
		rec_set_name(r, name_of(r->name));
		rec_via(r, NULL);
		if (recout_begin(out, r, r->size, REC_WHOLE, &w) < 0) {
			aside(r->name, &w);
			continue;
		}
		while ((got = recin_block(in, &p, &n, &w)) == 1)
			if (recout_write(out, p, n, &w) < 0)
				die_why(&w);
		if (got < 0 || recout_done(out, NULL, &w) < 0)
			die_why(&w);
		progress_add(1, (unsigned long long)r->size);
	}
	if (got < 0)
		die_why(&w);
	recin_free(in);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	const char **paths;

	paths = opt_parse(argc, argv, options, "[PATH...] > records");
	if (nul && list == NULL)
		die(EXIT_USAGE, "-0 says how the list of -T is written");
	if ((out = recout_open(out_open(opt_output), &w)) == NULL)
		die_why(&w);
	open_way();
	if (*paths == NULL && list == NULL)
		pack_tar();
	for (; *paths; paths++)
		pack_path(*paths);
	if (list)
		pack_list();
	if (others > 0)
		say_note("%lu links and special files passed over", others);
	if (recout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	return aside_count() ? EXIT_NO : EXIT_OK;
}
