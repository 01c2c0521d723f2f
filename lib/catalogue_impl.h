#ifndef CATALOGUE_IMPL_H
#define CATALOGUE_IMPL_H

#include "catalogue.h"
#include "catalogue_may.h"
#include "db.h"
#include "word.h"

/*
 * Private to catalogue*.c: catalogue.c has the handle, transactions and leases;
 * _schema the tables; _names what is kept once and referred to by number;
 * _path LFNs; _read entries; _walk listings; _line manifest lines; _reg
 * registering; _ops the other changes; _copies replicas; _near files that have
 * a source; _recall the queue of those that are asked for.
 */

#define NAME_LONGEST 255 /* bytes of a component */
#define NAME_WORD WORD_MAX(NAME_LONGEST)
#define LFN_LONGEST 4096
#define LFN_WORD WORD_MAX(LFN_LONGEST)

#define ROOT 1 /* the root directory's id */

extern const struct db_schema catalogue_schema;

/* An LFN taken apart; components are words. */
struct path {
	int n;
	char *part[CATALOGUE_DEPTH];
	char buf[LFN_WORD + CATALOGUE_DEPTH];
};

/*
 * Texts that many entries share are kept once, in tables of their own, and
 * remembered here as far as they were met.
 */
enum names {
	PRINCIPAL, /* owners and groups */
	ACL,
	HOME, /* storages: what a SURL has before /aa/GUID */
	NAMES
};
struct name {
	long long id;
	char *text;
	bool fresh; /* made in this transaction */
	struct name *by_id, *by_text;
};
#define NAMES_HASH 256

/*
 * Facts: what the objects of a series have in common, see _schema.  The last
 * ones met.
 */
struct facts {
	long long id; /* 0: none */
	bool sop;     /* the field sop is the last component of the NAME */
	char *prefix; /* of the NAME: all but its last component; or NULL */
	char *fields; /* as they stand in a line */
	char *key;    /* what they are found by */
};
#define FACTS_KEPT 64
#define FACTS_PREFIX 500 /* bytes of prefix */
#define FACT_LONGEST 200 /* bytes of a field that is one of the facts */

struct catalogue {
	struct db *db;

	/*
	 * The directories of the last LFN: most share theirs with the next.
	 * dir[i] is that of its first i components; depth -1: none is known.
	 */
	int depth;
	struct level {
		long long id;
		char name[NAME_WORD];
		struct rights rights;
	} dir[CATALOGUE_DEPTH + 1]; /* dir[0], if depth >= 0, is the root */

	struct {
		struct name *by_id[NAMES_HASH], *by_text[NAMES_HASH];
	} names[NAMES];
	struct facts facts[FACTS_KEPT], *last_facts;

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

	struct rights walk_rights; /* of the directory that a walk is in */
	long long found_facts, found_entry; /* where a search is */

	const struct who *who; /* catalogue_as() */
	bool admin;
	struct decision {
		struct rights rights;
		int got;        /* may they?  -1: not asked yet */
	} decision[8];          /* the last, by what they wanted */
	long long owner, group; /* of this process; 0: not asked yet */

	bool restoring; /* any generation may come first */

	/* Of this transaction: */
	long long now;               /* its time */
	long long next_id;           /* of the next entry; 0: not asked yet */
	bool changed;                /* entries or replicas */
	char lease[CATALOGUE_LEASE]; /* the last one seen to be alive */
	struct line line;            /* scratch */
};

/* catalogue.c: nothing that was made in the transaction may be remembered */
void forget(struct catalogue *c);
int run1(struct db_stmt *s, struct why *w); /* s may be NULL: 0 or -1 */
int run_id(struct catalogue *c, const char *sql, long long id, struct why *w);

/* _names: the number of a text (made if need be), or -1; and the text */
long long name_id(
    struct catalogue *c, enum names kind, const char *text, struct why *w);
const char *name_text(struct catalogue *c, enum names kind, long long id);
long long name_known(struct catalogue *c, enum names kind, const char *text,
    struct why *w); /* 0: there is none */
void names_forget(struct catalogue *c, bool all);
void names_keep(struct catalogue *c);

/*
 * _facts: the number of a line's facts, or -1; and the facts.  own: is this
 * field one of those of a line of that NAME?  name: do the facts and the
 * entry's name make its NAME?
 */
long long facts_id(struct catalogue *c, const struct line *l, struct why *w);
const struct facts *facts_of(struct catalogue *c, long long id);

/*
 * What facts_of() will be asked for in a directory, most likely: asked ahead,
 * as db_ask(); and taken: 0, or -1 with *w.
 */
struct db_answer *facts_ask(struct catalogue *c, long long dir);
int facts_take(struct catalogue *c, struct db_answer *a, struct why *w);
void facts_forget(struct catalogue *c);
bool facts_own(const char *name, const char *key, const char *word);
bool facts_name(const char *name, const char *component);

/* _path */
int path_split(struct path *p, const char *lfn, struct why *w);

/* Append a component, a word, to the word of a directory's LFN. */
int path_append(char *dir, size_t size, const char *name, struct why *w);

/*
 * The id of the directory that the first n components lead to: 1 and *id; 0
 * if there is none; -1; make: what is missing is made (in a transaction).
 * A file in the way: -1 with EXIT_NO.  c->dir[0..n] then hold the way.
 */
int path_dir(struct catalogue *c, const struct path *p, int n, bool make,
    long long *id, struct why *w);

/* What name is in parent, into *at and *type: 1, 0, or -1. */
int step_into(struct catalogue *c, long long parent, const char *name,
    struct level *at, char *type, struct why *w);

/* The directory of p and its last component: as path_dir(); p->n > 0. */
int path_parent(struct catalogue *c, const char *lfn, struct path *p,
    long long *parent, struct why *w);

/* The word of directory id's LFN, by its parents. */
int dir_word(
    struct catalogue *c, long long id, char *dir, size_t size, struct why *w);

/* Set c->owner and c->group: the login and group names of this process. */
int ourselves(struct catalogue *c, struct why *w);

/* A directory, link: its new id, or -1. */
void bind_number(struct db_stmt *s, int i, long long n); /* 0: NULL */
long long make_node(struct catalogue *c, const char *type, long long parent,
    const char *name, const struct rights *r, const char *target,
    struct why *w);

/* A new id for an entry, in a transaction; -1 with *w. */
long long entry_id(struct catalogue *c, struct why *w);

/* _read */

/* The entry name of directory parent; as catalogue_stat(). */
int entry_of(struct catalogue *c, long long parent, const char *name,
    struct catalogue_entry *e, struct why *w);
int entry_by_id(struct catalogue *c, long long id, struct catalogue_entry *e,
    struct why *w);
void entry_fill(
    struct catalogue *c, struct db_stmt *s, int col, struct catalogue_entry *e);

/*
 * The entry of an LFN, and the way to it in p: as catalogue_stat(), but a file
 * in the way is EXIT_NO.
 */
int entry_at(struct catalogue *c, const char *lfn, struct path *p,
    struct catalogue_entry *e, struct why *w);

/* The LFN, a word, of the entry name of directory parent: 1 or -1. */
int entry_lfn(struct catalogue *c, long long parent, const char *name,
    char *lfn, size_t size, struct why *w);

/* A walk reads a page of entries of parent, after a name, into *e. */
void page_begin(struct catalogue *c, const struct catalogue_entry *e,
    long long parent, const char *after);
void page_end(struct catalogue *c);

#define ENTRY_COLUMNS(e)                                                       \
	e "id, " e "parent, " e "type, " e "name, " e "mode, " e "owner, " e   \
	  "grp, " e "acl, " e "atime, " e "mtime, " e "ctime, " e              \
	  "comment, " e "target, " e "status, " e "gen, " e "size, " e         \
	  "adler32, " e "guid, " e "sha256, " e "plain, " e "sig, " e          \
	  "facts, " e "home, " e "more, " e "record, " e "meta"

static inline struct rights
rights_of(const struct catalogue_entry *e)
{
	struct rights r = { e->mode, e->owner_id, e->group_id, e->acl_id };

	return r;
}

/*
 * _reg: the fields of a line that have no column and are no facts, as they
 * stand in a line, into meta; true, and the signature, if it has one of 64
 * bytes.
 */
bool line_meta(
    const struct line *l, char meta[LINE_MAX_BYTES], unsigned char sig[64]);

/*
 * The rights of a new entry in the directory of n components: as the line says,
 * else as the directory does.  0 or -1.
 */
int rights_line(struct catalogue *c, const struct line *l, int n,
    struct rights *r, struct why *w);

/* _copies */

/*
 * Is this SURL a storage's own place for an object of this GUID:
 * PREFIX/aa/GUID? Then the length of PREFIX, else 0.
 */
size_t surl_home(const char *surl, const unsigned char guid[16]);

/*
 * May an object of this GUID have that replica?  A storage's own place for a
 * GUID belongs to that GUID, so that no row of replica can have a URL that is
 * another entry's at home.  0, or -1 with *w, EXIT_DATA.
 */
int surl_check(const char *surl, const unsigned char guid[16], struct why *w);

/* The storage's number, made if need be; 0: it is no such place; -1. */
long long home_id(struct catalogue *c, const char *surl,
    const unsigned char guid[16], struct why *w);

/* The SURL of the replica at home, into surl: 0, or -1 if it does not fit. */
#define SURL_WORD 8192
#define SURL_LONGEST 2000 /* what an index of PostgreSQL can hold */
int home_surl(struct catalogue *c, long long home, const unsigned char *guid,
    char surl[SURL_WORD]);

/* Move an entry's replica from its row to the replicas', with a status. */
int home_move(struct catalogue *c, const struct catalogue_entry *e, char status,
    struct why *w);

/*
 * Ready to insert a replica, for db_run() unless its URL is there, or, one of
 * many, for db_add(); NULL with *w.
 */
struct db_stmt *replica_row(struct catalogue *c, long long entry,
    const struct catalogue_copy *r, bool many, struct why *w);
int replica_delete_all(struct catalogue *c, long long entry, struct why *w);

/* The number of the entry that has this SURL, 0, or -1. */
long long surl_entry(struct catalogue *c, const char *surl, struct why *w);

#endif
