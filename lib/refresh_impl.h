#ifndef REFRESH_IMPL_H
#define REFRESH_IMPL_H

#include "acl.h"
#include "epoch.h"
#include "fleet.h"
#include "refresh.h"
#include "standing.h"

/*
 * What refresh.c (stores and batches), refresh_plan.c (what is to be done with
 * a key), refresh_read.c and refresh_write.c (the steps at the stores) share;
 * nobody else includes this.
 */
struct refresh_key {
	char guid[SHARE_ID + 1];
	struct why why;            /* code 0: nothing is wrong so far */
	const struct standing *is; /* the sharing that is read */
	uint64_t next;             /* the epoch that is to be */
	bool anew;                 /* shares are to be made */
	bool made;                 /* they are */
	bool there;                /* the next epoch is current everywhere */
	unsigned char *commit;     /* of what is made */
	bool lacks;                /* a store has to be given its rights */
	unsigned char state[ACL_STATE]; /* of those that most have */
	struct acl right;
	bool right_known;
};

/* A store: of the old list, of the new one, or both. */
struct refresh_lane {
	bool from, to;
	unsigned char run[16]; /* marks what this batch puts */

	/* Of key i. */
	struct line *answer;
	struct standing *standing;
	struct share *old, *new; /* secure */
	enum store_found *found; /* of old */
	bool *put;               /* it had nothing, and was given it */
	bool *kept;              /* new[i] was staged or put by us now */

	/* A request about some of the keys. */
	unsigned n;
	unsigned *index;
	const char **guid;
	uint64_t *e;
	const struct share **share;
	const struct acl **right;
	enum epoch_result *result;
};

struct refresh {
	struct fleet fleet;
	struct refresh_lane lane[255];
	struct refresh_how how;
	unsigned threshold; /* no sharing with a smaller k is believed */
	unsigned k, n;      /* of new sharings */
	unsigned batch;

	struct refresh_key *key;
	unsigned keys;
	struct line *question;
};

/* Does the lane's store have the sharing, current or beside? */
bool refresh_has(const struct standing *s, const struct standing *sharing);

/* From what the stores have of key i, what is to be done. */
void refresh_plan(struct refresh *r, unsigned i);

/*
 * The steps, for all keys of the batch with which nothing is wrong.  0, or -1
 * with *w, as refresh_keys(); what is wrong with a key is in its why.
 */
int refresh_gather(struct refresh *r, struct why *w); /* and make */
int refresh_learn_rights(struct refresh *r, struct why *w);
int refresh_make_room(struct refresh *r, struct why *w);
int refresh_stage(struct refresh *r, struct why *w);
int refresh_turn(struct refresh *r, struct why *w);
int refresh_clear(struct refresh *r, struct why *w);
void refresh_leave(struct refresh *r);

/* Zeroed, or dies. */
void *refresh_alloc(size_t n, size_t size);

/* No store is asked anything; key i is added to what this one is asked. */
void refresh_ask_nothing(struct refresh *r);
void refresh_ask(
    struct refresh *r, struct refresh_lane *l, unsigned i, uint64_t e);

/* All stores at once; -1 if one that has to take shares is lost. */
int refresh_each(struct refresh *r, fleet_job *job, struct why *w);
int refresh_all_there(const struct refresh *r, struct why *w);

/* Nothing is wrong with the key so far. */
static inline bool
refresh_well(const struct refresh_key *k)
{
	return k->why.code == 0;
}

#endif
