#ifndef CATALOGUE_IMPL_H
#define CATALOGUE_IMPL_H

#include "catalogue.h"
#include "db.h"
#include "word.h"

/* Private to catalogue*.c. */

#define NAME_LONGEST 255 /* bytes of a component */
#define NAME_WORD WORD_MAX(NAME_LONGEST)
#define LFN_LONGEST 4096
#define LFN_WORD WORD_MAX(LFN_LONGEST)

#define ROOT 1 /* the root directory's id */

/* An LFN taken apart; components are words. */
struct path {
	int n;
	char *part[CATALOGUE_DEPTH];
	char buf[LFN_WORD + CATALOGUE_DEPTH];
};

struct catalogue {
	struct db *db;

	/* The directories of the last LFN: most share theirs with the next. */
	int depth;
	struct {
		long long id;
		char name[NAME_WORD];
	} dir[CATALOGUE_DEPTH];

	/* Owners and groups by number, as far as they were met. */
	struct principal {
		long long id;
		char *name;
	} * principal;
	int principals;

	/*
	 * Replicas of the page that a walk is at, read together when the first
	 * is asked for, in the order of the entries.
	 */
	struct {
		const struct catalogue_entry
		    *e; /* where it is; NULL: nowhere */
		long long parent;
		const char *after;
		bool asked;
		struct db_stmt *row; /* at a row, or NULL */
	} page;

	/* Of this transaction: */
	long long now;               /* its time */
	long long next_id;           /* of the next entry; 0: not asked yet */
	long long owner, group;      /* ours, or 0 */
	char lease[CATALOGUE_LEASE]; /* the last one seen to be alive */
	struct line line;            /* scratch */
};

int path_split(struct path *p, const char *lfn, struct why *w);

/*
 * The id of the directory that the first n components lead to: 1 and *id; 0
 * if there is none; -1; make: what is missing is made (in a transaction).
 * A file in the way: -1 with EXIT_NO.
 */
int path_dir(struct catalogue *c, const struct path *p, int n, bool make,
    long long *id, struct why *w);

/* The entry name of directory parent; as catalogue_stat(). */
int entry_of(struct catalogue *c, long long parent, const char *name,
    struct catalogue_entry *e, struct why *w);
void entry_fill(
    struct catalogue *c, struct db_stmt *s, struct catalogue_entry *e);

#define ENTRY_COLUMNS                                                          \
	"id, parent, type, name, mode, owner, grp, atime, mtime, ctime,"       \
	" status, gen, size, adler32, guid, sha256, plain, signer, sig,"       \
	" profile, modality, pseudonym, comment, record, meta"

/* The number of a principal (a word), made if need be; -1 with *w. */
long long principal_id(struct catalogue *c, const char *name, struct why *w);

/* Set c->owner and c->group, for what no line gives to others.  0 or -1. */
int ourselves(struct catalogue *c, struct why *w);

/* A new id for an entry, in a transaction; -1 with *w. */
long long entry_id(struct catalogue *c, struct why *w);

/* Run s; a hook for one error path.  0 or -1. */
int run1(struct db_stmt *s, struct why *w);

#endif
