#ifndef OUT_H
#define OUT_H

#include <stddef.h>

#include "say.h"

/*
 * Output that is whole or absent.
 *
 * out_open(NULL) is standard output, where a consumer must look at our exit
 * status.  out_open(path) writes a hidden file beside path; only out_commit()
 * makes it appear, after fsync, by rename.  If the program ends first, by
 * exit or by SIGHUP, SIGINT, SIGPIPE or SIGTERM, the hidden file is removed.
 * One output at a time.
 */

/* Returns a descriptor to write to; dies EXIT_IO. */
int out_open(const char *path);

/* Dies EXIT_IO unless everything written is safe. */
void out_commit(void);

/* Write all n bytes to fd, whatever signals and short writes do. 0 or -1. */
int out_write(int fd, const void *p, size_t n, struct why *w);

/* fsync the directory that holds path.  0 or -1 (errno). */
int out_sync_dir(const char *path);

/*
 * Make the file path hold exactly n bytes, mode, durable, and only if it did
 * not exist: a key file is never written over.  0 or -1 with *w.
 */
int out_new_file(
    const char *path, const void *p, size_t n, unsigned mode, struct why *w);

#endif
