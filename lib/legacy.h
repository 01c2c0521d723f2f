#ifndef LEGACY_H
#define LEGACY_H

#include "keys.h"
#include "opener.h"
#include "share.h"

/*
 * Objects that gLite's EDS encrypted, eds(5): the raw output of an OpenSSL
 * cipher with PKCS#7 padding, no header, no MAC.  Nothing of one is authentic,
 * and nobody makes new ones here.
 *
 * Cipher, IV and key travel, and are kept by today's key stores, as one
 * secret of SHARE_MIN to SHARE_MAX bytes, the legacy key:
 *
 *	the cipher's name in OpenSSL, lower case; a NUL; the IV; the key
 *
 * The original's splitting has damaged some keys: it turned 16-bit groups
 * fff1..ffff into 0000..000e.  What a key with such groups may have been is
 * tried on the object: the first reading that gives "DICM" where DICOM has it
 * is taken, else the key as it stands; and of an object too short for that
 * the first whose padding is right.
 */
#define LEGACY_SECRET_COST 4096 /* bytes of secure heap */

/*
 * Load OpenSSL's legacy provider, which has Blowfish and others; before a
 * sandbox is closed.  0, or -1 with *w when it is not there.
 */
int legacy_init(struct why *w);

/*
 * After legacy_init(), make a legacy key, *n bytes, of key and IV (lengths in
 * bytes).  0, or -1 with *w, EXIT_DATA: no such cipher, lengths that do not fit
 * it, or more than SHARE_MAX bytes in all.
 */
int legacy_pack(unsigned char out[SHARE_MAX], size_t *n, const char *cipher,
    const unsigned char *iv, size_t iv_len, const unsigned char *key,
    size_t key_len, struct why *w);

/*
 * Opens such objects.  A record's key is that of its GUID, else that of the id
 * "/NAME" (keyid.h); a bare object's is the next one there is.  first as in
 * unseal.h. NULL with *w as of legacy_init(), which it calls.
 */
struct opener *legacy_open(struct keys *keys, long long first, struct why *w);

#endif
