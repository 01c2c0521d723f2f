#include <libdeflate.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hash.h"
#include "word.h"

/* Fetched once: EVP_sha256() would look it up in every call. */
static EVP_MD *
md_sha256(void)
{
	static EVP_MD *md;

	if (md == NULL)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (md == NULL)
		die(EXIT_BUG, "no SHA-256");
	return md;
}

void
sums_begin(struct sums *s)
{
	s->size = 0;
	s->adler = 1;
	if (s->md == NULL)
		s->md = EVP_MD_CTX_new();
	if (s->md == NULL || !EVP_DigestInit_ex2(s->md, md_sha256(), NULL))
		die(EXIT_BUG, "SHA-256 failed");
}

void
sums_add(struct sums *s, const void *p, size_t n)
{
	s->size += n;
	s->adler = libdeflate_adler32(s->adler, p, n);
	if (!EVP_DigestUpdate(s->md, p, n))
		die(EXIT_BUG, "SHA-256 failed");
}

void
sums_end(struct sums *s, struct sums_text *t)
{
	unsigned char md[32];

	if (!EVP_DigestFinal_ex(s->md, md, NULL))
		die(EXIT_BUG, "SHA-256 failed");
	hex_encode(t->sha256, md, sizeof md);
	snprintf(t->adler32, sizeof t->adler32, "%08x", (unsigned)s->adler);
}

void
sums_free(struct sums *s)
{
	EVP_MD_CTX_free(s->md);
	s->md = NULL;
}

struct hmac {
	EVP_MAC_CTX *mac;
};

struct hmac *
hmac_new(const void *key, size_t n)
{
	OSSL_PARAM p[] = { OSSL_PARAM_construct_utf8_string(
			       OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end() };
	struct hmac *h = calloc(1, sizeof *h);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (h == NULL || mac == NULL ||
	    (h->mac = EVP_MAC_CTX_new(mac)) == NULL ||
	    !EVP_MAC_init(h->mac, key, n, p))
		die(EXIT_BUG, "HMAC failed");
	EVP_MAC_free(mac);
	return h;
}

void
hmac_begin(struct hmac *h)
{
	if (!EVP_MAC_init(h->mac, NULL, 0, NULL))
		die(EXIT_BUG, "HMAC failed");
}

void
hmac_add(struct hmac *h, const void *p, size_t n)
{
	if (!EVP_MAC_update(h->mac, p, n))
		die(EXIT_BUG, "HMAC failed");
}

void
hmac_end(struct hmac *h, unsigned char out[32])
{
	size_t n;

	if (!EVP_MAC_final(h->mac, out, &n, 32) || n != 32)
		die(EXIT_BUG, "HMAC failed");
}

void
hmac_free(struct hmac *h)
{
	if (h != NULL)
		EVP_MAC_CTX_free(h->mac);
	free(h);
}

/* What a thread kept goes when it ends. */
static pthread_key_t kept;

static void
forget(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void
keep(void)
{
	if (pthread_key_create(&kept, forget) != 0)
		die(EXIT_BUG, "too many thread keys");
}

void
sha256(unsigned char out[32], const void *p, size_t n)
{
	/* Kept, because making one costs more than a short message does. */
	static _Thread_local EVP_MD_CTX *ctx;
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (ctx == NULL) {
		ctx = EVP_MD_CTX_new();
		pthread_once(&once, keep);
		pthread_setspecific(kept, ctx);
	}
	if (ctx == NULL || !EVP_DigestInit_ex2(ctx, md_sha256(), NULL) ||
	    !EVP_DigestUpdate(ctx, p, n) || !EVP_DigestFinal_ex(ctx, out, NULL))
		die(EXIT_BUG, "SHA-256 failed");
}

void
hkdf(void *out, size_t len, const void *ikm, size_t ikm_len, const void *salt,
    size_t salt_len, const void *info, size_t info_len)
{
	static EVP_KDF *kdf;
	OSSL_PARAM p[] = { OSSL_PARAM_construct_utf8_string(
			       OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)ikm, ikm_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
		    (void *)(uintptr_t)(salt ? salt : ""), salt_len),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_len),
		OSSL_PARAM_construct_end() };
	EVP_KDF_CTX *ctx;

	if (kdf == NULL)
		kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (kdf == NULL || (ctx = EVP_KDF_CTX_new(kdf)) == NULL ||
	    EVP_KDF_derive(ctx, out, len, p) != 1)
		die(EXIT_BUG, "HKDF failed");
	EVP_KDF_CTX_free(ctx);
}
