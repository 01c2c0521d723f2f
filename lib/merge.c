#include <stdlib.h>
#include <string.h>

#include "merge.h"

void
merge_begin(struct merge *m, struct merge_stream *stream, unsigned n)
{
	unsigned i;

	m->stream = stream;
	m->n = n;
	m->last = NULL;
	for (i = 0; i < n; i++) {
		stream[i].here = stream[i].begun = false;
		stream[i].key = NULL;
	}
}

/* Move on the streams that the last step has used. */
static int
advance(struct merge *m, struct merge_stream *s, struct why *w)
{
	int got;

	if (s->begun && !s->here)
		return 0;
	s->begun = true;
	if ((got = s->next(s->arg, &s->key, w)) < 0)
		return -1;
	if (got == 0)
		s->key = NULL;
	else if (m->last != NULL && strcmp(s->key, m->last) <= 0)
		return why_set(
		    w, EXIT_DATA, "%s: the list is not in order", s->what);
	return 0;
}

int
merge_next(struct merge *m, const char **key, struct why *w)
{
	const char *least = NULL;
	unsigned i;

	for (i = 0; i < m->n; i++) {
		struct merge_stream *s = &m->stream[i];

		if (advance(m, s, w) < 0)
			return -1;
		if (s->key != NULL &&
		    (least == NULL || strcmp(s->key, least) < 0))
			least = s->key;
	}
	free(m->last);
	m->last = NULL;
	if (least != NULL && (m->last = strdup(least)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < m->n; i++) {
		struct merge_stream *s = &m->stream[i];

		s->here = least != NULL && s->key != NULL &&
			  strcmp(s->key, m->last) == 0;
	}
	*key = m->last;
	return least != NULL;
}

void
merge_end(struct merge *m)
{
	free(m->last);
	m->last = NULL;
}
