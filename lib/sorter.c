#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "sorter.h"

#define LONGEST 131072 /* bytes of a line, and of a buffer at least */

/* A part of the file that is in order; and, when it is read, where we are. */
struct run {
	off_t at, end;
	char *buf;
	size_t n, used; /* bytes of buf, and those read of them */
	const char *head;
};

struct sorter {
	size_t memory;
	char *text;  /* lines, each ending in NUL */
	size_t used; /* bytes of text, from its start */
	char **line; /* its lines, from the end of the same memory down */
	size_t lines, shown;
	char *last; /* the last line of the last run */
	FILE *file;
	off_t size;
	struct run *run;
	size_t runs, buffer;
	struct run *gave; /* whose head was given last */
	bool reading;
};

struct sorter *
sorter_new(size_t memory, struct why *w)
{
	struct sorter *s = calloc(1, sizeof *s);

	if (s != NULL) {
		s->memory = memory < 65536 ? 65536 : memory & ~(size_t)15;
		s->text = malloc(s->memory);
	}
	if (s == NULL || s->text == NULL) {
		free(s);
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	s->line = (char **)(void *)(s->text + s->memory);
	return s;
}

void
sorter_free(struct sorter *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->runs; i++)
		free(s->run[i].buf);
	free(s->run);
	free(s->last);
	free(s->text);
	if (s->file != NULL)
		fclose(s->file);
	free(s);
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines that came in order lie in reverse in line[], which grows downwards. */
static void
sort(struct sorter *s)
{
	size_t i, j;
	char *t;

	for (i = 0, j = s->lines; i + 1 < j; i++) {
		t = s->line[i];
		s->line[i] = s->line[--j];
		s->line[j] = t;
	}
	for (i = 1; i < s->lines; i++)
		if (strcmp(s->line[i - 1], s->line[i]) > 0) {
			qsort(s->line, s->lines, sizeof *s->line, by_bytes);
			return;
		}
}

static int
failed(struct why *w)
{
	return why_set(w, EXIT_IO, "temporary file: %s", strerror(errno));
}

/* What is in memory becomes a run, or goes on with the last one. */
static int
spill(struct sorter *s, struct why *w)
{
	struct run *r = s->run;
	size_t i, n;

	if (s->lines == 0)
		return 0;
	if (s->file == NULL && (s->file = tmpfile()) == NULL)
		return failed(w);
	sort(s);
	if (s->last == NULL || strcmp(s->last, s->line[0]) > 0) {
		r = realloc(s->run, (s->runs + 1) * sizeof *r);
		if (r == NULL)
			return why_set(w, EXIT_IO, "out of memory");
		s->run = r;
		memset(&r[s->runs], 0, sizeof *r);
		r[s->runs++].at = s->size;
	}
	for (i = 0; i < s->lines; i++) {
		n = strlen(s->line[i]) + 1;
		if (fwrite(s->line[i], 1, n, s->file) != n)
			return failed(w);
		s->size += (off_t)n;
	}
	free(s->last);
	if ((s->last = strdup(s->line[s->lines - 1])) == NULL)
		return why_set(w, EXIT_IO, "out of memory");
	s->run[s->runs - 1].end = s->size;
	s->used = s->lines = 0;
	s->line = (char **)(void *)(s->text + s->memory);
	return 0;
}

int
sorter_add(struct sorter *s, const char *text, struct why *w)
{
	size_t n = strlen(text) + 1;

	if (s->reading)
		return why_set(w, EXIT_BUG, "a sorter is being read");
	if (n > LONGEST || n + sizeof *s->line > s->memory / 2)
		return why_set(w, EXIT_DATA, "a line is too long to be sorted");
	if (s->used + n + (s->lines + 1) * sizeof *s->line > s->memory &&
	    spill(s, w) < 0)
		return -1;
	memcpy(s->text + s->used, text, n);
	*--s->line = s->text + s->used;
	s->used += n;
	s->lines++;
	return 0;
}

/* The run's next line into head; NULL at its end. */
static int
run_next(struct sorter *s, struct run *r, struct why *w)
{
	char *end = NULL;
	ssize_t n;

	for (;;) {
		if (r->n > r->used)
			end = memchr(r->buf + r->used, '\0', r->n - r->used);
		if (end != NULL) {
			r->head = r->buf + r->used;
			r->used = (size_t)(end - r->buf) + 1;
			return 0;
		}
		if (r->at == r->end) {
			r->head = NULL;
			return 0;
		}
		memmove(r->buf, r->buf + r->used, r->n - r->used);
		r->n -= r->used;
		r->used = 0;
		n = (ssize_t)(s->buffer - r->n);
		if (n > r->end - r->at)
			n = (ssize_t)(r->end - r->at);
		n = pread(fileno(s->file), r->buf + r->n, (size_t)n, r->at);
		if (n <= 0)
			return failed(w);
		r->n += (size_t)n;
		r->at += n;
	}
}

static int
begin(struct sorter *s, struct why *w)
{
	size_t i;

	s->reading = true;
	if (s->runs == 0) {
		sort(s);
		return 0;
	}
	if (spill(s, w) < 0)
		return -1;
	if (fflush(s->file) != 0)
		return failed(w);
	/* The memory now serves as buffers, each for a line at least. */
	free(s->text);
	s->text = NULL;
	s->buffer = s->memory / s->runs;
	if (s->buffer < LONGEST)
		s->buffer = LONGEST;
	for (i = 0; i < s->runs; i++)
		if ((s->run[i].buf = malloc(s->buffer)) == NULL)
			return why_set(w, EXIT_IO, "out of memory");
		else if (run_next(s, &s->run[i], w) < 0)
			return -1;
	return 0;
}

int
sorter_next(struct sorter *s, const char **text, struct why *w)
{
	struct run *least = NULL;
	size_t i;

	if (!s->reading && begin(s, w) < 0)
		return -1;
	if (s->runs == 0) {
		*text = s->shown < s->lines ? s->line[s->shown++] : NULL;
		return *text != NULL;
	}
	if (s->gave != NULL && run_next(s, s->gave, w) < 0)
		return -1;
	for (i = 0; i < s->runs; i++) {
		struct run *r = &s->run[i];

		if (r->head != NULL &&
		    (least == NULL || strcmp(r->head, least->head) < 0))
			least = r;
	}
	s->gave = least;
	*text = least ? least->head : NULL;
	return least != NULL;
}
