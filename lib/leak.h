#ifndef LEAK_H
#define LEAK_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * A search for many identities at once, in bytes of which nothing is assumed:
 * not that they are text, not which character set it is in.  Case does not
 * count, nor what separates the parts of a name or of a date.
 *
 * Bytes of Pixel Data are no text, and short words are found in them by
 * chance: there a word counts only from LEAK_PIXEL letters on.  Words shorter
 * than LEAK_ALONE letters count only where they stand alone.
 */
enum { LEAK_SHORT = 3, LEAK_ALONE = 5, LEAK_PIXEL = 6 };

struct leak {
	unsigned word;         /* the number it was added with */
	const char *charset;   /* in which it was found */
	unsigned long long at; /* offset of its first byte */
};

struct leaks; /* opaque */
struct leaks *leaks_new(void);
void leaks_free(struct leaks *l);

/*
 * Add n bytes of UTF-8.  0, or -1 with *w, EXIT_DATA: fewer than LEAK_SHORT
 * letters, or as spell() says.
 */
int leaks_add(
    struct leaks *l, const char *text, size_t n, unsigned word, struct why *w);

/* Search: begin, feed pieces of any size, end.  found is called on each hit,
 * in the order of where they end.
 */
void leaks_begin(struct leaks *l,
    void (*found)(void *arg, const struct leak *hit), void *arg);
void leaks_feed(struct leaks *l, const void *p, size_t n, bool pixels);
void leaks_end(struct leaks *l);

#endif
