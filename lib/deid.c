#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deid_impl.h"
#include "dict.h"
#include "explain.h"
#include "hash.h"
#include "word.h"

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

struct deid *
deid_new(struct pseudo *p, const struct deid_profile *profile)
{
	struct deid *d = calloc(1, sizeof *d);

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	d->pseudo = p;
	d->profile = profile ? profile : (d->basic = profile_new());
	deid_choose(d);
	if (clean_wanted(d->profile))
		d->clean = clean_new(d->profile);
	deid_rules_digest(d->profile, d->digest);
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

	if (e->sequence || vr != VR('U', 'I') || deid_is_structural(e->tag) ||
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
	char id[1024];
	size_t n;

	if (new_uid(d, set, STUDY_UID, o->study, w) < 0 ||
	    new_uid(d, set, SERIES_UID, o->series, w) < 0 ||
	    new_uid(d, set, SOP_UID, o->sop, w) < 0)
		return -1;
	d->issuer_len = dcm_get(set, ISSUER, d->issuer, sizeof d->issuer);
	n = dcm_get(set, PATIENT_ID, id, sizeof id);
	if (n == 0) /* nobody in particular: each study its own patient */
		n = dcm_get(set, STUDY_UID, id, sizeof id);
	if (!deid_listed(d, id, n, o->patient)) {
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
	if (dcm_apply(set, deid_rule, d, w) < 0)
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
