#ifndef PRIVATE_H
#define PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "private_table.h"

/*
 * Private elements: whose they are, and which of them may stay.
 *
 * An element (gggg,bbLL) of an odd group belongs to the creator that
 * (gggg,00bb) of the same item names.  The block bb varies from object to
 * object, so what is known of an element is known by creator, group and LL.
 */
struct private_blocks; /* those of the item at hand and around it */

struct private_blocks *private_new(void);
void private_free(struct private_blocks *p);

/* A new object, of which nothing is known. */
void private_begin(struct private_blocks *p);

/* A new item at this depth. */
void private_item(struct private_blocks *p, int depth);

/* Is the tag that of a creator, (gggg,0010-00FF)? */
bool private_is_creator(uint32_t tag);

/* Element tag of the item names a creator: n bytes, padding or not. */
void private_creator(struct private_blocks *p, int depth, uint32_t tag,
    const void *name, size_t n);

/* Whose an element is, NUL-terminated; NULL if nobody's. */
const char *private_of(const struct private_blocks *p, int depth, uint32_t tag);

/*
 * The object's own word for it, Private Data Element Characteristics
 * (0008,0300): a block that is safe, or elements of it (their low bytes) that
 * are.  low is -1 for all.
 */
void private_claim(
    struct private_blocks *p, unsigned group, const char *creator, int low);
bool private_claimed(const struct private_blocks *p, int depth, uint32_t tag);

/* What is known of an element by its creator, or NULL. */
const struct private_row *private_find(const char *creator, uint32_t tag);

#endif
