#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "out.h"
#include "secret.h"
#include "word.h"

/*
 * The directory holds the lists of garbage, and "catalogue": one line with the
 * serial and the mark of the catalogue that the last repair believed.
 */
struct memory {
	bool any;
	unsigned long long serial, verified;
	char mark[33];
};

static char *
path_of(const struct check *c, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", c->state, name) < 0)
		die(EXIT_IO, "out of memory");
	return path;
}

static int
failed(const char *path, struct why *w)
{
	return why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
}

/* Make the directory, and those above it that are missing. */
static int
make_state(const char *dir)
{
	char *path = strdup(dir), *p;
	int r = 0;

	if (path == NULL)
		die(EXIT_IO, "out of memory");
	for (p = path + 1; r == 0 && (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		r = mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
		*p = '/';
	}
	free(path);
	return r == 0 && mkdir(dir, 0700) < 0 && errno != EEXIST ? -1 : r;
}

static int
lock(struct check *c, struct why *w)
{
	char *path = path_of(c, "lock");
	int r = 0;

	if (make_state(c->state) < 0 ||
	    (c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		r = failed(path, w);
	else if (flock(c->lock, LOCK_EX | LOCK_NB) < 0)
		r = why_set(w, EXIT_RETRY,
		    "%s: another mdm-check is at work here", c->state);
	free(path);
	return r;
}

static int
recall(struct check *c, struct memory *m, struct why *w)
{
	char *path = path_of(c, "catalogue");
	struct quarantine *q = quarantine_open(path, false, w);
	const struct line *l;
	int got;

	memset(m, 0, sizeof *m);
	free(path);
	if (q == NULL)
		return -1;
	if ((got = quarantine_next(q, &l, w)) > 0) {
		m->any = true;
		if (line_number(l, "serial", &m->serial, w) < 0 ||
		    line_number(l, "verified", &m->verified, w) < 0 ||
		    line_text(l, "mark", m->mark, sizeof m->mark, w) < 0)
			got = -1;
	}
	quarantine_free(q);
	return got < 0 ? -1 : 0;
}

static int
remember(struct check *c, const struct memory *m, struct why *w)
{
	char *path = path_of(c, "catalogue");
	struct quarantine *q = quarantine_open(path, true, w);
	struct line l;
	int r = -1;

	line_init(&l, false);
	line_set_name_word(&l, "catalogue");
	line_set_number(&l, "serial", m->serial);
	line_set_word(&l, "mark", m->mark);
	line_set_number(&l, "verified", m->verified);
	if (q != NULL && quarantine_add(q, &l, w) == 0)
		r = quarantine_turn(q, w);
	line_free(&l);
	quarantine_free(q);
	free(path);
	return r;
}

/* Is it the catalogue of the last time, or a later state of it? */
static int
believe(
    struct check *c, const struct memory *m, long long serial, struct why *w)
{
	int got;

	if (!m->any || c->accept)
		return 0;
	if ((unsigned long long)serial < m->serial)
		return why_set(w, EXIT_DATA,
		    "the catalogue went back, from serial %llu to %lld: "
		    "nothing will be removed",
		    m->serial, serial);
	if ((got = check_has_mark(c, m->mark, w)) < 0)
		return -1;
	if (got == 0)
		return why_set(w, EXIT_DATA,
		    "the catalogue is another one, or an older state of it: "
		    "nothing will be removed");
	return 0;
}

/* The lists say nothing of garbage if the catalogue is another. */
static int
forget(struct check *c, struct why *w)
{
	static const char *const list[] = { "objects", "keys" };
	unsigned i;
	int r = 0;

	for (i = 0; i < 2; i++) {
		char *path = path_of(c, list[i]);

		if (unlink(path) < 0 && errno != ENOENT)
			r = failed(path, w);
		free(path);
	}
	return r;
}

int
check_state_begin(struct check *c, struct why *w)
{
	unsigned char raw[16];
	struct memory m;
	long long serial;

	c->lock = -1;
	secret_random(raw, sizeof raw);
	c->verify_from = (unsigned)(raw[0] << 8 | raw[1]) % 10000;
	if (!c->repair)
		return 0;
	if (lock(c, w) < 0 || recall(c, &m, w) < 0 ||
	    (serial = check_serial(c, w)) < 0 || believe(c, &m, serial, w) < 0)
		return -1;
	if (c->accept && forget(c, w) < 0)
		return -1;
	if (m.any)
		c->verify_from = (unsigned)(m.verified % 10000);
	/* In the catalogue first: a mark that is remembered was there. */
	hex_encode(m.mark, raw, sizeof raw);
	if (check_leave_mark(c, m.mark, w) < 0)
		return -1;
	m.serial = (unsigned long long)serial;
	m.verified = (c->verify_from + c->verify) % 10000;
	return remember(c, &m, w);
}

void
check_state_end(struct check *c)
{
	if (c->lock >= 0)
		close(c->lock);
}

struct quarantine *
check_list(struct check *c, const char *name, struct why *w)
{
	char *path = path_of(c, name);
	struct quarantine *q = quarantine_open(path, c->repair, w);

	free(path);
	return q;
}

void
check_found(struct check *c, const char *name, const char *kind)
{
	line_reset(&c->found);
	line_set_name_word(&c->found, name);
	line_set_word(&c->found, "kind", kind);
}

const char *
check_kept(struct check *c, long long made, long long since, long long horizon)
{
	if (made >= horizon)
		return "lease";
	if (made > c->now - c->grace)
		return "grace";
	if (since > c->now - c->quarantine)
		return "quarantine";
	return c->refused ? "limit" : NULL;
}

bool
check_due(const struct check *c, long long made, long long since)
{
	return made <= c->now - c->grace && since <= c->now - c->quarantine;
}

bool
check_too_many(
    struct check *c, const char *what, unsigned long due, unsigned long all)
{
	c->refused =
	    c->repair && 100.0 * (double)due > c->max_remove * (double)all;
	if (c->refused) {
		say_error("%lu of %lu %s would go, more than %g %%: "
			  "none is removed",
		    due, all, what, c->max_remove);
		say_hint("--max-remove PERCENT allows more, "
			 "if the catalogue is to be believed");
	}
	return c->refused;
}
