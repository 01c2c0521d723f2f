#ifndef SORTER_H
#define SORTER_H

#include <stddef.h>

#include "say.h"

/*
 * Lines put in order (bytes, as strcmp() has them) within a fixed amount of
 * memory, however many there are: what fills it is sorted and written to a
 * temporary file as a run, and the runs are merged as they are read.  Lines
 * that come in order already make one run.
 */
struct sorter;

/* memory: bytes to be used.  NULL with *w. */
struct sorter *sorter_new(size_t memory, struct why *w);
void sorter_free(struct sorter *s);

/* A line without its newline.  0 or -1. */
int sorter_add(struct sorter *s, const char *text, struct why *w);

/*
 * The next in order, which stays until the next call: 1; 0 at the end; -1.
 * After the first call nothing can be added.
 */
int sorter_next(struct sorter *s, const char **text, struct why *w);

#endif
