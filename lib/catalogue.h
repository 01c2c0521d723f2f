#ifndef CATALOGUE_H
#define CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "line.h"
#include "say.h"

/*
 * The file catalogue: which objects there are, under which names, and where
 * their replicas lie.
 *
 * Entries form a tree of directories, files and symbolic links, as in the LFC.
 * A logical file name (LFN) is an absolute path in it; a record's NAME is
 * relative to $LFC_HOME.  What an object *is*, is its LFN and `plain`, the
 * keyed digest of its de-identified bytes.  Its ciphertext, under a GUID of its
 * own, is one generation of it: superseding replaces guid, size, sums,
 * signature and replicas together and keeps the rights.
 *
 * Names, and all text, are kept and handed out as words (word.h), so that they
 * go into lines without another look.
 *
 * Invariants, upheld inside transactions: (parent, name) is unique; a GUID
 * belongs to one entry, a storage URL to one replica; an entry is written only
 * under a live lease; a lease that has expired is deleted by the first writer
 * that sees it and never lives again, whatever the clock does.  Times are
 * seconds of the catalogue's own clock.
 *
 * Who asks, and so what they may do, is set by catalogue_as()
 * (catalogue_may.h); what they may not is EXIT_DENIED.
 *
 * Where a function says "as an operation", it needs a transaction and returns 1
 * when it is done; 0 if there is no such entry; -1 with *w.  With EXIT_NO,
 * EXIT_DENIED or EXIT_DATA in w->code it has changed nothing, and others may
 * follow in the same transaction; else roll back.  LFNs are physical: only
 * catalogue_real() follows symbolic links, and one in the middle of a name is
 * EXIT_NO.
 */

#define CATALOGUE_LEASE 33 /* bytes of a lease's name: 32 hex digits, NUL */
#define CATALOGUE_DEPTH 64 /* components of an LFN */

struct catalogue;

/* The URL to use: the option's value, MDM_CATALOGUE, or the user's own. */
const char *catalogue_url(const char *option);

/* As db_open(): NULL with *w. */
struct catalogue *catalogue_open(const char *url, bool create, struct why *w);
void catalogue_close(struct catalogue *c);

/* Seconds, by the catalogue's clock. */
long long catalogue_now(struct catalogue *c);

/*
 * Transactions, for catalogue_register() and catalogue_remove(), many to one.
 * What they did is durable when catalogue_commit() has returned 0, and
 * undone if it fails.
 */
int catalogue_begin(struct catalogue *c, struct why *w);
int catalogue_commit(struct catalogue *c, struct why *w);
void catalogue_rollback(struct catalogue *c);

/*
 * A number that grows with every commit that changed entries or replicas, or
 * -1.  Whoever remembers it can tell that a catalogue was put back to an older
 * state (unless it has since been changed as often: see catalogue_mark()).
 */
long long catalogue_serial(struct catalogue *c, struct why *w);

/*
 * Leave a mark (a word) in the catalogue, in a transaction; is it there?  A
 * catalogue that lost a mark is not the one it was left in, or is older.
 */
int catalogue_mark(struct catalogue *c, const char *mark, struct why *w);
int catalogue_has_mark(struct catalogue *c, const char *mark, struct why *w);

/*
 * Leases.  A run takes one, renews it while it lives, stamps it on its
 * records; nobody collects garbage that a live lease may still register.
 * In a transaction: catalogue_lease_keep() makes it last ttl seconds from now,
 * 1, or says that it has expired, 0; fresh: it begins, unless it has begun.
 * catalogue_lease_end() of one that is not there is nothing.
 */
int catalogue_lease_keep(struct catalogue *c, const char *id, long long ttl,
    bool fresh, struct why *w);
int catalogue_lease_end(struct catalogue *c, const char *id, struct why *w);

/*
 * In a transaction: the start of the oldest lease that lives, or LLONG_MAX if
 * none does, in *start.  Expired ones are deleted.  0 or -1.
 */
int catalogue_lease_oldest(
    struct catalogue *c, long long *start, struct why *w);

/*
 * The LFN of a name: itself if it begins with a slash, else below LFC_HOME
 * (default /grid/mdm).  Returns 0, or -1 with *w (EXIT_DATA) if it is
 * longer than size, has an empty component, `.` or `..`, one of more than 255
 * bytes, or more than CATALOGUE_DEPTH of them.
 */
int catalogue_lfn(char *lfn, size_t size, const char *name, struct why *w);

/* The LFN of a line: its field lfn, else that of its name. */
int catalogue_line_lfn(
    char *lfn, size_t size, const struct line *l, struct why *w);

/* An entry as it is read; pointers are valid until the next call with c. */
struct catalogue_entry {
	long long id, parent;
	char type; /* 'd' directory, 'f' file, 'l' symbolic link */
	bool dir;
	const char *name;  /* the last component, a word; "-" for the root */
	unsigned mode;     /* permission bits */
	const char *owner; /* DN or login name, a word */
	const char *group; /* FQAN or group name, a word */
	const char *acl;   /* what pacl.h writes, a word; NULL: mode only */
	long long atime, mtime, ctime;
	const char *comment; /* a word, or NULL */
	const char *target;  /* of a link: as it was given, a word */
	/* files only */
	bool online;   /* has a replica that can be read; else nearline */
	long long gen; /* generation, from 1 */
	long long size;
	long long adler32;           /* -1: not known */
	const unsigned char *guid;   /* 16 bytes, or NULL */
	const unsigned char *sha256; /* 32 bytes, or NULL */
	const unsigned char *plain;  /* 32 bytes, or NULL */
	const unsigned char *sig;    /* 64 bytes, or NULL */

	/* numbers and texts for the catalogue's own use */
	long long owner_id, group_id, acl_id, facts, home, more;
	const char *record, *meta;
};

/* 1 and *e, 0 if there is no such entry, -1. */
int catalogue_stat(struct catalogue *c, const char *lfn,
    struct catalogue_entry *e, struct why *w);

/*
 * Follow symbolic links: *real is the LFN that lfn leads to, its last component
 * included if last.  What does not exist stays as it is.  0; -1 with EXIT_NO
 * for a loop.
 */
int catalogue_real(struct catalogue *c, const char *lfn, bool last, char *real,
    size_t size, struct why *w);

/* How many entries directory id has, or -1. */
long long catalogue_children(struct catalogue *c, long long id, struct why *w);

/*
 * Visit the entries of directory lfn in the order of their names, then, if
 * deep, those of each directory below in turn.  visit() gets the directory's
 * LFN as a word; first with e == NULL when it is entered.  It returns 0; 1 to
 * stop; 2, when it is entered, to leave it out; -1.  after, unless NULL, is
 * where to go on: the word of the LFN of the last entry visited or, with a
 * slash at its end, of the directory entered last; then also without it, if
 * what it names is gone.  Memory is constant, whatever the number of entries;
 * most is how many visit() is going to see before it stops: little is read
 * ahead that would not be shown.  1; 0 if there is no such directory; -1 if the
 * catalogue fails or visit() returns -1.
 */
typedef int catalogue_visit(
    void *arg, const char *dir, const struct catalogue_entry *e, struct why *w);
int catalogue_walk(struct catalogue *c, const char *lfn, bool deep,
    const char *after, unsigned long most, catalogue_visit *visit, void *arg,
    struct why *w);

/* Called by visit() when a directory is entered: may it be listed?  0 or -1. */
int catalogue_walk_may(struct catalogue *c, struct why *w);

/*
 * A file's manifest(5) line, as text with its newline: its length, or -1 with
 * *w.  dir is the word of its directory's LFN, or NULL to have it looked up.
 */
long catalogue_text(struct catalogue *c, const struct catalogue_entry *e,
    const char *dir, char text[LINE_MAX_BYTES], struct why *w);

/* The same as a line.  0 or -1. */
int catalogue_line(struct catalogue *c, const struct catalogue_entry *e,
    const char *dir, struct line *l, struct why *w);

/*
 * Register what a manifest line describes, in a transaction.  Missing parents
 * are made, 0755.  Returns 0 and what was done in *how; 1 with *w if this
 * line is refused and others may follow; -1 with *w if the transaction must be
 * rolled back (EXIT_RETRY: its lease has expired).
 *
 * The same LFN and GUID, or LFN and plain with an online replica, is
 * CATALOGUE_SAME and needs no lease.  Another object of that LFN is refused,
 * unless the line's gen is the entry's plus one: CATALOGUE_SUPERSEDED.
 */
enum catalogue_how {
	CATALOGUE_NEW,
	CATALOGUE_SUPERSEDED,
	CATALOGUE_SAME,
	CATALOGUE_REFUSED,
};
int catalogue_register(struct catalogue *c, const struct line *l,
    enum catalogue_how *how, struct why *w);

/*
 * on: a line of any generation may be the first of its name, for making a
 * catalogue again that was lost.
 */
void catalogue_restoring(struct catalogue *c, bool on);

/*
 * Register n lines, in a transaction, with few waits for a catalogue that is
 * far.  Lines whose how[] is CATALOGUE_REFUSED are left out; refused() is
 * called for those that become so.  0, or -1 as catalogue_register().
 */
typedef void catalogue_refused(
    void *arg, const struct line *l, const struct why *w);
int catalogue_register_all(struct catalogue *c, const struct line *l, int n,
    enum catalogue_how *how, catalogue_refused *refused, void *arg,
    struct why *w);

/*
 * Remove, in a transaction, a file and its replicas, or a directory that is
 * empty.  gone(), unless NULL, is called with the manifest line of a file.
 * guid, unless NULL, is the GUID the entry must have.  With deep, a directory
 * goes with all below, at most limit entries in this call.  1 when all is
 * removed, 2 when the limit was met (commit, and call again), 0 if there is no
 * such entry, -1 with *w (EXIT_NO: not empty, or of another GUID).
 */
typedef int catalogue_gone(void *arg, const struct line *l, struct why *w);
int catalogue_remove(struct catalogue *c, const char *lfn,
    const unsigned char *guid, bool deep, int limit, catalogue_gone *gone,
    void *arg, struct why *w);

/*
 * As operations (see above).
 *
 * mkdir: with parents, missing ones are made, and one that exists is success;
 * else it is EXIT_NO.  mode is the new directory's.
 * rename: a file, link or whole directory; to must not exist (EXIT_NO), its
 * directory must, and must not be at or below from.  Signed names stay.
 * link: lfn becomes a symbolic link to target (an LFN, need not exist).
 * The others set one thing; a link's own mode means nothing.  Words are
 * copied; acl == NULL takes the ACL away, comment == NULL the comment, owner or
 * group == NULL leaves it.
 */
int catalogue_mkdir(struct catalogue *c, const char *lfn, unsigned mode,
    bool parents, struct why *w);
int catalogue_rename(
    struct catalogue *c, const char *from, const char *to, struct why *w);
int catalogue_link(
    struct catalogue *c, const char *target, const char *lfn, struct why *w);
int catalogue_chmod(
    struct catalogue *c, const char *lfn, unsigned mode, struct why *w);
int catalogue_chown(struct catalogue *c, const char *lfn, const char *owner,
    const char *group, struct why *w);
int catalogue_setacl(struct catalogue *c, const char *lfn, unsigned mode,
    const char *acl, struct why *w);
int catalogue_comment(
    struct catalogue *c, const char *lfn, const char *comment, struct why *w);

/*
 * Replicas of a file.  One that is not available is not in manifests; a file
 * without an available one is nearline.
 */
#define CATALOGUE_AVAILABLE '-'
#define CATALOGUE_POPULATED 'P' /* being written */
#define CATALOGUE_DELETED 'D'   /* being removed */
#define CATALOGUE_BAD 'B'       /* found to be damaged or gone */
#define CATALOGUE_SOURCE 'N'    /* nearline: catalogue_recall.h */
struct catalogue_copy {
	const char *surl; /* a word */
	char status;
	char f_type;      /* V volatile, D durable, P permanent */
	char r_type;      /* P primary, S secondary */
	const char *host; /* words, or NULL */
	const char *setname;
	long long atime, ptime, accesses;
};

/* Visit those of entry id, the preferred first.  0 or -1. */
typedef int catalogue_copy_visit(
    void *arg, const struct catalogue_copy *r, struct why *w);
int catalogue_copies(struct catalogue *c, long long id,
    catalogue_copy_visit *visit, void *arg, struct why *w);

/*
 * As operations.  add: of the file lfn, whose GUID must be guid unless that is
 * NULL; one it has already becomes available; another file's is EXIT_NO.  The
 * others find the replica by its URL.
 */
int catalogue_replica_add(struct catalogue *c, const char *lfn,
    const unsigned char *guid, const struct catalogue_copy *r, struct why *w);
int catalogue_replica_remove(
    struct catalogue *c, const char *surl, struct why *w);
int catalogue_replica_status(
    struct catalogue *c, const char *surl, char status, struct why *w);

/* The LFN, a word, of the file that has this replica: 1, 0, or -1. */
int catalogue_surl_lfn(struct catalogue *c, const char *surl, char *lfn,
    size_t size, struct why *w);

/*
 * Visit the files at or below directory top of which the expression holds
 * (find.h), in no certain order, those of a series together; dir as for
 * catalogue_walk().  Files that who asks may not read are left out.  visit()
 * returns 0; 1 to stop; -1.  after, unless NULL, is where to go on: what
 * catalogue_find_at() said in visit().  Memory is constant.  0 or -1.
 */
#define CATALOGUE_FOUND 48
struct find;
int catalogue_find(struct catalogue *c, const char *top, const struct find *f,
    const char *after, catalogue_visit *visit, void *arg, struct why *w);
void catalogue_find_at(const struct catalogue *c, char at[CATALOGUE_FOUND]);

/*
 * For mdm-check.  Pages of replicas in the order of their URLs (bytes of their
 * words), and of GUIDs, after a given one; at most max into the array, whose
 * strings catalogue_pages_free() releases.  Returns how many, or -1.
 */
struct catalogue_replica {
	char *surl;               /* a word */
	long long size;           /* of its entry */
	long long entry;          /* its entry's id */
	unsigned char guid[16];   /* its entry's; zeros if none */
	unsigned char sha256[32]; /* likewise */
	char status;              /* CATALOGUE_AVAILABLE... */
};
int catalogue_replicas(struct catalogue *c, const char *after,
    const char *below, struct catalogue_replica *page, int max, struct why *w);
void catalogue_replicas_free(struct catalogue_replica *page, int n);
int catalogue_guids(struct catalogue *c, const unsigned char *after,
    unsigned char (*page)[16], int max, struct why *w);

/* Is there a replica of this URL (a word), an entry of this GUID?  1, 0, -1. */
int catalogue_has_surl(struct catalogue *c, const char *surl, struct why *w);
int catalogue_has_guid(
    struct catalogue *c, const unsigned char *guid, struct why *w);

/* The LFN, a word, of the entry of this GUID: 1, 0, or -1. */
int catalogue_guid_lfn(struct catalogue *c, const unsigned char *guid,
    char *lfn, size_t size, struct why *w);

#endif
