#include <openssl/evp.h>
#include <stdio.h>

#include "receipt.h"
#include "word.h"

unsigned
receipt_text(char out[RECEIPT_TEXT], const unsigned char id[RECEIPT_ID],
    const char *guid, long long removed)
{
	char hex[2 * RECEIPT_ID + 1];

	hex_encode(hex, id, RECEIPT_ID);
	return (unsigned)snprintf(out, RECEIPT_TEXT,
	    "mdm removal v1\nstore=%s\nguid=%.32s\nremoved=%lld\n", hex, guid,
	    removed);
}

int
receipt_check(const unsigned char sig[RECEIPT_SIG],
    const unsigned char public[RECEIPT_PUBLIC],
    const unsigned char id[RECEIPT_ID], const char *guid, long long removed,
    struct why *w)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, public, RECEIPT_PUBLIC);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	char text[RECEIPT_TEXT];
	unsigned n = receipt_text(text, id, guid, removed);
	int good;

	if (key == NULL || c == NULL ||
	    EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) <= 0)
		die(EXIT_BUG, "cannot verify a signature");
	good = EVP_DigestVerify(c, sig, RECEIPT_SIG, (unsigned char *)text, n);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	if (good != 1)
		return why_set(w, EXIT_DATA, "not a receipt of this store");
	return 0;
}
