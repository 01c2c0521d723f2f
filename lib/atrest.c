#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atrest.h"
#include "hash.h"
#include "out.h"
#include "secret.h"
#include "word.h"

#define KEY 32
#define NONCE 12
#define TAG 16
#define TEXT (2 * KEY + 1) /* of the file */

struct atrest {
	EVP_CIPHER_CTX *seal, *unseal; /* the key is in both */
	unsigned char id[16];
	struct hmac *mac;
	EVP_PKEY *sign;
};

static int
make(const char *path, struct why *w)
{
	unsigned char *key = secret_alloc(KEY);
	char *text = secret_alloc(TEXT + 1);
	int r;

	secret_random(key, KEY);
	hex_encode(text, key, KEY);
	text[TEXT - 1] = '\n';
	r = out_new_file(path, text, TEXT, 0600, w);
	secret_free(key, KEY);
	secret_free(text, TEXT + 1);
	/* Another was faster: then its key is the key. */
	return r < 0 && access(path, F_OK) < 0 ? -1 : 0;
}

static EVP_CIPHER_CTX *
cipher(const unsigned char *key, int encrypt)
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (aes == NULL || ctx == NULL ||
	    !EVP_CipherInit_ex2(ctx, aes, key, NULL, encrypt, NULL))
		die(EXIT_BUG, "no AES-256-GCM");
	EVP_CIPHER_free(aes);
	return ctx;
}

/* What the file's key is good for beside sealing. */
static void
derive(struct atrest *a, const unsigned char *key)
{
	unsigned char *sub = secret_alloc(KEY), md[32];

	hkdf(md, sizeof md, key, KEY, NULL, 0, "mdm store key v1", 16);
	memcpy(a->id, md, sizeof a->id);
	secret_clear(md, sizeof md);
	hkdf(sub, KEY, key, KEY, NULL, 0, "mdm store mac v1", 16);
	a->mac = hmac_new(sub, KEY);
	hkdf(sub, KEY, key, KEY, NULL, 0, "mdm store sign v1", 17);
	a->sign =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, sub, KEY);
	secret_free(sub, KEY);
	if (a->sign == NULL)
		die(EXIT_BUG, "no Ed25519");
}

struct atrest *
atrest_open(const char *path, bool create, struct why *w)
{
	struct atrest *a;
	unsigned char *key;
	char *text;
	size_t n;

	if (create && access(path, F_OK) < 0 && make(path, w) < 0)
		return NULL;
	if ((text = secret_read(path, TEXT, &n, w)) == NULL)
		return NULL;
	key = secret_alloc(KEY);
	if (n == TEXT && text[TEXT - 1] == '\n')
		text[TEXT - 1] = '\0';
	if (n != TEXT || hex_decode(key, KEY, text) < 0) {
		why_set(w, EXIT_DATA, "%s: not a store's key file", path);
		a = NULL;
	} else if ((a = calloc(1, sizeof *a)) == NULL)
		why_set(w, EXIT_IO, "out of memory");
	else {
		a->seal = cipher(key, 1);
		a->unseal = cipher(key, 0);
		derive(a, key);
	}
	secret_free(key, KEY);
	secret_free(text, TEXT + 2);
	return a;
}

void
atrest_close(struct atrest *a)
{
	if (a == NULL)
		return;
	EVP_CIPHER_CTX_free(a->seal);
	EVP_CIPHER_CTX_free(a->unseal);
	hmac_free(a->mac);
	EVP_PKEY_free(a->sign);
	free(a);
}

void
atrest_id(const struct atrest *a, unsigned char out[16])
{
	memcpy(out, a->id, sizeof a->id);
}

void
atrest_seal(struct atrest *a, unsigned char *out, const void *p, size_t n,
    const void *aad, size_t aad_len)
{
	int k;

	secret_random(out, NONCE);
	if (!EVP_EncryptInit_ex2(a->seal, NULL, NULL, out, NULL) ||
	    !EVP_EncryptUpdate(a->seal, NULL, &k, aad, (int)aad_len) ||
	    !EVP_EncryptUpdate(a->seal, out + NONCE, &k, p, (int)n) ||
	    !EVP_EncryptFinal_ex(a->seal, out + NONCE + n, &k) ||
	    !EVP_CIPHER_CTX_ctrl(
		a->seal, EVP_CTRL_AEAD_GET_TAG, TAG, out + NONCE + n))
		die(EXIT_BUG, "AES-256-GCM failed");
}

int
atrest_unseal(struct atrest *a, unsigned char *out, const unsigned char *p,
    size_t n, const void *aad, size_t aad_len)
{
	size_t len = n - ATREST_EXTRA;
	unsigned char tag[TAG];
	int k;

	memcpy(tag, p + NONCE + len, TAG);
	if (!EVP_DecryptInit_ex2(a->unseal, NULL, NULL, p, NULL) ||
	    !EVP_DecryptUpdate(a->unseal, NULL, &k, aad, (int)aad_len) ||
	    !EVP_DecryptUpdate(a->unseal, out, &k, p + NONCE, (int)len) ||
	    !EVP_CIPHER_CTX_ctrl(a->unseal, EVP_CTRL_AEAD_SET_TAG, TAG, tag))
		die(EXIT_BUG, "AES-256-GCM failed");
	if (EVP_DecryptFinal_ex(a->unseal, out + len, &k) > 0)
		return 0;
	secret_clear(out, len);
	return -1;
}

void
atrest_mac(
    struct atrest *a, unsigned char out[ATREST_MAC], const void *p, size_t n)
{
	unsigned char md[32];

	hmac_begin(a->mac);
	hmac_add(a->mac, p, n);
	hmac_end(a->mac, md);
	memcpy(out, md, ATREST_MAC);
}

void
atrest_sign(struct atrest *a, unsigned char out[64], const void *p, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len = 64;

	if (c == NULL ||
	    EVP_DigestSignInit(c, NULL, NULL, NULL, a->sign) <= 0 ||
	    EVP_DigestSign(c, out, &len, p, n) <= 0)
		die(EXIT_BUG, "cannot sign");
	EVP_MD_CTX_free(c);
}

void
atrest_public(const struct atrest *a, unsigned char out[32])
{
	size_t len = 32;

	if (EVP_PKEY_get_raw_public_key(a->sign, out, &len) <= 0)
		die(EXIT_BUG, "cannot derive a public key");
}
