#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "quarantine.h"

struct quarantine {
	char *file, *tmp; /* tmp: NULL unless the new list is kept */
	int old, new;     /* descriptors; old -1: there is none */
	struct linein *in;
	struct lineout *out;
	struct line line;
};

static int
failed(const char *file, struct why *w)
{
	return why_set(w, errno == EACCES ? EXIT_DENIED : EXIT_IO, "%s: %s",
	    file, strerror(errno));
}

struct quarantine *
quarantine_open(const char *file, bool keep, struct why *w)
{
	struct quarantine *q = calloc(1, sizeof *q);
	FILE *f;

	if (q == NULL || (q->file = strdup(file)) == NULL ||
	    (keep && asprintf(&q->tmp, "%s.new", file) < 0))
		die(EXIT_IO, "out of memory");
	line_init(&q->line, false);
	q->old = open(file, O_RDONLY | O_CLOEXEC);
	if (q->old < 0 && errno != ENOENT) {
		failed(file, w);
		q->new = -1;
		quarantine_free(q);
		return NULL;
	}
	if (keep) {
		q->new =
		    open(q->tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	} else {
		q->new = (f = tmpfile()) ? dup(fileno(f)) : -1;
		if (f != NULL)
			fclose(f);
	}
	if (q->new < 0) {
		failed(keep ? q->tmp : "temporary file", w);
		quarantine_free(q);
		return NULL;
	}
	if (q->old >= 0)
		q->in = linein_open(q->old, q->file, false);
	q->out = lineout_open(q->new, q->file, false);
	return q;
}

void
quarantine_free(struct quarantine *q)
{
	if (q == NULL)
		return;
	linein_free(q->in);
	lineout_free(q->out);
	line_free(&q->line);
	if (q->old >= 0)
		close(q->old);
	if (q->new >= 0)
		close(q->new);
	free(q->file);
	free(q->tmp);
	free(q);
}

int
quarantine_next(struct quarantine *q, const struct line **l, struct why *w)
{
	*l = &q->line;
	return q->in == NULL ? 0 : linein_next(q->in, &q->line, w);
}

int
quarantine_add(struct quarantine *q, const struct line *l, struct why *w)
{
	return lineout_put(q->out, l, w);
}

int
quarantine_turn(struct quarantine *q, struct why *w)
{
	if (lineout_end(q->out, w) < 0)
		return -1;
	if (q->tmp != NULL &&
	    (fsync(q->new) < 0 || rename(q->tmp, q->file) < 0 ||
		out_sync_dir(q->file) < 0))
		return failed(q->file, w);
	if (lseek(q->new, 0, SEEK_SET) < 0)
		return failed(q->file, w);
	linein_free(q->in);
	q->in = linein_open(q->new, q->file, false);
	return 0;
}
