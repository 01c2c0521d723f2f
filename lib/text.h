#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "charset.h"

/*
 * A text taken apart into tokens, so that some can be taken out of it and the
 * rest put together again, byte for byte as it was.
 *
 * A token is a run of letters, a run of digits, or one character of a script
 * that has no spaces.  What they are compared by is their folded form: no
 * case, no accents, no width.
 */
struct text_token {
	uint32_t first, end; /* characters [first, end) */
	uint32_t at, len;    /* in folded */
	unsigned char class; /* enum charset_class */
	bool taken;          /* out */
};

struct text {
	const unsigned char *bytes; /* the caller's */
	size_t size;
	struct charset_char *chars;
	size_t count;
	unsigned char *out; /* of each character: is it taken out? */
	uint32_t *folded;   /* of all tokens, one after another */
	size_t folded_len;
	struct text_token *token;
	size_t tokens;
	bool any; /* is anything taken out? */

	size_t room; /* bytes that there is memory for */
	unsigned char *written;
	size_t written_room;
};

/* More is not taken apart: the caller must do without it. */
#define TEXT_MAX ((size_t)1 << 20)

/* All zero is an empty text, whose memory is used again and again. */
void text_free(struct text *t);

/* Take n bytes apart, at most TEXT_MAX, which must stay while t is used. */
void text_read(
    struct text *t, const struct charset *c, const void *bytes, size_t n);

/* Take out tokens [first, end), and what is between them. */
void text_take(struct text *t, size_t first, size_t end);

/* Take out characters [first, end) and mark the tokens that they are of. */
void text_take_chars(struct text *t, size_t first, size_t end);

/*
 * What is left, in t's memory, with fill (or nothing if it is 0) in place of
 * each run that was taken out.  Never longer than it was.
 */
const void *text_write(struct text *t, char fill, size_t *n);

/* The character at i, ASCII or 0. */
char text_ascii(const struct text *t, size_t i);

/* Do n folded letters of token k spell word (ASCII, lower case)? */
bool text_is(const struct text *t, size_t k, const char *word);

#endif
