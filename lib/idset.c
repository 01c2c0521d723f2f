#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "idset.h"
#include "say.h"

/* Open addressing, at most three quarters full. */
struct idset {
	struct slot {
		unsigned char id[16];
		unsigned number;
		bool used;
	} * slot;
	size_t size, used; /* size is a power of two */
};

static struct slot *
slots(size_t n)
{
	struct slot *p = calloc(n, sizeof *p);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

struct idset *
idset_new(void)
{
	struct idset *s = calloc(1, sizeof *s);

	if (s == NULL)
		die(EXIT_IO, "out of memory");
	s->size = 1024;
	s->slot = slots(s->size);
	return s;
}

void
idset_free(struct idset *s)
{
	if (s == NULL)
		return;
	free(s->slot);
	free(s);
}

/* The slot of id, or the free one where it would be. */
static struct slot *
find(const struct idset *s, const unsigned char id[16])
{
	uint64_t h;
	size_t i;

	memcpy(&h, id, sizeof h);
	for (i = h & (s->size - 1); s->slot[i].used;
	     i = (i + 1) & (s->size - 1))
		if (memcmp(s->slot[i].id, id, 16) == 0)
			break;
	return &s->slot[i];
}

static void
grow(struct idset *s)
{
	struct slot *old = s->slot;
	size_t n = s->size, i;

	s->size *= 2;
	s->slot = slots(s->size);
	for (i = 0; i < n; i++)
		if (old[i].used)
			*find(s, old[i].id) = old[i];
	free(old);
}

bool
idset_add(struct idset *s, const unsigned char id[16], unsigned number)
{
	struct slot *p;

	if (s->used >= s->size / 4 * 3)
		grow(s);
	p = find(s, id);
	if (p->used)
		return false;
	memcpy(p->id, id, sizeof p->id);
	p->number = number;
	p->used = true;
	s->used++;
	return true;
}

bool
idset_has(const struct idset *s, const unsigned char id[16], unsigned *number)
{
	const struct slot *p = find(s, id);

	if (p->used && number != NULL)
		*number = p->number;
	return p->used;
}

void
idset_name(unsigned char id[16], const char *name)
{
	unsigned char md[32];

	sha256(md, name, strlen(name));
	memcpy(id, md, 16);
}
