#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an object says about its image: what a policy about pixels is decided
 * by.  It is gathered from the top-level elements as they pass, before any
 * rule removes one; no value of it ever goes into a message.
 *
 * Of an element that comes twice the first counts, as it does for what parses
 * the object, but a Burned In Annotation of YES counts wherever it stands.
 */
struct look {
	char sop_class[65]; /* all NUL-terminated, "" when absent */
	char transfer[65];
	char modality[17];     /* upper case, as are the next */
	char type[257];        /* Image Type, all values */
	char conversion[17];   /* Conversion Type */
	char manufacturer[65]; /* upper case, as are the next four */
	char model[65];
	char body_part[17];
	char about[257]; /* descriptions and protocol, run together */
	char photometric[17];
	double thickness;  /* of slices, mm; 0 when not said */
	double spacing[2]; /* of rows, of columns, mm; the same */
	unsigned rows, columns;
	unsigned samples, allocated, stored, high, planar;
	long long frames;
	long long pixel_bytes; /* of a native value, or -1 */
	long long padding;     /* Pixel Padding Value as it is stored, or -1 */
	bool is_signed, has_pixels;
	bool burned_in;         /* Burned In Annotation is YES */
	bool overlay_in_pixels; /* an overlay claims bits of the pixels */
	bool big;               /* the object is big endian */
};

void look_begin(
    struct look *l, const char *transfer, const char *sop_class, bool big);

/* One top-level element, of n bytes. */
void look_element(struct look *l, uint32_t tag, const void *value, size_t n);

/* Bytes of one frame of a native image, or 0 if it does not say enough. */
size_t look_frame(const struct look *l);

/* Is word among the values of Image Type, or a part of one? */
bool look_type(const struct look *l, const char *word);

#endif
