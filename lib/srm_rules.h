#ifndef SRM_RULES_H
#define SRM_RULES_H

#include "who.h"

/*
 * Who may do what with which files of a storage element.  A file with lines
 *
 *	read /mdm /mdm
 *	write /mdm/in /mdm/Role=robot
 *
 * a right, a path as a word, and who: a DN, an FQAN, a token's subject, or *
 * for everyone who is let in.  A line holds for the path and all below it;
 * what no line allows is denied.  "read" is to list, to be told of, to get and
 * to have brought online; "write" to put, remove, move and make directories.
 * Empty lines and those that begin with # say nothing.
 */
struct srm_rules;

enum srm_right { SRM_READ = 1, SRM_WRITE = 2 };

/* NULL: no file, no lines.  NULL with *w. */
struct srm_rules *srm_rules_load(const char *file, struct why *w);
void srm_rules_free(struct srm_rules *r); /* NULL is nothing */

bool srm_rules_allow(const struct srm_rules *r, const struct who *who,
    enum srm_right right, const char *path);

#endif
