#ifndef DEID_TABLE_H
#define DEID_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The de-identification rules as data: PS3.15 Table E.1-1 and what it forgets.
 * deid.c gives them meaning.
 */

/*
 * What to do to an attribute.  Those of several letters depend on its type in
 * the object's IOD; see deid_decide().
 */
enum deid_action {
	DEID_K,   /* keep; into sequences */
	DEID_X,   /* remove */
	DEID_Z,   /* make empty */
	DEID_D,   /* put a dummy in its place */
	DEID_U,   /* put another UID in its place */
	DEID_XD,  /* X/D: X, or D for type 1 */
	DEID_XZ,  /* X/Z: X, or Z for type 2 */
	DEID_XZD, /* X/Z/D */
	DEID_XZU, /* X/Z/U*: of sequences, U for the UIDs within */
	DEID_ZD,  /* Z/D */
	/* What options and profiles make of them. */
	DEID_CLEAN, /* keep the text, take identity out of it; into sequences */
	DEID_DATE,  /* move a date or time as far as the patient's others */
	DEID_HASH,  /* a keyed pseudonym of the value */
	DEID_VALUE, /* a value that the profile gives */
	DEID_REJECT, /* no object that has it */
	DEID_ACTIONS
};

#define DEID_OPTIONS 10 /* columns of a row after the action */

struct deid_row {
	uint32_t tag;
	char vr[3];           /* "  " if it has none */
	unsigned char action; /* enum deid_action, of the Basic Profile */
	char option[DEID_OPTIONS + 1]; /* K, C or - each */
};

struct deid_range {
	uint32_t mask; /* matches when (tag & mask) == row.tag */
	struct deid_row row;
};

extern const struct deid_row deid_rows[];
extern const size_t deid_row_count;
extern const struct deid_range deid_ranges[];
extern const size_t deid_range_count;
extern const uint32_t deid_structural[];
extern const size_t deid_structural_count;

#endif
