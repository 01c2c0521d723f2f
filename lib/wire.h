#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "say.h"

/*
 * Files across the network by URL, as gfal2 knows them: root, gsiftp, srm,
 * sftp.  For root, what is done for each object goes to XRootD's client itself,
 * which gfal2 would call too, after it has compiled regular expressions to find
 * out whose URL it is: that costs as much as the transfer of a small object.
 * Where that client is not as we know it, or a bearer token has to be shown,
 * gfal2 does all.
 *
 * Every call waits for the server, may be made by many threads at once, and
 * returns -1 with errno.
 */
struct wire {
	const struct wire_calls *calls;
	void *context; /* gfal2's */
};

struct wire_calls {
	/* flags: O_RDONLY, or O_WRONLY | O_CREAT | O_EXCL */
	int (*open)(struct wire *x, const char *url, int flags, int mode);
	long (*read)(struct wire *x, int fd, void *b, size_t n);
	long (*write)(struct wire *x, int fd, const void *b, size_t n);
	long long (*seek)(struct wire *x, int fd, long long at, int whence);
	int (*close)(struct wire *x, int fd);
	int (*stat)(struct wire *x, const char *url, struct stat *st);
	int (*remove)(struct wire *x, const char *url);
	int (*rename)(struct wire *x, const char *from, const char *to);
	/* The server's own, in hex digits of any number. */
	int (*adler32)(struct wire *x, const char *url, char *sum, size_t size);
};
extern const struct wire_calls wire_gfal, wire_root;

/*
 * For all that is below url.  Call it from one thread: it loads what it needs.
 * 0; -1 with *w, EXIT_FEW if it is not installed.
 */
int wire_open(struct wire *x, const char *url, struct why *w);

/* Is XRootD's client, which gfal2 has loaded, as we know it? */
bool wire_root_loads(void);

/* What gfal2 does alone. */
int wire_mkdir(struct wire *x, const char *url); /* and its parents */
long wire_status(struct wire *x, const char *url, char *text, size_t size);
int wire_copy(struct wire *x, const char *from, const char *to, unsigned wait);
typedef void wire_entry(void *arg, const char *name, const struct stat *st);
int wire_list(struct wire *x, const char *url, wire_entry *fn, void *arg);

#endif
