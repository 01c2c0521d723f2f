#ifndef BECH32_H
#define BECH32_H

#include <stddef.h>

/*
 * Bech32 (BIP 173, without its length limit): how age writes recipients and
 * identities.  A text is HRP "1" DATA CHECKSUM, all lower case or all upper
 * case; the last "1" ends the human-readable part.
 */

#define BECH32_HRP_MAX 32   /* bytes of a human-readable part, with its NUL */
#define BECH32_DATA_MAX 512 /* bytes of data */

/* Room for the text of n bytes, with its NUL. */
#define BECH32_MAX(n) (BECH32_HRP_MAX + 1 + ((size_t)(n)*8 + 4) / 5 + 6 + 1)

/*
 * Encode n bytes under hrp (lower case) into out, BECH32_MAX(n) bytes.
 * Returns 0, or -1 when hrp or n is beyond the limits.
 */
int bech32_encode(char *out, const char *hrp, const void *data, size_t n);

/*
 * Decode text.  hrp gets the human-readable part in lower case, data at most
 * size bytes.  Returns how many, or -1: not Bech32, in mixed case, with a
 * wrong checksum or with padding that is not zero.
 */
long bech32_decode(
    char hrp[BECH32_HRP_MAX], void *data, size_t size, const char *text);

#endif
