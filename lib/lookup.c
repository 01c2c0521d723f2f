#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lookup.h"
#include "pacs.h"

#define DAY 86400
#define FIRST_DAY (-25567) /* 1900-01-01: no study is older */
#define NO_DAY (FIRST_DAY - 1)
#define LEAST 10 /* no server stops before so many answers */

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

/* A study or series, and how many the server says are below it; 0: unsaid. */
struct upper {
	struct query_name name;
	unsigned long below, objects;
};

struct moment {
	long day, second; /* since 1970; of the day, or -1 */
};

/* What one question brought. */
struct asking {
	struct lookup *f;
	const struct query_name *below;
	enum query_level level;
	unsigned long answers;
	unsigned long expected; /* how many there are, if it is known, or 0 */
	struct upper *list;     /* of a level that is walked through */
	size_t used, size;
	bool no_date, no_time, odd; /* some study has none, or is not listed */
	struct moment *moment;      /* of each answer that has a date */
	size_t moments, room;
};

struct uids {
	struct query_name name;
	char sop_class[65], modality[256];
	char classes[LOOKUP_CLASSES * 65];
	bool date, time;
	struct moment when;
	unsigned long series, objects, of_series; /* counts, 0: not said */
};

static void
copy_uid(char out[65], const char *value, size_t n)
{
	if (!ident_is_uid(value, n))
		return;
	memcpy(out, value, n);
	out[n] = '\0';
}

/* Nothing, if it is too long. */
static void
copy_text(char *out, size_t size, const char *value, size_t n)
{
	if (n >= size)
		n = 0;
	memcpy(out, value, n);
	out[n] = '\0';
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

/* The second of the day, or -1: 09, 0930, 093001.25. */
static long
read_second(const char *p)
{
	int h = 0, m = 0, s = 0;

	if (sscanf(p, "%2d%2d%2d", &h, &m, &s) < 1 || h < 0 || h > 23 ||
	    m < 0 || m > 59 || s < 0 || s > 60)
		return -1;
	s = (h * 60 + m) * 60 + s;
	return s < DAY ? s : DAY - 1;
}

static void
note(void *arg, uint32_t tag, const char *value, size_t n)
{
	struct uids *u = arg;
	char text[24];

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
		copy_text(text, sizeof text, value, n);
		if (!read_day(&u->when.day, text))
			u->when.day = NO_DAY;
		break;
	case TAG_TIME:
		u->time = n > 0;
		copy_text(text, sizeof text, value, n);
		u->when.second = read_second(text);
		break;
	case TAG_CLASSES:
		copy_text(u->classes, sizeof u->classes, value, n);
		break;
	case TAG_STUDY_SERIES:
	case TAG_STUDY_OBJECTS:
	case TAG_SERIES_OBJECTS:
		copy_text(text, sizeof text, value, n);
		*(tag == TAG_STUDY_SERIES      ? &u->series
		    : tag == TAG_STUDY_OBJECTS ? &u->objects
					       : &u->of_series) =
		    strtoul(text, NULL, 10);
		break;
	case TAG_MODALITIES:
	case TAG_MODALITY:
		copy_text(u->modality, sizeof u->modality, value, n);
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

/* Those on the way are told apart in each run, those that are given in all. */
static bool
is_new(struct lookup *f, enum query_level level, const struct query_name *n)
{
	unsigned char id[16];
	char text[256];

	snprintf(text, sizeof text, "%lu/%s/%s/%s",
	    level == f->q->level ? 0 : f->run, n->study, n->series, n->sop);
	idset_name(id, text);
	return idset_add(f->seen, id, 0);
}

/* Room for one more of size bytes in a growing list. */
static void *
one_more(void *list, size_t used, size_t *room, size_t size)
{
	if (used < *room)
		return list;
	*room = *room ? 2 * *room : 64;
	if ((list = realloc(list, *room * size)) == NULL)
		die(EXIT_IO, "out of memory");
	return list;
}

static void
keep(struct asking *a, const struct uids *u)
{
	a->list = one_more(a->list, a->used, &a->size, sizeof *a->list);
	a->list[a->used++] =
	    a->level == QUERY_STUDY
		? (struct upper){ u->name, u->series, u->objects }
		: (struct upper){ u->name, u->of_series, 0 };
}

static void
keep_moment(struct asking *a, const struct uids *u)
{
	if (a->level != QUERY_STUDY || u->when.day == NO_DAY)
		return;
	a->moment =
	    one_more(a->moment, a->moments, &a->room, sizeof *a->moment);
	a->moment[a->moments++] = u->when;
}

/* The classes in a study, if an association can take them in every syntax. */
static void
know_classes(struct lookup *f, const struct uids *u)
{
	const char *p = u->classes;
	size_t len;
	int n;

	strcpy(f->known, u->name.study);
	*f->of_study = '\0';
	for (n = 0; *p && n < LOOKUP_CLASSES; n++) {
		len = strcspn(p, "\\");
		if (!ident_is_uid(p, len))
			return;
		p += len;
		if (*p == '\0')
			strcpy(f->of_study, u->classes);
		else
			p++;
	}
}

static int
on_answer(void *arg, const void *p, size_t n, struct why *w)
{
	struct asking *a = arg;
	struct uids u = { .when = { NO_DAY, -1 } };
	const char *own, *class;

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
	keep_moment(a, &u);
	if (!is_new(a->f, a->level, &u.name))
		return 0;
	a->f->fresh++;
	if (a->level != a->f->q->level) {
		if (a->level == QUERY_STUDY && a->f->classes)
			know_classes(a->f, &u);
		keep(a, &u);
		return 0;
	}
	class = *u.sop_class ? u.sop_class : a->f->of_study;
	return a->f->answer(a->f->arg, &u.name, class, p, n, w);
}

static int
find(struct lookup *f, const struct ident *q,
    int (*fn)(void *, const void *, size_t, struct why *), void *arg,
    unsigned *status, struct why *w)
{
	return f->web ? dicomweb_find(f->web, q, f->cap, fn, arg, status, w)
		      : pacs_find(f->d, q, fn, arg, status, w);
}

/* What is asked for so that we know what to expect below. */
static int
also(const struct asking *a, struct ident *q, struct why *w)
{
	const struct lookup *f = a->f;

	if (a->level == QUERY_IMAGE && f->classes && !*f->of_study)
		return ident_set(q, TAG_SOP_CLASS, "", w);
	if (a->level == f->q->level)
		return 0;
	if (a->level == QUERY_SERIES)
		return ident_set(q, TAG_SERIES_OBJECTS, "", w);
	if (f->classes && *a->below->study &&
	    ident_set(q, TAG_CLASSES, "", w) < 0)
		return -1;
	return ident_set(q, TAG_STUDY_SERIES, "", w) < 0
		   ? -1
		   : ident_set(q, TAG_STUDY_OBJECTS, "", w);
}

/*
 * Ask once.  1 if the answers are not all, or the server may have cut them; 0;
 * -1 with *w.
 */
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
	if (got == 0)
		got = also(a, &q, w);
	f->asked++;
	a->answers = 0;
	a->moments = 0;
	a->no_date = a->no_time = a->odd = false;
	if (got == 0)
		got = find(f, &q, on_answer, a, &status, w);
	ident_free(&q);
	if (got < 0)
		return -1;
	if (status == DIMSG_FULL || status == DIMSG_CANCELLED)
		return 1;
	if (status != DIMSG_SUCCESS) {
		dicomweb_why(status, w);
		return -1;
	}
	if (a->expected > 0)
		return a->answers < a->expected;
	if (f->web)
		return 0;
	if (f->cap > 0)
		return a->answers >= f->cap;
	return a->level == QUERY_STUDY && f->stops > 0 &&
	       a->answers >= f->stops;
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

static int
each_modality(struct asking *a, const struct part *p, struct why *w)
{
	struct part one = *p;
	int i;

	for (i = 0; i < MODALITIES; i++) {
		one.modality = modalities[i];
		if (find_part(a, &one, w) < 0)
			return -1;
	}
	return 0;
}

/* What was cut and cannot be split otherwise: by modality, if that helps. */
static int
by_modality(struct asking *a, const struct part *p, struct why *w)
{
	if (p->modality || given(a->f, TAG_MODALITIES)) {
		a->f->unsplit++;
		return 0;
	}
	if (a->odd)
		a->f->unsplit++;
	return each_modality(a, p, w);
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
by_day(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	return (x->day > y->day) - (x->day < y->day);
}

static int
by_second(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	return (x->second > y->second) - (x->second < y->second);
}

static long
clamp(long x, long low, long high)
{
	return x < low ? low : x > high ? high : x;
}

/* Two parts with about half of the answers each; false: it is too narrow. */
static bool
halve(
    struct asking *a, const struct part *p, struct part *low, struct part *high)
{
	const size_t half = a->moments / 2;

	*low = *high = *p;
	if (p->modality || a->moments == 0)
		return false;
	if (p->from < p->to) {
		qsort(a->moment, a->moments, sizeof *a->moment, by_day);
		low->to = clamp(a->moment[half].day, p->from, p->to - 1);
		high->from = low->to + 1;
		low->open_to = high->open_from = false;
		return true;
	}
	if (given(a->f, TAG_TIME) || p->t1 - p->t0 < 2)
		return false;
	qsort(a->moment, a->moments, sizeof *a->moment, by_second);
	low->t1 = high->t0 =
	    (int)clamp(a->moment[half].second, p->t0 + 1, p->t1 - 1);
	return true;
}

/*
 * A server may stop at any number, and say nothing.  If it has, its halves have
 * something new in them.  A half with as many answers as the whole may have
 * been cut too, and is looked at in the same way, until it is a second and a
 * modality.  What has fewer has not: the server has just given more.
 */
static int
verify(struct asking *a, const struct part *p, struct why *w)
{
	struct lookup *f = a->f;
	const unsigned long n = a->answers, fresh = f->fresh;
	const bool no_time = a->no_time && p->from == p->to;
	struct part low, high;
	int got = 0;

	f->whole = n;
	if (halve(a, p, &low, &high)) {
		got = find_part(a, &low, w);
		if (got == 0)
			got = find_part(a, &high, w);
		if (got == 0 && no_time && p->t0 == 0 && p->t1 == DAY)
			got = each_modality(a, p, w);
	} else if (!p->modality && !given(f, TAG_MODALITIES)) {
		got = each_modality(a, p, w);
	}
	if (got < 0 || f->fresh == fresh)
		return got;
	if (f->stops == 0 || f->stops > n)
		f->stops = n;
	return split(a, p, w);
}

static int
find_part(struct asking *a, const struct part *p, struct why *w)
{
	const struct lookup *f = a->f;
	struct ident q;
	int got;

	ident_copy(&q, &f->q->key[QUERY_STUDY]);
	got = set_keys(&q, p, w);
	if (got == 0)
		got = ask(a, &q, w);
	ident_free(&q);
	if (got == 1)
		return split(a, p, w);
	if (got == 0 && f->cap == 0 && a->answers >= f->whole &&
	    !(f->web && dicomweb_pages(f->web)))
		return verify(a, p, w);
	return got;
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
	const unsigned long expected = a->expected;
	const char *m = ident_get(key, TAG_MODALITY);
	unsigned long sum = 0;
	struct ident q;
	int got = ask(a, key, w), i;

	if (got != 1)
		return got;
	if (a->level == QUERY_IMAGE || (m != NULL && *m != '\0') || a->odd) {
		a->f->unsplit++;
		return 0;
	}
	a->expected = 0;
	for (i = 0, got = 0; i < MODALITIES && got >= 0; i++) {
		ident_copy(&q, key);
		got = ident_set(&q, TAG_MODALITY, modalities[i], w);
		if (got == 0 && (got = ask(a, &q, w)) == 1)
			a->f->unsplit++;
		sum += a->answers;
		ident_free(&q);
	}
	if (got >= 0 && sum < expected)
		a->f->unsplit++;
	return got < 0 ? -1 : 0;
}

/* Are all the objects, or series, below asked for?  Then counts hold. */
static bool
is_all(const struct lookup *f, enum query_level level,
    const struct query_name *below)
{
	return !f->q->matches[level] && !*below->sop &&
	       (level == QUERY_IMAGE || !*below->series);
}

static int
descend(struct lookup *f, enum query_level level,
    const struct query_name *below, unsigned long expected, struct why *w)
{
	struct asking a = { .f = f, .below = below, .level = level };
	unsigned long before;
	int got;
	size_t i;

	if (level > QUERY_STUDY && is_all(f, level, below))
		a.expected = expected;
	got = level == QUERY_STUDY ? find_studies(&a, w) : find_below(&a, w);
	for (i = 0; got == 0 && i < a.used; i++) {
		struct upper *u = a.list + i;
		const unsigned long cut = f->unsplit;

		if (level == QUERY_STUDY)
			strcpy(u->name.series, below->series);
		strcpy(u->name.sop, below->sop);
		before = f->answers;
		got = descend(f, level + 1, &u->name, u->below, w);
		if (f->q->level == QUERY_IMAGE && level == QUERY_STUDY &&
		    is_all(f, QUERY_SERIES, below) &&
		    is_all(f, QUERY_IMAGE, below) && f->unsplit == cut &&
		    f->answers - before < u->objects)
			f->unsplit++;
	}
	free(a.moment);
	free(a.list);
	return got;
}

void
lookup_begin(struct lookup *f)
{
	f->seen = idset_new();
	f->asked = f->unsplit = f->answers = f->fresh = f->run = f->stops = 0;
	f->whole = LEAST;
	*f->known = *f->of_study = '\0';
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

	/*
	 * We begin with what the name names, for the server to say how much is
	 * below it; what is above it is known.
	 */
	if (*below->series && q->level >= QUERY_SERIES && !q->matches[from])
		from = QUERY_SERIES;
	if (*below->sop && q->level == QUERY_IMAGE && from == QUERY_SERIES &&
	    !q->matches[from])
		from = QUERY_IMAGE;
	if (strcmp(f->known, below->study) != 0) {
		*f->of_study = '\0';
		if (f->classes)
			from = QUERY_STUDY;
	}
	f->run++;
	return descend(f, from, below, 0, w);
}
