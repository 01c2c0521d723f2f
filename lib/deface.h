#ifndef DEFACE_H
#define DEFACE_H

#include <stddef.h>

#include "look.h"
#include "say.h"

/*
 * An outside command that takes faces out of images.  A process that is forked
 * before any input is read starts it, so that what parses strangers' DICOM
 * needs no right to run anything: that process runs this one command, without
 * a shell, and hands out the ends of its pipes.
 *
 * It is run once for an object.  On its standard input are a line,
 *
 *	mdm-frames-1 rows=R columns=C frames=N samples=S planar=P
 *	photometric=WORD allocated=A stored=B high=H signed=0|1
 *	modality=CT|MR|PT spacing=ROW,COLUMN thickness=MM
 *
 * (without the breaks; numbers only, 0 for what is not said), and the samples
 * of all frames, little endian.  As many bytes have to come back, and the exit
 * status 0.  Nothing else of the object reaches it.
 *
 * Bytes come back while others still go in, or not before all have: whichever
 * the command does, at most a piece is held here.
 */
struct deface; /* opaque */

/*
 * Before the sandbox is closed, any thread and any input.  For an object the
 * command may keep us waiting for so many seconds.
 */
struct deface *deface_start(const char *command, int seconds);
void deface_free(struct deface *d);

/* Are pixels like these ones that it can be given?  0, or -1 with EXIT_NO. */
int deface_check(const struct look *l, struct why *w);

/* Run it for an image of so many bytes.  0, or -1 with EXIT_NO. */
int deface_begin(struct deface *d, const struct look *l,
    unsigned long long bytes, struct why *w);

/*
 * Give it of the n bytes at p; *used says how many.  1: *out has *got bytes
 * that it gave, until the next call; 0: all n were taken; -1 with *w.
 */
int deface_put(struct deface *d, const void *p, size_t n, size_t *used,
    const void **out, size_t *got, struct why *w);

/* There is no more.  1 as above; 0: it has given all, and is content. */
int deface_end(struct deface *d, const void **out, size_t *got, struct why *w);

/* End the command, if it runs. */
void deface_stop(struct deface *d);

#endif
