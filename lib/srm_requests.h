#ifndef SRM_REQUESTS_H
#define SRM_REQUESTS_H

#include "db.h"
#include "srm_back.h"

/*
 * What clients of a storage element have asked for and come back for: requests
 * of files, by a token, in a database (db.h).  A request outlives the service;
 * its time over, it is forgotten.
 *
 * Functions return 0, or -1 with *w, unless said otherwise.
 */
extern const struct db_schema srm_schema;

enum srm_kind { SRM_GET = 'g', SRM_PUT = 'p', SRM_ONLINE = 'o' };

enum srm_state {
	SRM_OPEN = 'o', /* of a get, pinned or on its way; of a put, written */
	SRM_SETTLING = 's', /* its name is being changed, see srm_file.inode */
	SRM_DONE = 'd',     /* a put is over */
	SRM_RELEASED = 'r',
	SRM_ABORTED = 'a',
	SRM_FAILED = 'f', /* srm_file.code and .why */
};

#define SRM_TOKEN 40 /* bytes, with NUL */

struct srm_request {
	char token[SRM_TOKEN];
	enum srm_kind kind;
	char *owner;           /* a DN or subject */
	long long made, until; /* s since the epoch */
	bool over;             /* puts replace what is there */
};

struct srm_file {
	long long n; /* in its request, from 0 */
	char *surl;  /* as the client wrote it */
	char *path;
	enum srm_state state;
	int code; /* enum srm_code, of a failure */
	char *why;
	char *ticket;   /* of the back-end, or "": it was online */
	long long size; /* of a put: announced, or 0 */
	char *turl;
	char *temp;               /* of a put: the path that it is written as */
	unsigned long long inode; /* of a put that is settling */
};
void srm_file_free(struct srm_file *f);
void srm_files_free(struct srm_file *f, size_t n); /* and the array */

struct srm_requests;

struct srm_requests *srm_requests_open(
    const char *url, bool create, struct why *w);
void srm_requests_close(struct srm_requests *r); /* NULL is nothing */
int srm_requests_ping(struct srm_requests *r, struct why *w);

/* Make one, with a new token if it has none. */
int srm_requests_add(struct srm_requests *r, struct srm_request *q,
    const struct srm_file *f, size_t n, struct why *w);

/* A token that nobody guesses. */
void srm_token(char token[SRM_TOKEN]);

/* 1, with *q (whose owner is the caller's to free) and its files; 0: none. */
int srm_requests_get(struct srm_requests *r, const char *token,
    struct srm_request *q, struct srm_file **f, size_t *n, struct why *w);

/* Around many of the two below, so that they are one write. */
int srm_requests_begin(struct srm_requests *r, struct why *w);
int srm_requests_commit(struct srm_requests *r, struct why *w);
void srm_requests_rollback(struct srm_requests *r);

/* Write down a file's state, code, why and inode. */
int srm_requests_set(struct srm_requests *r, const char *token,
    const struct srm_file *f, struct why *w);

/* Release what this owner has pinned of a path, in any request. */
int srm_requests_release(
    struct srm_requests *r, const char *owner, const char *path, struct why *w);

/* 1 and the token of one that ended before now; 0: there is none. */
int srm_requests_ended(struct srm_requests *r, long long now,
    char token[SRM_TOKEN], struct why *w);
int srm_requests_forget(
    struct srm_requests *r, const char *token, struct why *w);

#endif
