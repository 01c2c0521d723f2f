#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "say.h"
#include "walk.h"

#define CREATOR_MAX 65 /* LO, with NUL */
#define BLOCKS 64      /* of an item; those of more are nobody's */
#define CLAIMS 256

struct block {
	uint16_t group;
	uint8_t block;
	char creator[CREATOR_MAX];
};

struct claim {
	uint16_t group;
	short low;
	char creator[CREATOR_MAX];
};

struct private_blocks {
	unsigned char count[WALK_DEPTH + 2];
	struct block *blocks[WALK_DEPTH + 2]; /* BLOCKS each, when needed */
	size_t claims;
	struct claim claim[CLAIMS];
};

struct private_blocks *
private_new(void)
{
	struct private_blocks *p = calloc(1, sizeof *p);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

void
private_free(struct private_blocks *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < sizeof p->blocks / sizeof *p->blocks; i++)
		free(p->blocks[i]);
	free(p);
}

void
private_begin(struct private_blocks *p)
{
	p->claims = 0;
}

void
private_item(struct private_blocks *p, int depth)
{
	p->count[depth] = 0;
}

bool
private_is_creator(uint32_t tag)
{
	return (tag >> 16 & 1) != 0 && (tag & 0xffff) >= 0x10 &&
	       (tag & 0xffff) <= 0xff;
}

void
private_creator(struct private_blocks *p, int depth, uint32_t tag,
    const void *name, size_t n)
{
	const char *s = name;
	struct block *b;

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\0'))
		n--;
	while (n > 0 && *s == ' ')
		s++, n--;
	if (n == 0 || n >= CREATOR_MAX || memchr(s, '\0', n) != NULL ||
	    p->count[depth] == BLOCKS)
		return;
	if (p->blocks[depth] == NULL &&
	    (p->blocks[depth] = calloc(BLOCKS, sizeof *b)) == NULL)
		die(EXIT_IO, "out of memory");
	b = &p->blocks[depth][p->count[depth]++];
	b->group = (uint16_t)(tag >> 16);
	b->block = (uint8_t)tag;
	memcpy(b->creator, s, n);
	b->creator[n] = '\0';
}

const char *
private_of(const struct private_blocks *p, int depth, uint32_t tag)
{
	unsigned block = tag >> 8 & 0xff;
	int i;

	if (block < 0x10)
		return NULL;
	/* Of two that claim a block the first has it. */
	for (i = 0; i < p->count[depth]; i++)
		if (p->blocks[depth][i].group == tag >> 16 &&
		    p->blocks[depth][i].block == block)
			return p->blocks[depth][i].creator;
	return NULL;
}

void
private_claim(
    struct private_blocks *p, unsigned group, const char *creator, int low)
{
	struct claim *c = &p->claim[p->claims];

	if (p->claims == CLAIMS || strlen(creator) >= CREATOR_MAX)
		return;
	c->group = (uint16_t)group;
	c->low = (short)low;
	strcpy(c->creator, creator);
	p->claims++;
}

bool
private_claimed(const struct private_blocks *p, int depth, uint32_t tag)
{
	const char *creator = p->claims ? private_of(p, depth, tag) : NULL;
	size_t i;

	if (creator == NULL)
		return false;
	for (i = 0; i < p->claims; i++) {
		const struct claim *c = &p->claim[i];

		if (c->group == tag >> 16 &&
		    (c->low < 0 || c->low == (short)(tag & 0xff)) &&
		    strcmp(c->creator, creator) == 0)
			return true;
	}
	return false;
}

static int
compare_creator(const void *key, const void *creator)
{
	return strcmp(key, ((const struct private_creator *)creator)->name);
}

static int
compare_row(const void *key, const void *row)
{
	const struct private_row *r = row;
	uint32_t k = *(const uint32_t *)key;
	uint32_t t = (uint32_t)r->group << 8 | r->low;

	return k < t ? -1 : k > t;
}

const struct private_row *
private_find(const char *creator, uint32_t tag)
{
	uint32_t key = (tag >> 16) << 8 | (tag & 0xff);
	const struct private_creator *c;

	c = bsearch(creator, private_creators, private_creator_count, sizeof *c,
	    compare_creator);
	if (c == NULL)
		return NULL;
	return bsearch(&key, private_rows + c->first, c->count,
	    sizeof *private_rows, compare_row);
}
