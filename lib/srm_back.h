#ifndef SRM_BACK_H
#define SRM_BACK_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"
#include "who.h"

/*
 * What srm-serve knows of a name, and the back-end behind its directory: where
 * files are that are not in it but can be brought there, from a tape, or a
 * DICOM server.  A back-end is another file with these four functions.
 *
 * Paths are those of SURLs: absolute, without "." and ".." and without a slash
 * at the end; "/" is the root.
 */
struct srm_info {
	bool directory;
	bool online, nearline; /* of a file: in the directory, behind it */
	unsigned long long size;
	long long mtime;
	char adler32[9]; /* or "": not known */
};

struct srm_name {
	char *name; /* one component, owned */
	struct srm_info info;
};
struct srm_names {
	struct srm_name *v;
	size_t n, room;
};
/* Copies name.  Dies EXIT_IO without memory. */
void srm_names_add(
    struct srm_names *l, const char *name, const struct srm_info *info);
/* By name, each once: what is online and nearline is both. */
void srm_names_sort(struct srm_names *l);
void srm_names_free(struct srm_names *l);

#define SRM_TICKET 80 /* bytes, with NUL */
enum srm_staged {
	SRM_STAGE_QUEUED,
	SRM_STAGE_RUNNING,
	SRM_STAGE_DONE,
	SRM_STAGE_FAILED, /* *w says why, and that reaches the client */
};

struct srm_back {
	void *arg;

	/* 1 and *info; 0: it has no such name; -1 with *w. */
	int (*stat)(
	    void *arg, const char *path, struct srm_info *info, struct why *w);

	/* Add the names in a directory, none if there is no such.  0, -1. */
	int (*list)(void *arg, const char *path, struct srm_names *names,
	    struct why *w);

	/*
	 * Have files brought into the directory; does not wait.  However many
	 * ask, each is brought once; what is asked survives a restart.  The
	 * tickets are what to ask status() with.  All or none: 0, or -1 with
	 * *w.
	 */
	int (*stage)(void *arg, const char *const *path, unsigned n,
	    const struct who *who, char (*ticket)[SRM_TICKET], struct why *w);

	/* enum srm_staged, or -1 with *w. */
	int (*status)(
	    void *arg, const char *path, const char *ticket, struct why *w);

	/* The client no longer wants it; others may.  May be NULL. */
	int (*cancel)(
	    void *arg, const char *path, const char *ticket, struct why *w);
};

#endif
