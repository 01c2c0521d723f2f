#ifndef FLEET_H
#define FLEET_H

#include <stdbool.h>

#include "store.h"
#include "stores.h"

/*
 * All key stores of a list at once, for a filter that asks the same of each
 * of them.  What differs between stores is kept by the filter in an array,
 * at the store's place s in the list:
 *
 *	struct lane { enum store_gone gone[BATCH]; } lane[255];
 *
 *	static int
 *	remove_batch(void *arg, unsigned s, struct store *store, struct why *w)
 *	{
 *		return store_remove(store, guid, n, lane[s].gone, w);
 *	}
 *
 *	fleet_open(&fleet, stores, false);
 *	fleet_each(&fleet, n, remove_batch, NULL);
 *	for (s = 0; s < fleet.count; s++)
 *		if (fleet.store[s] != NULL)
 *			... lane[s].gone ...
 *
 * A store whose job fails is *lost*: that is said once, and the run goes on
 * without it, so that one that is down is waited for once and not once a
 * batch.  Jobs run beside each other: they touch only what is their store's,
 * and say nothing.
 */
struct fleet {
	struct stores *stores;    /* the list */
	unsigned count;           /* of stores in it */
	struct store *store[255]; /* NULL: lost */
	unsigned lost;            /* how many are */
	struct why first;         /* why the first of them is */
	/*
	 * Says that store s is lost, which is closed when it returns; NULL: an
	 * error line does.  May be changed at any time.
	 */
	void (*say)(struct fleet *f, unsigned s, const struct why *w);
	struct fleet_crew *crew;
};

/* Secure memory that these stores need, whatever is asked of them. */
size_t fleet_secret(const struct stores *list);

/* 0, or -1 with *w, why this store is lost. */
typedef int fleet_job(
    void *arg, unsigned s, struct store *store, struct why *w);

/*
 * Open them (create: store_open()); those that do not open are lost.  The
 * fleet frees the list.  Set say before.
 */
void fleet_open(struct fleet *f, struct stores *list, bool create);
void fleet_close(struct fleet *f);

/*
 * Have each store do the job, and wait for all of them.  n: how many keys it
 * is about; for one key, a store that is not far away gets no thread.
 */
void fleet_each(struct fleet *f, unsigned n, fleet_job *job, void *arg);

/*
 * One store at a time, each in a thread of its own, for those that can do
 * with some of the answers.  A store has one job at a time, and arg is in use
 * until fleet_wait() has said that it is over.
 */
void fleet_start(struct fleet *f, unsigned s, fleet_job *job, void *arg);
bool fleet_busy(const struct fleet *f, unsigned s);

/*
 * Wait for a job to be over, ms at most (-1: however long); lose its store if
 * it failed.  Returns s, or -1: none was over in time, or none was begun.
 */
int fleet_wait(struct fleet *f, int ms);

/*
 * Break off what is under way: fleet_wait() soon has it all.  The stores of
 * such jobs are lost, and nothing is said of it.
 */
void fleet_stop(struct fleet *f);

/* Give this store up, as if a job of its had failed so. */
void fleet_lose(struct fleet *f, unsigned s, const struct why *w);

/* What to exit with if the lost ones are why: 65, 69, 75 or 77. */
int fleet_code(const struct fleet *f);

/* "1,3": the x of the stores for which which[] is true. */
#define FLEET_LIST (255 * 4 + 1)
char *fleet_list(
    const struct fleet *f, const bool which[], char list[FLEET_LIST]);

#endif
