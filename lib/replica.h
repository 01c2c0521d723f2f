#ifndef REPLICA_H
#define REPLICA_H

#include "grid.h"
#include "line.h"
#include "opt.h"

/*
 * The replicas that a manifest line names (surl, surl.2, ...), on those
 * storages alone that the user allows, whatever a line says.  The storages are
 * in order of preference.
 */
#define REPLICAS 32 /* of one line; more are not looked at */

/* Open those of --allow, or the default.  Dies. */
void replica_open(const struct opt_list *allow);
int replica_storages(void);
struct grid *replica_storage(int i);

struct replica {
	char key[16];         /* of the line */
	char surl[GRID_SURL]; /* decoded */
	const char *path;     /* in surl: on that storage; NULL: on none */
	int storage;
};

/*
 * Try the line's replicas until use() returns 0 or more, which is returned: the
 * storages named first come first, those that did not answer lately last.  When
 * all of them failed and to wait may help, again after a while, unless for
 * another line we have waited for all of them in vain just now.  Else -1
 * with *w, about the last, or EXIT_RETRY if any may work later.  bad: those
 * that failed, at most REPLICAS.
 */
struct replica_bad {
	char key[16];
	struct why why;
};
typedef int replica_use(void *arg, const struct replica *r, struct why *w);
int replica_try(const struct line *l, replica_use *use, void *arg,
    struct replica_bad *bad, int *bads, struct why *w);

/*
 * Name replicas that failed: as warnings if another did, and as lines of
 * manifest(5) with surl= and error= in the file of replica_report().  Dies.
 */
void replica_report(const char *file); /* NULL: none */
void replica_blame(const struct line *l, const struct replica_bad *bad,
    int bads, struct why *w);
void replica_reported(void); /* that was all */

#endif
