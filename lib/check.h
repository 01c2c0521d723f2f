#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

#include "catalogue.h"
#include "grid.h"
#include "lfc.h"
#include "line.h"
#include "quarantine.h"
#include "say.h"
#include "store.h"
#include "stores.h"
#include "word.h"

/*
 * mdm-check(1)'s work: the catalogue beside the storages, and beside the key
 * stores, as ordered lists that are merged (merge.h).  Each comparison has two
 * passes.
 *
 * The first looks: storage and stores are listed before the catalogue, so that
 * what is registered meanwhile is found there, and everything that seems amiss
 * is looked at once more.  Garbage goes onto a list that remembers since when
 * it has been seen as such (quarantine.h).
 *
 * The second removes what has been on the list long enough, and there is room
 * between the two for doubt: nothing goes when more would than is plausible,
 * nor under a catalogue that is older than the one of the last run.
 *
 * check_catalogue.c asks the catalogue, check_state.c keeps what is remembered
 * from run to run, check_storage.c and check_keys.c compare.
 */
#define CHECK_SURL WORD_MAX(GRID_SURL)
#define CHECK_BATCH 500 /* removals to one sync and one report */

struct check {
	/* What is asked for. */
	bool repair;
	bool accept;          /* this catalogue, whatever it was before */
	long long grace;      /* seconds that leave everything alone */
	long long quarantine; /* seconds on the list before it goes */
	double max_remove;    /* percent of what exists */
	unsigned verify;      /* 1/10,000 of the objects are read */
	const char *state;    /* directory */

	struct lfc *catalogue;
	struct grid **grid; /* NULL: not looked at */
	unsigned grids;
	struct store **store; /* stores->count of them, or NULL */
	struct stores *stores;

	int (*report)(struct check *c, struct why *w); /* of found */
	struct line found;

	long long now;          /* the catalogue's clock, at the start */
	unsigned verify_from;   /* where the part that is read begins */
	unsigned long failures; /* what could not be removed */
	bool everywhere;        /* all of the catalogue's storages are listed */
	bool refused;           /* more would go than may */
	int lock;               /* of the state; -1 */
};

/* Each returns 0, or -1 with *w. */
int check_storages(struct check *c, struct why *w);
int check_keys(struct check *c, struct why *w);

/*
 * What is remembered.  Begin: EXIT_RETRY if another run is at work, EXIT_DATA
 * if this is an older catalogue, or another.
 */
int check_state_begin(struct check *c, struct why *w);
struct quarantine *check_list(struct check *c, const char *name, struct why *w);
void check_state_end(struct check *c);

/* Begin c->found. */
void check_found(struct check *c, const char *name, const char *kind);

/*
 * The second pass's questions.  check_horizon(), asked when everything is
 * listed: what was made before and is not registered when it is asked again
 * later, never will be.  check_kept(): why something stays, or NULL.
 */
int check_horizon(struct check *c, long long *horizon, struct why *w);
const char *check_kept(
    struct check *c, long long made, long long since, long long horizon);

/* Would it go by its age alone?  For the count of what would go. */
bool check_due(const struct check *c, long long made, long long since);
bool check_too_many(
    struct check *c, const char *what, unsigned long due, unsigned long all);

/* Does any store have a share of this key?  has[] as in c->stores.  0 or -1. */
int check_has_share(
    struct check *c, const char *guid, bool *has, unsigned *n, struct why *w);

/* The catalogue's part: ordered lists, as merge_stream's next. */
struct check_replicas; /* those below the storages, by URL */
struct check_replicas *check_replicas_new(
    struct check *c, char *const *prefix, unsigned n);
int check_replicas_next(void *arg, const char **key, struct why *w);
const struct catalogue_replica *check_replica(const struct check_replicas *r);
/* Has the catalogue replicas anywhere else?  1, 0, -1. */
int check_replicas_elsewhere(
    struct check *c, char *const *prefix, unsigned n, struct why *w);
void check_replicas_free(struct check_replicas *r);

struct check_guids; /* those of all entries */
struct check_guids *check_guids_new(struct check *c);
int check_guids_next(void *arg, const char **key, struct why *w);
void check_guids_free(struct check_guids *g);

/* 1, 0 or -1.  guid as 32 digits; lfn is a word. */
int check_has_surl(struct check *c, const char *surl, struct why *w);
int check_has_guid(struct check *c, const char *guid, struct why *w);
int check_lfn(struct check *c, const unsigned char guid[16],
    char lfn[CHECK_SURL], struct why *w);

/* The catalogue's clock, in c->now. */
int check_now(struct check *c, struct why *w);

/* The age of a catalogue: catalogue_serial(), catalogue_mark(). */
long long check_serial(struct check *c, struct why *w);
int check_has_mark(struct check *c, const char *mark, struct why *w);
int check_leave_mark(struct check *c, const char *mark, struct why *w);

#endif
