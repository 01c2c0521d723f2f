#ifndef SIGN_H
#define SIGN_H

#include <stddef.h>

#include "line.h"
#include "say.h"

/*
 * Signed manifest lines, manifest(5): the site that made an object vouches
 * for what its line says.  Two fields are added: "by", the signer's name, and
 * "sig", an Ed25519 signature (128 hex digits) of the statement
 *
 *	mdm manifest line v1<NL>
 *	name=NAME<NL>
 *	guid=WORD<NL>
 *	size=WORD<NL>
 *	sha256=WORD<NL>
 *	plain=WORD<NL>
 *	gen=WORD<NL>
 *	profile=WORD<NL>
 *
 * whose words are the line's own.  plain, gen and profile are left out when
 * the line has none.  A word holds no newline and no blank, and the order is
 * fixed, so no two lines that differ in these have the same statement.
 */

#define SIGN_NAME_MAX 64 /* bytes of a signer's name: letters, digits, ._@- */

struct sign_key;

/* Its file: the option's value, MDM_SIGN_KEY, or the user's own. */
const char *sign_key_file(const char *option);

/* Read the secret key in FILE.  NULL with *w. */
struct sign_key *sign_key_open(const char *file, struct why *w);
void sign_key_free(struct sign_key *k);

/*
 * Make a key: FILE (0600, never over an old one) and FILE.pub, the line for
 * a signers file.  name may be NULL: then the key is called after its digest.
 * 0, or -1 with *w.
 */
int sign_key_new(const char *file, const char *name, struct why *w);

/*
 * Set by and sig.  0, or -1 with *w, EXIT_DATA: the line lacks guid, size or
 * sha256.
 */
int sign_line(const struct sign_key *k, struct line *l, struct why *w);

/*
 * Who may sign: a file of lines "NAME ed25519 HEX", empty ones and those
 * that begin with # apart.  A name may have several keys.  NULL with *w.
 */
struct signers;
struct signers *signers_open(const char *file, struct why *w);
void signers_free(struct signers *s);

/* Is the line signed by one of them?  0, or -1 with *w, EXIT_DATA. */
int signers_check(const struct signers *s, const struct line *l, struct why *w);

#endif
