#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "spool.h"
#include "word.h"

#define PART ".rec.part"

static void *
need(void *p)
{
	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static void
forget(struct spool *s)
{
	recout_free(s->out);
	if (s->fd >= 0)
		close(s->fd);
	free(s->part);
	free(s->path);
	free(s);
}

static int
cannot(const char *path, struct why *w)
{
	return why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
}

struct spool *
spool_begin(const char *dir, struct why *w)
{
	struct spool *s = need(calloc(1, sizeof *s));
	unsigned char random[8];
	char id[64], hex[2 * sizeof random + 1];
	const time_t now = time(NULL);
	struct tm tm;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EXIT_IO, "no random bytes");
	hex_encode(hex, random, sizeof random);
	gmtime_r(&now, &tm);
	strftime(id, sizeof id, "%Y%m%dT%H%M%SZ-", &tm);
	strcat(id, hex);
	if (asprintf(&s->part, "%s/.%s" PART, dir, id) < 0 ||
	    asprintf(&s->path, "%s/%s.rec", dir, id) < 0)
		die(EXIT_IO, "out of memory");
	s->fd = open(s->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0 || flock(s->fd, LOCK_EX | LOCK_NB) < 0 ||
	    out_sync_dir(s->part) < 0)
		cannot(s->part, w);
	else if ((s->out = recout_open(s->fd, w)) != NULL)
		return s;
	unlink(s->part);
	forget(s);
	return NULL;
}

int
spool_end(struct spool *s, int failed, struct why *w)
{
	int got = 0;

	if (failed)
		got = why_set(w, EXIT_IO,
		    "%s: left as it is; the next start makes a stream of it",
		    s->part);
	else if (recout_count(s->out) == 0)
		unlink(s->part);
	else if ((got = recout_end(s->out, w)) == 0 &&
		 (fsync(s->fd) < 0 || rename(s->part, s->path) < 0 ||
		     out_sync_dir(s->path) < 0))
		got = cannot(s->path, w);
	forget(s);
	return got;
}

/* All of in's records that are whole, to out.  0 or -1 with *w. */
static int
copy(struct recin *in, struct recout *out, struct why *w)
{
	struct why end;
	struct rec *r;
	const void *p;
	size_t n;
	int got;

	while (recin_next(in, &r, &end) == 1) {
		if (recout_begin(out, r, REC_UNKNOWN, 0, w) < 0)
			return -1;
		while ((got = recin_block(in, &p, &n, &end)) == 1)
			if (recout_write(out, p, n, w) < 0)
				return -1;
		if ((got == 0 ? recout_done(out, NULL, w)
			      : recout_void(out, w)) < 0)
			return -1;
		if (got < 0)
			break;
	}
	return 0; /* the first damage is where its writer died */
}

/* 1 if a stream came of it; 0; -1 with *w. */
static int
salvage(const char *dir, const char *name, struct why *w)
{
	char *path;
	struct spool *s = NULL;
	struct recin *in;
	int fd, got = 0, some;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die(EXIT_IO, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		goto out; /* gone, or somebody writes it */
	got = -1;
	if ((s = spool_begin(dir, w)) == NULL)
		goto out;
	if ((in = recin_open(fd, NULL, 0, w)) == NULL)
		goto out;
	got = copy(in, s->out, w);
	recin_free(in);
	some = recout_count(s->out) > 0;
	if (got == 0)
		got = spool_end(s, 0, w);
	else
		forget(s);
	if (got == 0) {
		unlink(path);
		got = some;
	}
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return got;
}

int
spool_salvage(const char *dir, struct why *w)
{
	const size_t suffix = strlen(PART);
	struct dirent **list;
	int n, i, got, made = 0;

	if ((n = scandir(dir, &list, NULL, alphasort)) < 0)
		return cannot(dir, w);
	for (i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		const size_t len = strlen(name);

		if (made >= 0 && *name == '.' && len > suffix &&
		    strcmp(name + len - suffix, PART) == 0) {
			got = salvage(dir, name, w);
			made = got < 0 ? -1 : made + got;
		}
		free(list[i]);
	}
	free(list);
	return made;
}
