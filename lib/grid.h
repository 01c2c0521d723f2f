#ifndef GRID_H
#define GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "hash.h"
#include "say.h"

/*
 * Storage elements, by URL: "file:DIR", "https://" and "davs://" (libcurl),
 * "root://", "gsiftp://", "srm://" and "sftp://" (gfal2, loaded when the first
 * such URL is opened).  Another kind is another struct grid_kind, grid_impl.h.
 *
 * An object lies at ROOT/aa/GUID, aa being the first two digits of the GUID, so
 * that storage learns no structure and no directory grows too large: 4,000
 * entries for a million objects.  Its storage URL (SURL) is the canonical ROOT
 * plus that path.  An upload is written below ROOT/.incoming under a name of
 * its own, compared with what the storage says it has, and renamed when it is
 * complete: no partial object has ever a SURL.
 *
 * A SURL comes from a catalogue that may lie: it is opened only below the root
 * of the storage it is asked from, never through a symbolic link or "..", and
 * only if it is a regular file.  What follows the root has no byte that means
 * something in a URL.
 *
 * A storage may be used by many threads at once, one grid_put or grid_get by
 * one thread at a time.
 *
 * What fails says whether it may work later: EXIT_RETRY does not answer, is
 * busy or stalls; EXIT_IO is full or broken; EXIT_DENIED does not let us, or we
 * do not trust it; EXIT_FEW has no such object; EXIT_DATA has another object
 * than it should.  Calls that change nothing twice are tried again for a while
 * before they say EXIT_RETRY; uploads and downloads are not.
 */

#define GRID_GUID 33  /* bytes of a GUID as hex digits, with NUL */
#define GRID_PATH 128 /* bytes of a path that we put to, with NUL */
#define GRID_SURL 4200

struct grid;

/*
 * The URL to write to: the option's value, the first of MDM_STORAGE, or the
 * user's own.  And those to look at: the ones named, if any, or all of
 * MDM_STORAGE: its URLs are apart by blanks, but a blank that no "scheme:"
 * follows belongs to a file's name.  They live until the program ends.
 */
const char *grid_default(const char *option);
struct opt_list;
const struct opt_list *grid_defaults(const struct opt_list *named);

/*
 * Open a storage; create makes it if it is not there.  What is across the
 * network is not asked yet.  NULL with *w; EXIT_USAGE for what is no storage.
 */
struct grid *grid_open(const char *url, bool create, struct why *w);
void grid_close(struct grid *g);

/* The canonical URL, without a slash at its end. */
const char *grid_url(const struct grid *g);

/* Is it across the network: worth several transfers at once? */
bool grid_far(const struct grid *g);

/*
 * The path of surl below this storage, or NULL if it lies elsewhere.  It points
 * into surl and is safe only in the calls below.
 */
const char *grid_path(const struct grid *g, const char *surl);

/* The path of the object of that GUID; -1, EXIT_DATA if it is no GUID. */
int grid_object(const char *guid, char path[GRID_PATH], struct why *w);

/*
 * Upload one object to path: begin, write, then done or void, which free it.
 * size: its bytes, or -1 if they are not known.  NULL or -1 with *w.
 */
struct grid_put;
struct grid_put *grid_put_begin(
    struct grid *g, const char *path, long long size, struct why *w);
int grid_put_write(struct grid_put *p, const void *b, size_t n, struct why *w);

/*
 * All of it was written: send what is left.  grid_put_done() does that too;
 * after this it moves no data any more.
 */
int grid_put_sent(struct grid_put *p, struct why *w);

/*
 * Compare what arrived with sums, give it its name, and *surl.  An object of
 * that name that is there already is left alone: it counts if it is the same,
 * else -1 with EXIT_DATA.  It is durable after grid_sync().
 */
int grid_put_done(struct grid_put *p, const struct sums_text *sums,
    unsigned long long size, char surl[GRID_SURL], struct why *w);
void grid_put_void(struct grid_put *p); /* NULL is nothing */

/* Everything that is done becomes durable.  0 or -1. */
int grid_sync(struct grid *g, struct why *w);

/*
 * Read the object at path from byte first, count bytes or (-1) all.  *size is
 * that of the whole object.  NULL with *w.
 */
struct grid_get;
struct grid_get *grid_get_open(struct grid *g, const char *path,
    unsigned long long first, long long count, unsigned long long *size,
    struct why *w);

/* Bytes read, at most n; 0 at the end; -1 with *w. */
long grid_get_read(struct grid_get *r, void *b, size_t n, struct why *w);
void grid_get_close(struct grid_get *r); /* NULL is nothing */

/* 1, with size and mtime (seconds, the storage's clock); 0; -1. */
int grid_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w);

/* The same and more, which may take long.  1; 0; -1. */
struct grid_about {
	unsigned long long size;
	long long mtime;
	char adler32[9];   /* the storage's own word; empty: it has none */
	char locality[24]; /* "ONLINE", "NEARLINE"...; empty: it does not say */
};
int grid_about(
    struct grid *g, const char *path, struct grid_about *a, struct why *w);

/* Remove: 1, or 0 if it was not there, -1.  Durable after grid_sync(). */
int grid_remove(struct grid *g, const char *path, struct why *w);

/*
 * Give what is at path another name, never one that is taken; directories are
 * made.  1, or 0 if it was not there, -1.  Durable after grid_sync().
 */
int grid_move(struct grid *g, const char *path, const char *to, struct why *w);

/*
 * Have the storage fetch what is at surl, on another storage, to path, which is
 * then as after grid_put_done().  1; 0 if the two cannot do it between
 * themselves; -1.
 */
int grid_fetch(struct grid *g, const char *surl, const char *path,
    const char *adler32, unsigned long long size, char at[GRID_SURL],
    struct why *w);

/*
 * Everything on the storage, in the order of paths (bytes), ".incoming/..."
 * first.  Memory is bounded by the largest directory.  fn() may remove what it
 * is shown.
 */
struct grid_item {
	const char *path;
	enum {
		GRID_OBJECT,      /* aa/GUID */
		GRID_INCOMING,    /* .incoming/NAME: an upload */
		GRID_FOREIGN,     /* not ours */
		GRID_QUARANTINED, /* .quarantine/NAME */
		GRID_MANIFEST,    /* .manifests/NAME */
	} kind;
	unsigned long long size;
	long long mtime;
};
typedef int grid_visit(void *arg, const struct grid_item *i, struct why *w);
int grid_list(struct grid *g, grid_visit *fn, void *arg, struct why *w);

#endif
