#ifndef WORD_H
#define WORD_H

#include <stddef.h>

/*
 * Words: how arbitrary bytes are written in a line.
 *
 * A word is one or more bytes of 0x21..0x7e.  Every other byte, and '%', is
 * written %HH with upper-case digits; the empty string is written "-" and the
 * string "-" is written "%2D".  The encoding is unique, so equal bytes are
 * equal words and sort, join, comm and uniq are exact.
 */

#define WORD_MAX(n) (3 * (size_t)(n) + 2) /* room for any n bytes, with NUL */

/* Encode n bytes into out (WORD_MAX(n) bytes); returns the length. */
size_t word_encode(char *out, const void *bytes, size_t n);

/*
 * Decode a word of n bytes into out (n bytes).  Returns the length, or -1
 * if the word is not in the one accepted form.
 */
long word_decode(void *out, const char *word, size_t n);

/* Lower-case hex of n bytes into out (2n + 1 bytes). */
void hex_encode(char *out, const void *bytes, size_t n);

/* Exactly 2n lower-case hex digits, then the end of the string: 0, else -1. */
int hex_decode(void *out, size_t n, const char *hex);

#endif
