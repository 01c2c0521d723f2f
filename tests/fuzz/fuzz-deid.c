#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deid.h"
#include "secret.h"
#include "sitekey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pseudo *
pseudonyms(void)
{
	char path[] = "/tmp/fuzz-deid.XXXXXX";
	struct why w = { 0 };
	struct keeper *k;

	secret_init(1 << 16);
	close(mkstemp(path));
	unlink(path);
	if (sitekey_new(path, &w) < 0 ||
	    (k = keeper_start(path, NULL, &w)) == NULL)
		die_why(&w);
	unlink(path);
	return pseudo_new(k);
}

/* The rules under those options, made once: most inputs choose few. */
static struct deid *
rules(unsigned options)
{
	static struct pseudo *pseudo;
	static struct deid *made[1 << PROFILE_OPTIONS];
	struct deid_profile *p;

	options &= (1u << PROFILE_OPTIONS) - 1;
	if (pseudo == NULL)
		pseudo = pseudonyms();
	if (made[options] == NULL) {
		p = profile_new();
		p->options = options;
		made[options] = deid_new(pseudo, p);
	}
	return made[options];
}

/* What comes out is well-formed, and no rule finds more to remove in it. */
static void
check(const unsigned char *p, size_t n, enum walk_syntax syntax)
{
	struct why w = { 0 };
	struct walk k;
	int got;

	walk_begin(&k, syntax, 0);
	while ((got = walk_next(&k, p, n, true, &w)) == WALK_ELEMENT)
		if (k.tag >> 16 < 8 || (k.tag & 0xffff) == 0)
			abort();
	if (got < 0)
		abort();
}

/* Input: two bytes of options, then an object. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dcm *set;
	struct deid_names names;
	struct walk_meta meta;
	struct why w = { 0 };
	struct deid *d;
	struct walk k;
	unsigned char *out = NULL;
	size_t room = 0, n;
	int got;

	if (size < 2)
		return 0;
	if (set == NULL) {
		set = dcm_new();
		d = rules(0); /* the keeper before anything else */
		dcm_init();
	}
	d = rules((unsigned)data[0] << 8 | data[1]);
	data += 2;
	size -= 2;
	if (walk_meta(&meta, data, size, true, &w) != 1 || meta.deflated)
		return 0;
	walk_begin(&k, meta.syntax, meta.dataset);
	while ((got = walk_next(&k, data, size, true, &w)) == WALK_ELEMENT)
		;
	if (got < 0)
		return 0;
	memset(&names, 0, sizeof names);
	if (dcm_parse(set, data + meta.dataset,
		(got == WALK_PIXEL ? k.at : k.pos) - meta.dataset, meta.syntax,
		&w) < 0 ||
	    deid_apply(d, set, &names, &w) < 0) {
		if (w.code == 0 || w.text[0] == '\0')
			abort();
		return 0;
	}
	n = dcm_write(set, &out, &room, 0, &w);
	if (n > 0)
		check(out, n, meta.syntax);
	free(out);
	return 0;
}
