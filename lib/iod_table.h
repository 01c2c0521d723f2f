#ifndef IOD_TABLE_H
#define IOD_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* The types of attributes as data; iod.h gives them meaning. */

struct iod_class {       /* ascending by uid */
	const char *uid; /* SOP Class UID */
	char kind;       /* the letter of a column of iod_rows */
};
struct iod_row { /* ascending by tag */
	uint32_t tag;
	const char *types; /* one for each kind */
};
struct iod_nested { /* ascending by sequence, then tag */
	uint32_t sequence, tag;
	char type;
};

extern const struct iod_class iod_classes[];
extern const size_t iod_class_count;
extern const struct iod_row iod_rows[];
extern const size_t iod_row_count;
extern const struct iod_nested iod_nested[];
extern const size_t iod_nested_count;

#endif
