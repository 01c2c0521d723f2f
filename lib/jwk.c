#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "jwk.h"

#define KEYS 64
#define NUMBER_MAX 1024 /* bytes of an RSA modulus: 8192 bits */

struct jwks {
	unsigned n;
	struct jwk {
		EVP_PKEY *key;
		char kty;    /* 'R'SA, 'E'C, 'O'KP */
		size_t size; /* bytes of r and of s */
		char *kid;   /* NULL: none */
	} key[KEYS];
};

long
base64url_decode(unsigned char *out, const char *text, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned bits = 0, have = 0;
	const char *d;
	size_t i;
	long len = 0;

	for (i = 0; i < n; i++) {
		if (text[i] == '\0' || (d = strchr(digits, text[i])) == NULL)
			return -1;
		bits = (bits << 6 | (unsigned)(d - digits)) & 0xffff;
		if ((have += 6) >= 8) {
			have -= 8;
			out[len++] = (unsigned char)(bits >> have);
		}
	}
	/* what is over must be less than a digit, and nothing */
	return have >= 6 || (bits & ((1u << have) - 1)) ? -1 : len;
}

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Member key as bytes: their number, or -1. */
static long
bytes_of(const json_t *o, const char *key, unsigned char out[NUMBER_MAX])
{
	unsigned char raw[NUMBER_MAX * 4 / 3 + 4];
	const char *text = text_of(o, key);
	long n;

	if (text == NULL || strlen(text) > NUMBER_MAX * 4 / 3)
		return -1;
	n = base64url_decode(raw, text, strlen(text));
	if (n < 1 || n > NUMBER_MAX)
		return -1;
	memcpy(out, raw, (size_t)n);
	return n;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
rsa_key(const json_t *o)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	unsigned char b[NUMBER_MAX];
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;
	long len;

	if ((len = bytes_of(o, "n", b)) >= 256)
		n = BN_bin2bn(b, (int)len, NULL);
	if ((len = bytes_of(o, "e", b)) > 0 && len <= 8)
		e = BN_bin2bn(b, (int)len, NULL);
	if (bld && n && e &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *
ec_key(const json_t *o, size_t *size)
{
	static const struct {
		const char *crv;
		size_t size;
	} curve[] = { { "P-256", 32 }, { "P-384", 48 }, { "P-521", 66 } };
	unsigned char point[1 + 2 * NUMBER_MAX] = { 4 };
	const char *crv = text_of(o, "crv");
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key = NULL;
	size_t i;

	for (i = 0; i < 3; i++)
		if (crv != NULL && strcmp(crv, curve[i].crv) == 0)
			break;
	if (i == 3)
		return NULL;
	*size = curve[i].size;
	if (bytes_of(o, "x", point + 1) != (long)*size ||
	    bytes_of(o, "y", point + 1 + *size) != (long)*size)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	if (bld &&
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, crv, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(
		bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * *size))
		key = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *
okp_key(const json_t *o)
{
	const char *crv = text_of(o, "crv");
	unsigned char b[NUMBER_MAX];

	if (crv == NULL || strcmp(crv, "Ed25519") != 0 ||
	    bytes_of(o, "x", b) != 32)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, b, 32);
}

/* Take the key, if it is one that we know how to use. */
static void
add(struct jwks *j, const json_t *o)
{
	const char *kty = text_of(o, "kty"), *use = text_of(o, "use");
	const char *kid = text_of(o, "kid");
	struct jwk *k = &j->key[j->n];

	if (kty == NULL || (use != NULL && strcmp(use, "sig") != 0))
		return;
	if (strcmp(kty, "RSA") == 0)
		k->key = rsa_key(o);
	else if (strcmp(kty, "EC") == 0)
		k->key = ec_key(o, &k->size);
	else if (strcmp(kty, "OKP") == 0)
		k->key = okp_key(o);
	ERR_clear_error();
	if (k->key == NULL)
		return;
	k->kty = *kty;
	k->kid = kid ? strdup(kid) : NULL;
	j->n++;
}

struct jwks *
jwks_parse(const char *text, size_t n, struct why *w)
{
	json_t *top, *keys, *o;
	struct jwks *j;
	size_t i;

	top = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	keys = json_object_get(top, "keys");
	j = calloc(1, sizeof *j);
	json_array_foreach(keys, i, o)
	{
		if (j != NULL && j->n < KEYS)
			add(j, o);
	}
	json_decref(top);
	if (j != NULL && j->n > 0)
		return j;
	jwks_free(j);
	why_set(w, EXIT_DATA, "not a JSON Web Key Set with a key for us");
	return NULL;
}

void
jwks_free(struct jwks *j)
{
	if (j == NULL)
		return;
	while (j->n) {
		EVP_PKEY_free(j->key[--j->n].key);
		free(j->key[j->n].kid);
	}
	free(j);
}

unsigned
jwks_count(const struct jwks *j)
{
	return j->n;
}

/* JWT has r and s one after the other, OpenSSL wants DER. */
static unsigned char *
ecdsa_der(const unsigned char *sig, size_t n, size_t size, size_t *len)
{
	unsigned char *der = NULL;
	ECDSA_SIG *s;
	BIGNUM *r, *v;
	int got;

	if (n != 2 * size || (s = ECDSA_SIG_new()) == NULL)
		return NULL;
	r = BN_bin2bn(sig, (int)size, NULL);
	v = BN_bin2bn(sig + size, (int)size, NULL);
	ECDSA_SIG_set0(s, r, v);
	got = i2d_ECDSA_SIG(s, &der);
	ECDSA_SIG_free(s);
	*len = got > 0 ? (size_t)got : 0;
	return der;
}

static const struct alg {
	const char *name;
	char kty;
	const char *md;
	size_t size; /* of an EC key's numbers */
	int pss;
} algs[] = {
	{ "RS256", 'R', "SHA256", 0, 0 },
	{ "RS384", 'R', "SHA384", 0, 0 },
	{ "RS512", 'R', "SHA512", 0, 0 },
	{ "PS256", 'R', "SHA256", 0, 1 },
	{ "ES256", 'E', "SHA256", 32, 0 },
	{ "ES384", 'E', "SHA384", 48, 0 },
	{ "ES512", 'E', "SHA512", 66, 0 },
	{ "EdDSA", 'O', NULL, 0, 0 },
};

static int
verify_one(const struct jwk *k, const struct alg *a, const void *data, size_t n,
    const unsigned char *sig, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	EVP_PKEY_CTX *pctx;
	int ok;

	if (a->kty == 'E')
		sig = der = ecdsa_der(sig, len, k->size, &len);
	ok = ctx != NULL && sig != NULL &&
	     EVP_DigestVerifyInit_ex(
		 ctx, &pctx, a->md, NULL, NULL, k->key, NULL) == 1 &&
	     (!a->pss || (EVP_PKEY_CTX_set_rsa_padding(
			      pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			     EVP_PKEY_CTX_set_rsa_pss_saltlen(
				 pctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	     EVP_DigestVerify(ctx, sig, len, data, n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

int
jwks_verify(const struct jwks *j, const char *alg, const char *kid,
    const void *data, size_t n, const unsigned char *sig, size_t sig_len)
{
	const struct alg *a = algs, *end = algs + sizeof algs / sizeof *algs;
	const struct jwk *k;

	while (a < end && strcmp(a->name, alg) != 0)
		a++;
	if (a == end)
		return 0; /* "none" among them */
	for (k = j->key; k < j->key + j->n; k++)
		if (k->kty == a->kty && k->size == a->size &&
		    (kid == NULL || k->kid == NULL ||
			strcmp(k->kid, kid) == 0) &&
		    verify_one(k, a, data, n, sig, sig_len))
			return 1;
	return 0;
}
