#ifndef INTAKE_H
#define INTAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "rec.h"
#include "walk.h"

/*
 * Objects that arrive over several associations at once become one record
 * stream.  Of each, up to INTAKE_HOLD bytes are held; most are whole then, and
 * are written in one go.  A larger one takes the stream for itself and is
 * passed on as it comes, while the others wait, and with them their peers: what
 * is held never grows with what is sent.  No object touches a disk here.
 *
 * Bodies are DICOM files: a preamble and meta information of ours, then the
 * bytes of the data set as they came.
 */
#define INTAKE_HOLD REC_PART

struct intake {
	struct recout *out;
	int fd;                   /* that out writes to */
	bool sync;                /* before success is said, fdatasync(fd) */
	unsigned long long limit; /* bytes that an object may have */

	/*
	 * May it be a record, and which?  u is what its data set says, sop what
	 * the command said.  Sets name (REC_NAME_MAX bytes and a NUL) and
	 * returns 0, or the status to answer; INTAKE_AGAIN: success, but it is
	 * here already, write nothing.  Called with the stream locked.
	 */
	int (*name)(
	    void *arg, const struct walk_uids *u, const char *sop, char *name);
	/* It is written, or (status not 0) it is not.  Locked. */
	void (*done)(void *arg, const char *sop, int status);
	/* Bytes have come; may wait.  Not locked. */
	void (*paced)(void *arg, size_t bytes);
	void *arg;

	pthread_mutex_t lock; /* intake_init() */
	struct why why;       /* the stream failed: nothing more is taken */
};
enum { INTAKE_AGAIN = -1 };

void intake_init(struct intake *in);

/* One association's part. */
struct intake_way {
	struct intake *in;
	unsigned char *buf;
	size_t used, size;
	unsigned long long total;
	char sop[65];
	int status; /* DIMSE; once not 0 the rest is passed over */
	bool open;  /* it has the stream */
};

void intake_way_init(struct intake_way *way, struct intake *in);
void intake_way_free(struct intake_way *way);

/* An object begins; its bytes follow; it ends: the status to answer with. */
void intake_begin(struct intake_way *way, const char *sop_class,
    const char *sop, const char *syntax);
void intake_data(struct intake_way *way, const void *p, size_t n);
int intake_end(struct intake_way *way);

/* It will not end: withdraw what was written of it. */
void intake_abort(struct intake_way *way);

#endif
