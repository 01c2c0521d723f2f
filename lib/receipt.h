#ifndef RECEIPT_H
#define RECEIPT_H

#include "say.h"

/*
 * Removal receipts, hydra-api(5): a store's signed word that it has removed a
 * key and will not have one of that name again.
 */
#define RECEIPT_SIG 64    /* bytes of Ed25519 */
#define RECEIPT_PUBLIC 32 /* bytes of the store's key */
#define RECEIPT_ID 16     /* bytes of the store's id */

/* The text that is signed; its length.  id: raw; guid: 32 digits. */
#define RECEIPT_TEXT 160
unsigned receipt_text(char out[RECEIPT_TEXT],
    const unsigned char id[RECEIPT_ID], const char *guid, long long removed);

/* Is it that store's?  0, or -1 with *w, EXIT_DATA. */
int receipt_check(const unsigned char sig[RECEIPT_SIG],
    const unsigned char public[RECEIPT_PUBLIC],
    const unsigned char id[RECEIPT_ID], const char *guid, long long removed,
    struct why *w);

#endif
