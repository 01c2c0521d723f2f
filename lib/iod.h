#ifndef IOD_H
#define IOD_H

#include <stdint.h>

/*
 * Information object definitions: the type of an attribute in an object of
 * some kind.  1 has a value, 2 may be empty, 3 may be missing; where a type
 * is conditional, the condition is taken to hold.  An attribute that the
 * object's modules do not have is of type 3 there.
 *
 * Only attributes are known of which the rules ask for a type: those with an
 * action such as X/Z/D.
 */
enum iod_type { IOD_TYPE_UNKNOWN, IOD_TYPE_1, IOD_TYPE_2, IOD_TYPE_3 };

/* The kind of object that a SOP class has; 0 if it is not known. */
char iod_kind(const char *sop_class);

/*
 * The type of tag in objects of that kind, in an item of sequence, or at the
 * top level if that is 0.
 */
enum iod_type iod_type(char kind, uint32_t sequence, uint32_t tag);

#endif
