#include <string.h>

#include "dict.h"
#include "private.h"
#include "profile.h"
#include "srclean.h"
#include "tap.h"

static void
table(void)
{
	size_t i, k, bad = 0, rows = 0, safe = 0;

	for (i = 0; i < private_creator_count; i++) {
		const struct private_creator *c = &private_creators[i];

		bad += i > 0 && strcmp(c[-1].name, c->name) >= 0;
		bad += c->first != rows;
		rows += c->count;
		for (k = c->first; k < rows; k++) {
			const struct private_row *r = &private_rows[k];
			uint32_t tag =
			    (uint32_t)r->group << 16 | 0x1000 | r->low;

			bad += private_find(c->name, tag) != r;
			bad += (r->group & 1) == 0;
			bad += strchr("khod-", r->tcia) == NULL;
			safe += r->safe == 'S';
		}
	}
	ok(bad == 0 && rows == private_row_count,
	    "creators and their elements are in order, each is found");
	ok(safe == 479, "all of Table E.3.10-1");
	ok(private_find("GEMS_PARM_01", 0x00431001) != NULL &&
		private_find("GEMS_PARM_01", 0x00431001)->tcia == 'k',
	    "one that only the archive keeps");
	ok(private_find("nobody", 0x00431027) == NULL &&
		private_find("GEMS_PARM_01", 0x00451027) == NULL,
	    "and no other");
}

static void
blocks(void)
{
	struct private_blocks *p = private_new();
	const char *c;

	private_begin(p);
	private_item(p, 0);
	ok(private_is_creator(0x00090010) && private_is_creator(0x000900ff) &&
		!private_is_creator(0x0009000f) &&
		!private_is_creator(0x00091010) &&
		!private_is_creator(0x00080010),
	    "creators");
	private_creator(p, 0, 0x00290011, "SIEMENS CSA HEADER ", 19);
	c = private_of(p, 0, 0x00291110);
	ok(c != NULL && strcmp(c, "SIEMENS CSA HEADER") == 0,
	    "a block is its creator's");
	ok(private_of(p, 0, 0x00291010) == NULL &&
		private_of(p, 0, 0x00311110) == NULL &&
		private_of(p, 0, 0x00290001) == NULL,
	    "no other block or group is");
	private_creator(p, 0, 0x00290011, "OTHER", 5);
	c = private_of(p, 0, 0x00291110);
	ok(c != NULL && c[0] == 'S', "of two the first has it");
	private_item(p, 1);
	ok(private_of(p, 1, 0x00291110) == NULL, "an item has its own");
	private_creator(p, 1, 0x00290010, "A\0B", 3);
	ok(private_of(p, 1, 0x00291010) == NULL, "no name with a NUL in it");
	ok(!private_claimed(p, 0, 0x00291110), "nothing is claimed");
	private_claim(p, 0x29, "SIEMENS CSA HEADER", 0x10);
	ok(private_claimed(p, 0, 0x00291110) &&
		!private_claimed(p, 0, 0x00291111),
	    "an element that its object calls safe");
	private_claim(p, 0x29, "SIEMENS CSA HEADER", -1);
	ok(private_claimed(p, 0, 0x00291111), "a block");
	private_begin(p);
	ok(!private_claimed(p, 0, 0x00291111), "not in the next object");
	private_free(p);
}

#define BIT(o) (1u << PROFILE_##o)

static void
content(void)
{
	size_t i, bad = 0;

	for (i = 0; i < srclean_row_count; i++) {
		const struct srclean_row *r = &srclean_rows[i];

		bad += srclean_find(r->code, r->scheme, r->type) != r ||
		       strlen(r->option) != SRCLEAN_OPTIONS;
	}
	ok(bad == 0 && srclean_row_count == 214, "all of Table E.3.4-1");
	ok(srclean_decide("121022", "DCM", "TEXT", 0) == DEID_X,
	    "an accession number is removed");
	ok(srclean_decide("121106", "DCM", "TEXT", 0) == DEID_X &&
		srclean_decide("121106", "DCM", "TEXT",
		    BIT(CLEAN_DESCRIPTORS)) == DEID_CLEAN,
	    "a comment is, or cleaned");
	ok(srclean_decide("121012", "DCM", "UIDREF", 0) == DEID_U &&
		srclean_decide("121012", "DCM", "UIDREF", BIT(RETAIN_UIDS)) ==
		    DEID_K,
	    "a UID is replaced, or kept");
	ok(srclean_decide("111018", "DCM", "DATE", 0) == DEID_D &&
		srclean_decide("111018", "DCM", "DATE",
		    BIT(RETAIN_FULL_DATES)) == DEID_K &&
		srclean_decide("111018", "DCM", "DATE",
		    BIT(RETAIN_MODIFIED_DATES)) == DEID_DATE,
	    "dates by their options");
	ok(srclean_decide("113880", "DCM", "TEXT",
	       BIT(RETAIN_DEVICE_IDENTITY)) == DEID_CLEAN,
	    "a retained text is cleaned all the same");
	ok(srclean_decide("?", "?", "TEXT", 0) == DEID_CLEAN &&
		srclean_decide("?", "?", "PNAME", 0) == DEID_D &&
		srclean_decide("?", "?", "UIDREF", 0) == DEID_U &&
		srclean_decide("?", "?", "DATETIME", 0) == DEID_D &&
		srclean_decide("?", "?", "NUM", 0) == DEID_K &&
		srclean_decide("?", "?", "", 0) == DEID_K,
	    "the unknown by its type");
}

int
main(void)
{
	table();
	blocks();
	content();
	return done_testing();
}
