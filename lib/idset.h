#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>

/*
 * A set of 16-byte ids, each with a number: GUIDs, or names by their digest.
 * It takes 24 bytes an id and grows as needed; ids should look random.
 */
struct idset;

struct idset *idset_new(void); /* dies EXIT_IO without memory, as idset_add() */
void idset_free(struct idset *s);

/* Add id with its number; false, and nothing changes, if it is there. */
bool idset_add(struct idset *s, const unsigned char id[16], unsigned number);

/* Is it there?  Its number in *number, unless NULL. */
bool idset_has(
    const struct idset *s, const unsigned char id[16], unsigned *number);

/* The id of a name: the first half of its SHA-256. */
void idset_name(unsigned char id[16], const char *name);

#endif
