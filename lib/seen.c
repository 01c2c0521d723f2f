#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "line.h"
#include "out.h"
#include "seen.h"

struct generation {
	char *name; /* word */
	unsigned long long gen;
};

struct seen {
	char file[PATH_MAX];
	void *tree; /* of struct generation, by name */
	bool changed;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct generation *)a)->name,
	    ((const struct generation *)b)->name);
}

/* The entry of name, made with generation 1 if it is new. */
static struct generation *
find(struct seen *s, const char *name)
{
	const struct generation wanted = { (char *)(uintptr_t)name, 1 };
	struct generation **at = tsearch(&wanted, &s->tree, by_name), *e;

	if (at == NULL)
		die(EXIT_IO, "out of memory");
	if (*at != &wanted)
		return *at;
	if ((e = malloc(sizeof *e)) == NULL || (e->name = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
	e->gen = 1;
	return *at = e;
}

static int
load(struct seen *s, struct why *w)
{
	int fd = open(s->file, O_RDONLY | O_CLOEXEC), got;
	unsigned long long gen;
	struct linein *in;
	struct generation *e;
	struct line l;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return why_set(w, EXIT_IO, "%s: %s", s->file, strerror(errno));
	in = linein_open(fd, s->file, false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, w)) > 0) {
		if (line_number(&l, "gen", &gen, w) < 0) {
			got = -1;
			break;
		}
		e = find(s, l.name);
		if (e->gen < gen)
			e->gen = gen;
	}
	line_free(&l);
	linein_free(in);
	close(fd);
	return got;
}

struct seen *
seen_open(const char *file, struct why *w)
{
	struct seen *s = calloc(1, sizeof *s);

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	if (strlen(file) + sizeof ".XXXXXX" > sizeof s->file) {
		why_set(w, EXIT_USAGE, "%.100s...: path too long", file);
		free(s);
		return NULL;
	}
	strcpy(s->file, file);
	if (load(s, w) == 0)
		return s;
	seen_free(s);
	return NULL;
}

int
seen_check(struct seen *s, const char *name, unsigned long long gen)
{
	const struct generation wanted = { (char *)(uintptr_t)name, 1 };
	struct generation **at, *e;

	if (gen <= 1) { /* no memory for the usual case */
		at = tfind(&wanted, &s->tree, by_name);
		return at && (*at)->gen > gen ? -1 : 0;
	}
	e = find(s, name);
	if (e->gen > gen)
		return -1;
	s->changed |= e->gen < gen;
	e->gen = gen;
	return 0;
}

/* twalk() takes no argument. */
static struct lineout *walk_out;
static struct why *walk_why;
static int walk_ok;

static void
put(const void *node, VISIT visit, int depth)
{
	const struct generation *e = *(struct generation *const *)node;
	struct line l;

	(void)depth;
	if ((visit != postorder && visit != leaf) || e->gen <= 1 || walk_ok < 0)
		return;
	line_init(&l, false);
	line_set_name_word(&l, e->name);
	line_set_number(&l, "gen", e->gen);
	walk_ok = lineout_put(walk_out, &l, walk_why);
	line_free(&l);
}

static int
rewrite(struct seen *s, struct why *w)
{
	char tmp[PATH_MAX + 8];
	int fd;

	snprintf(tmp, sizeof tmp, "%s.XXXXXX", s->file);
	if ((fd = mkostemp(tmp, O_CLOEXEC)) < 0)
		return why_set(w, EXIT_IO, "%s: %s", s->file, strerror(errno));
	walk_out = lineout_open(fd, s->file, false);
	walk_why = w;
	walk_ok = 0;
	twalk(s->tree, put);
	if (walk_ok == 0)
		walk_ok = lineout_end(walk_out, w);
	lineout_free(walk_out);
	if (walk_ok == 0 && (fsync(fd) < 0 || rename(tmp, s->file) < 0 ||
				out_sync_dir(s->file) < 0))
		walk_ok =
		    why_set(w, EXIT_IO, "%s: %s", s->file, strerror(errno));
	if (walk_ok < 0)
		unlink(tmp);
	close(fd);
	return walk_ok;
}

int
seen_save(struct seen *s, struct why *w)
{
	char lock[PATH_MAX + 8];
	int fd, r;

	if (!s->changed)
		return 0;
	snprintf(lock, sizeof lock, "%s.lock", s->file);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return why_set(w, EXIT_IO, "%s: %s", lock, strerror(errno));
	r = load(s, w) < 0 ? -1 : rewrite(s, w);
	close(fd);
	return r;
}

static void
free_entry(void *p)
{
	struct generation *e = p;

	free(e->name);
	free(e);
}

void
seen_free(struct seen *s)
{
	if (s)
		tdestroy(s->tree, free_entry);
	free(s);
}
