#include <stdlib.h>
#include <string.h>

#include "iod.h"
#include "iod_table.h"

static int
by_uid(const void *uid, const void *class)
{
	return strcmp(uid, ((const struct iod_class *)class)->uid);
}

char
iod_kind(const char *sop_class)
{
	const struct iod_class *c = bsearch(sop_class, iod_classes,
	    iod_class_count, sizeof *iod_classes, by_uid);

	return c ? c->kind : '\0';
}

static int
by_tag(const void *key, const void *row)
{
	uint32_t a = *(const uint32_t *)key;
	uint32_t b = ((const struct iod_row *)row)->tag;

	return (a > b) - (a < b);
}

static int
by_path(const void *key, const void *row)
{
	const struct iod_nested *a = key, *b = row;

	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return (a->tag > b->tag) - (a->tag < b->tag);
}

static char
nested(uint32_t sequence, uint32_t tag)
{
	const struct iod_nested key = { sequence, tag, 0 }, *n;

	n = bsearch(
	    &key, iod_nested, iod_nested_count, sizeof *iod_nested, by_path);
	return n ? n->type : '-';
}

static char
top(char kind, uint32_t tag)
{
	const struct iod_row *r =
	    bsearch(&tag, iod_rows, iod_row_count, sizeof *iod_rows, by_tag);
	size_t column;

	if (r == NULL || kind == '\0')
		return '-';
	column = kind >= 'a' ? (size_t)(kind - 'a') : (size_t)(kind - 'A' + 26);
	return column < strlen(r->types) ? r->types[column] : '-';
}

enum iod_type
iod_type(char kind, uint32_t sequence, uint32_t tag)
{
	switch (sequence ? nested(sequence, tag) : top(kind, tag)) {
	case '1':
		return IOD_TYPE_1;
	case '2':
		return IOD_TYPE_2;
	case '3':
		return IOD_TYPE_3;
	}
	return IOD_TYPE_UNKNOWN;
}
