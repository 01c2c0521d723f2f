#ifndef UNSEAL_H
#define UNSEAL_H

#include "keys.h"
#include "opener.h"

/*
 * Opening sealed objects, sealed(5), with the objects' own keys or with age
 * identities.  The sink sees authenticated bytes only.
 */
#define UNSEAL_SECRET_COST 65536 /* bytes of secure heap */

/*
 * keys: where the objects' keys come from (stays the caller's), or NULL: then
 * identity_file holds AGE-SECRET-KEY-1... lines.  first >= 0: only so many
 * bytes of each object are wanted, and chunks beyond them are not opened.
 * NULL with *w.
 */
struct opener *unseal_open(struct keys *keys, const char *identity_file,
    long long first, struct why *w);

#endif
