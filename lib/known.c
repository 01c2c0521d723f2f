#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"

/* Places; who comes to one that is taken takes it. */
#define PLACES 256

struct known {
	struct entry {
		unsigned char digest[32];
		struct who who; /* dn NULL: nobody */
		time_t until, since;
	} entry[PLACES];
};

struct known *
known_new(void)
{
	struct known *k = calloc(1, sizeof *k);

	if (k == NULL)
		die(EXIT_IO, "out of memory");
	return k;
}

void
known_clear(struct known *k)
{
	unsigned i;

	for (i = 0; i < PLACES; i++) {
		who_free(&k->entry[i].who);
		memset(&k->entry[i], 0, sizeof k->entry[i]);
	}
}

void
known_free(struct known *k)
{
	if (k != NULL)
		known_clear(k);
	free(k);
}

/* Its length comes first, so that no two lists are the same bytes. */
static void
add_certificate(EVP_MD_CTX *c, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n < 0 || EVP_DigestUpdate(c, &n, sizeof n) != 1 ||
	    EVP_DigestUpdate(c, der, (size_t)n) != 1)
		die(EXIT_BUG, "cannot hash a certificate");
	OPENSSL_free(der);
}

void
known_digest(unsigned char out[32], X509 *leaf, STACK_OF(X509) * chain)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int i;

	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
		die(EXIT_BUG, "cannot hash a certificate");
	add_certificate(c, leaf);
	for (i = 0; i < sk_X509_num(chain); i++)
		add_certificate(c, sk_X509_value(chain, i));
	if (EVP_DigestFinal_ex(c, out, NULL) != 1)
		die(EXIT_BUG, "cannot hash a certificate");
	EVP_MD_CTX_free(c);
}

static void
copy(struct who *to, const struct who *from)
{
	struct why w;
	unsigned i;

	memset(to, 0, sizeof *to);
	if (who_init(to, from->dn, &w) < 0)
		die_why(&w);
	for (i = 0; i < from->fqans; i++)
		if (who_add(to, from->fqan[i], &w) < 0)
			die_why(&w);
}

bool
known_find(struct known *k, const unsigned char digest[32], time_t now,
    struct who *who, time_t *until)
{
	const struct entry *e = &k->entry[digest[0] % PLACES];

	if (e->who.dn == NULL || memcmp(e->digest, digest, 32) != 0 ||
	    now < e->since || now >= e->since + KNOWN_TIME || now >= e->until)
		return false;
	copy(who, &e->who);
	*until = e->until;
	return true;
}

void
known_add(struct known *k, const unsigned char digest[32], time_t now,
    const struct who *who, time_t until)
{
	struct entry *e = &k->entry[digest[0] % PLACES];

	who_free(&e->who);
	copy(&e->who, who);
	memcpy(e->digest, digest, sizeof e->digest);
	e->since = now;
	e->until = until;
}
