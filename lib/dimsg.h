#ifndef DIMSG_H
#define DIMSG_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * Commands: the part of a DIMSE message that says what is wanted (PS3.7).
 * They are small and flat, and come from a peer that may be hostile: no command
 * is longer than DIMSG_MAX, and nothing is allocated.
 */
#define DIMSG_MAX 8192

enum dimsg_field {
	DIMSG_STORE = 0x0001,
	DIMSG_GET = 0x0010,
	DIMSG_FIND = 0x0020,
	DIMSG_MOVE = 0x0021,
	DIMSG_ECHO = 0x0030,
	DIMSG_CANCEL = 0x0fff,
	DIMSG_ANSWER = 0x8000, /* added to what it answers */
};

/* Statuses, of which the first digits class the rest. */
enum {
	DIMSG_SUCCESS = 0x0000,
	DIMSG_UNKNOWN = 0x0211, /* unrecognised operation */
	DIMSG_FULL = 0xa700,    /* out of resources */
	DIMSG_NO_MATCHES = 0xa701,
	DIMSG_NO_SENDING = 0xa702,
	DIMSG_NO_DESTINATION = 0xa801,
	DIMSG_MISMATCH = 0xa900,
	DIMSG_SOME_FAILED = 0xb000,
	DIMSG_NOT_UNDERSTOOD = 0xc000,
	DIMSG_CANCELLED = 0xfe00,
	DIMSG_PENDING = 0xff00,
	DIMSG_PENDING_TOO = 0xff01, /* some keys are not supported */
};

struct dimsg {
	unsigned field;       /* enum dimsg_field */
	unsigned id;          /* of the message, or of that it answers */
	unsigned status;      /* of an answer */
	bool data;            /* a data set follows */
	char sop_class[65];   /* NUL-terminated, "" if it has none */
	char instance[65];    /* SOP Instance UID, the same */
	char destination[17]; /* AE title, for DIMSG_MOVE */
	/* Sub-operations, -1 if it does not say. */
	int remaining, completed, failed, warned;
};

/* A command with nothing in it but these. */
void dimsg_init(
    struct dimsg *m, enum dimsg_field field, unsigned id, const char *class);

/* Write m to out.  Returns how many bytes, an even number. */
size_t dimsg_encode(const struct dimsg *m, unsigned char out[DIMSG_MAX]);

/* Read n bytes.  0, or -1 with *w: EXIT_DATA, not a command. */
int dimsg_decode(struct dimsg *m, const void *p, size_t n, struct why *w);

/*
 * What a final status that is not success means, for people, and the exit
 * status for it: EXIT_RETRY out of resources, EXIT_DENIED not allowed or not
 * known there, EXIT_NO some failed, EXIT_FEW anything else.
 */
int dimsg_why(unsigned status, struct why *w);

#endif
