#ifndef SPELL_H
#define SPELL_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * The ways in which an identity may be written: its parts in any order, in
 * upper and lower case, without its accents, in every character set that
 * DICOM has and some that machines use all the same.  What separates the parts
 * is not part of a spelling: who compares drops it from both sides, and folds
 * the case of ASCII's letters.
 */
#define SPELL_MAX 1024 /* bytes of an identity, and of a spelling */

struct spelling {
	const unsigned char *p; /* n bytes, valid during the call */
	size_t n;
	const char *charset; /* "utf-16le": a literal */
	bool wide;           /* of two bytes a character, one often zero */
	bool shifted;        /* means this only after an escape sequence */
};

/* Is this byte of ASCII something that separates parts? */
bool spell_separates(unsigned c);

/*
 * Call fn with each spelling of n bytes of UTF-8; some may be given twice.
 * *weight is about how many letters it has, an ideograph counting two.
 * 0, or -1 with *w, EXIT_DATA: not UTF-8, too long, or nothing in it.
 */
int spell(const char *text, size_t n,
    void (*fn)(void *arg, const struct spelling *s), void *arg,
    unsigned *weight, struct why *w);

#endif
