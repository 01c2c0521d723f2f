#ifndef QUERY_H
#define QUERY_H

#include "ident.h"
#include "line.h"

/*
 * Queries as people write them, KEY=VALUE, and answers as lines.  KEY is a
 * field of these lines (date), DICOM's own keyword (StudyDate), or a tag of
 * eight hex digits (00080020).  VALUE is DICOM's: a range A-B, * and ?, a list
 * with backslashes.
 */
enum query_level { QUERY_STUDY, QUERY_SERIES, QUERY_IMAGE, QUERY_LEVELS };

struct query {
	enum query_level level;         /* of the answers */
	struct ident key[QUERY_LEVELS]; /* what is asked at each level */
	bool matches[QUERY_LEVELS];     /* does a key there have a value? */
};

enum {
	TAG_SOP_CLASS = 0x00080016,
	TAG_SOP = 0x00080018,
	TAG_DATE = 0x00080020,
	TAG_TIME = 0x00080030,
	TAG_LEVEL = 0x00080052,
	TAG_MODALITY = 0x00080060,
	TAG_MODALITIES = 0x00080061,
	TAG_CLASSES = 0x00080062, /* SOP Classes in Study */
	TAG_STUDY = 0x0020000d,
	TAG_SERIES = 0x0020000e,
	TAG_STUDY_SERIES = 0x00201206, /* how many */
	TAG_STUDY_OBJECTS = 0x00201208,
	TAG_SERIES_OBJECTS = 0x00201209,
};

void query_init(struct query *q, enum query_level level);
void query_free(struct query *q);

/* "study", "series" or "image".  0 or -1 with *w. */
int query_level(enum query_level *level, const char *text, struct why *w);

/*
 * Add one KEY=VALUE; without "=VALUE" it is asked for only.  Once all are in,
 * query_defaults() asks for what answers have anyway.  0 or -1 with *w, which
 * names KEY but not VALUE.
 */
int query_add(struct query *q, const char *text, struct why *w);
int query_defaults(struct query *q, struct why *w);

/*
 * A name, STUDY, STUDY/SERIES or STUDY/SERIES/SOP, taken apart; what is not
 * there becomes "".  How many parts; -1 with *w: not such a name.
 */
struct query_name {
	char study[65], series[65], sop[65];
};
int query_name(struct query_name *n, const struct line *l, struct why *w);

/*
 * The line of an answer, p of n bytes, whose UIDs are those of name; values
 * become UTF-8.  0 or -1 with *w.
 */
int query_line(struct line *l, const struct query_name *name, const void *p,
    size_t n, struct why *w);

#endif
