#ifndef GRID_IMPL_H
#define GRID_IMPL_H

#include "grid.h"

/*
 * What a kind of storage provides; for grid*.c only.  Paths given to it are
 * grid_path()'s or grid_object()'s.  Calls may come from many threads.
 */
#define GRID_INCOMING_DIR ".incoming"

/* One name of a directory. */
struct grid_name {
	char *name; /* owned */
	enum { GRID_FILE, GRID_DIR, GRID_ODD } type;
	unsigned long long size;
	long long mtime;
};
struct grid_names {
	struct grid_name *v;
	size_t n, size;
};
/* Copies name, which is one component.  Dies EXIT_IO without memory. */
struct grid_name *grid_names_add(struct grid_names *k, const char *name);

struct grid_kind {
	const char *const *schemes; /* NULL-terminated */
	bool far;
	struct grid *(*open)(const char *url, bool create, struct why *w);
	void (*close)(struct grid *g);
	/* NULL: by the canonical URL. */
	const char *(*path)(const struct grid *g, const char *surl);

	/* As in grid.h.  The kind's own structs begin with those below. */
	struct grid_put *(*put_begin)(
	    struct grid *g, const char *path, long long size, struct why *w);
	int (*put_write)(
	    struct grid_put *p, const void *b, size_t n, struct why *w);
	/* NULL: nothing is ever left. */
	int (*put_sent)(struct grid_put *p, struct why *w);
	int (*put_done)(struct grid_put *p, const struct sums_text *sums,
	    unsigned long long size, struct why *w);
	void (*put_void)(struct grid_put *p);
	struct grid_get *(*get_open)(struct grid *g, const char *path,
	    unsigned long long first, long long count, unsigned long long *size,
	    struct why *w);
	long (*get_read)(struct grid_get *r, void *b, size_t n, struct why *w);
	void (*get_close)(struct grid_get *r);
	int (*sync)(struct grid *g, struct why *w); /* NULL: nothing to do */
	int (*stat)(struct grid *g, const char *path, unsigned long long *size,
	    long long *mtime, struct why *w);
	int (*about)(struct grid *g, const char *path, struct grid_about *a,
	    struct why *w);
	int (*remove)(struct grid *g, const char *path, struct why *w);
	int (*move)(
	    struct grid *g, const char *path, const char *to, struct why *w);
	/* NULL: never.  Compares and renames like put_done. */
	int (*fetch)(struct grid *g, const char *surl, const char *path,
	    const char *adler32, unsigned long long size, struct why *w);
	/* The names in dir, "" for the root; none if it is not there. */
	int (*names)(struct grid *g, const char *dir, struct grid_names *k,
	    struct why *w);
};

struct grid { /* each kind's handle begins with it */
	const struct grid_kind *kind;
	char url[GRID_SURL]; /* canonical, without a slash at its end */
};
struct grid_put {
	struct grid *g;
	char path[GRID_PATH];
};
struct grid_get {
	struct grid *g;
};

extern const struct grid_kind grid_file, grid_https, grid_gfal;

/* URL in its one form; false if it is none of those across the network. */
bool grid_url_one(const char *url, char one[GRID_SURL]);

/* grid_path() for them. */
const char *grid_url_below(const struct grid *g, const char *surl);

/*
 * A storage's "ONLINE", "NEARLINE" and so on, of which n bytes of size came,
 * as one word; empty if it is none.
 */
void grid_locality(char word[24], const char *text, size_t n, size_t size);

/* A name of its own in .incoming for an upload to path. */
void grid_incoming(char tmp[GRID_PATH], const char *path);

#endif
