#ifndef GRID_H
#define GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "hash.h"
#include "say.h"

/*
 * Storage elements, by URL.  Today "file:DIR"; what gfal2 speaks will be
 * another file behind the same calls.
 *
 * An object lies at ROOT/aa/GUID, aa being the first two digits of the GUID, so
 * that storage learns no structure and no directory grows too large: 4,000
 * entries for a million objects.  Its
 * storage URL (SURL) is the canonical ROOT plus that path.  An upload is
 * written below ROOT/.incoming under a name of its own and renamed when it is
 * complete: no partial object has ever a SURL.
 *
 * A SURL comes from a catalogue that may lie: it is opened only below the root
 * of the storage it is asked from, never through a symbolic link or "..",
 * and only if it is a regular file.
 */

#define GRID_GUID 33 /* bytes of a GUID as hex digits, with NUL */
#define GRID_PATH 36 /* bytes of "aa/GUID", with NUL */
#define GRID_SURL 4200

struct grid;

/* The URL to use: the option's value, MDM_STORAGE, or the user's own. */
const char *grid_default(const char *option);

/* Open a storage; create makes it if it is not there.  NULL with *w. */
struct grid *grid_open(const char *url, bool create, struct why *w);
void grid_close(struct grid *g);

/* The canonical URL, without a slash at its end. */
const char *grid_url(const struct grid *g);

/*
 * The path of surl below this storage, or NULL if it lies elsewhere.  It points
 * into surl and is safe only in the calls below.
 */
const char *grid_path(const struct grid *g, const char *surl);

/* Upload one object: begin, write, then done or void; one at a time. */
int grid_put_begin(struct grid *g, const char *guid, struct why *w);
int grid_put_write(struct grid *g, const void *p, size_t n, struct why *w);

/*
 * Give it its name, and *surl.  An object of that GUID that is there already
 * is left alone: it counts if it is the same (sums), else -1 with EXIT_DATA.
 * It is durable after grid_sync().
 */
int grid_put_done(struct grid *g, const struct sums_text *sums,
    unsigned long long size, char surl[GRID_SURL], struct why *w);
void grid_put_void(struct grid *g);

/* Everything that is done becomes durable.  0 or -1. */
int grid_sync(struct grid *g, struct why *w);

/*
 * Open the object at path for reading: a descriptor that is the caller's,
 * and its *size; -1 with *w: EXIT_FEW if there is none, EXIT_DENIED if it is
 * not a plain file below the root, EXIT_IO.
 */
int grid_get(
    struct grid *g, const char *path, unsigned long long *size, struct why *w);

/* 1, with size and mtime (seconds, the storage's clock); 0; -1. */
int grid_stat(struct grid *g, const char *path, unsigned long long *size,
    long long *mtime, struct why *w);

/* Remove: 1, or 0 if it was not there, -1.  Durable after grid_sync(). */
int grid_remove(struct grid *g, const char *path, struct why *w);

/*
 * Everything on the storage, in the order of paths (bytes), ".incoming/..."
 * first.  Memory is bounded by the largest directory.  object: the path is
 * that of an object; else it is an upload, or not ours.  fn() may
 * remove what it is shown.
 */
struct grid_item {
	const char *path;
	enum { GRID_OBJECT, GRID_INCOMING, GRID_FOREIGN } kind;
	unsigned long long size;
	long long mtime;
};
typedef int grid_visit(void *arg, const struct grid_item *i, struct why *w);
int grid_list(struct grid *g, grid_visit *fn, void *arg, struct why *w);

#endif
