#ifndef PACS_H
#define PACS_H

#include <popt.h>
#include <stdbool.h>

#include "dicomweb.h"
#include "dimse.h"
#include "dimsg.h"
#include "ident.h"
#include "intake.h"

/*
 * What is said to a DICOM server, and what it says: C-FIND, C-GET, C-MOVE, and
 * the receiving side of C-STORE.
 */

#define PACS_FIND "1.2.840.10008.5.1.4.1.2.2.1" /* Study Root */
#define PACS_MOVE "1.2.840.10008.5.1.4.1.2.2.2"
#define PACS_GET "1.2.840.10008.5.1.4.1.2.2.3"
#define PACS_VERIFY "1.2.840.10008.1.1"
#define PACS_IMPLICIT "1.2.840.10008.1.2"

/* --aet, --timeout, --pdu, --cert and so on, for the options tables. */
extern struct poptOption pacs_options[];
#define PACS_OPTIONS                                                           \
	{                                                                      \
		NULL, '\0', POPT_ARG_INCLUDE_TABLE, pacs_options, 0,           \
		    "DICOM network:", NULL                                     \
	}

/*
 * Fill c from the options and from where the server is, dicom://AE@HOST:PORT or
 * dicoms://... for TLS; url may be NULL when only listening.  Dies EXIT_USAGE.
 */
void pacs_conf(struct dimse_conf *c, const char *url);

/*
 * Is it where a DICOMweb server is, https://HOST[:PORT]/PATH or http://?  Then
 * fill c from it and the options.  Dies EXIT_USAGE.
 */
bool pacs_web(struct dicomweb_conf *c, const char *url);

/* [HOST:]PORT, for listening. Dies EXIT_USAGE. */
void pacs_listen_at(struct dimse_conf *c, const char *address);

/* Is this an AE title? */
bool pacs_is_ae(const char *text);

/*
 * The transfer syntaxes that an object of the class may be stored in.  *n of
 * them, the uncompressed ones first.
 */
const char *const *pacs_syntaxes(const char *sop_class, int *n);

/* The next command.  1; 0 the peer wants to end; DIMSE_IDLE; -1 with *w. */
int pacs_command(struct dimse *d, bool patient, struct dimsg *m,
    unsigned *context, struct why *w);

/* Read the data set that follows and forget it.  0 or -1. */
int pacs_skip(struct dimse *d, struct why *w);

/* Answer m with a status and no data. 0 or -1. */
int pacs_answer(struct dimse *d, unsigned context, const struct dimsg *m,
    int status, struct why *w);

/* Take the object that follows m, a C-STORE, and answer. 0 or -1 (lost). */
int pacs_store(struct dimse *d, unsigned context, const struct dimsg *m,
    struct intake_way *way, struct why *w);

/*
 * Ask for what matches q; fn is called with each answer.  *status is the
 * server's last word, DIMSG_SUCCESS or why the answers are not all.  0; -1 with
 * *w: lost.
 */
int pacs_find(struct dimse *d, const struct ident *q,
    int (*fn)(void *arg, const void *p, size_t n, struct why *w), void *arg,
    unsigned *status, struct why *w);

/*
 * Have what matches q sent: to us, over this association (way), or, if
 * destination is not NULL, to that AE title over another.  As pacs_find().
 */
int pacs_fetch(struct dimse *d, const struct ident *q, const char *destination,
    struct intake_way *way, unsigned *status, struct why *w);

#endif
