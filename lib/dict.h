#ifndef DICT_H
#define DICT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What DICOM says about tags: the data dictionary.  It is the project's own,
 * so that what becomes of an object does not depend on which dictionary files
 * a machine has.  Private elements and repeating groups are not in it.
 */

/* A VR as a number: VR('P', 'N'), for switch and comparison. 0 is none. */
#define VR(a, b) ((unsigned)(a) << 8 | (unsigned)(b))

/* A tag is group << 16 | element. */
#define TAG_GROUP(tag) ((unsigned)((tag) >> 16))
#define TAG_PRIVATE(tag) (((tag) >> 16 & 1) != 0)

/* The VR of a standard tag, or 0 if the dictionary does not have it. */
unsigned dict_vr(uint32_t tag);

/* Call fn for each tag of that VR. */
void dict_each(unsigned vr, void (*fn)(void *arg, uint32_t tag), void *arg);

/* Each entry: tag << 16 | VR, ascending. */
extern const uint64_t dict_entries[];
extern const size_t dict_count;

#ifdef __cplusplus
}
#endif

#endif
