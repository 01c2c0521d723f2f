#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dcm.h"
#include "dict.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum dcm_do
keep(void *arg, struct dcm_element *e)
{
	static volatile unsigned sum;
	const unsigned char *p = dcm_value(arg, e);

	if (p != NULL) /* the value can be read, to its end */
		sum += p[0] + p[e->size - 1];
	return e->vr == VR('U', 'N') && dict_vr(e->tag) == VR('S', 'Q')
		   ? DCM_UNPACK
		   : DCM_KEEP;
}

/* Parse and write p; 0 if it cannot be. */
static size_t
through(struct dcm *d, const void *p, size_t n, enum walk_syntax syntax,
    unsigned char **out, size_t *size)
{
	struct why w = { 0 };

	if (dcm_parse(d, p, n, syntax, &w) < 0 ||
	    dcm_apply(d, keep, d, &w) < 0 ||
	    dcm_put(d, 0x00120062, VR('C', 'S'), "YES", &w) < 0 ||
	    dcm_put_code(d, 0x00120064, "113100", "DCM", "Basic", &w) < 0) {
		if (w.code == 0 || w.text[0] == '\0')
			abort();
		return 0;
	}
	return dcm_write(d, out, size, 0, &w);
}

/* What the walk lets through DCMTK survives, and writes so that it reads. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dcm *d;
	unsigned char *one = NULL, *two = NULL;
	size_t one_size = 0, two_size = 0, n, m;
	struct walk_meta meta;
	struct walk k;
	struct why w = { 0 };
	int got;

	if (d == NULL) {
		dcm_init();
		d = dcm_new();
	}
	if (walk_meta(&meta, data, size, true, &w) != 1)
		return 0;
	walk_begin(&k, meta.syntax, meta.dataset);
	while ((got = walk_next(&k, data, size, true, &w)) == WALK_ELEMENT)
		;
	if (got < 0)
		return 0;
	n = through(d, data + meta.dataset,
	    (got == WALK_PIXEL ? k.at : k.pos) - meta.dataset, meta.syntax,
	    &one, &one_size);
	if (n > 0) {
		m = through(d, one, n, meta.syntax, &two, &two_size);
		if (m != n || memcmp(one, two, n) != 0)
			abort();
	}
	free(one);
	free(two);
	return 0;
}
