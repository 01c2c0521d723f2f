#ifndef DEID_IMPL_H
#define DEID_IMPL_H

#include "clean.h"
#include "deid.h"
#include "rules.h"

/*
 * What the parts of deid.h share.  An element is looked at by deid_element.c:
 * where it is and what it should be; which rule it falls under, and so which
 * action is right, is deid_choose.c's; what the action makes of its value is
 * deid_value.c's.
 */

#define STUDY_UID 0x0020000d
#define SERIES_UID 0x0020000e
#define SOP_UID 0x00080018
#define SOP_CLASS 0x00080016
#define ACCESSION 0x00080050
#define PATIENT_NAME 0x00100010
#define PATIENT_ID 0x00100020
#define ISSUER 0x00100021
#define STUDY_ID 0x00200010
#define REMOVED_IDENTITY 0x00120062
#define METHOD 0x00120063
#define METHOD_CODE 0x00120064
#define PURPOSE 0x0040a170 /* Purpose of Reference Code Sequence */
#define TIMEZONE 0x00080201
#define CODE_VALUE 0x00080100
#define CODING_SCHEME 0x00080102
#define SCHEME_VERSION 0x00080103
#define DATES_MODIFIED 0x00280303

/* How an item's elements are treated, by the sequence that they are in. */
enum mode {
	NORMAL,
	CLEANED,    /* and text that no rule names is cleaned */
	CONTENT,    /* the same, of a content item of a structured report */
	DUMMIES,    /* all values become dummies */
	REFERENCES, /* what tells which instance is meant, and no more */
};

struct deid {
	struct pseudo *pseudo;
	const struct deid_profile *profile;
	struct deid_profile *basic; /* ours, if it is that */
	char digest[17];
	unsigned char *action; /* of each row, then of each range */

	struct clean *clean;     /* NULL if nothing is */
	struct explain *explain; /* or NULL */

	/* The object at hand. */
	struct dcm *set;
	const struct deid_names *names;
	char kind; /* iod_kind() of it */
	char issuer[256];
	size_t issuer_len;
	unsigned char mode[WALK_DEPTH + 2];    /* of items at each depth */
	unsigned char content[WALK_DEPTH + 2]; /* if that is CONTENT */
	uint32_t sequence[WALK_DEPTH + 2];     /* that they are items of */
	char *value;                           /* what takes a value's place */
	size_t value_size;
	char dates[1024];  /* the same, of dates and ages */
	uint32_t rejected; /* the tag for which the object is, or 0 */
};

/* ---- deid_choose.c: which action ---- */

/* Decide what can be decided before there is an object. */
void deid_choose(struct deid *d);

/* The action for an element of which there is a row. */
enum deid_action deid_action_of(
    struct deid *d, const struct dcm_element *e, const struct deid_row *row);

/* The user's own rule for what the table does not have, or NULL. */
const struct rule *deid_own_rule(
    const struct deid *d, uint32_t tag, unsigned vr);

/* Is its UID one of the standard's own, which means a kind of thing? */
bool deid_is_structural(uint32_t tag);

/* Has the group of this tag no place in a de-identified object? */
bool deid_drops_group(uint32_t tag);

/* ---- deid_value.c: what becomes of a value, taken for one of this VR ---- */

enum dcm_do deid_value(struct deid *d, struct dcm_element *e,
    enum deid_action action, unsigned vr);
enum dcm_do deid_by_vr(struct deid *d, struct dcm_element *e, unsigned vr);
enum dcm_do deid_dummy(struct deid *d, struct dcm_element *e, unsigned vr);
enum dcm_do deid_keep_text(struct deid *d, struct dcm_element *e, unsigned vr);
enum dcm_do deid_cleaned(struct deid *d, struct dcm_element *e, unsigned vr);
enum dcm_do deid_other_uids(struct deid *d, struct dcm_element *e);

/* The id that the profile's list of patients gives, if it has this one. */
bool deid_listed(
    struct deid *d, const void *id, size_t n, char out[PSEUDO_MAX]);

bool deid_is_text(unsigned vr);
bool deid_allowed(unsigned vr, char c); /* in the repertoire of the VR */
size_t deid_without_padding(const char *p, size_t n);

/* ---- deid_element.c: the rule for every element, for dcm_apply() ---- */
enum dcm_do deid_rule(void *arg, struct dcm_element *e);

/* ---- deid_digest.c: over everything that decides ---- */
void deid_rules_digest(const struct deid_profile *p, char out[17]);

#endif
