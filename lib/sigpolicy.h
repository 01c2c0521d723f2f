#ifndef SIGPOLICY_H
#define SIGPOLICY_H

#include <stddef.h>

#include "say.h"

/*
 * Signing policies: which names a certificate authority may sign.  The grid
 * trusts some hundred authorities, each for the names of its own country; a
 * file HASH.signing_policy beside each authority's certificate says so.
 * OpenSSL ignores them, and without them any authority could name anyone.
 *
 *	access_id_CA	X509	'/C=UN/O=Grid/CN=Authority'
 *	pos_rights	globus	CA:sign
 *	cond_subjects	globus	'"/C=UN/O=Grid/?*" "/C=UN/O=Hosts/?*"'
 *
 * In a pattern * is any bytes and ? one byte, case counts, and Email= is
 * another spelling of emailAddress=.
 */
#define SIGPOLICY_MAX 65536 /* bytes of such a file */

/*
 * May the authority ca sign for subject, by the n bytes of text?  1 yes, 0
 * no, -1 with *w: not a signing policy (EXIT_DATA).  DNs in slash form.
 */
int sigpolicy_allows(const char *text, size_t n, const char *ca,
    const char *subject, struct why *w);

#endif
