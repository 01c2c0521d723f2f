#ifndef SAVED_H
#define SAVED_H

#include <stdbool.h>
#include <stddef.h>

#include "line.h"
#include "say.h"
#include "sign.h"

/*
 * Saved manifests, saved(5): what the catalogue knows, signed, sealed and on
 * the storage like any object, so that a catalogue that is lost can be made
 * again.
 *
 * When it is needed there is nothing to look up its name in.  So its GUID says
 * what it is: 8 random bytes, and the first 8 of SHA-256("mdm saved v1" ||
 * those).  A list of a storage or of a key store shows which these are, no
 * random GUID is taken for one (but 1 in 2^64), and nothing else about them
 * differs from other objects.
 */
#define SAVED_GUID 33 /* bytes of a GUID as hex digits, with NUL */
void saved_guid(char guid[SAVED_GUID]);
bool saved_is(const char *guid);

/*
 * Inside, it is lines: the first is signed and covers all the others, since
 * not all that they say is under their own signatures.  It says when the
 * catalogue knew them.  Of two that speak of one entry the later is right.
 */
#define SAVED_LINES 5000        /* as many as are put into one */
#define SAVED_MAX (512LL << 20) /* bytes of one that is read */

struct saved;
struct saved *saved_new(void);
void saved_free(struct saved *s);

/*
 * Begin one.  when: seconds since 1970 and nine digits of the catalogue's
 * serial, both from before any of its lines was read.
 */
#define SAVED_SECOND 1000000000LL
void saved_begin(struct saved *s, long long when);
void saved_add(struct saved *s, const struct line *l);
unsigned long saved_count(const struct saved *s);

/* Its bytes, which stay until saved_begin(), *n of them; NULL with *w. */
const void *saved_end(
    struct saved *s, const struct sign_key *key, size_t *n, struct why *w);

/*
 * Read one: fn gets each line.  0, or -1 with *w, before any is shown, if it is
 * not whole or not signed by one of these (EXIT_DATA); or as fn says.
 */
typedef int saved_visit(
    void *arg, long long when, const struct line *l, struct why *w);
int saved_read(const char *bytes, size_t n, const struct signers *signers,
    saved_visit *fn, void *arg, struct why *w);

#endif
