#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include "belt.h"
#include "crew.h"
#include "line.h"
#include "rec.h"
#include "replica.h"

/*
 * One line's object on its way from a storage, from the first of its replicas
 * that has it as the line says.  A crew's download_work() puts it on the belt,
 * withdrawing what turns out to be wrong.
 */
struct download {
	struct crew_job job; /* first */
	struct belt *belt;
	struct line line;
	char name[REC_NAME_MAX + 1];
	unsigned long long size;  /* promised */
	unsigned char sha256[32]; /* promised */
	unsigned long long first; /* byte; with count: no checksum then */
	long long count;          /* -1: all */

	/* What came of it, when the belt ends. */
	struct why why; /* code 0: it came */
	struct replica_bad bad[REPLICAS];
	int bads;
};

/* Set it up, but for first and count.  0; -1 with *w. */
int download_init(struct download *d, const struct line *l, struct why *w);
void download_work(struct crew_job *job);

/* Bytes that will come, if any. */
unsigned long long download_bytes(const struct download *d);

/* The record that it is to be: the line's fields are its attributes. */
void download_record(const struct download *d, struct rec *r);

#endif
