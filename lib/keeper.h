#ifndef KEEPER_H
#define KEEPER_H

#include <stddef.h>

#include "say.h"

/*
 * The process that keeps the site key.  What parses strangers' DICOM does not
 * hold it: a second process, forked before any input is read, reads the key
 * file, derives from it the keys for pseudonyms, and answers what is asked:
 * HMAC-SHA-256 of a message under one of them.  It has nothing open but the
 * socket and standard error, and cannot be traced.  Whoever takes over the
 * parser can ask for pseudonyms as long as it runs, but cannot take the key
 * away.
 *
 * Asking takes a switch of processes, so that what is known to be needed is
 * asked for in one go, and answers are remembered.
 */
enum keeper_key { /* what each of the derived keys is for */
	KEEPER_UID,
	KEEPER_PATIENT,
	KEEPER_ID,
	KEEPER_SHIFT,
	KEEPER_KEYS
};

#define KEEPER_MAC 32       /* bytes of an answer */
#define KEEPER_MESSAGE 4096 /* bytes of a message */

struct keeper; /* opaque */

/*
 * Start it with the site key in path; project, unless NULL, has keys of its
 * own (NULL is none, as "" is), so that two projects' data cannot be linked.
 * Before any thread and any input.  NULL with *w when there is no such key;
 * exits as the other process did when that could not run at all.
 */
struct keeper *keeper_start(
    const char *path, const char *project, struct why *w);
void keeper_free(struct keeper *k);

/*
 * The key for `plain`, KEEPER_MAC bytes, which the parser has: it tells whole
 * objects apart and says nothing of pseudonyms.
 */
const unsigned char *keeper_plain(const struct keeper *k);

/* This will be asked for: get it with the next that is. */
void keeper_want(
    struct keeper *k, enum keeper_key key, const void *message, size_t n);

/* Ask.  Dies EXIT_BUG when the other process is gone. */
void keeper_mac(struct keeper *k, enum keeper_key key, const void *message,
    size_t n, unsigned char out[KEEPER_MAC]);

#endif
