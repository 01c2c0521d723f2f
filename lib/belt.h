#ifndef BELT_H
#define BELT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A body on its way from one thread to another, in bounded memory.  What is not
 * longer than the belt is held whole, so that it can be read again; of what is
 * longer the writer waits for the reader.
 */
#define BELT_HOLD (8u << 20) /* bytes */
struct belt;

struct belt *belt_new(void); /* dies EXIT_IO without memory */
void belt_free(struct belt *b);
void belt_reset(struct belt *b); /* empty, as new; nobody may use it */

/* Writer: room for 1 to *n bytes, then how many were put there.  belt_room()
 * waits; false: the reader wants no more. */
bool belt_room(struct belt *b, void **p, size_t *n);
void belt_added(struct belt *b, size_t n);
bool belt_put(struct belt *b, const void *p, size_t n);

/*
 * That was all.  Not whole: the reader is to forget it.  belt_void() says the
 * same of what another attempt will follow: a reader that has not begun never
 * knows of it, and one that has is waited for.
 */
void belt_end(struct belt *b, bool whole);
void belt_void(struct belt *b);

/*
 * Reader: the next piece, valid until the next call.  1; 0 at the end;
 * BELT_VOID for one that is to be forgotten: another may follow, so ask again.
 */
enum { BELT_VOID = 2 };
int belt_get(struct belt *b, const void **p, size_t *n);
bool belt_rewind(struct belt *b); /* false: its first bytes are gone */
void belt_quit(struct belt *b);   /* no more of it */

/* Wait until all of it is here (true), or as much as there is room for. */
bool belt_whole(struct belt *b);

#endif
