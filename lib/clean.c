#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "deid.h"
#include "dict.h"
#include "rules.h"
#include "srclean.h"

#define CHARACTER_SET 0x00080005
#define CHARACTERISTICS 0x00080300 /* Private Data Element Characteristics */
#define PRIVATE_GROUP 0x00080301
#define PRIVATE_CREATOR 0x00080302
#define BLOCK_STATUS 0x00080303
#define NONIDENTIFYING 0x00080304

/* Columns of deid_row's option. */
enum { DEVICE = 2, INSTITUTION = 3, CHARACTER = 4, DATES = 5, TEXT = 7 };

struct clean {
	const struct deid_profile *profile;
	struct cleantext *text;
	struct private_blocks *blocks;
	unsigned char *kinds; /* of each row: enum cleantext_kind, or NOTHING */

	/* The object at hand. */
	struct dcm *set;
	struct charset charset[WALK_DEPTH + 2]; /* of the item at each depth */
	struct why *w;

	/* The item of (0008,0300) at hand. */
	unsigned claim_group;
	bool claim_safe;
	char claim_creator[65];
};

enum { NOTHING = 255 };

bool
clean_wanted(const struct deid_profile *profile)
{
	static const enum profile_option ours[] = {
		PROFILE_CLEAN_GRAPHICS,
		PROFILE_CLEAN_STRUCTURED_CONTENT,
		PROFILE_CLEAN_DESCRIPTORS,
		PROFILE_RETAIN_PATIENT_CHARACTERISTICS,
		PROFILE_RETAIN_DEVICE_IDENTITY,
		PROFILE_RETAIN_SAFE_PRIVATE,
		PROFILE_RETAIN_PATIENT_CHARACTERISTICS,
		PROFILE_RETAIN_DEVICE_IDENTITY,
	};
	size_t i;

	if (profile->archive || rules_know_private(profile->rules) ||
	    rules_clean(profile->rules))
		return true;
	for (i = 0; i < sizeof ours / sizeof *ours; i++)
		if (profile_has(profile, ours[i]))
			return true;
	return false;
}

/*
 * What an attribute identifies by, if it is one that the table removes and
 * that cleaning does not keep: kinds of text, ids and dates, but nothing of a
 * patient's characteristics, which would take every "M" out of a text.
 */
static unsigned
kind_of(const struct deid_profile *p, const struct deid_row *row)
{
	unsigned vr = VR(row->vr[0], row->vr[1]);
	const char *o = row->option;

	if (vr == VR('P', 'N'))
		return CLEANTEXT_NAME;
	if (vr == VR('D', 'A') || vr == VR('D', 'T'))
		return CLEANTEXT_DATE;
	if (vr == VR('T', 'M'))
		return CLEANTEXT_TIME;
	if (o[CHARACTER] != '-' || o[TEXT] != '-' || o[DATES] != '-' ||
	    (o[DEVICE] != '-' &&
		profile_has(p, PROFILE_RETAIN_DEVICE_IDENTITY)) ||
	    (o[INSTITUTION] != '-' &&
		profile_has(p, PROFILE_RETAIN_INSTITUTION_IDENTITY)))
		return NOTHING;
	switch (vr) {
	case VR('S', 'T'):
	case VR('L', 'T'):
	case VR('U', 'T'):
		return CLEANTEXT_PLACE;
	case VR('L', 'O'):
	case VR('S', 'H'):
	case VR('U', 'C'):
		return o[INSTITUTION] != '-' ? CLEANTEXT_PLACE : CLEANTEXT_ID;
	case VR('A', 'E'):
		return CLEANTEXT_ID;
	}
	return NOTHING;
}

struct clean *
clean_new(const struct deid_profile *profile)
{
	struct clean *c = calloc(1, sizeof *c);
	size_t i;

	if (c == NULL || (c->kinds = malloc(deid_row_count)) == NULL)
		die(EXIT_IO, "out of memory");
	c->profile = profile;
	c->text = cleantext_new();
	c->blocks = private_new();
	for (i = 0; i < deid_row_count; i++)
		c->kinds[i] = (unsigned char)kind_of(profile, &deid_rows[i]);
	return c;
}

void
clean_free(struct clean *c)
{
	if (c == NULL)
		return;
	cleantext_free(c->text);
	private_free(c->blocks);
	free(c->kinds);
	free(c);
}

struct cleantext *
clean_text(struct clean *c)
{
	return c->text;
}

static unsigned
kind_of_tag(const struct clean *c, uint32_t tag)
{
	const struct deid_row *row = deid_find(tag);

	if (row >= deid_rows && row < deid_rows + deid_row_count)
		return c->kinds[row - deid_rows];
	return dict_vr(tag) == VR('P', 'N') ? CLEANTEXT_NAME : NOTHING;
}

static bool
keeps_private(const struct clean *c)
{
	return c->profile->archive || rules_know_private(c->profile->rules) ||
	       profile_has(c->profile, PROFILE_RETAIN_SAFE_PRIVATE);
}

bool
clean_needs(const struct clean *c, uint32_t tag)
{
	if (TAG_PRIVATE(tag))
		return keeps_private(c);
	if (tag == CHARACTERISTICS)
		return true;
	return (tag & 0xffff) != 0 && tag >> 16 >= 8 &&
	       (dict_vr(tag) == VR('S', 'Q') || kind_of_tag(c, tag) != NOTHING);
}

void
clean_enter(struct clean *c, const struct dcm_element *e)
{
	const void *p;

	if (e->begins && e->depth == 0)
		charset_default(&c->charset[0]);
	else if (e->begins)
		c->charset[e->depth] = c->charset[e->depth - 1];
	if (e->begins)
		private_item(c->blocks, e->depth);
	if (e->sequence)
		return;
	if (e->tag == CHARACTER_SET && (p = dcm_value(c->set, e)) != NULL)
		charset_set(&c->charset[e->depth], p, e->size);
	else if (private_is_creator(e->tag) &&
		 (p = dcm_value(c->set, e)) != NULL)
		private_creator(c->blocks, e->depth, e->tag, p, e->size);
}

/* The numbers of a US in an item of (0008,0300), as this machine has them. */
static void
claim_elements(struct clean *c, const struct dcm_element *e)
{
	const unsigned char *p = dcm_value(c->set, e);
	uint16_t v;
	size_t i;

	for (i = 0; p != NULL && i + 2 <= e->size; i += 2) {
		memcpy(&v, p + i, sizeof v);
		if (e->tag == PRIVATE_GROUP)
			c->claim_group = v;
		else if (c->claim_creator[0] != '\0')
			private_claim(c->blocks, c->claim_group,
			    c->claim_creator, v & 0xff);
	}
}

/* What the object itself says of its private elements. */
static void
claims(struct clean *c, const struct dcm_element *e)
{
	static const uint32_t creator = PRIVATE_CREATOR;
	const char *p;

	if (e->begins) {
		c->claim_group = 0;
		dcm_peek(c->set, e, &creator, 1, c->claim_creator,
		    sizeof c->claim_creator);
	}
	switch (e->tag) {
	case PRIVATE_GROUP:
	case NONIDENTIFYING:
		claim_elements(c, e);
		break;
	case BLOCK_STATUS:
		p = dcm_value(c->set, e);
		if (p != NULL && e->size >= 4 && memcmp(p, "SAFE", 4) == 0 &&
		    c->claim_creator[0] != '\0')
			private_claim(
			    c->blocks, c->claim_group, c->claim_creator, -1);
		break;
	}
}

/* An identifier, or what has words of its own? */
static enum cleantext_kind
id_or_place(const char *p, size_t n)
{
	size_t i, blanks = 0, digits = 0;

	for (i = 0; i < n; i++) {
		blanks += i > 0 && p[i] == ' ' && p[i - 1] != ' ';
		digits += p[i] >= '0' && p[i] <= '9';
	}
	return digits > 0 && blanks < 2 ? CLEANTEXT_ID : CLEANTEXT_PLACE;
}

/* The rule of the first pass: look at everything, change nothing. */
static enum dcm_do
gather(void *arg, struct dcm_element *e)
{
	struct clean *c = arg;
	unsigned vr = dict_vr(e->tag), kind;
	const char *p;
	size_t n = e->size;

	clean_enter(c, e);
	if (e->sequence)
		return DCM_KEEP;
	if (vr == VR('S', 'Q') && (e->vr == 0 || e->vr == VR('U', 'N')))
		return DCM_UNPACK;
	if (e->depth == 1)
		claims(c, e);
	if (e->vr == VR('P', 'N'))
		kind = CLEANTEXT_NAME;
	else if ((kind = kind_of_tag(c, e->tag)) == NOTHING)
		return DCM_KEEP;
	if ((p = dcm_value(c->set, e)) == NULL)
		return DCM_KEEP;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\0'))
		n--;
	if (kind == CLEANTEXT_ID)
		kind = id_or_place(p, n);
	if (n > 0)
		cleantext_note(c->text, (enum cleantext_kind)kind,
		    &c->charset[e->depth], p, n);
	return DCM_KEEP;
}

int
clean_begin(struct clean *c, struct dcm *set, struct why *w)
{
	c->set = set;
	cleantext_begin(c->text);
	private_begin(c->blocks);
	return dcm_apply(set, gather, c, w);
}

enum cleantext_result
clean_value(struct clean *c, const struct dcm_element *e, unsigned vr,
    const void *p, size_t n, const void **out, size_t *out_n)
{
	/* A code string has no room for an asterisk. */
	return cleantext_clean(c->text, &c->charset[e->depth], p, n,
	    vr == VR('C', 'S') ? '\0' : '*', out, out_n);
}

bool
clean_hides(struct clean *c, const void *p, size_t n)
{
	return cleantext_within(c->text, p, n);
}

/* What is to be done to a private element that is not a creator. */
static enum deid_action
disposition(struct clean *c, int depth, uint32_t tag, unsigned *vr)
{
	const char *creator = private_of(c->blocks, depth, tag);
	const struct private_row *row;
	const struct rule *own;

	*vr = 0;
	if (creator == NULL)
		return DEID_X;
	row = private_find(creator, tag);
	if (row != NULL)
		*vr = VR(row->vr[0], row->vr[1]);
	if ((own = rules_private(c->profile->rules, creator, tag)) != NULL)
		return own->action;
	if (row != NULL && c->profile->archive)
		switch (row->tcia) {
		case 'k':
			return DEID_K;
		case 'h':
			return *vr == VR('U', 'I') ? DEID_U : DEID_HASH;
		case 'o':
			return DEID_DATE;
		case 'd':
			return DEID_X;
		}
	if (!profile_has(c->profile, PROFILE_RETAIN_SAFE_PRIVATE))
		return DEID_X;
	if ((row != NULL && row->safe == 'S') ||
	    private_claimed(c->blocks, depth, tag))
		return DEID_K;
	return DEID_X;
}

enum deid_action
clean_private(struct clean *c, const struct dcm_element *e, unsigned *vr)
{
	unsigned ignored, known;
	enum deid_action a;
	uint32_t tag;
	size_t at = 0;

	if (!keeps_private(c))
		return DEID_X;
	if (private_is_creator(e->tag)) {
		*vr = VR('L', 'O');
		while ((tag = dcm_sibling(c->set, e, &at)) != 0)
			if (tag >> 16 == e->tag >> 16 &&
			    (tag >> 8 & 0xff) == (e->tag & 0xff) &&
			    disposition(c, e->depth, tag, &ignored) != DEID_X)
				return DEID_K;
		return DEID_X;
	}
	a = disposition(c, e->depth, e->tag, &known);
	if (*vr == 0 || *vr == VR('U', 'N'))
		*vr = known != 0 ? known : VR('U', 'N');
	return a;
}

enum deid_action
clean_content(struct clean *c, const struct dcm_element *e)
{
	static const uint32_t type[] = { 0x0040a040 };
	static const uint32_t code[] = { 0x0040a043, 0x00080100 };
	static const uint32_t scheme[] = { 0x0040a043, 0x00080102 };
	char t[17], v[65], s[17];

	dcm_peek(c->set, e, type, 1, t, sizeof t);
	dcm_peek(c->set, e, code, 2, v, sizeof v);
	dcm_peek(c->set, e, scheme, 2, s, sizeof s);
	return srclean_decide(v, s, t, c->profile->options);
}
