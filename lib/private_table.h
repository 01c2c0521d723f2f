#ifndef PRIVATE_TABLE_H
#define PRIVATE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Known private elements, as data; private.c gives them meaning. */

struct private_creator {
	const char *name;
	unsigned short first, count; /* rows */
};

struct private_row {
	uint16_t group;
	uint8_t low; /* the element is bbLL, bb its block */
	char vr[3];
	char safe; /* 'S', or '-' */
	char tcia; /* 'k', 'h', 'o', 'd', or '-' if it has none */
};

extern const struct private_creator private_creators[];
extern const size_t private_creator_count;
extern const struct private_row private_rows[];
extern const size_t private_row_count;

#endif
