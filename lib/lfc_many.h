#ifndef LFC_MANY_H
#define LFC_MANY_H

#include <string.h>

#include "lfc.h"
#include "line.h"
#include "say.h"

/*
 * One operation of lfc-api(5) on many entries, as lfc-chmod and its like have
 * it: operands are LFNs; `-' stands for those of the manifest lines on stdin.
 * What is refused is set aside by its name, and the rest goes on.  Everything
 * here dies if the catalogue fails.
 */
struct lfc_many;

/*
 * answered() is called for each that was done, with what it was called; may be
 * NULL.  It returns 0, or -1 with *w to end.
 */
typedef int lfc_many_done(
    const char *name, const struct line *answer, struct why *w);
struct lfc_many *lfc_many_open(
    const char *url, const char *op, lfc_many_done *answered);

/* The fields that each request gets; set them before the first is asked. */
struct line *lfc_many_fields(struct lfc_many *m);

/* Of manifest lines: their field `from', as the field `to' of the request. */
void lfc_many_carry(struct lfc_many *m, const char *from, const char *to);

/* deep: a directory with all that is below it, the directory first. */
void lfc_many_names(struct lfc_many *m, const char *const *names, bool deep);

/* Ask of one more, by its operand; done some time before lfc_many_close(). */
void lfc_many_add(struct lfc_many *m, const char *name);

/* How many were done. */
unsigned long lfc_many_close(struct lfc_many *m);

#endif
