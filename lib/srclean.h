#ifndef SRCLEAN_H
#define SRCLEAN_H

#include <stddef.h>

#include "deid_table.h"

/*
 * Structured reports: which content items identify, by their concept and type
 * of value.  The data is srclean_table.c.
 */
#define SRCLEAN_OPTIONS 7 /* columns of a row after the action */

struct srclean_row {
	const char *code, *scheme, *type;
	unsigned char action;             /* DEID_X, DEID_D or DEID_XD */
	char option[SRCLEAN_OPTIONS + 1]; /* K, C or - each */
};

extern const struct srclean_row srclean_rows[];
extern const size_t srclean_row_count;

/* The row of a content item, or NULL. */
const struct srclean_row *srclean_find(
    const char *code, const char *scheme, const char *type);

/*
 * What is done to a content item of that type and concept under a profile's
 * options (bits of enum profile_option, Clean Structured Content being one):
 * DEID_X, the item is removed; DEID_K; DEID_D, its value becomes a dummy;
 * DEID_CLEAN; DEID_DATE; DEID_U.  The safe choice for a concept that the table
 * does not have is by its type: names become dummies, texts are cleaned.
 */
enum deid_action srclean_decide(
    const char *code, const char *scheme, const char *type, unsigned options);

#endif
