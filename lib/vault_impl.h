#ifndef VAULT_IMPL_H
#define VAULT_IMPL_H

#include "atrest.h"
#include "db.h"
#include "vault.h"

/* What the files vault*.c share; nobody else includes this. */

#define GUID (SHARE_ID / 2)

/* A row as the database has it; what it lacks is NULL. */
#define SHARE_COLUMNS "x, k, n, e, created, sealed, tag, commits"
#define RIGHTS_COLUMNS ", putter, mac, owner, grp, perms, acl, held"
enum { X, K, N, E, CREATED, NUMBERS };
enum { SEALED, TAG, COMMITS, PUTTER, MAC, OWNER, GRP, PERMS, ACL, HELD, PARTS };
struct raw {
	long long number[NUMBERS];
	struct {
		const void *p; /* text ends in a NUL, which n counts */
		size_t n;
	} part[PARTS];
};

/*
 * What was asked beforehand of a database that is far: all that it has of some
 * keys, as of then.  What this transaction has changed since is touched, and
 * asked for anew.
 */
struct kept {
	struct kept *next; /* epochs ascend */
	struct raw raw;    /* in bytes */
	char bytes[];
};
struct known {
	unsigned char guid[GUID];
	bool touched, removed;
	long long when; /* it was removed */
	struct kept *share, *epoch;
};

struct vault {
	struct db *db;
	struct atrest *key;
	unsigned x;
	bool begun;
	bool adding;         /* rows that the database has not seen yet */
	struct known *known; /* in the order of GUIDs */
	size_t knowns;
};

/* What is known of guid, if something is and still holds; else NULL. */
const struct known *vault_known(
    const struct vault *v, const unsigned char guid[GUID]);
void vault_touch(struct vault *v, const unsigned char guid[GUID]);

/* Before the database is asked about guid (NULL: any): it has seen all. */
int vault_settle(
    struct vault *v, const unsigned char guid[GUID], struct why *w);

/*
 * Know the rows of q, in the order of their GUIDs, with all columns and the
 * GUID last; and their other epochs.
 */
int vault_learn(struct vault *v, struct db_stmt *q, struct why *w);

/* The row that q is at. */
void vault_raw(struct raw *r, struct db_stmt *q, bool rights);

/* What it says of guid. */
void vault_read(struct vault *v, const struct raw *raw,
    const unsigned char guid[GUID], bool rights, struct vault_row *r);

/* Bind ?1 to ?9, the GUID and SHARE_COLUMNS; and six from ?i on, the rights. */
int vault_bind(struct vault *v, struct db_stmt *q, const struct share *s,
    unsigned char guid[GUID], struct why *w);
void vault_bind_rights(struct vault *v, struct db_stmt *q, int i,
    const unsigned char guid[GUID], const struct acl *a);

/* A statement whose ?1 is a GUID.  NULL with *w. */
struct db_stmt *vault_prepare(
    struct vault *v, const char *sql, const char *guid, struct why *w);

/* Run it: 1 if that changed something, 0, -1. */
int vault_run(struct vault *v, struct db_stmt *q, struct why *w);

/* Run it; what comes of it is known when the transaction is committed. */
int vault_send(struct vault *v, struct db_stmt *q, struct why *w);

/* A row was refused: was the one found in its place?  1, or -1. */
int vault_taken(struct vault *v, int found, struct why *w);

/* A GUID of 16 bytes. */
int vault_guid(unsigned char out[GUID], const char *guid, struct why *w);

#endif
