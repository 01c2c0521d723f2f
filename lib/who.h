#ifndef WHO_H
#define WHO_H

#include <stdbool.h>

#include "say.h"

/*
 * Who asks: what a service knows of a client once its chain, its proxy and
 * its attributes were verified.  A principal, as it stands in owners, groups
 * and ACLs, is one of
 *
 *	/C=UN/O=site/CN=Robot: night	a DN: a / and an = before the next /
 *	/mdm/neuro/Role=reader		an FQAN: a / and no = before the next /
 *	https://issuer/#subject		a token's subject: any other that does
 *					not begin with # or *
 *
 * so that no FQAN or subject can ever be taken for a DN.  Principals hold no
 * control byte, are at most WHO_MAX bytes, and are equal only if every byte
 * is: a role does not imply its group, nor a group those below it.
 */
#define WHO_MAX 1000
#define WHO_FQANS 256

struct who {
	char *dn;    /* the DN, or a token's subject; never NULL or empty */
	char **fqan; /* the first is the primary one */
	unsigned fqans;
};

/* 0, or -1 with *w: EXIT_DATA, not a DN or subject. */
int who_init(struct who *who, const char *dn, struct why *w);

/*
 * Add one, without its /Role=NULL and /Capability=NULL.  One that is there is
 * not added again.  0, or -1 with *w: EXIT_DATA, not an FQAN, or too many.
 */
int who_add(struct who *who, const char *fqan, struct why *w);
void who_free(struct who *who); /* a zeroed struct who is fine */

/* Is the principal this client, or one of its FQANs?  No if it is "". */
bool who_is(const struct who *who, const char *principal);

/* Is the client any of these n? */
bool who_among(const struct who *who, const char *const *principal, unsigned n);

/* What kind of principal the text is; WHO_NONE if it is none. */
enum who_kind { WHO_NONE, WHO_DN, WHO_FQAN, WHO_SUBJECT };
enum who_kind who_kind(const char *principal);

#endif
