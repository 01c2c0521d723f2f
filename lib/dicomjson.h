#ifndef DICOMJSON_H
#define DICOMJSON_H

#include <stddef.h>

#include "ident.h"

/*
 * DICOM's JSON model (PS3.18 F), as far as answers to queries have it: an array
 * of objects, read as it comes.  Each becomes the bytes that C-FIND would have
 * brought, a flat data set in implicit VR, little endian, in UTF-8; then what
 * is done with answers is done in one way (ident.h).  Sequences and inline
 * binary are left out, and so is what q does not ask for, which C-FIND does not
 * bring.  One answer is held at a time, IDENT_MAX bytes at most.
 */
struct dicomjson;

/* q is kept by reference. */
struct dicomjson *dicomjson_new(const struct ident *q,
    int (*fn)(void *arg, const void *p, size_t n, struct why *w), void *arg);
void dicomjson_free(struct dicomjson *j); /* NULL is nothing */

/* The next n bytes.  0; -1 with *w: EXIT_FEW, not such JSON; or fn's. */
int dicomjson_feed(struct dicomjson *j, const void *p, size_t n, struct why *w);

/* There are no more.  0; -1 with *w, EXIT_FEW: the array does not end. */
int dicomjson_end(const struct dicomjson *j, struct why *w);

#endif
