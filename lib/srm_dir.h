#ifndef SRM_DIR_H
#define SRM_DIR_H

#include "srm_back.h"

/*
 * The directory of a storage element, the one that its transfer server serves
 * too: a SURL's path is the file's below it.  Symbolic links in it are not
 * followed, and are not there for clients.
 *
 * Functions return 0 or an errno.  Names that begin with SRM_HIDDEN are files
 * on their way in; clients cannot name them.
 */
#define SRM_HIDDEN ".srm."
#define SRM_PATH 4096 /* bytes, with NUL */

struct srm_dir;

struct srm_dir *srm_dir_open(const char *path, struct why *w);
void srm_dir_close(struct srm_dir *d); /* NULL is nothing */

/* The sum only if it is known already. */
int srm_dir_stat(struct srm_dir *d, const char *path, struct srm_info *info);
int srm_dir_list(struct srm_dir *d, const char *path, struct srm_names *names);
int srm_dir_mkdir(struct srm_dir *d, const char *path);
int srm_dir_rmdir(struct srm_dir *d, const char *path);
int srm_dir_remove(struct srm_dir *d, const char *path);
int srm_dir_move(struct srm_dir *d, const char *from, const char *to);

/*
 * A file that was written as temp gets its name, and is durable: first its
 * bytes, by srm_dir_sync(), which gives its size and inode; then its name.
 */
int srm_dir_sync(struct srm_dir *d, const char *temp, unsigned long long *size,
    unsigned long long *inode);
int srm_dir_settle(
    struct srm_dir *d, const char *temp, const char *path, bool over);

/* Bytes that are free. */
int srm_dir_room(struct srm_dir *d, unsigned long long *bytes);

int srm_dir_inode(
    struct srm_dir *d, const char *path, unsigned long long *inode);

/*
 * The Adler-32 of a file, worked off in pieces, and kept with the file in the
 * attribute user.mdm.adler32 for as long as its size and time stay the same.
 * NULL with errno; a step is 1: there is more, 0: done, or -1 with errno.
 */
struct srm_sum;
struct srm_sum *srm_sum_begin(struct srm_dir *d, const char *path);
int srm_sum_step(struct srm_sum *s, char adler32[9]);
void srm_sum_free(struct srm_sum *s); /* NULL is nothing */

#endif
