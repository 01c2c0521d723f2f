#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "dict.h"
#include "query.h"

/* What can be asked by name.  The level is the one it belongs to. */
static const struct attribute {
	const char *field, *keyword;
	uint32_t tag;
	enum query_level level;
	bool always; /* in every answer of its level */
} attributes[] = {
	{ "date", "StudyDate", TAG_DATE, QUERY_STUDY, true },
	{ "time", "StudyTime", TAG_TIME, QUERY_STUDY, true },
	{ "accession", "AccessionNumber", 0x00080050, QUERY_STUDY, true },
	{ "modalities", "ModalitiesInStudy", TAG_MODALITIES, QUERY_STUDY,
	    true },
	{ "referrer", "ReferringPhysicianName", 0x00080090, QUERY_STUDY,
	    false },
	{ "description", "StudyDescription", 0x00081030, QUERY_STUDY, true },
	{ "name", "PatientName", 0x00100010, QUERY_STUDY, true },
	{ "patient", "PatientID", 0x00100020, QUERY_STUDY, true },
	{ "issuer", "IssuerOfPatientID", 0x00100021, QUERY_STUDY, false },
	{ "birth", "PatientBirthDate", 0x00100030, QUERY_STUDY, true },
	{ "sex", "PatientSex", 0x00100040, QUERY_STUDY, true },
	{ "study", "StudyInstanceUID", TAG_STUDY, QUERY_STUDY, true },
	{ "id", "StudyID", 0x00200010, QUERY_STUDY, false },
	{ "all", "NumberOfStudyRelatedInstances", 0x00201208, QUERY_STUDY,
	    false },
	{ "modality", "Modality", TAG_MODALITY, QUERY_SERIES, true },
	{ "series-date", "SeriesDate", 0x00080021, QUERY_SERIES, false },
	{ "series-time", "SeriesTime", 0x00080031, QUERY_SERIES, false },
	{ "station", "StationName", 0x00081010, QUERY_SERIES, false },
	{ "maker", "Manufacturer", 0x00080070, QUERY_SERIES, false },
	{ "series-description", "SeriesDescription", 0x0008103e, QUERY_SERIES,
	    true },
	{ "part", "BodyPartExamined", 0x00180015, QUERY_SERIES, false },
	{ "protocol", "ProtocolName", 0x00181030, QUERY_SERIES, false },
	{ "series", "SeriesInstanceUID", TAG_SERIES, QUERY_SERIES, true },
	{ "series-number", "SeriesNumber", 0x00200011, QUERY_SERIES, true },
	{ "objects", "NumberOfSeriesRelatedInstances", 0x00201209, QUERY_SERIES,
	    false },
	{ "class", "SOPClassUID", TAG_SOP_CLASS, QUERY_IMAGE, true },
	{ "sop", "SOPInstanceUID", TAG_SOP, QUERY_IMAGE, true },
	{ "number", "InstanceNumber", 0x00200013, QUERY_IMAGE, true },
	{ "rows", "Rows", 0x00280010, QUERY_IMAGE, false },
	{ "columns", "Columns", 0x00280011, QUERY_IMAGE, false },
	{ "frames", "NumberOfFrames", 0x00280008, QUERY_IMAGE, false },
};
#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

static const char *const levels[] = { "study", "series", "image" };

void
query_init(struct query *q, enum query_level level)
{
	int i;

	q->level = level;
	for (i = 0; i < QUERY_LEVELS; i++) {
		ident_init(&q->key[i]);
		q->matches[i] = false;
	}
}

void
query_free(struct query *q)
{
	int i;

	for (i = 0; i < QUERY_LEVELS; i++)
		ident_free(&q->key[i]);
}

int
query_level(enum query_level *level, const char *text, struct why *w)
{
	int i;

	for (i = 0; i < QUERY_LEVELS; i++)
		if (strcmp(text, levels[i]) == 0) {
			*level = (enum query_level)i;
			return 0;
		}
	return why_set(w, EXIT_USAGE, "a level is study, series or image");
}

static bool
hex_tag(uint32_t *tag, const char *text, size_t n)
{
	char digits[9];

	if (n != 8 || strspn(text, "0123456789abcdefABCDEF") < 8)
		return false;
	memcpy(digits, text, 8);
	digits[8] = '\0';
	*tag = (uint32_t)strtoul(digits, NULL, 16);
	return true;
}

static bool
is_named(const char *name, const char *text, size_t n)
{
	return strlen(name) == n && memcmp(name, text, n) == 0;
}

static const struct attribute *
by_tag(uint32_t tag)
{
	size_t i;

	for (i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].tag == tag)
			return attributes + i;
	return NULL;
}

int
query_add(struct query *q, const char *text, struct why *w)
{
	const size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : "";
	const struct attribute *a = NULL;
	enum query_level level = q->level;
	uint32_t tag;
	size_t i;

	for (i = 0; i < ATTRIBUTES && a == NULL; i++)
		if (is_named(attributes[i].field, text, n) ||
		    is_named(attributes[i].keyword, text, n))
			a = attributes + i;
	if (a == NULL && hex_tag(&tag, text, n)) {
		a = by_tag(tag);
		if (a == NULL &&
		    (TAG_GROUP(tag) < 8 || tag == TAG_LEVEL ||
			dict_vr(tag) == 0 || dict_vr(tag) == VR('S', 'Q')))
			return why_set(w, EXIT_USAGE,
			    "(%04x,%04x): cannot be asked for", tag >> 16,
			    tag & 0xffff);
	} else if (a == NULL) {
		return why_set(w, EXIT_USAGE,
		    "%.*s: not a key (tags can be given as 8 hex digits)",
		    n < 64 ? (int)n : 64, text);
	}
	if (a != NULL) {
		tag = a->tag;
		level = a->level;
	}
	if (level > q->level)
		return why_set(w, EXIT_USAGE, "%.*s: needs --level %s", (int)n,
		    text, levels[level]);
	if (*value && ident_is_number(tag))
		return why_set(w, EXIT_USAGE,
		    "%.*s: a number; it can be asked for, not matched", (int)n,
		    text);
	if (!charset_valid_utf8(value, strlen(value)))
		return why_set(w, EXIT_USAGE, "%.*s: not UTF-8", (int)n, text);
	if (*value)
		q->matches[level] = true;
	return ident_set(&q->key[level], tag, value, w);
}

int
query_defaults(struct query *q, struct why *w)
{
	static const uint32_t uid[] = { TAG_STUDY, TAG_SERIES, TAG_SOP };
	struct ident *k;
	size_t i;
	int l;

	for (l = 0; l <= (int)q->level; l++)
		if (ident_get(&q->key[l], uid[l]) == NULL &&
		    ident_set(&q->key[l], uid[l], "", w) < 0)
			return -1;
	k = &q->key[q->level];
	for (i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].level == q->level && attributes[i].always &&
		    ident_get(k, attributes[i].tag) == NULL &&
		    ident_set(k, attributes[i].tag, "", w) < 0)
			return -1;
	return 0;
}

int
query_name(struct query_name *n, const struct line *l, struct why *w)
{
	char *part[] = { n->study, n->series, n->sop };
	char text[256], *p = text;
	int i;

	memset(n, 0, sizeof *n);
	if (line_name(l, text, sizeof text, w) < 0)
		return -1;
	for (i = 0; i < 3; i++) {
		const size_t len = strcspn(p, "/");

		if (!ident_is_uid(p, len))
			break;
		memcpy(part[i], p, len);
		p += len;
		if (*p == '\0')
			return i + 1;
		p++;
	}
	return why_set(w, EXIT_DATA,
	    "a name that is not STUDY, STUDY/SERIES or STUDY/SERIES/SOP");
}

/* One code point in UTF-8. */
static char *
utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*p++ = (char)(0xe0 | c >> 12);
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*p++ = (char)(0xf0 | c >> 18);
		*p++ = (char)(0x80 | (c >> 12 & 0x3f));
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		*p++ = (char)(0x80 | (c & 0x3f));
	return p;
}

#define VALUE_MAX 1024 /* bytes of a value that become part of a line */

struct making {
	struct line *l;
	struct charset set;
};

static void
find_charset(void *arg, uint32_t tag, const char *value, size_t n)
{
	struct making *m = arg;

	if (tag == 0x00080005)
		charset_set(&m->set, value, n);
}

/* The first of a binary value, if it is a count of something. */
static void
add_number(
    struct line *l, const char *key, unsigned vr, const char *value, size_t n)
{
	const unsigned char *p = (const unsigned char *)value;

	if (vr == VR('U', 'S') && n >= 2)
		line_set_number(l, key, (unsigned)(p[0] | p[1] << 8));
	else if (vr == VR('U', 'L') && n >= 4)
		line_set_number(l, key,
		    p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 |
			(unsigned)p[3] << 24);
}

static void
add_field(void *arg, uint32_t tag, const char *value, size_t n)
{
	static _Thread_local struct charset_char c[VALUE_MAX];
	const struct attribute *a = by_tag(tag);
	char text[4 * VALUE_MAX], *p = text, key[16];
	struct making *m = arg;
	size_t k, i;

	if (TAG_GROUP(tag) < 8 || tag == 0x00080005 || tag == TAG_LEVEL ||
	    tag == 0x00080054 || tag == TAG_STUDY || tag == TAG_SERIES ||
	    tag == TAG_SOP || n == 0 || dict_vr(tag) == 0 ||
	    m->l->fields == LINE_MAX_FIELDS)
		return;
	snprintf(key, sizeof key, "t%08x", tag);
	if (line_word(m->l, a ? a->field : key) != NULL)
		return;
	if (ident_is_number(tag)) {
		add_number(m->l, a ? a->field : key, dict_vr(tag), value, n);
		return;
	}
	k = charset_decode(&m->set, value, n < VALUE_MAX ? n : VALUE_MAX, c);
	for (i = 0; i < k; i++)
		if (c[i].code != 0)
			p = utf8(p, c[i].code);
	line_set(m->l, a ? a->field : key, text, (size_t)(p - text));
}

int
query_line(struct line *l, const struct query_name *name, const void *p,
    size_t n, struct why *w)
{
	struct making m = { .l = l };
	char text[256];

	snprintf(text, sizeof text, "%s%s%s%s%s", name->study,
	    *name->series ? "/" : "", name->series, *name->sop ? "/" : "",
	    name->sop);
	line_reset(l);
	line_set_name(l, text, strlen(text));
	charset_default(&m.set);
	if (ident_each(p, n, find_charset, &m, w) < 0)
		return -1;
	return ident_each(p, n, add_field, &m, w);
}
