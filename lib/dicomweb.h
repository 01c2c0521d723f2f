#ifndef DICOMWEB_H
#define DICOMWEB_H

#include "ident.h"
#include "intake.h"

/*
 * A DICOM server that is spoken to by DICOMweb (PS3.18): QIDO-RS for questions,
 * WADO-RS for objects, over one connection that is kept.  The same goes in and
 * comes out as over DICOM's own protocol (pacs.h): identifiers, statuses,
 * objects into an intake.  An answer makes us hold one of its objects at most.
 *
 * What fails in passing (no connection, 429, 502 to 504) is asked again a few
 * times, unless something of the answer was used.  Redirections are not
 * followed, and proxies for the web are not used: a DICOM server is at hand.
 */
struct dicomweb_conf {
	const char *url;        /* https://HOST[:PORT]/PATH, or http:// */
	const char *token;      /* file with a bearer token, or NULL */
	const char *cert, *key; /* PEM files: ours, or NULL */
	const char *ca;        /* PEM file: whom we trust; NULL: the system's */
	const char *name;      /* that its certificate must have; NULL: HOST;
				  "": any */
	unsigned connect_time; /* seconds that a connection may take */
	unsigned time;         /* seconds that it may be silent */
};

/* Once, before threads.  0; -1 with *w: the token cannot be read or used. */
int dicomweb_init(const struct dicomweb_conf *c, struct why *w);

struct dicomweb;

/* For one thread at a time.  Nothing is sent yet. */
struct dicomweb *dicomweb_open(const struct dicomweb_conf *c);
void dicomweb_close(struct dicomweb *d); /* NULL is nothing */

/* Added to an HTTP status, where a DIMSE status might be. */
#define DICOMWEB_STATUS 0x10000u

/* What a status that is not success means: as dimsg_why(), for both kinds. */
int dicomweb_why(unsigned status, struct why *w);

/* Does it say that the server is out of resources, also of both kinds? */
bool dicomweb_busy(unsigned status);

/*
 * Ask for what matches q, at q's level, below what studies and series it names;
 * fn is called with each answer.  A server that gives cap answers (cap 0: ten),
 * or says that there are more (Warning 299), is asked for those after them,
 * until there are none.  *status: DIMSG_SUCCESS; DIMSG_FULL if they are not
 * all; or DICOMWEB_STATUS + what HTTP says.  0; -1 with *w: lost; EXIT_FEW
 * nobody there; EXIT_DENIED not trusted, or we are not.
 */
int dicomweb_find(struct dicomweb *d, const struct ident *q, unsigned cap,
    int (*fn)(void *arg, const void *p, size_t n, struct why *w), void *arg,
    unsigned *status, struct why *w);

/* Has the last answer shown that there is nothing after it?  Else a server that
 * does not know of offsets may have cut it silently. */
bool dicomweb_pages(const struct dicomweb *d);

/* Has the server answered anything, ever? */
bool dicomweb_heard(const struct dicomweb *d);

/*
 * Fetch one object, in the syntax that it is stored in.  As dicomweb_find();
 * the server may say DIMSG_SUCCESS and have sent something else, as it may by
 * C-GET: the intake sees what came.
 */
int dicomweb_fetch(struct dicomweb *d, const char *study, const char *series,
    const char *sop, struct intake_way *way, unsigned *status, struct why *w);

#endif
