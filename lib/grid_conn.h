#ifndef GRID_CONN_H
#define GRID_CONN_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "cred.h"
#include "dav.h"
#include "grid_impl.h"

/*
 * Connections to a storage across https, for grid_https.c alone.  Each carries
 * one request at a time: grid_conn_reset(), then fields and what else the
 * request has, grid_conn_begin(), grid_conn_pump() until there is something to
 * do, and at the end grid_conn_ended().  Who borrows one gives it back for the
 * next.
 */
#define BLOCK (512u << 10) /* bytes of an answer that come at once */
#define TEXT 512           /* bytes kept of an answer that nobody reads */

struct conn {
	struct conn *next; /* of those that nobody uses */
	CURL *easy;
	CURLM *multi;
	char error[CURL_ERROR_SIZE];
	struct curl_slist *header;
	bool running, done;
	CURLcode result;

	/* What goes up: left bytes at from, and then more unless ended. */
	const char *from;
	size_t left;
	bool ended, waits;

	/* What comes: to the reader, and what is too much for it into over. */
	char *to;
	size_t room;
	char *over;
	size_t over_used, over_at;
	unsigned long long skip; /* bytes of it that were not asked for */
	bool held;
	bool reading; /* else the first bytes are kept in text */
	struct dav *dav;
	struct why why;
	char text[TEXT];
	size_t text_used;

	/* Of the answer's head. */
	long status;
	char adler32[9];
	unsigned long long total;
	bool has_total, ranged;
	time_t moved; /* when bytes last moved, or anything else did */
};

struct https {
	struct grid g;    /* first */
	const char *path; /* of url */
	pthread_mutex_t lock;
	struct conn *idle;
	struct conn *sums, **sums_end; /* idle, longest first */
	int sums_n;
	struct cred cred;
	bool proof;
};

void grid_conn_free(struct conn *c);

/* Forget the last request, keep the connection. */
void grid_conn_reset(struct https *h, struct conn *c);

/* One that nobody uses. */
struct conn *grid_conn_borrow(struct https *h);
void grid_conn_give_back(struct https *h, struct conn *c);

/* The same for one that asks for a checksum. */
struct conn *grid_conn_borrow_sum(struct https *h);
void grid_conn_give_back_sum(struct https *h, struct conn *c);

/* A field of the request: a line without its end. */
void grid_conn_header(struct conn *c, const char *line);

/* Begin a request for path; method NULL: a GET, or an upload.  0; -1. */
int grid_conn_begin(struct https *h, struct conn *c, const char *method,
    const char *path, struct why *w);

/* Go on until what(c), or the end of the request.  False: it stalls. */
bool grid_conn_pump(struct conn *c, bool (*what)(const struct conn *c));

/* The request has ended, well or not: its status, or -1 with *w. */
int grid_conn_ended(struct https *h, struct conn *c, bool moves, struct why *w);

/* One with nothing to send or read: its status, or -1 with *w. */
int grid_conn_request(struct https *h, struct conn *c, const char *method,
    const char *path, struct why *w);

#endif
