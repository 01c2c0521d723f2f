#ifndef SRM_API_H
#define SRM_API_H

#include "srm_back.h"
#include "srm_rules.h"

/*
 * SRM v2.2: the operations of a storage element, for one client at a time, over
 * its directory (srm_dir.h), what is behind it (srm_back.h), and the requests
 * that clients come back for (srm_requests.h).  No files pass through here: a
 * client is told a transfer URL (TURL) and talks to the transfer server that
 * has the same directory.
 *
 * A file is put under a hidden name beside its own, which it gets when the
 * client says that it is whole: nobody sees half a file, and a put that ends
 * leaves nothing.
 *
 * To add an operation: a function and a row of srm_ops[] (srm_impl.h).
 *
 * Nothing here knows of HTTP or TLS.
 */
struct srm_api;

/* Kept by the caller. */
struct srm_policy {
	const struct srm_rules *rules;
	const char *const *creator; /* may write everywhere; "*" is everyone */
	unsigned creators;
	const char *const *admin; /* may do everything */
	unsigned admins;
};

struct srm_setup {
	const char *root;            /* the directory */
	const char *url;             /* the database of requests */
	bool create;                 /* make it */
	const char *const *turl;     /* "root://HOST:PORT/", NULL-terminated */
	const struct srm_back *back; /* or NULL: there is nothing behind */
	long long lifetime;          /* s that a request lasts at most */

	/*
	 * What is decided, before it is done, and what then failed: id is the
	 * path as a word, or NULL.  bad: it was refused or failed.
	 */
	void (*record)(void *arg, const struct who *who, const char *op,
	    const char *id, const char *answer, bool bad);
	/* Write down what was recorded: 0, or -1 with *w, and nothing is done.
	 */
	int (*flush)(void *arg, struct why *w);
	void *arg;
};

/* setup is kept.  NULL with *w. */
struct srm_api *srm_api_open(const struct srm_setup *setup, struct why *w);
void srm_api_close(struct srm_api *a); /* NULL is nothing */
void srm_api_policy(struct srm_api *a, const struct srm_policy *policy);
int srm_api_ping(struct srm_api *a, struct why *w);

/* A request's body, in pieces of any size.  who must stay. */
struct srm_call;
struct srm_call *srm_call(struct srm_api *a, const struct who *who,
    void (*put)(void *arg, const void *bytes, size_t n), void *arg);

/* 0, or an HTTP status of 400 and above with *w. */
int srm_feed(struct srm_call *c, const void *bytes, size_t n, struct why *w);

/* 200; or 0: call again, there is more to do; or another status, with *w. */
int srm_finish(struct srm_call *c, struct why *w);
void srm_free(struct srm_call *c);

#endif
