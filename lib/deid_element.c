#include <stdio.h>
#include <string.h>

#include "deid_impl.h"
#include "dict.h"
#include "explain.h"

/* Sequences whose items are content items. */
static bool
is_content(uint32_t tag)
{
	return tag == 0x0040a730 || /* Content */
	       tag == 0x00400555 || /* Acquisition Context */
	       tag == 0x00400612;   /* Specimen Preparation Step Content */
}

/* A sequence, by the action for it and by what it is in. */
static enum dcm_do
sequence(struct deid *d, struct dcm_element *e, enum deid_action action)
{
	enum mode mode = d->mode[e->depth];

	if (action == DEID_X)
		return DCM_REMOVE;
	if (mode == REFERENCES) {
		if (e->tag != PURPOSE)
			return DCM_REMOVE;
		mode = NORMAL;
	} else if (mode <= CONTENT && action == DEID_Z) {
		return DCM_EMPTY;
	} else if (action == DEID_D) {
		mode = DUMMIES;
	} else if (mode <= CONTENT && action == DEID_U) {
		mode = REFERENCES;
	} else if (mode <= CONTENT && d->clean && is_content(e->tag) &&
		   (mode == CONTENT || action == DEID_CLEAN)) {
		mode = CONTENT;
	} else if (mode == CONTENT || action == DEID_CLEAN) {
		mode = CLEANED;
	}
	d->mode[e->depth + 1] = (unsigned char)mode;
	d->sequence[e->depth + 1] = e->tag;
	if (mode == DUMMIES)
		return e->sequence ? DCM_FIRST : DCM_EMPTY;
	return e->sequence ? DCM_KEEP : DCM_UNPACK;
}

/* In the item of a sequence that is a dummy, everything is. */
static enum dcm_do
in_dummy(struct deid *d, struct dcm_element *e, unsigned vr)
{
	switch (e->tag) {
	case 0x0040a010: /* Relationship Type */
	case 0x0040a040: /* Value Type */
	case 0x0040a050: /* Continuity Of Content */
		return deid_keep_text(d, e, vr);
	}
	return vr == VR('U', 'I') ? deid_by_vr(d, e, vr) : deid_dummy(d, e, vr);
}

/* Of a reference, UIDs and the numbers of frames or segments. */
static enum dcm_do
in_reference(struct deid *d, struct dcm_element *e, unsigned vr)
{
	switch (vr) {
	case VR('U', 'I'):
	case VR('I', 'S'):
		return deid_by_vr(d, e, vr);
	case VR('U', 'S'):
	case VR('U', 'L'):
		return DCM_KEEP;
	}
	return DCM_REMOVE;
}

/*
 * The value of a content item, by what is done to the item.  False if it is
 * none but an element like others.
 */
static bool
in_content(
    struct deid *d, struct dcm_element *e, unsigned vr, enum dcm_do *what)
{
	enum deid_action a = d->content[e->depth];

	switch (e->tag) {
	case 0x0040a120: /* DateTime */
	case 0x0040a121: /* Date */
	case 0x0040a122: /* Time */
	case 0x0040a123: /* Person Name */
	case 0x0040a124: /* UID */
	case 0x0040a160: /* Text Value */
		break;
	default:
		return false;
	}
	if (!deid_is_text(vr))
		*what = DCM_REMOVE;
	else if (a == DEID_K)
		*what = vr == VR('P', 'N') || vr == VR('U', 'T')
			    ? deid_cleaned(d, e, vr)
			    : deid_keep_text(d, e, vr);
	else if (a == DEID_CLEAN)
		*what = deid_cleaned(d, e, vr);
	else if (a == DEID_DATE)
		*what = deid_value(d, e, DEID_DATE, vr);
	else
		*what = vr == VR('U', 'I') ? deid_other_uids(d, e)
					   : deid_dummy(d, e, vr);
	return true;
}

/* Is it text, as far as that can be told? */
static bool
printable(const char *p, size_t n)
{
	size_t i;

	n = deid_without_padding(p, n);
	for (i = 0; i < n && deid_allowed(VR('L', 'T'), p[i]); i++)
		;
	return i == n;
}

/* The profile takes no object that has this. */
static enum dcm_do
reject(struct deid *d, const struct dcm_element *e)
{
	if (d->rejected == 0)
		d->rejected = e->tag;
	return DCM_REMOVE;
}

/* The VR of dates that some makers write as text, if it is one. */
static unsigned
date_vr(unsigned vr, const char *p, size_t n)
{
	size_t digits = 0;

	if (vr != VR('L', 'O') && vr != VR('S', 'H') && vr != VR('U', 'N'))
		return vr;
	while (digits < n && p[digits] >= '0' && p[digits] <= '9')
		digits++;
	if (digits == 8 && n == 8)
		return VR('D', 'A');
	return digits == 14 && n <= 26 ? VR('D', 'T') : vr;
}

/* A private element that may be kept. */
static enum dcm_do
private_element(struct deid *d, struct dcm_element *e)
{
	unsigned vr = e->vr;
	enum deid_action a = clean_private(d->clean, e, &vr);
	const void *p;

	if (a == DEID_REJECT)
		return reject(d, e);
	if (a == DEID_X || (d->mode[e->depth] > CONTENT))
		return DCM_REMOVE;
	if (e->sequence || vr == VR('S', 'Q')) {
		d->mode[e->depth + 1] = CLEANED;
		d->sequence[e->depth + 1] = e->tag;
		return e->sequence ? DCM_KEEP : DCM_UNPACK;
	}
	if (a == DEID_DATE && (p = dcm_value(d->set, e)) != NULL)
		vr = date_vr(vr, p, deid_without_padding(p, e->size));
	if (a != DEID_K)
		return deid_value(d, e, a, vr);
	switch (vr) {
	case VR('L', 'O'):
	case VR('S', 'H'):
	case VR('U', 'C'):
	case VR('L', 'T'):
	case VR('S', 'T'):
	case VR('U', 'T'):
	case VR('C', 'S'):
		if (!private_is_creator(e->tag))
			return deid_cleaned(d, e, vr);
		return deid_keep_text(d, e, vr);
	case VR('U', 'I'):
		return deid_by_vr(d, e, vr);
	}
	if ((p = dcm_value(d->set, e)) == NULL)
		return DCM_KEEP;
	if (vr == VR('U', 'N') && printable(p, e->size))
		return deid_cleaned(d, e, vr);
	/* Text may be in anything but a few numbers. */
	if (e->size > 8 && clean_hides(d->clean, p, e->size))
		return DCM_REMOVE;
	return deid_by_vr(d, e, vr);
}

static enum dcm_do
element(struct deid *d, struct dcm_element *e)
{
	const struct deid_row *row;
	const struct rule *own = NULL;
	enum deid_action action = DEID_K;
	unsigned vr = dict_vr(e->tag), said = e->vr;
	enum dcm_do what;

	if (d->clean) {
		clean_enter(d->clean, e);
		if (e->begins && d->mode[e->depth] == CONTENT &&
		    (d->content[e->depth] = (unsigned char)clean_content(
			 d->clean, e)) == DEID_X)
			return DCM_DROP;
		if (TAG_PRIVATE(e->tag))
			return private_element(d, e);
	}
	if (deid_drops_group(e->tag) || vr == 0)
		return DCM_REMOVE;
	if (TAG_GROUP(e->tag) == 0x7fe0 && e->depth > 0)
		return DCM_REMOVE; /* only ever in an icon */
	if ((row = deid_find(e->tag)) != NULL)
		action = deid_action_of(d, e, row);
	else if ((own = deid_own_rule(d, e->tag, vr)) != NULL)
		action = own->action;
	if (action == DEID_REJECT)
		return reject(d, e);
	if (said == 0 || said == VR('U', 'N'))
		said = vr;
	if (vr == VR('S', 'Q') ? !e->sequence && said != vr : e->sequence)
		return DCM_REMOVE; /* not what it should be */
	if (vr == VR('S', 'Q'))
		return sequence(d, e, action);
	if (deid_is_text(vr) != deid_is_text(said) || action == DEID_X)
		return DCM_REMOVE;
	if (d->mode[e->depth] == DUMMIES)
		return in_dummy(d, e, said);
	if (d->mode[e->depth] == REFERENCES)
		return in_reference(d, e, said);
	if (d->mode[e->depth] == CONTENT && in_content(d, e, said, &what))
		return what;
	if (row != NULL || own != NULL)
		return deid_value(d, e, action, said);
	/* Two opinions on what it is: both must agree to keep it. */
	if (said != vr && deid_is_text(vr)) {
		what = deid_by_vr(d, e, vr);
		return what == DCM_KEEP ? deid_by_vr(d, e, said) : what;
	}
	return deid_by_vr(d, e, said);
}

/* Which rule an element fell under, in some words. */
static const char *
rule_name(struct deid *d, const struct dcm_element *e, char out[32])
{
	static const char *const mode[] = {
		[DUMMIES] = "in-dummy",
		[REFERENCES] = "in-reference",
		[CONTENT] = "in-content",
	};
	static const char *const action[DEID_ACTIONS] = { "K", "X", "Z", "D",
		"U", "X/D", "X/Z", "X/Z/D", "X/Z/U*", "Z/D", "C", "date",
		"hash", "value", "reject" };
	const struct deid_row *row = deid_find(e->tag);
	unsigned vr = dict_vr(e->tag);

	if (TAG_PRIVATE(e->tag))
		return "private";
	if (deid_drops_group(e->tag))
		return "group";
	if (vr == 0)
		return "unknown";
	if (d->mode[e->depth] != NORMAL)
		return mode[d->mode[e->depth]];
	if (row != NULL)
		snprintf(out, 32, "E.1-1:%s:%s", action[row->action],
		    action[deid_action_of(d, e, row)]);
	else if (deid_own_rule(d, e->tag, vr) != NULL)
		return "profile";
	else
		snprintf(out, 32, "VR:%c%c", vr >> 8, vr & 0xff);
	return out;
}

void
deid_explain(struct deid *d, struct explain *x)
{
	d->explain = x;
}

void
deid_dropped(struct deid *d, uint32_t tag)
{
	struct dcm_element e = { .tag = tag };
	char name[32];

	if (d->explain != NULL)
		explain_top(d->explain, tag, "remove", rule_name(d, &e, name));
}

void
deid_pixels(struct deid *d, const char *mask, bool defaced)
{
	if (d->explain != NULL && defaced)
		explain_top(d->explain, 0x7fe00010, "deface", "command");
	if (d->explain != NULL && (mask != NULL || !defaced))
		explain_top(d->explain, 0x7fe00010, mask ? "blacken" : "keep",
		    mask ? mask : "pixels");
}

/* The rule for every element, as dcm_apply() wants it. */
enum dcm_do
deid_rule(void *arg, struct dcm_element *e)
{
	struct deid *d = arg;
	enum dcm_do what = element(d, e);
	char name[32];

	if (d->explain != NULL)
		explain_element(d->explain, e, what, rule_name(d, e, name));
	return what;
}
