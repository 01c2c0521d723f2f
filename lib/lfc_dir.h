#ifndef LFC_DIR_H
#define LFC_DIR_H

#include "lfc.h"

/*
 * What a catalogue says of many names, most of which follow others of the same
 * directory, as the objects of a series do: a directory is asked for as a
 * whole, once, so that a catalogue far away is not waited for at each name.
 * What was told is believed for a few seconds; then it is asked for again.
 */
struct lfc_dir;

struct lfc_dir *lfc_dir_new(struct lfc *l);
void lfc_dir_free(struct lfc_dir *d); /* NULL is nothing */

/* As lfc_one(l, "stat", in, out, w); in has nothing but its NAME. */
int lfc_dir_stat(
    struct lfc_dir *d, const struct line *in, struct line *out, struct why *w);

#endif
