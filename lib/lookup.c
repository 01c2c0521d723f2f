#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lookup.h"
#include "pacs.h"

#define DAY 86400
#define FIRST_DAY (-25567) /* 1900-01-01: no study is older */

/* Those that nearly all studies have; what has others is noticed. */
static const char *const modalities[] = { "AR", "AU", "BI", "BMD", "CR", "CT",
	"DG", "DOC", "DX", "ECG", "EPS", "ES", "GM", "HC", "HD", "IO", "IVOCT",
	"IVUS", "KER", "KO", "LEN", "LS", "M3D", "MG", "MR", "NM", "OAM", "OCT",
	"OP", "OPM", "OPT", "OPV", "OSS", "OT", "PR", "PT", "PX", "REG", "RF",
	"RG", "RTDOSE", "RTIMAGE", "RTPLAN", "RTRECORD", "RTSTRUCT", "RWV",
	"SEG", "SM", "SMR", "SR", "SRF", "STAIN", "TG", "US", "VA", "XA",
	"XC" };
#define MODALITIES ((int)(sizeof modalities / sizeof *modalities))

/* A part of a query for studies. */
struct part {
	long from, to; /* days since 1970, inclusive */
	bool open_from, open_to;
	int t0, t1; /* seconds of the day; all of it: 0, DAY */
	const char *modality;
};

/* What one question brought. */
struct asking {
	struct lookup *f;
	const struct query_name *below;
	enum query_level level;
	unsigned long answers;
	struct query_name *list; /* of a level that is walked through */
	size_t used, size;
	bool no_date, no_time, odd; /* some study has none, or is not listed */
};

struct uids {
	struct query_name name;
	char sop_class[65], modality[256];
	bool date, time;
};

static void
copy_uid(char out[65], const char *value, size_t n)
{
	if (!ident_is_uid(value, n))
		return;
	memcpy(out, value, n);
	out[n] = '\0';
}

static void
note(void *arg, uint32_t tag, const char *value, size_t n)
{
	struct uids *u = arg;

	switch (tag) {
	case TAG_STUDY:
		copy_uid(u->name.study, value, n);
		break;
	case TAG_SERIES:
		copy_uid(u->name.series, value, n);
		break;
	case TAG_SOP:
		copy_uid(u->name.sop, value, n);
		break;
	case TAG_SOP_CLASS:
		copy_uid(u->sop_class, value, n);
		break;
	case TAG_DATE:
		u->date = n > 0;
		break;
	case TAG_TIME:
		u->time = n > 0;
		break;
	case TAG_MODALITIES:
	case TAG_MODALITY:
		if (n < sizeof u->modality) {
			memcpy(u->modality, value, n);
			u->modality[n] = '\0';
		}
	}
}

/* Is one of its modalities in our list? */
static bool
usual(char *text)
{
	char *p, *save = NULL;
	int i;

	for (p = strtok_r(text, "\\", &save); p;
	     p = strtok_r(NULL, "\\", &save))
		for (i = 0; i < MODALITIES; i++)
			if (strcmp(p, modalities[i]) == 0)
				return true;
	return false;
}

static bool
is_new(struct lookup *f, const struct query_name *n)
{
	unsigned char id[16];
	char text[256];

	snprintf(text, sizeof text, "%s/%s/%s", n->study, n->series, n->sop);
	idset_name(id, text);
	return idset_add(f->seen, id, 0);
}

static void
keep(struct asking *a, const struct query_name *n)
{
	if (a->used == a->size) {
		a->size = a->size ? 2 * a->size : 64;
		a->list = realloc(a->list, a->size * sizeof *a->list);
		if (a->list == NULL)
			die(EXIT_IO, "out of memory");
	}
	a->list[a->used++] = *n;
}

static int
on_answer(void *arg, const void *p, size_t n, struct why *w)
{
	struct asking *a = arg;
	struct uids u = { 0 };
	const char *own;

	if (ident_each(p, n, note, &u, w) < 0)
		return -1;
	a->answers++;
	if (a->level > QUERY_STUDY)
		strcpy(u.name.study, a->below->study);
	if (a->level > QUERY_SERIES)
		strcpy(u.name.series, a->below->series);
	if (a->level < QUERY_IMAGE)
		*u.name.sop = '\0';
	if (a->level < QUERY_SERIES)
		*u.name.series = '\0';
	own = a->level == QUERY_STUDY    ? u.name.study
	      : a->level == QUERY_SERIES ? u.name.series
					 : u.name.sop;
	if (*own == '\0')
		return why_set(w, EXIT_FEW, "an answer without its UID");
	a->no_date |= !u.date;
	a->no_time |= !u.time;
	a->odd |= !usual(u.modality);
	if (a->level == a->f->q->level)
		a->f->answers++;
	if (!is_new(a->f, &u.name))
		return 0;
	if (a->level == a->f->q->level)
		return a->f->answer(a->f->arg, &u.name, u.sop_class, p, n, w);
	keep(a, &u.name);
	return 0;
}

/* Ask once.  1 if the answers may not be all; 0; -1 with *w. */
static int
ask(struct asking *a, const struct ident *key, struct why *w)
{
	static const char *const level[] = { "STUDY", "SERIES", "IMAGE" };
	struct lookup *f = a->f;
	struct ident q;
	unsigned status;
	int got;

	ident_copy(&q, key);
	got = ident_set(&q, TAG_LEVEL, level[a->level], w);
	if (got == 0 && *a->below->study)
		got = ident_set(&q, TAG_STUDY, a->below->study, w);
	if (got == 0 && *a->below->series && a->level >= QUERY_SERIES)
		got = ident_set(&q, TAG_SERIES, a->below->series, w);
	if (got == 0 && *a->below->sop && a->level == QUERY_IMAGE)
		got = ident_set(&q, TAG_SOP, a->below->sop, w);
	f->asked++;
	a->answers = 0;
	a->no_date = a->no_time = a->odd = false;
	if (got == 0)
		got = pacs_find(f->d, &q, on_answer, a, &status, w);
	ident_free(&q);
	if (got < 0)
		return -1;
	if (status == DIMSG_FULL || status == DIMSG_CANCELLED)
		return 1;
	if (status != DIMSG_SUCCESS) {
		dimsg_why(status, w);
		return -1;
	}
	if (f->cap > 0)
		return a->answers >= f->cap;
	return a->level == QUERY_STUDY && a->answers > 0 &&
	       a->answers % 100 == 0;
}

static long
today(void)
{
	return (long)(time(NULL) / DAY) + 1; /* in any time zone */
}

static void
write_day(char out[16], long day)
{
	const time_t t = (time_t)day * DAY;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 16, "%Y%m%d", &tm);
}

static bool
read_day(long *day, const char *p)
{
	struct tm tm = { 0 };
	int y, m, d;

	if (strspn(p, "0123456789") < 8 ||
	    sscanf(p, "%4d%2d%2d", &y, &m, &d) != 3 || y < 1900 || m < 1 ||
	    m > 12 || d < 1 || d > 31)
		return false;
	tm.tm_year = y - 1900;
	tm.tm_mon = m - 1;
	tm.tm_mday = d;
	*day = (long)(timegm(&tm) / DAY);
	return true;
}

/* What the date in the query spans; false if it cannot be split. */
static bool
read_days(struct part *p, const char *value)
{
	const char *dash = value ? strchr(value, '-') : NULL;

	*p = (struct part){ FIRST_DAY, today(), true, true, 0, DAY, NULL };
	if (value == NULL || *value == '\0' || strcmp(value, "*") == 0)
		return true;
	if (dash == NULL) {
		p->open_from = p->open_to = false;
		if (strlen(value) != 8 || !read_day(&p->from, value))
			return false;
		p->to = p->from;
		return true;
	}
	if (dash > value) {
		p->open_from = false;
		if (dash - value != 8 || !read_day(&p->from, value))
			return false;
	}
	if (dash[1]) {
		p->open_to = false;
		if (strlen(dash + 1) != 8 || !read_day(&p->to, dash + 1))
			return false;
	}
	return p->from <= p->to;
}

/* The keys of a part.  A day is asked for as one, not as a range. */
static int
set_keys(struct ident *q, const struct part *p, struct why *w)
{
	char a[16] = "", b[16] = "", text[40];

	if (!p->open_from)
		write_day(a, p->from);
	if (!p->open_to)
		write_day(b, p->to);
	if (!p->open_from && !p->open_to && p->from == p->to)
		snprintf(text, sizeof text, "%s", a);
	else
		snprintf(text, sizeof text, "%s-%s", a, b);
	if ((!p->open_from || !p->open_to) &&
	    ident_set(q, TAG_DATE, text, w) < 0)
		return -1;
	if (p->modality && ident_set(q, TAG_MODALITIES, p->modality, w) < 0)
		return -1;
	if (p->t0 == 0 && p->t1 == DAY)
		return 0;
	/*
	 * Neighbours share their boundary: a time may be written 12 or 1200,
	 * and servers compare text.
	 */
	*a = *b = '\0';
	if (p->t0 > 0)
		snprintf(a, sizeof a, "%02d%02d%02d", p->t0 / 3600,
		    p->t0 / 60 % 60, p->t0 % 60);
	if (p->t1 < DAY)
		snprintf(b, sizeof b, "%02d%02d%02d", p->t1 / 3600,
		    p->t1 / 60 % 60, p->t1 % 60);
	snprintf(text, sizeof text, "%s-%s", a, b);
	return ident_set(q, TAG_TIME, text, w);
}

static bool
given(const struct lookup *f, uint32_t tag)
{
	const char *v = ident_get(&f->q->key[QUERY_STUDY], tag);

	return v != NULL && *v != '\0';
}

static int find_part(struct asking *a, const struct part *p, struct why *w);

/* Each modality on its own. */
static int
by_modality(struct asking *a, const struct part *p, struct why *w)
{
	struct part one = *p;
	int i;

	if (p->modality || given(a->f, TAG_MODALITIES)) {
		a->f->unsplit++;
		return 0;
	}
	if (a->odd)
		a->f->unsplit++;
	for (i = 0; i < MODALITIES; i++) {
		one.modality = modalities[i];
		if (find_part(a, &one, w) < 0)
			return -1;
	}
	return 0;
}

static int
split(struct asking *a, const struct part *p, struct why *w)
{
	struct part low = *p, high = *p;
	const bool no_time = a->no_time;

	if (p->modality)
		return by_modality(a, p, w);
	if (p->from < p->to) {
		if (a->no_date)
			a->f->unsplit++;
		low.to = p->from + (p->to - p->from) / 2;
		high.from = low.to + 1;
		low.open_to = high.open_from = false;
	} else if (!given(a->f, TAG_TIME) && p->t1 - p->t0 > 1) {
		/* Those without a time match no range. */
		if (no_time && p->t0 == 0 && p->t1 == DAY &&
		    by_modality(a, p, w) < 0)
			return -1;
		low.t1 = high.t0 = p->t0 + (p->t1 - p->t0) / 2;
	} else {
		return by_modality(a, p, w);
	}
	if (find_part(a, &low, w) < 0)
		return -1;
	return find_part(a, &high, w);
}

static int
find_part(struct asking *a, const struct part *p, struct why *w)
{
	struct ident q;
	int got;

	ident_copy(&q, &a->f->q->key[QUERY_STUDY]);
	got = set_keys(&q, p, w);
	if (got == 0)
		got = ask(a, &q, w);
	ident_free(&q);
	return got == 1 ? split(a, p, w) : got;
}

static int
find_studies(struct asking *a, struct why *w)
{
	const struct ident *key = &a->f->q->key[QUERY_STUDY];
	const char *uid = ident_get(key, TAG_STUDY);
	struct part p;
	int got;

	if (read_days(&p, ident_get(key, TAG_DATE)) && !*a->below->study &&
	    (uid == NULL || *uid == '\0'))
		return find_part(a, &p, w);
	if ((got = ask(a, key, w)) == 1)
		a->f->unsplit++;
	return got < 0 ? -1 : 0;
}

/* A study's series, or a series' objects: one question, nearly always. */
static int
find_below(struct asking *a, struct why *w)
{
	const struct ident *key = &a->f->q->key[a->level];
	const char *m = ident_get(key, TAG_MODALITY);
	struct ident q;
	int got = ask(a, key, w), i;

	if (got != 1)
		return got;
	if (a->level == QUERY_IMAGE || (m != NULL && *m != '\0') || a->odd) {
		a->f->unsplit++;
		return 0;
	}
	for (i = 0, got = 0; i < MODALITIES && got >= 0; i++) {
		ident_copy(&q, key);
		got = ident_set(&q, TAG_MODALITY, modalities[i], w);
		if (got == 0 && (got = ask(a, &q, w)) == 1)
			a->f->unsplit++;
		ident_free(&q);
	}
	return got < 0 ? -1 : 0;
}

static int
descend(struct lookup *f, enum query_level level,
    const struct query_name *below, struct why *w)
{
	struct asking a = { .f = f, .below = below, .level = level };
	int got;
	size_t i;

	got = level == QUERY_STUDY ? find_studies(&a, w) : find_below(&a, w);
	for (i = 0; got == 0 && i < a.used; i++) {
		struct query_name n = a.list[i];

		if (level == QUERY_STUDY)
			strcpy(n.series, below->series);
		strcpy(n.sop, below->sop);
		got = descend(f, level + 1, &n, w);
	}
	free(a.list);
	return got;
}

void
lookup_begin(struct lookup *f)
{
	f->seen = idset_new();
	f->asked = f->unsplit = f->answers = 0;
}

void
lookup_end(struct lookup *f)
{
	idset_free(f->seen);
}

int
lookup_run(struct lookup *f, const struct query_name *below, struct why *w)
{
	const struct query *q = f->q;

	enum query_level from = QUERY_STUDY;

	/* The name says as much as an answer from above would. */
	if (*below->study && q->level >= QUERY_SERIES && !q->matches[from])
		from = QUERY_SERIES;
	if (*below->series && q->level == QUERY_IMAGE && from == QUERY_SERIES &&
	    !q->matches[from])
		from = QUERY_IMAGE;
	return descend(f, from, below, w);
}

static void
note_classes(void *arg, uint32_t tag, const char *value, size_t n)
{
	char *out = arg;

	if (tag != TAG_CLASSES || n >= LOOKUP_CLASSES * 65)
		return;
	memcpy(out, value, n);
	out[n] = '\0';
}

static int
on_classes(void *arg, const void *p, size_t n, struct why *w)
{
	return ident_each(p, n, note_classes, arg, w);
}

int
lookup_classes(struct dimse *d, const char *study,
    char out[LOOKUP_CLASSES * 65], struct why *w)
{
	struct ident q;
	unsigned status;
	const char *p;
	int got, n;

	*out = '\0';
	ident_init(&q);
	got = ident_set(&q, TAG_LEVEL, "STUDY", w) < 0 ||
		      ident_set(&q, TAG_STUDY, study, w) < 0 ||
		      ident_set(&q, TAG_CLASSES, "", w) < 0
		  ? -1
		  : pacs_find(d, &q, on_classes, out, &status, w);
	ident_free(&q);
	if (got < 0)
		return -1;
	for (p = out, n = 0; status == DIMSG_SUCCESS; n++) {
		const size_t len = strcspn(p, "\\");

		if (!ident_is_uid(p, len) || n == LOOKUP_CLASSES)
			return 0;
		p += len;
		if (*p++ == '\0')
			return n + 1;
	}
	return 0;
}
