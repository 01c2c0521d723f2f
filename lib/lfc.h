#ifndef LFC_H
#define LFC_H

#include "lfc_api.h"

/*
 * A catalogue as its clients use it, wherever it is: "sqlite:PATH" and
 * "postgresql://..." are opened here, and whoever can open them may do
 * everything; "https://host:port/" is lfc-serve, which decides by our
 * certificate, proxy or token.  What can be asked is in lfc-api(5).
 *
 * A service that is busy, or that restarts after it has answered us, is asked
 * again for some 30 s (MDM_LOCK_WAIT), one that cannot be reached for a moment.
 * All requests may be asked twice: what the first did is answered as done. Then
 * EXIT_FEW, or EXIT_RETRY if it said "later".
 *
 * A handle serves one thread at a time, one call at a time.
 */
struct lfc;

/*
 * The URL to use: the option's value, MDM_CATALOGUE, https://LFC_HOST/ (port
 * 8444 if LFC_HOST names none), or the user's own.
 */
const char *lfc_url(const char *option);

/* create: make a database that is not there.  NULL with *w. */
struct lfc *lfc_open(const char *url, bool create, struct why *w);
void lfc_close(struct lfc *l); /* NULL is nothing */

/*
 * Ask op of n lines; each is answered, in order, by a call of fn.  NAME of a
 * line is an absolute LFN (lfc_name()), unless the operation says otherwise;
 * lines to be registered without lfn= get it from their name and LFC_HOME.
 * 0; or -1 with *w: the catalogue failed, or fn did.  Lines that were not
 * answered then may have been done, or not.
 */
int lfc_ask(struct lfc *l, const char *op, const struct line *in, unsigned n,
    lfc_answer *fn, void *arg, struct why *w);

/*
 * Ask op of one line.  out, line_init()ed, takes the answer.  1; 0 when it was
 * refused, with *w saying why; -1.
 */
int lfc_one(struct lfc *l, const char *op, const struct line *in,
    struct line *out, struct why *w);

/* A listing, as lfc_api_list(): 1, 0 when it was refused, or -1. */
int lfc_list(struct lfc *l, const char *op, const struct line *in,
    const struct lfc_sink *sink, struct why *w);

/*
 * Set l's NAME to the LFN of an operand: itself if it begins with a slash, else
 * below LFC_HOME (default /grid/mdm); slashes at its end are dropped.  0, or
 * -1 with *w as catalogue_lfn().
 */
int lfc_name(struct line *l, const char *operand, struct why *w);

/* Was it refused because there is no such entry? */
#define LFC_NO_ENTRY "no such entry"
bool lfc_missing(const struct why *refused);

/* Leases, catalogue.h. */
#define LFC_LEASE 33
int lfc_lease_new(
    struct lfc *l, long long ttl, char id[LFC_LEASE], struct why *w);
int lfc_lease_renew(
    struct lfc *l, const char *id, long long ttl, struct why *w);
int lfc_lease_end(struct lfc *l, const char *id, struct why *w);

#endif
