/* rec-unpack: the records of a stream become files below a directory */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"
#include "sandbox.h"
#include "walk.h"

static const char *dir = ".";
static int uids;

static const struct poptOption options[] = {
	{ "directory", 'C', POPT_ARG_STRING, &dir, 0,
	    "write below DIR, made if it is not there", "DIR" },
	{ "uids", '\0', POPT_ARG_NONE, &uids, 0,
	    "objects must have the UIDs that their names say", NULL },
	OPT_COMMON
};

/*
 * Where the last record went: the next one often goes there too.  Files are
 * reached component by component from root, never through a link.
 */
static int root = -1;
static int parent = -1;
static char *parent_path; /* relative to root, "" for root itself */

static const char *
bad_name(const char *name)
{
	const char *p = name, *end;

	for (;; p = end + 1) {
		end = strchrnul(p, '/');
		if (end == p)
			return p == name ? "an absolute name"
					 : "an empty component";
		if (strncmp(p, ".", (size_t)(end - p)) == 0 ||
		    strncmp(p, "..", (size_t)(end - p)) == 0)
			return "a . or .. component";
		if (end - p > 255)
			return "a component of more than 255 bytes";
		if (*end == '\0')
			return NULL;
	}
}

/* Open, making it if need be, the directory called part in at. */
static int
descend(int at, const char *part)
{
	if (mkdirat(at, part, 0777) < 0 && errno != EEXIST)
		return -1;
	return openat(
	    at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Make parent the directory that holds name; the name in it, or NULL. */
static const char *
enter(const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;
	char *path = strndup(name, n), *part, *rest;
	int at, next;

	if (path == NULL)
		die(EXIT_IO, "out of memory");
	if (parent >= 0 && strcmp(path, parent_path) == 0) {
		free(path);
		return slash ? slash + 1 : name;
	}
	if (parent >= 0)
		close(parent);
	parent = -1;
	free(parent_path);
	parent_path = strdup(path);
	at = dup(root);
	for (part = strtok_r(path, "/", &rest); at >= 0 && part;
	     part = strtok_r(NULL, "/", &rest)) {
		next = descend(at, part);
		close(at);
		at = next;
	}
	free(path);
	parent = at;
	return at < 0 ? NULL : slash ? slash + 1 : name;
}

/* Stream the body into fd: 0, REC_VOID, or -1 and *w (the record is at fault,
 * the rest of the stream is not). */
static int
body(struct recin *in, int fd, unsigned long long *size, struct why *w)
{
	struct why stream = { 0 };
	const void *p;
	size_t n;
	int got;

	for (*size = 0; (got = recin_block(in, &p, &n, &stream)) == 1;
	     *size += n)
		if (out_write(fd, p, n, w) < 0)
			return -1;
	if (got < 0) {
		unlinkat(parent, ".rec-unpack", 0);
		die_why(&stream);
	}
	return got;
}

/* Is the object in fd the one that name, STUDY/SERIES/SOP, speaks of? */
static int
check_uids(int fd, unsigned long long size, const char *name, struct why *w)
{
	char want[3 * sizeof(((struct walk_uids *)0)->study)];
	struct walk_uids u;
	void *p;
	int got;

	if (size == 0)
		return why_set(w, EXIT_DATA, "is empty");
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return why_set(
		    w, EXIT_IO, "cannot read back: %s", strerror(errno));
	got = walk_uids(&u, p, size, w);
	munmap(p, size);
	if (got < 0)
		return -1;
	snprintf(want, sizeof want, "%s/%s/%s", u.study, u.series, u.sop);
	if (strcmp(want, name) != 0)
		return why_set(w, EXIT_DATA,
		    "its Study, Series and SOP Instance UIDs are not its name");
	return 0;
}

/* One record becomes one file, whole or not at all. */
static int
unpack(struct recin *in, const struct rec *r, struct why *w)
{
	static const char tmp[] = ".rec-unpack";
	const char *bad = bad_name(r->name), *leaf;
	unsigned long long size;
	int fd, got;

	if (bad != NULL)
		return why_set(w, EXIT_DATA, "%s is not a safe name", bad);
	if ((leaf = enter(r->name)) == NULL)
		return why_set(w, EXIT_IO, "cannot enter its directory: %s",
		    errno == ELOOP || errno == ENOTDIR
			? "a component is a link or a file"
			: strerror(errno));
	unlinkat(parent, tmp, 0);
	fd = openat(parent, tmp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return why_set(w, EXIT_IO, "cannot write: %s", strerror(errno));
	got = body(in, fd, &size, w);
	if (got == 0 && uids)
		got = check_uids(fd, size, r->name, w);
	if (close(fd) < 0 && got == 0)
		got = why_set(w, EXIT_IO, "cannot write: %s", strerror(errno));
	if (got == 0 && renameat(parent, tmp, parent, leaf) < 0)
		got = why_set(w, EXIT_IO, "cannot write: %s", strerror(errno));
	if (got != 0)
		unlinkat(parent, tmp, 0);
	else
		progress_add(1, size);
	return got;
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct recin *in;
	struct rec *r;
	unsigned long served = 0;
	int got;

	if (*opt_parse(argc, argv, options, "< records"))
		die(EXIT_USAGE, "takes no operands");
	if (opt_output)
		die(EXIT_USAGE, "writes files below -C DIR, not -o FILE");
	if ((in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		die(EXIT_IO, "%s: %s", dir, strerror(errno));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die(EXIT_IO, "%s: %s", dir, strerror(errno));
	sandbox_below(dir);

	while ((got = recin_next(in, &r, &w)) > 0) {
		if ((got = unpack(in, r, &w)) < 0) {
			aside(r->name, &w);
			if (w.code == EXIT_IO && errno == ENOSPC)
				exit(EXIT_IO);
		}
		served += got == 0;
	}
	if (got < 0)
		die_why(&w);
	if (syncfs(root) < 0)
		die(EXIT_IO, "%s: %s", dir, strerror(errno));
	return exit_status(served);
}
