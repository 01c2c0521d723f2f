#ifndef CHARSET_H
#define CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the bytes of a DICOM text mean: Specific Character Set (0008,0005),
 * with ISO 2022 escapes, and letters compared regardless of case, accents and
 * width.  It is for finding words in text, so nothing is ever an error: bytes
 * that their character set does not have are read as UTF-8 if they can be,
 * else as Latin-1, which is what is found in practice.
 */
struct charset {
	unsigned char kind;   /* CHARSET_* below */
	unsigned char g0, g1; /* at the start of each value */
};

/*
 * The East Asian sets are the C library's; to be called before the sandbox is
 * closed.  Dies EXIT_FEW if it lacks one.
 */
void charset_init(void);

/* From the n bytes of (0008,0005); none is the default repertoire. */
void charset_set(struct charset *c, const void *value, size_t n);
void charset_default(struct charset *c);
void charset_utf8(struct charset *c);
bool charset_is_utf8(const struct charset *c);

/* One character, or an escape. */
struct charset_char {
	uint32_t code; /* code point; 0 for an escape sequence */
	uint32_t at;   /* offset of its first byte */
	uint8_t len;   /* bytes */
	bool ascii;    /* an ASCII byte could stand in its place */
};

/*
 * The characters of n bytes into out, which has room for n.  Returns how many.
 * A delimiter of values (and a line's end) brings the first sets back.
 */
size_t charset_decode(const struct charset *c, const void *text, size_t n,
    struct charset_char *out);

/* Is all of it ASCII, so that it means the same in every set? */
bool charset_plain(const void *text, size_t n);

/* Is it well-formed UTF-8? */
bool charset_valid_utf8(const void *text, size_t n);

/*
 * A code point as one or two letters without case and marks; 0 letters for a
 * mark.  Returns how many.
 */
int charset_fold(uint32_t code, uint32_t out[2]);

/* What a character is to those that look for words. */
enum charset_class {
	CHARSET_OTHER, /* between words */
	CHARSET_LETTER,
	CHARSET_DIGIT,
	CHARSET_WORD, /* of a script that has no spaces: on its own a word */
	CHARSET_MARK, /* belongs to the character before it */
};
enum charset_class charset_class(uint32_t code);

#endif
