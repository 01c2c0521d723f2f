#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "deid.h"
#include "dict.h"
#include "explain.h"
#include "hash.h"
#include "mask.h"
#include "patients.h"
#include "rules.h"
#include "srclean.h"
#include "word.h"

#define RULES                                                                  \
	"mdm rules 2" /* counts up when the code below decides otherwise */
#define DUMMY "ANONYMIZED"

#define STUDY_UID 0x0020000d
#define SERIES_UID 0x0020000e
#define SOP_UID 0x00080018
#define SOP_CLASS 0x00080016
#define MODALITY 0x00080060
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

enum deid_action
deid_decide(enum deid_action a, enum iod_type type)
{
	/*                  unknown   1       2       3 */
	static const unsigned char of[DEID_ACTIONS][4] = {
		[DEID_K] = { DEID_K, DEID_K, DEID_K, DEID_K },
		[DEID_X] = { DEID_X, DEID_X, DEID_X, DEID_X },
		[DEID_Z] = { DEID_Z, DEID_Z, DEID_Z, DEID_Z },
		[DEID_D] = { DEID_D, DEID_D, DEID_D, DEID_D },
		[DEID_U] = { DEID_U, DEID_U, DEID_U, DEID_U },
		[DEID_XD] = { DEID_D, DEID_D, DEID_D, DEID_X },
		[DEID_XZ] = { DEID_Z, DEID_Z, DEID_Z, DEID_X },
		[DEID_XZD] = { DEID_D, DEID_D, DEID_Z, DEID_X },
		[DEID_XZU] = { DEID_U, DEID_U, DEID_Z, DEID_X },
		[DEID_ZD] = { DEID_D, DEID_D, DEID_Z, DEID_Z },
	};

	if (a >= DEID_CLEAN)
		return a;

	return of[a][type];
}

const struct deid_row *
deid_find(uint32_t tag)
{
	size_t lo = 0, hi = deid_row_count, i;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (deid_rows[mid].tag == tag)
			return &deid_rows[mid];
		if (deid_rows[mid].tag < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (i = 0; i < deid_range_count; i++)
		if ((tag & deid_ranges[i].mask) == deid_ranges[i].row.tag)
			return &deid_ranges[i].row;
	return NULL;
}

/* Where a row's action is. */
static size_t
row_index(const struct deid_row *row)
{
	size_t i;

	if (row >= deid_rows && row < deid_rows + deid_row_count)
		return (size_t)(row - deid_rows);
	for (i = 0; &deid_ranges[i].row != row; i++)
		;
	return deid_row_count + i;
}

/* Is it a date or time, or the offset of some? */
static bool
is_date(const struct deid_row *row)
{
	static const char *const vr[] = { "DA", "DT", "TM" };
	size_t i;

	for (i = 0; i < sizeof vr / sizeof *vr; i++)
		if (strcmp(row->vr, vr[i]) == 0)
			return true;
	return row->tag == TIMEZONE;
}

/*
 * What the options make of a row.  Of several that have a say, one that cleans
 * comes before one that retains.  Dates that are retained are moved as far as
 * all are, which is nowhere unless the option for that is chosen.
 */
static enum deid_action
with_options(const struct deid_row *row, const struct deid_profile *p)
{
	enum deid_action a = row->action;
	int i;

	for (i = 0; i < PROFILE_OPTIONS; i++) {
		int column = profile_options[i].column;
		char c = column < 0 ? '-' : row->option[column];

		if (c == '-' || !profile_has(p, (enum profile_option)i))
			continue;
		if (is_date(row))
			a = DEID_DATE;
		else if (c == 'K')
			a = DEID_K;
		else if (i == PROFILE_RETAIN_MODIFIED_DATES)
			a = row->action; /* a time in a form of its own */
		else
			return DEID_CLEAN;
	}
	return a;
}

/* The user's own rule for a row, or what the options make of it. */
static enum deid_action
for_row(const struct deid_row *row, const struct deid_profile *p)
{
	const struct rule *own = rules_tag(p->rules, row->tag);

	return own ? own->action : with_options(row, p);
}

/* Decide what can be decided before there is an object. */
static void
decide(struct deid *d)
{
	size_t i, n = deid_row_count + deid_range_count;

	if ((d->action = malloc(n)) == NULL)
		die(EXIT_IO, "out of memory");
	for (i = 0; i < n; i++)
		d->action[i] = (unsigned char)for_row(
		    i < deid_row_count ? &deid_rows[i]
				       : &deid_ranges[i - deid_row_count].row,
		    d->profile);
}

/* Does it depend on the type of the attribute? */
static bool
open_choice(enum deid_action a)
{
	return a >= DEID_XD && a <= DEID_ZD;
}

/* The action for an element of which there is a row. */
static enum deid_action
action_of(
    struct deid *d, const struct dcm_element *e, const struct deid_row *row)
{
	enum deid_action a = d->action[row_index(row)];
	uint32_t in = e->depth ? d->sequence[e->depth] : 0;

	return open_choice(a) ? deid_decide(a, iod_type(d->kind, in, e->tag))
			      : a;
}

static bool
structural(uint32_t tag)
{
	size_t i;

	for (i = 0; i < deid_structural_count; i++)
		if (deid_structural[i] == tag)
			return true;
	return false;
}

/*
 * What the table does not say about whole groups: commands, file meta
 * information and directories have no place in a data set; group lengths are
 * void once something was removed; an overlay without its Overlay Data (which
 * the table removes) is not valid, and its label is free text.
 */
static bool
drops_group(uint32_t tag)
{
	unsigned group = TAG_GROUP(tag);

	return TAG_PRIVATE(tag) || group < 8 || (tag & 0xffff) == 0 ||
	       (group & 0xffe1) == 0x5000 || (group & 0xffe1) == 0x6000;
}

bool
deid_removes(const struct deid *d, uint32_t tag)
{
	const struct deid_row *row;
	const struct rule *own;

	if (drops_group(tag))
		return true;
	if ((row = deid_find(tag)) != NULL)
		return d->action[row_index(row)] == DEID_X;
	if ((own = rules_tag(d->profile->rules, tag)) != NULL)
		return own->action == DEID_X;
	return dict_vr(tag) == 0;
}

bool
deid_drops(const struct deid *d, uint32_t tag)
{
	/* Removed, but needed before that. */
	if (tag == ISSUER || (d->clean && clean_needs(d->clean, tag)))
		return false;
	return deid_removes(d, tag);
}

/* Room for n bytes that take a value's place. */
static void
value_room(struct deid *d, size_t n)
{
	if (n <= d->value_size)
		return;
	free(d->value);
	d->value_size = n * 2;
	if ((d->value = malloc(d->value_size)) == NULL)
		die(EXIT_IO, "out of memory");
}

static const char *
replacement(struct deid *d, const char *text)
{
	size_t n = strlen(text) + 1;

	value_room(d, n);
	memcpy(d->value, text, n);
	return d->value;
}

static enum dcm_do
replace(struct deid *d, struct dcm_element *e, const char *text)
{
	e->with = replacement(d, text);
	e->with_size = strlen(text);
	/* Even, in VRs that DCMTK takes for bytes. */
	if (e->with_size % 2 != 0 && (e->vr == 0 || e->vr == VR('U', 'N')))
		e->with_size++;
	return DCM_REPLACE;
}

/* As many zeros as there were values of n bytes, or one. */
static enum dcm_do
zeros(struct dcm_element *e, size_t n)
{
	static const char zero[64];

	e->with = zero;
	e->with_size = e->size % n == 0 && e->size <= sizeof zero ? e->size : n;
	return DCM_REPLACE;
}

/* A value that says nothing, of the right kind. */
static enum dcm_do
dummy(struct deid *d, struct dcm_element *e, unsigned vr)
{
	if (e->size == 0)
		return DCM_KEEP; /* nothing to hide */
	switch (vr) {
	case VR('D', 'A'):
		return replace(d, e, "19000101");
	case VR('T', 'M'):
		return replace(d, e, "000000");
	case VR('D', 'T'):
		return replace(d, e, "19000101000000");
	case VR('A', 'S'):
		return replace(d, e, "000Y");
	case VR('D', 'S'):
	case VR('I', 'S'):
		return replace(d, e, "0 ");
	case VR('U', 'R'):
		return replace(d, e, "urn:" DUMMY);
	case VR('A', 'E'):
	case VR('C', 'S'):
	case VR('L', 'O'):
	case VR('L', 'T'):
	case VR('P', 'N'):
	case VR('S', 'H'):
	case VR('S', 'T'):
	case VR('U', 'C'):
	case VR('U', 'T'):
		return replace(d, e, DUMMY);
	case VR('A', 'T'):
	case VR('F', 'L'):
	case VR('O', 'F'):
	case VR('O', 'L'):
	case VR('S', 'L'):
	case VR('U', 'L'):
		return zeros(e, 4);
	case VR('F', 'D'):
	case VR('O', 'D'):
	case VR('O', 'V'):
	case VR('S', 'V'):
	case VR('U', 'V'):
		return zeros(e, 8);
	}
	return zeros(e, 2);
}

/*
 * UIDs that the standard itself registers for things, not for kinds of
 * things: frames of reference of atlases, colour palettes.
 */
static bool
well_known(const char *uid, size_t n)
{
	static const char *const prefix[] = { "1.2.840.10008.1.4.",
		"1.2.840.10008.1.5." };
	size_t i, k;

	for (i = 0; i < sizeof prefix / sizeof *prefix; i++) {
		k = strlen(prefix[i]);
		if (n > k && n <= k + 4 && memcmp(uid, prefix[i], k) == 0)
			return true;
	}
	return false;
}

static size_t
without_padding(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\0' || p[n - 1] == ' '))
		n--;
	return n;
}

/* Every value of a UI element by its pseudonym. */
static enum dcm_do
other_uids(struct deid *d, struct dcm_element *e)
{
	const char *p = dcm_value(d->set, e), *end;
	size_t n = p ? without_padding(p, e->size) : 0, k;
	char *o, uid[PSEUDO_MAX];

	if (n == 0)
		return DCM_KEEP;
	for (k = 1, o = memchr(p, '\\', n); o; k++)
		o = memchr(o + 1, '\\', n - (size_t)(o + 1 - p));
	/* Each value has PSEUDO_MAX with its delimiter, or is kept. */
	value_room(d, n + k * PSEUDO_MAX + 1);
	for (o = d->value; n > 0; p = end + 1) {
		end = memchr(p, '\\', n);
		k = end ? (size_t)(end - p) : n;
		if (k == 0 || well_known(p, without_padding(p, k))) {
			memcpy(o, p, k);
			o += k;
		} else {
			pseudo_uid(d->pseudo, uid, p, k);
			o = stpcpy(o, uid);
		}
		if (end == NULL)
			break;
		*o++ = '\\';
		n -= k + 1;
	}
	if ((o - d->value) % 2 != 0 && e->vr != VR('U', 'I'))
		*o++ = '\0';
	e->with = d->value;
	e->with_size = (size_t)(o - d->value);
	return DCM_REPLACE;
}

static bool
is_text(unsigned vr)
{
	switch (vr) {
	case VR('A', 'E'):
	case VR('A', 'S'):
	case VR('C', 'S'):
	case VR('D', 'A'):
	case VR('D', 'S'):
	case VR('D', 'T'):
	case VR('I', 'S'):
	case VR('L', 'O'):
	case VR('L', 'T'):
	case VR('P', 'N'):
	case VR('S', 'H'):
	case VR('S', 'T'):
	case VR('T', 'M'):
	case VR('U', 'C'):
	case VR('U', 'I'):
	case VR('U', 'R'):
	case VR('U', 'T'):
		return true;
	}
	return false;
}

/* Is c in the repertoire of the VR? Text hides in what should be a number. */
static bool
allowed(unsigned vr, char c)
{
	if ((c >= '0' && c <= '9') || c == '\\' || c == ' ')
		return true;
	switch (vr) {
	case VR('C', 'S'):
		return (c >= 'A' && c <= 'Z') || c == '_';
	case VR('D', 'S'):
		return c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
	case VR('I', 'S'):
		return c == '+' || c == '-';
	case VR('A', 'S'):
		return c == 'D' || c == 'W' || c == 'M' || c == 'Y';
	case VR('U', 'I'):
		return c == '.';
	}
	return (unsigned char)c >= ' ' || c == '\t' || c == '\n' || c == '\f' ||
	       c == '\r' || c == '\033';
}

/*
 * A value that stays must be what its VR says; what follows a NUL, which most
 * readers do not show, does not stay.
 */
static enum dcm_do
keep_text(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const char *p = dcm_value(d->set, e), *nul;
	size_t n = p ? without_padding(p, e->size) : 0, i;

	for (i = 0; i < n && allowed(vr, p[i]); i++)
		;
	if (i == n)
		return DCM_KEEP;
	nul = memchr(p, '\0', n);
	if (nul == NULL || i < (size_t)(nul - p))
		return vr == VR('L', 'O') || vr == VR('S', 'H') ||
			       vr == VR('U', 'C')
			   ? DCM_KEEP
			   : DCM_EMPTY;
	value_room(d, n + 1);
	n = (size_t)(nul - p);
	memcpy(d->value, p, n);
	if (n % 2 != 0)
		d->value[n++] = ' ';
	e->with = d->value;
	e->with_size = n;
	return DCM_REPLACE;
}

/* Text stays, without the identity in it. */
static enum dcm_do
clean(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const char *p = dcm_value(d->set, e), *nul;
	size_t n = p ? without_padding(p, e->size) : 0, m = n;
	enum cleantext_result r;
	const void *out;

	if (n == 0)
		return DCM_KEEP;
	if ((nul = memchr(p, '\0', n)) != NULL)
		n = (size_t)(nul - p);
	r = clean_value(d->clean, e, vr, p, n, &out, &m);
	if (r == CLEANTEXT_CANNOT)
		return dummy(d, e, vr);
	if (r == CLEANTEXT_SAME && nul == NULL)
		return keep_text(d, e, vr);
	value_room(d, m + 1);
	memcpy(d->value, out, m);
	if (m % 2 != 0)
		d->value[m++] = ' ';
	e->with = d->value;
	e->with_size = m;
	return DCM_REPLACE;
}

/* Codes, of which only what is a name in the object is taken out. */
static bool
is_code(uint32_t tag)
{
	return tag == CODE_VALUE || tag == CODING_SCHEME ||
	       tag == SCHEME_VERSION || tag == 0x00080105;
}

/* Is text that no rule names to be cleaned? */
static bool
cleans(const struct deid *d, const struct dcm_element *e, unsigned vr)
{
	switch (vr) {
	case VR('L', 'O'):
	case VR('S', 'H'):
	case VR('U', 'C'):
		return d->mode[e->depth] != NORMAL && !is_code(e->tag);
	case VR('L', 'T'):
	case VR('S', 'T'):
	case VR('U', 'T'):
		return d->mode[e->depth] != NORMAL ||
		       profile_has(d->profile, PROFILE_CLEAN_DESCRIPTORS);
	}
	return false;
}

/* What a date's time was, before any was moved. */
static size_t
time_of(struct deid *d, struct dcm_element *e, char *out, size_t size)
{
	bool before;
	uint32_t tag = dates_time_of(e->tag, &before);
	size_t n = tag ? dcm_peek(d->set, e, &tag, 1, out, size) : 0;

	if (n > 0 && before)
		dates_unmove(&d->names->shift, out, n);
	return n;
}

/* +HHMM or -HHMM, as it is. */
static enum dcm_do
timezone_offset(struct deid *d, struct dcm_element *e)
{
	const char *p = dcm_value(d->set, e);
	size_t n = p ? without_padding(p, e->size) : 0, i;

	if (n == 0)
		return DCM_KEEP;
	if (n != 5 || (*p != '+' && *p != '-'))
		return DCM_REMOVE;
	for (i = 1; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return DCM_REMOVE;
	return DCM_KEEP;
}

/* A date or time that stays, moved as far as all are; a dummy if it is none. */
static enum dcm_do
date(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const char *p = dcm_value(d->set, e);
	size_t n = p ? without_padding(p, e->size) : 0, k = 0;
	char time[256];

	if (e->tag == TIMEZONE)
		return timezone_offset(d, e);
	if (vr != VR('D', 'A') && vr != VR('D', 'T') && vr != VR('T', 'M'))
		return DCM_REMOVE;
	if (n == 0)
		return DCM_KEEP;
	if (n >= sizeof d->dates)
		return dummy(d, e, vr);
	if (vr == VR('D', 'A') && d->names->shift.minutes != 0)
		k = time_of(d, e, time, sizeof time);
	if (!dates_move(&d->names->shift, vr, p, n, time, k, d->dates))
		return dummy(d, e, vr);
	if (memcmp(d->dates, p, n) == 0 && n == without_padding(p, e->size))
		return DCM_KEEP;
	if (n % 2 != 0)
		d->dates[n++] = ' ';
	e->with = d->dates;
	e->with_size = n;
	return DCM_REPLACE;
}

/* An age that stays, unless it is above that of nearly all. */
static enum dcm_do
age(struct deid *d, struct dcm_element *e)
{
	const char *p = dcm_value(d->set, e);
	size_t n = p ? without_padding(p, e->size) : 0;

	if (n == 0)
		return DCM_KEEP;
	if (!dates_age(p, n, d->dates))
		return DCM_EMPTY;
	if (memcmp(d->dates, p, 4) == 0)
		return DCM_KEEP;
	e->with = d->dates;
	e->with_size = 4;
	return DCM_REPLACE;
}

/* Do dates stay, moved or not? */
static bool
keeps_dates(const struct deid *d)
{
	return profile_has(d->profile, PROFILE_RETAIN_FULL_DATES) ||
	       profile_has(d->profile, PROFILE_RETAIN_MODIFIED_DATES);
}

/* What the table does not list, by the kind of value it is. */
static enum dcm_do
by_vr(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const void *p;

	if (cleans(d, e, vr))
		return clean(d, e, vr);
	/* What has no rule, a code or its meaning, only loses names and ids. */
	if (d->clean &&
	    (vr == VR('L', 'O') || vr == VR('S', 'H') || vr == VR('U', 'C')) &&
	    e->tag != CODING_SCHEME && e->tag != SCHEME_VERSION &&
	    (p = dcm_value(d->set, e)) != NULL &&
	    clean_hides(d->clean, p, e->size))
		return clean(d, e, vr);
	switch (vr) {
	case VR('P', 'N'):
	case VR('A', 'E'):
	case VR('U', 'R'):
		return DCM_EMPTY;
	case VR('D', 'A'):
	case VR('D', 'T'):
	case VR('T', 'M'):
		return keeps_dates(d) ? date(d, e, vr) : dummy(d, e, vr);
	case VR('L', 'T'):
	case VR('S', 'T'):
	case VR('U', 'T'):
		return dummy(d, e, vr);
	case VR('A', 'S'):
		return age(d, e);
	case VR('U', 'I'):
		return structural(e->tag) ||
			       profile_has(d->profile, PROFILE_RETAIN_UIDS)
			   ? keep_text(d, e, vr)
			   : other_uids(d, e);
	}
	return is_text(vr) ? keep_text(d, e, vr) : DCM_KEEP;
}

/* The id that a list of patients gives. */
static bool
listed(struct deid *d, const void *id, size_t n, char out[PSEUDO_MAX])
{
	const struct patients *list = d->profile->patients;
	const char *given =
	    list ? patients_find(list, d->issuer, d->issuer_len, id, n) : NULL;

	if (given != NULL)
		strcpy(out, given);
	return given != NULL;
}

/* Attributes that have a pseudonym of their own. */
static bool
special(struct deid *d, struct dcm_element *e, enum dcm_do *what)
{
	char text[PSEUDO_MAX];
	const void *p;

	if (e->sequence)
		return false;
	switch (e->tag) {
	case PATIENT_NAME:
		if (e->depth > 0)
			return false;
		*what = replace(d, e, d->names->patient);
		return true;
	case PATIENT_ID:
		if (e->depth == 0) {
			*what = replace(d, e, d->names->patient);
			return true;
		}
		if ((p = dcm_value(d->set, e)) == NULL)
			return false;
		if (!listed(d, p, e->size, text))
			pseudo_patient(d->pseudo, text, d->issuer,
			    d->issuer_len, p, e->size);
		break;
	case ACCESSION:
	case STUDY_ID:
		p = dcm_value(d->set, e);
		if (p == NULL || without_padding(p, e->size) == 0 ||
		    rules_tag(d->profile->rules, e->tag) != NULL)
			return false;
		pseudo_id(d->pseudo, text,
		    e->tag == STUDY_ID ? "study" : "accession", p, e->size);
		break;
	default:
		return false;
	}
	*what = replace(d, e, text);
	return true;
}

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

/* A keyed pseudonym of a value, where its VR has room for one. */
static enum dcm_do
hash(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const void *p = dcm_value(d->set, e);
	size_t n = p ? without_padding(p, e->size) : 0;
	char text[PSEUDO_MAX];

	if (n == 0)
		return DCM_KEEP;
	switch (vr) {
	case VR('U', 'I'):
		return other_uids(d, e);
	case VR('A', 'E'):
	case VR('C', 'S'):
	case VR('L', 'O'):
	case VR('L', 'T'):
	case VR('P', 'N'):
	case VR('S', 'H'):
	case VR('S', 'T'):
	case VR('U', 'C'):
	case VR('U', 'T'):
		pseudo_id(d->pseudo, text, "hash", p, n);
		return replace(d, e, text);
	}
	return dummy(d, e, vr);
}

/* The user's own rule for what the table does not have, or NULL. */
static const struct rule *
own_rule(const struct deid *d, uint32_t tag, unsigned vr)
{
	const struct rules *r = d->profile->rules;
	const struct rule *own = rules_tag(r, tag);

	return own ? own : rules_vr(r, vr);
}

/* The value that the profile gives. */
static enum dcm_do
given(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const struct rule *own = own_rule(d, e->tag, vr);

	return own && own->value ? replace(d, e, own->value) : dummy(d, e, vr);
}

/* A value, by the action for it. */
static enum dcm_do
value(
    struct deid *d, struct dcm_element *e, enum deid_action action, unsigned vr)
{
	enum dcm_do what;

	if (special(d, e, &what))
		return what;
	switch (action) {
	case DEID_CLEAN:
		if (d->clean && is_text(vr))
			return clean(d, e, vr);
		return DCM_REMOVE;
	case DEID_HASH:
		return hash(d, e, vr);
	case DEID_VALUE:
		return given(d, e, vr);
	case DEID_REJECT:
		return DCM_REMOVE;
	case DEID_DATE:
		return date(d, e, vr);
	case DEID_Z:
		return DCM_EMPTY;
	case DEID_D:
		return vr == VR('U', 'I') ? other_uids(d, e) : dummy(d, e, vr);
	case DEID_U:
		return other_uids(d, e);
	default:
		if (vr == VR('A', 'S'))
			return age(d, e);
		return is_text(vr) ? keep_text(d, e, vr) : DCM_KEEP;
	}
}

/* In the item of a sequence that is a dummy, everything is. */
static enum dcm_do
in_dummy(struct deid *d, struct dcm_element *e, unsigned vr)
{
	switch (e->tag) {
	case 0x0040a010: /* Relationship Type */
	case 0x0040a040: /* Value Type */
	case 0x0040a050: /* Continuity Of Content */
		return keep_text(d, e, vr);
	}
	return vr == VR('U', 'I') ? by_vr(d, e, vr) : dummy(d, e, vr);
}

/* Of a reference, UIDs and the numbers of frames or segments. */
static enum dcm_do
in_reference(struct deid *d, struct dcm_element *e, unsigned vr)
{
	switch (vr) {
	case VR('U', 'I'):
	case VR('I', 'S'):
		return by_vr(d, e, vr);
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
	if (!is_text(vr))
		*what = DCM_REMOVE;
	else if (a == DEID_K)
		*what = vr == VR('P', 'N') || vr == VR('U', 'T')
			    ? clean(d, e, vr)
			    : keep_text(d, e, vr);
	else if (a == DEID_CLEAN)
		*what = clean(d, e, vr);
	else if (a == DEID_DATE)
		*what = value(d, e, DEID_DATE, vr);
	else
		*what = vr == VR('U', 'I') ? other_uids(d, e) : dummy(d, e, vr);
	return true;
}

/* Is it text, as far as that can be told? */
static bool
printable(const char *p, size_t n)
{
	size_t i;

	n = without_padding(p, n);
	for (i = 0; i < n && allowed(VR('L', 'T'), p[i]); i++)
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
		vr = date_vr(vr, p, without_padding(p, e->size));
	if (a != DEID_K)
		return value(d, e, a, vr);
	switch (vr) {
	case VR('L', 'O'):
	case VR('S', 'H'):
	case VR('U', 'C'):
	case VR('L', 'T'):
	case VR('S', 'T'):
	case VR('U', 'T'):
	case VR('C', 'S'):
		if (!private_is_creator(e->tag))
			return clean(d, e, vr);
		return keep_text(d, e, vr);
	case VR('U', 'I'):
		return by_vr(d, e, vr);
	}
	if ((p = dcm_value(d->set, e)) == NULL)
		return DCM_KEEP;
	if (vr == VR('U', 'N') && printable(p, e->size))
		return clean(d, e, vr);
	/* Text may be in anything but a few numbers. */
	if (e->size > 8 && clean_hides(d->clean, p, e->size))
		return DCM_REMOVE;
	return by_vr(d, e, vr);
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
	if (drops_group(e->tag) || vr == 0)
		return DCM_REMOVE;
	if (TAG_GROUP(e->tag) == 0x7fe0 && e->depth > 0)
		return DCM_REMOVE; /* only ever in an icon */
	if ((row = deid_find(e->tag)) != NULL)
		action = action_of(d, e, row);
	else if ((own = own_rule(d, e->tag, vr)) != NULL)
		action = own->action;
	if (action == DEID_REJECT)
		return reject(d, e);
	if (said == 0 || said == VR('U', 'N'))
		said = vr;
	if (vr == VR('S', 'Q') ? !e->sequence && said != vr : e->sequence)
		return DCM_REMOVE; /* not what it should be */
	if (vr == VR('S', 'Q'))
		return sequence(d, e, action);
	if (is_text(vr) != is_text(said) || action == DEID_X)
		return DCM_REMOVE;
	if (d->mode[e->depth] == DUMMIES)
		return in_dummy(d, e, said);
	if (d->mode[e->depth] == REFERENCES)
		return in_reference(d, e, said);
	if (d->mode[e->depth] == CONTENT && in_content(d, e, said, &what))
		return what;
	if (row != NULL || own != NULL)
		return value(d, e, action, said);
	/* Two opinions on what it is: both must agree to keep it. */
	if (said != vr && is_text(vr)) {
		what = by_vr(d, e, vr);
		return what == DCM_KEEP ? by_vr(d, e, said) : what;
	}
	return by_vr(d, e, said);
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
	if (drops_group(e->tag))
		return "group";
	if (vr == 0)
		return "unknown";
	if (d->mode[e->depth] != NORMAL)
		return mode[d->mode[e->depth]];
	if (row != NULL)
		snprintf(out, 32, "E.1-1:%s:%s", action[row->action],
		    action[action_of(d, e, row)]);
	else if (own_rule(d, e->tag, vr) != NULL)
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
static enum dcm_do
rule(void *arg, struct dcm_element *e)
{
	struct deid *d = arg;
	enum dcm_do what = element(d, e);
	char name[32];

	if (d->explain != NULL)
		explain_element(d->explain, e, what, rule_name(d, e, name));
	return what;
}

/* What is not from the object. */
static void
explain_ours(const struct deid *d)
{
	static const uint32_t ours[] = { PATIENT_NAME, PATIENT_ID,
		REMOVED_IDENTITY, METHOD, METHOD_CODE, DATES_MODIFIED };
	size_t i;

	for (i = 0; d->explain && i < sizeof ours / sizeof *ours; i++)
		explain_top(d->explain, ours[i], "set", "de-identification");
}

static void
add_row(struct sums *s, const struct deid_row *r)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%08x %s %d %s\n", (unsigned)r->tag,
	    r->vr, r->action, r->option);

	sums_add(s, text, (size_t)n);
}

/* What is known of private elements and of content items. */
static void
add_clean(struct sums *s)
{
	char text[160];
	size_t i;

	for (i = 0; i < private_creator_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%s %d\n",
			private_creators[i].name, private_creators[i].count));
	for (i = 0; i < private_row_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%04x%02x %s %c%c\n",
			private_rows[i].group, private_rows[i].low,
			private_rows[i].vr, private_rows[i].safe,
			private_rows[i].tcia));
	for (i = 0; i < srclean_row_count; i++)
		sums_add(s, text,
		    (size_t)snprintf(text, sizeof text, "%s %s %s %d %s\n",
			srclean_rows[i].code, srclean_rows[i].scheme,
			srclean_rows[i].type, srclean_rows[i].action,
			srclean_rows[i].option));
}

/* Over everything that decides: table, dictionary, RULES and the profile. */
static void
digest(const struct deid_profile *p, char out[17])
{
	struct sums s = { 0 };
	struct sums_text t;
	char text[32];
	size_t i;

	sums_begin(&s);
	sums_add(&s, RULES, sizeof RULES);
	for (i = 0; i < deid_row_count; i++)
		add_row(&s, &deid_rows[i]);
	for (i = 0; i < deid_range_count; i++)
		add_row(&s, &deid_ranges[i].row);
	for (i = 0; i < deid_structural_count; i++)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "%08x\n",
			(unsigned)deid_structural[i]));
	for (i = 0; i < dict_count; i++)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "%012llx\n",
			(unsigned long long)dict_entries[i]));
	if (p->masks != NULL)
		sums_add(&s, mask_digest(p->masks), 16);
	if (p->accepted != 0 || p->faces != PROFILE_FACES_WARN)
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "accept %x faces %d\n",
			p->accepted, (int)p->faces));
	if (clean_wanted(p))
		add_clean(&s);
	if (p->options != 0)
		sums_add(&s, text,
		    (size_t)snprintf(
			text, sizeof text, "options %03x\n", p->options));
	sums_add(&s, rules_text(p->rules), strlen(rules_text(p->rules)));
	if (p->archive)
		sums_add(&s, "archive\n", 8);
	if (p->patients != NULL)
		sums_add(&s, "patients\n", 9);
	if (profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		sums_add(&s, text,
		    (size_t)snprintf(text, sizeof text, "shift %d %d %d\n",
			p->shift_min, p->shift_max, p->shift_time));
	sums_end(&s, &t);
	memcpy(out, t.sha256, 16);
	out[16] = '\0';
}

struct deid *
deid_new(struct pseudo *p, const struct deid_profile *profile)
{
	struct deid *d = calloc(1, sizeof *d);

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	d->pseudo = p;
	d->profile = profile ? profile : (d->basic = profile_new());
	decide(d);
	if (clean_wanted(d->profile))
		d->clean = clean_new(d->profile);
	digest(d->profile, d->digest);
	return d;
}

int
deid_words(struct deid *d, int fd, const char *name, struct why *w)
{
	char id[PSEUDO_MAX], text[PSEUDO_MAX + 17];
	unsigned char sum[32];
	int n;

	if (d->clean == NULL)
		return why_set(
		    w, EXIT_USAGE, "--words needs an option that cleans text");
	if (cleantext_words(clean_text(d->clean), fd, name, w) < 0)
		return -1;
	/*
	 * Part of the rules, but under the site's key: what a short list
	 * holds could be guessed from a plain digest.
	 */
	cleantext_digest(clean_text(d->clean), sum);
	pseudo_id(d->pseudo, id, "words", sum, sizeof sum);
	n = snprintf(text, sizeof text, "%s %s", d->digest, id);
	sha256(sum, text, (size_t)n);
	hex_encode(text, sum, 8);
	memcpy(d->digest, text, sizeof d->digest);
	return 0;
}

void
deid_free(struct deid *d)
{
	if (d == NULL)
		return;
	profile_free(d->basic);
	clean_free(d->clean);
	free(d->action);
	free(d->value);
	free(d);
}

const char *
deid_profile(const struct deid *d)
{
	return d->profile->name;
}

const char *
deid_digest(const struct deid *d)
{
	return d->digest;
}

static int
new_uid(struct deid *d, struct dcm *set, uint32_t tag, char out[PSEUDO_MAX],
    struct why *w)
{
	char old[1024];
	size_t n = dcm_get(set, tag, old, sizeof old);

	if (n == 0)
		return why_set(w, EXIT_DATA, "(%04x,%04x): missing",
		    (unsigned)(tag >> 16), (unsigned)(tag & 0xffff));
	if (!profile_has(d->profile, PROFILE_RETAIN_UIDS)) {
		pseudo_uid(d->pseudo, out, old, n);
		return 0;
	}
	if (n >= PSEUDO_MAX || old[strspn(old, "0123456789.")] != '\0')
		return why_set(w, EXIT_DATA, "(%04x,%04x): not a UID",
		    (unsigned)(tag >> 16), (unsigned)(tag & 0xffff));
	memcpy(out, old, n + 1);
	return 0;
}

/*
 * Every UID that may need a pseudonym, so that one question to the keeper of
 * the key serves the whole object.
 */
static enum dcm_do
want(void *arg, struct dcm_element *e)
{
	struct deid *d = arg;
	unsigned vr = e->vr ? e->vr : dict_vr(e->tag);
	const char *p, *end;
	size_t n;

	if (e->sequence || vr != VR('U', 'I') || structural(e->tag) ||
	    (p = dcm_value(d->set, e)) == NULL)
		return DCM_KEEP;
	for (n = e->size; n > 0; n -= (size_t)(end + 1 - p), p = end + 1) {
		if ((end = memchr(p, '\\', n)) == NULL)
			end = p + n - 1;
		if (*end != '\\')
			pseudo_want_uid(d->pseudo, p, n);
		else if (end > p)
			pseudo_want_uid(d->pseudo, p, (size_t)(end - p));
	}
	return DCM_KEEP;
}

/* How far the patient's dates are moved: the same in every object. */
static struct dates_shift
shift_of(struct deid *d, const char *id, size_t n)
{
	const struct deid_profile *p = d->profile;
	struct dates_shift s = { 0, 0 };
	uint64_t v;

	if (!profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		return s;
	v = pseudo_number(d->pseudo, "shift", d->issuer, d->issuer_len, id, n);
	s.days = p->shift_min +
		 (int)(v % (uint64_t)(p->shift_max - p->shift_min + 1));
	if (p->shift_time) {
		v = pseudo_number(
		    d->pseudo, "minutes", d->issuer, d->issuer_len, id, n);
		s.minutes = 1 + (int)(v % (24 * 60 - 1));
	}
	return s;
}

/* Who it is, before that is removed. */
static int
name(struct deid *d, struct dcm *set, struct deid_names *o, struct why *w)
{
	char id[1024], *p;
	size_t n;

	if (new_uid(d, set, STUDY_UID, o->study, w) < 0 ||
	    new_uid(d, set, SERIES_UID, o->series, w) < 0 ||
	    new_uid(d, set, SOP_UID, o->sop, w) < 0)
		return -1;
	d->issuer_len = dcm_get(set, ISSUER, d->issuer, sizeof d->issuer);
	n = dcm_get(set, PATIENT_ID, id, sizeof id);
	if (n == 0) /* nobody in particular: each study its own patient */
		n = dcm_get(set, STUDY_UID, id, sizeof id);
	if (!listed(d, id, n, o->patient)) {
		if (d->profile->patients != NULL)
			return why_set(
			    w, EXIT_DATA, "(0010,0020): not a listed patient");
		pseudo_patient(
		    d->pseudo, o->patient, d->issuer, d->issuer_len, id, n);
	}
	o->shift = shift_of(d, id, n);
	dcm_get(set, SOP_CLASS, o->sop_class, sizeof o->sop_class);
	if (o->sop_class[strspn(o->sop_class, "0123456789.")] != '\0')
		o->sop_class[0] = '\0';
	dcm_get(set, MODALITY, o->modality, sizeof o->modality);
	for (p = o->modality; *p && *p != '\\' && allowed(VR('C', 'S'), *p);)
		p++;
	if (*p != '\0')
		o->modality[0] = '\0';
	return 0;
}

/*
 * The profile and each option that was applied, by its code; what is done to
 * an image is said where it is done.
 */
static int
put_codes(struct deid *d, struct dcm *set, struct why *w)
{
	int i;

	if (dcm_put_code(set, METHOD_CODE, "113100", "DCM",
		"Basic Application Confidentiality Profile", w) < 0)
		return -1;
	for (i = PROFILE_CLEAN_GRAPHICS; i < PROFILE_OPTIONS; i++)
		if (profile_has(d->profile, (enum profile_option)i) &&
		    dcm_add_code(set, METHOD_CODE, profile_options[i].code,
			"DCM", profile_options[i].meaning, w) < 0)
			return -1;
	return 0;
}

static const char *
dates_are(const struct deid *d)
{
	if (profile_has(d->profile, PROFILE_RETAIN_FULL_DATES))
		return "UNMODIFIED";
	return profile_has(d->profile, PROFILE_RETAIN_MODIFIED_DATES)
		   ? "MODIFIED"
		   : "REMOVED";
}

/* The profile by its name, and the rules by their digest. */
static void
method_text(const struct deid *d, char *out, size_t size)
{
	const char *name = d->profile->name;

	if (strcmp(name, "basic") == 0)
		snprintf(out, size, "PS3.15 2026d Basic Profile, rules %s",
		    d->digest);
	else
		snprintf(out, size, "PS3.15 2026d, profile %s, rules %s", name,
		    d->digest);
}

int
deid_apply(
    struct deid *d, struct dcm *set, struct deid_names *names, struct why *w)
{
	char method[64];

	d->set = set;
	if (dcm_apply(set, want, d, w) < 0 || name(d, set, names, w) < 0)
		return -1;
	d->names = names;
	d->mode[0] = NORMAL;
	if (d->clean && clean_begin(d->clean, set, w) < 0)
		return -1;
	d->kind = iod_kind(names->sop_class);
	if (rules_rejects(d->profile->rules, names->sop_class))
		return why_set(w, EXIT_DATA,
		    "(0008,0016): the profile takes no object of this class");
	d->rejected = 0;
	if (dcm_apply(set, rule, d, w) < 0)
		return -1;
	if (d->rejected != 0)
		return why_set(w, EXIT_DATA,
		    "(%04x,%04x): the profile takes no object that has it",
		    TAG_GROUP(d->rejected), (unsigned)(d->rejected & 0xffff));
	explain_ours(d);
	method_text(d, method, sizeof method);
	if (dcm_put(set, PATIENT_NAME, VR('P', 'N'), names->patient, w) < 0 ||
	    dcm_put(set, PATIENT_ID, VR('L', 'O'), names->patient, w) < 0 ||
	    dcm_put(set, REMOVED_IDENTITY, VR('C', 'S'), "YES", w) < 0 ||
	    dcm_put(set, METHOD, VR('L', 'O'), method, w) < 0 ||
	    put_codes(d, set, w) < 0 ||
	    dcm_put(set, DATES_MODIFIED, VR('C', 'S'), dates_are(d), w) < 0)
		return -1;
	return 0;
}
