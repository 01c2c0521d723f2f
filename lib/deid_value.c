#include <stdlib.h>
#include <string.h>

#include "deid_impl.h"
#include "dict.h"
#include "patients.h"

#define DUMMY "ANONYMIZED"

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
enum dcm_do
deid_dummy(struct deid *d, struct dcm_element *e, unsigned vr)
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

size_t
deid_without_padding(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\0' || p[n - 1] == ' '))
		n--;
	return n;
}

/* Every value of a UI element by its pseudonym. */
enum dcm_do
deid_other_uids(struct deid *d, struct dcm_element *e)
{
	const char *p = dcm_value(d->set, e), *end;
	size_t n = p ? deid_without_padding(p, e->size) : 0, k;
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
		if (k == 0 || well_known(p, deid_without_padding(p, k))) {
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

bool
deid_is_text(unsigned vr)
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
bool
deid_allowed(unsigned vr, char c)
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
enum dcm_do
deid_keep_text(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const char *p = dcm_value(d->set, e), *nul;
	size_t n = p ? deid_without_padding(p, e->size) : 0, i;

	for (i = 0; i < n && deid_allowed(vr, p[i]); i++)
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
enum dcm_do
deid_cleaned(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const char *p = dcm_value(d->set, e), *nul;
	size_t n = p ? deid_without_padding(p, e->size) : 0, m = n;
	enum cleantext_result r;
	const void *out;

	if (n == 0)
		return DCM_KEEP;
	if ((nul = memchr(p, '\0', n)) != NULL)
		n = (size_t)(nul - p);
	r = clean_value(d->clean, e, vr, p, n, &out, &m);
	if (r == CLEANTEXT_CANNOT)
		return deid_dummy(d, e, vr);
	if (r == CLEANTEXT_SAME && nul == NULL)
		return deid_keep_text(d, e, vr);
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
	size_t n = p ? deid_without_padding(p, e->size) : 0, i;

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
	size_t n = p ? deid_without_padding(p, e->size) : 0, k = 0;
	char time[256];

	if (e->tag == TIMEZONE)
		return timezone_offset(d, e);
	if (vr != VR('D', 'A') && vr != VR('D', 'T') && vr != VR('T', 'M'))
		return DCM_REMOVE;
	if (n == 0)
		return DCM_KEEP;
	if (n >= sizeof d->dates)
		return deid_dummy(d, e, vr);
	if (vr == VR('D', 'A') && d->names->shift.minutes != 0)
		k = time_of(d, e, time, sizeof time);
	if (!dates_move(&d->names->shift, vr, p, n, time, k, d->dates))
		return deid_dummy(d, e, vr);
	if (memcmp(d->dates, p, n) == 0 &&
	    n == deid_without_padding(p, e->size))
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
	size_t n = p ? deid_without_padding(p, e->size) : 0;

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
enum dcm_do
deid_by_vr(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const void *p;

	if (cleans(d, e, vr))
		return deid_cleaned(d, e, vr);
	/* What has no rule, a code or its meaning, only loses names and ids. */
	if (d->clean &&
	    (vr == VR('L', 'O') || vr == VR('S', 'H') || vr == VR('U', 'C')) &&
	    e->tag != CODING_SCHEME && e->tag != SCHEME_VERSION &&
	    (p = dcm_value(d->set, e)) != NULL &&
	    clean_hides(d->clean, p, e->size))
		return deid_cleaned(d, e, vr);
	switch (vr) {
	case VR('P', 'N'):
	case VR('A', 'E'):
	case VR('U', 'R'):
		return DCM_EMPTY;
	case VR('D', 'A'):
	case VR('D', 'T'):
	case VR('T', 'M'):
		return keeps_dates(d) ? date(d, e, vr) : deid_dummy(d, e, vr);
	case VR('L', 'T'):
	case VR('S', 'T'):
	case VR('U', 'T'):
		return deid_dummy(d, e, vr);
	case VR('A', 'S'):
		return age(d, e);
	case VR('U', 'I'):
		return deid_is_structural(e->tag) ||
			       profile_has(d->profile, PROFILE_RETAIN_UIDS)
			   ? deid_keep_text(d, e, vr)
			   : deid_other_uids(d, e);
	}
	return deid_is_text(vr) ? deid_keep_text(d, e, vr) : DCM_KEEP;
}

/* The id that a list of patients gives. */
bool
deid_listed(struct deid *d, const void *id, size_t n, char out[PSEUDO_MAX])
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
		if (!deid_listed(d, p, e->size, text))
			pseudo_patient(d->pseudo, text, d->issuer,
			    d->issuer_len, p, e->size);
		break;
	case ACCESSION:
	case STUDY_ID:
		p = dcm_value(d->set, e);
		if (p == NULL || deid_without_padding(p, e->size) == 0 ||
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

/* A keyed pseudonym of a value, where its VR has room for one. */
static enum dcm_do
hash(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const void *p = dcm_value(d->set, e);
	size_t n = p ? deid_without_padding(p, e->size) : 0;
	char text[PSEUDO_MAX];

	if (n == 0)
		return DCM_KEEP;
	switch (vr) {
	case VR('U', 'I'):
		return deid_other_uids(d, e);
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
	return deid_dummy(d, e, vr);
}

/* The value that the profile gives. */
static enum dcm_do
given(struct deid *d, struct dcm_element *e, unsigned vr)
{
	const struct rule *own = deid_own_rule(d, e->tag, vr);

	return own && own->value ? replace(d, e, own->value)
				 : deid_dummy(d, e, vr);
}

/* A value, by the action for it. */
enum dcm_do
deid_value(
    struct deid *d, struct dcm_element *e, enum deid_action action, unsigned vr)
{
	enum dcm_do what;

	if (special(d, e, &what))
		return what;
	switch (action) {
	case DEID_CLEAN:
		if (d->clean && deid_is_text(vr))
			return deid_cleaned(d, e, vr);
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
		return vr == VR('U', 'I') ? deid_other_uids(d, e)
					  : deid_dummy(d, e, vr);
	case DEID_U:
		return deid_other_uids(d, e);
	default:
		if (vr == VR('A', 'S'))
			return age(d, e);
		return deid_is_text(vr) ? deid_keep_text(d, e, vr) : DCM_KEEP;
	}
}
