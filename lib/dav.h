#ifndef DAV_H
#define DAV_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * What a WebDAV server answers to PROPFIND (RFC 4918), as it comes: one entry
 * for each name.  The answer is not trusted: no entities, no document type,
 * names of one component only, memory for one entry.
 */
struct dav_entry {
	const char *name; /* the last component; "" for what was asked for */
	bool dir;
	bool has_size;
	unsigned long long size;
	long long mtime;      /* 0: not said */
	const char *locality; /* "ONLINE", "NEARLINE"...; "": not said */
};
typedef void dav_visit(void *arg, const struct dav_entry *e);

/* self: the path that is asked about, as in its URL, without a slash at its
 * end; kept by reference.  Dies EXIT_IO without memory. */
struct dav *dav_new(const char *self, dav_visit *fn, void *arg);

/* The next n bytes; last: there are no more.  0; -1 with *w, EXIT_DATA. */
int dav_feed(struct dav *d, const void *p, size_t n, bool last, struct why *w);
void dav_free(struct dav *d);

#endif
