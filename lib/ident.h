#ifndef IDENT_H
#define IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"

/*
 * Identifiers: the data sets of queries and their answers, always in implicit
 * VR, little endian, which every server speaks.  A query is flat.  An answer
 * comes from a peer that may be hostile: it is walked (walk.h), not parsed, and
 * no longer than IDENT_MAX.
 */
#define IDENT_KEYS 64
#define IDENT_MAX (1u << 20)
#define IDENT_VALUE 65534 /* bytes of a value in a query */

struct ident {
	struct ident_key {
		uint32_t tag;
		char *value; /* owned; UTF-8 */
	} key[IDENT_KEYS];   /* by tag */
	int keys;
};

void ident_init(struct ident *q);
void ident_free(struct ident *q);
void ident_copy(struct ident *to, const struct ident *from);

/* Set a key; "" asks for it.  0, or -1 with *w: too many, or too long. */
int ident_set(struct ident *q, uint32_t tag, const char *value, struct why *w);

/* The value of a key, or NULL. */
const char *ident_get(const struct ident *q, uint32_t tag);

/*
 * As bytes, malloc'd, *n of them, an even number.  If a value is not ASCII,
 * Specific Character Set says UTF-8.  Dies EXIT_IO without memory.
 */
unsigned char *ident_encode(const struct ident *q, size_t *n);

/* Are these n bytes a UID, as far as its characters go? */
bool ident_is_uid(const char *text, size_t n);

/* Is the value binary, little endian, rather than text? */
bool ident_is_number(uint32_t tag);

/*
 * Call fn for each element of the top level that is not a sequence, text
 * without padding.  0, or -1 with *w.
 */
int ident_each(const void *p, size_t n,
    void (*fn)(void *arg, uint32_t tag, const char *value, size_t len),
    void *arg, struct why *w);

#endif
