#ifndef HAUL_H
#define HAUL_H

#include "dicomweb.h"
#include "dimse.h"
#include "ident.h"
#include "intake.h"

/*
 * One thread's way to the server that objects are fetched from: an association,
 * for C-GET or C-MOVE, or a DICOMweb connection.
 *
 * An association holds 128 contexts, one for each class and transfer syntax, so
 * it is made anew when a class is asked for that it has not.
 */
struct haul;

struct haul_conf {
	const struct dicomweb_conf *web; /* this, or else */
	struct dimse_net *net;           /* this */
	const char *destination; /* AE title for C-MOVE, or NULL: C-GET */
};

struct haul *haul_new(const struct haul_conf *c, struct intake *in);
void haul_free(struct haul *h);

/*
 * Be ready for objects of the class, which may be a list with backslashes
 * between, and, if there is room, for those of the n others.  0; -1 with *w: no
 * association can be had.
 */
int haul_open(struct haul *h, const char *sop_class, const char *const *others,
    int n, struct why *w);
bool haul_is_open(const struct haul *h);
void haul_close(struct haul *h, bool clean);

/*
 * Have what q names sent: some objects of one series.  *status is what the
 * server says in the end (dicomweb_why()).  0; -1 with *w: lost; HAUL_NOBODY
 * with *w: there is nobody, or we are refused, as for haul_open().
 */
enum { HAUL_NOBODY = -2 };
int haul_get(
    struct haul *h, const struct ident *q, unsigned *status, struct why *w);

#endif
