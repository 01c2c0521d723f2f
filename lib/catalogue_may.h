#ifndef CATALOGUE_MAY_H
#define CATALOGUE_MAY_H

#include "pacl.h"

/*
 * Who asks a catalogue, and what they may do; private to catalogue*.c, except
 * for catalogue_as().  Decisions are made where a path is walked and where an
 * entry is changed, in the same transaction as the change, so that every way to
 * an entry is guarded, whoever calls.
 *
 * Every directory that path_dir() passes needs x; it keeps their rights, so
 * that most paths cost nothing.  After path_dir(c, p, n, ...), the directory of
 * the path's first n components is asked about by n.  Needed are
 *
 * - to make or rename in a directory: dir_may(c, n, PACL_W, w)
 * - to list it: dir_may(c, n, PACL_R, w)
 * - to take an entry out of it: may_remove(c, n, r, w)
 * - to tell what a file is: may(c, r, PACL_R, w); to change it: PACL_W
 * - for chmod, setacl and chgrp: may_own(c, r, w); to this group: may_join()
 * - for chown, and what is about all: may_admin(c, w)
 *
 * All are 0, or -1 with *w, EXIT_DENIED (or as the database failed); with
 * catalogue_as(c, NULL, true), as a handle begins, they cost a comparison.
 */
struct catalogue;

/*
 * From now on who asks, or NULL: one who has the database.  who stays the
 * caller's and must live as long.  An admin may do everything, and what he
 * makes is his.
 */
void catalogue_as(struct catalogue *c, const struct who *who, bool admin);

/* The rights of an entry, as its row has them. */
struct rights {
	unsigned mode;
	long long owner, group; /* numbers in principal */
	long long acl;          /* number in acl; 0: the mode is all */
};

int may(
    struct catalogue *c, const struct rights *r, unsigned want, struct why *w);
int dir_may(struct catalogue *c, int n, unsigned want, struct why *w);
int may_remove(
    struct catalogue *c, int n, const struct rights *r, struct why *w);
int may_own(struct catalogue *c, const struct rights *r, struct why *w);
int may_join(
    struct catalogue *c, const char *group, struct why *w); /* a word */
int may_admin(struct catalogue *c, struct why *w);

/* As may(), of an entry that was read; for whoever shows what it is. */
struct catalogue_entry;
int catalogue_entry_may(struct catalogue *c, const struct catalogue_entry *e,
    unsigned want, struct why *w);

/*
 * The rights of a new entry in the directory of n components (see above), its
 * mode as asked for: who asks, their first group, and what the directory's
 * defaults say.  RIGHTS_USUAL is 0755 and 0600, or what the defaults allow.  In
 * a transaction.  0 or -1.
 */
#define RIGHTS_USUAL 0x10000u
int rights_new(struct catalogue *c, int n, bool dir, unsigned mode,
    struct rights *r, struct why *w);

/* Could this be the word of an entry's list?  0 (as for NULL), or -1. */
int acl_check(const char *word, struct why *w);

/* The number of a list (a word), made if need be; 0 for NULL; -1 with *w. */
long long acl_id(struct catalogue *c, const char *word, struct why *w);

/* Its word; NULL for 0.  Valid until the next call; NULL with *w if it fails.
 */
const char *acl_word(struct catalogue *c, long long id, struct why *w);

#endif
