#ifndef BELOW_H
#define BELOW_H

/*
 * Names below a directory, whoever made what is there: neither a symbolic link
 * nor ".." is followed, so that no name leads out of it.
 */

/*
 * Open path, relative ("." is root itself), below the directory root; flags as
 * for openat(2), with nothing created.  A descriptor, or -1 with errno: ELOOP
 * or EXDEV for what leads through a link or out.
 */
int below_open(int root, const char *path, int flags);

/*
 * The directory that path is in, and in *name the last part of path.  As
 * above.
 */
int below_parent(int root, const char *path, const char **name);

#endif
