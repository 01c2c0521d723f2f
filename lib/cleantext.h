#ifndef CLEANTEXT_H
#define CLEANTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "charset.h"
#include "say.h"

/*
 * Text kept, the identity in it taken out: what PS3.15 calls to clean.
 *
 * Of each object its names, identifiers, institutions, addresses, dates and
 * times are noted first; then, wherever they recur in a text, in any order,
 * case, accents, width and character set, joined or apart, they are taken out.
 * So is what identifies by its form (textpat.h), and the site's own words.
 *
 * It errs to the side of too much: a patient named Brown costs the word brown.
 */
struct cleantext; /* opaque */

/* Calls charset_init(). */
struct cleantext *cleantext_new(void);
void cleantext_free(struct cleantext *c);

/*
 * Words to take out of every object: a word or a phrase a line, UTF-8.  All of
 * fd is read.  0, or -1 with *w.  May be called again for more.
 */
int cleantext_words(
    struct cleantext *c, int fd, const char *name, struct why *w);

/* SHA-256 of what cleantext_words() was given; false if that is nothing. */
bool cleantext_digest(const struct cleantext *c, unsigned char out[32]);

/* Forget the last object. */
void cleantext_begin(struct cleantext *c);

enum cleantext_kind {
	CLEANTEXT_NAME,  /* of a person, as a PN */
	CLEANTEXT_ID,    /* an identifier: its words mean nothing alone */
	CLEANTEXT_PLACE, /* an institution, an address: its words do */
	CLEANTEXT_DATE,  /* DA, or the beginning of DT */
	CLEANTEXT_TIME,  /* TM */
};

/* Note a value of the object, with all its parts and multiple values. */
void cleantext_note(struct cleantext *c, enum cleantext_kind kind,
    const struct charset *set, const void *value, size_t n);

enum cleantext_result {
	CLEANTEXT_SAME, /* nothing in it */
	CLEANTEXT_CHANGED,
	CLEANTEXT_CANNOT, /* too long to be looked at */
};

/*
 * Clean a value.  If it changed, *out and *out_n are what it became: c's, until
 * the next call, never longer than it was.  fill stands where something was
 * taken out; 0 if the VR has no room for one.
 */
enum cleantext_result cleantext_clean(struct cleantext *c,
    const struct charset *set, const void *value, size_t n, char fill,
    const void **out, size_t *out_n);

/*
 * Does something of the object, or of the site's words, stand in bytes of no
 * known kind?  As ASCII, UTF-8 or UTF-16.
 */
bool cleantext_within(struct cleantext *c, const void *bytes, size_t n);

#endif
