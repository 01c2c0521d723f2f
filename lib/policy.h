#ifndef POLICY_H
#define POLICY_H

#include "hydra_api.h"

/*
 * Whom a key store's operator lists: principals (who.h) who may create keys,
 * and admins.  A file has a line for each,
 *
 *	creator /mdm/ingest/Role=robot
 *	admin /C=UN/O=site/CN=Jane Doe
 *
 * the principal being the rest of the line; "creator *" is everyone.  Empty
 * lines and those that begin with # say nothing.
 */
struct policy;

/*
 * Read file (NULL: none), and add the lists given, NULL-terminated.  Those
 * and the file's are copied.  NULL with *w.
 */
struct policy *policy_load(const char *file, const char *const *creator,
    const char *const *admin, unsigned threshold, struct why *w);
void policy_free(struct policy *p); /* NULL is nothing */

/* Valid until policy_free(). */
const struct hydra_policy *policy_of(const struct policy *p);

#endif
