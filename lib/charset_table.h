#ifndef CHARSET_TABLE_H
#define CHARSET_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Facts about characters, for charset.c. */

/* Single-byte sets that DICOM has, in the right half of the code table. */
enum charset_g1 {
	CHARSET_LATIN1,
	CHARSET_LATIN2,
	CHARSET_LATIN3,
	CHARSET_LATIN4,
	CHARSET_CYRILLIC,
	CHARSET_ARABIC,
	CHARSET_GREEK,
	CHARSET_HEBREW,
	CHARSET_LATIN5,
	CHARSET_THAI,
	CHARSET_KANA,
	CHARSET_LATIN9,
	CHARSET_G1
};

extern const uint16_t charset_g1[CHARSET_G1][96];

struct charset_range {
	uint16_t first, last; /* code points */
	uint16_t at;          /* of first, in charset_folds */
};

/* A fold of two letters a to z: CHARSET_TWO + 26 * first + second. */
#define CHARSET_TWO 0xe000

extern const struct charset_range charset_ranges[];
extern const size_t charset_range_count;
extern const uint16_t charset_folds[];

#endif
