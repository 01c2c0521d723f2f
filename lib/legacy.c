#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyid.h"
#include "legacy.h"
#include "rec.h"
#include "secret.h"

#define PIECE 65536 /* bytes decrypted at once */
#define PROBE 144   /* ciphertext that covers "DICM", in blocks of 8 and 16 */
#define DICM 128    /* where it is */
#define DOUBTFUL                                                               \
	0xe          /* a group of a key up to this may have been reduced...   \
		      */
#define REDUCED 0xf1 /* ...from ff00 + REDUCED + itself */
#define DOUBTS 6     /* groups, at most; more in a random key is no chance */

struct legacy {
	struct opener opener;
	struct keys *keys;
	struct unpacked {
		unsigned char secret[KEYS_MAX];
		size_t len; /* of secret */
		char cipher[KEYS_MAX];
		const unsigned char *iv;
		unsigned char *key; /* in secret */
		size_t key_len;
	} * u; /* secure */
	unsigned char out[PIECE + EVP_MAX_BLOCK_LENGTH];
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	unsigned char held[PROBE]; /* ciphertext that waits for a choice */
	size_t n_held;
	bool chosen; /* ctx is set */
	payload_sink *sink;
	void *arg;
	long long first, left; /* bytes wanted of an object; -1: all */
};

/* Some ciphers take keys of other lengths than their own. */
static bool
takes(const EVP_CIPHER *c, size_t key_len)
{
	EVP_CIPHER_CTX *ctx;
	bool ok;

	if (key_len == (size_t)EVP_CIPHER_get_key_length(c))
		return true;
	if ((ctx = EVP_CIPHER_CTX_new()) == NULL)
		die(EXIT_IO, "out of memory");
	ok = key_len > 0 &&
	     EVP_DecryptInit_ex2(ctx, c, NULL, NULL, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_key_length(ctx, (int)key_len) == 1 &&
	     EVP_CIPHER_CTX_get_key_length(ctx) == (int)key_len;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/*
 * Of the ciphers that the original could name, those without a tag.  NULL with
 * *w: no such cipher, or lengths that are not its own.
 */
static EVP_CIPHER *
fetch(const char *name, size_t iv_len, size_t key_len, struct why *w)
{
	EVP_CIPHER *c;

	if ((c = EVP_CIPHER_fetch(NULL, name, NULL)) == NULL) {
		why_set(w, EXIT_DATA, "its cipher is not known to OpenSSL");
		return NULL;
	}
	switch (EVP_CIPHER_get_mode(c)) {
	case EVP_CIPH_ECB_MODE:
	case EVP_CIPH_CBC_MODE:
	case EVP_CIPH_CFB_MODE:
	case EVP_CIPH_OFB_MODE:
	case EVP_CIPH_CTR_MODE:
		if (takes(c, key_len) &&
		    iv_len == (size_t)EVP_CIPHER_get_iv_length(c))
			return c;
		why_set(w, EXIT_DATA,
		    "its key or IV is not of its cipher's length");
		break;
	default:
		why_set(w, EXIT_DATA, "its cipher is not one of the original");
	}
	EVP_CIPHER_free(c);
	return NULL;
}

int
legacy_init(struct why *w)
{
	static bool loaded;

	if (!loaded && (OSSL_PROVIDER_load(NULL, "default") == NULL ||
			   OSSL_PROVIDER_load(NULL, "legacy") == NULL))
		return why_set(
		    w, EXIT_IO, "OpenSSL's legacy provider cannot be loaded");
	loaded = true;
	return 0;
}

int
legacy_pack(unsigned char out[SHARE_MAX], size_t *n, const char *cipher,
    const unsigned char *iv, size_t iv_len, const unsigned char *key,
    size_t key_len, struct why *w)
{
	size_t name = strlen(cipher) + 1, i;
	EVP_CIPHER *c;

	if ((c = fetch(cipher, iv_len, key_len, w)) == NULL)
		return -1;
	EVP_CIPHER_free(c);
	*n = name + iv_len + key_len;
	if (*n > SHARE_MAX)
		return why_set(w, EXIT_DATA,
		    "cipher's name, IV and key are %zu bytes; %d is the most "
		    "(OpenSSL may know a shorter name)",
		    *n, SHARE_MAX);
	if (*n < SHARE_MIN)
		return why_set(w, EXIT_DATA,
		    "cipher's name, IV and key are %zu bytes; %d is the least",
		    *n, SHARE_MIN);
	for (i = 0; i < name; i++)
		out[i] = (unsigned char)tolower((unsigned char)cipher[i]);
	if (iv_len > 0)
		memcpy(out + name, iv, iv_len);
	memcpy(out + name + iv_len, key, key_len);
	return 0;
}

/* The legacy key in u->secret; l->cipher is its cipher. */
static int
unpack(struct legacy *l, struct why *w)
{
	struct unpacked *u = l->u;
	unsigned char *end = memchr(u->secret, '\0', u->len);
	size_t name = end ? (size_t)(end - u->secret) + 1 : 0, iv, i;
	EVP_CIPHER *c;

	for (i = 0; i + 1 < name; i++)
		if (!islower(u->secret[i]) && !isdigit(u->secret[i]) &&
		    u->secret[i] != '-')
			name = 0;
	if (name < 2)
		return why_set(
		    w, EXIT_DATA, "its key is not that of a legacy object");
	memcpy(u->cipher, u->secret, name);
	if ((c = EVP_CIPHER_fetch(NULL, u->cipher, NULL)) == NULL)
		return why_set(
		    w, EXIT_DATA, "its key is not that of a legacy object");
	iv = (size_t)EVP_CIPHER_get_iv_length(c);
	EVP_CIPHER_free(c);
	if (name + iv >= u->len)
		return why_set(
		    w, EXIT_DATA, "its key is not that of a legacy object");
	u->iv = u->secret + name;
	u->key = u->secret + name + iv;
	u->key_len = u->len - name - iv;
	EVP_CIPHER_free(l->cipher);
	l->cipher = fetch(u->cipher, iv, u->key_len, w);
	return l->cipher == NULL ? -1 : 0;
}

/* How many groups of the key are in doubt; at[] is where, in bytes. */
static unsigned
doubts(const struct unpacked *u, size_t at[DOUBTS])
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i + 1 < u->key_len && n < DOUBTS; i += 2)
		if (u->key[i] == 0 && u->key[i + 1] <= DOUBTFUL)
			at[n++] = i;
	return n;
}

/* Add what was taken away from the groups in mask, or take it away again. */
static void
repair(
    struct unpacked *u, const size_t *at, unsigned n, unsigned mask, int sign)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (mask >> i & 1) {
			u->key[at[i]] = sign > 0 ? 0xff : 0;
			u->key[at[i] + 1] =
			    (unsigned char)(u->key[at[i] + 1] + sign * REDUCED);
		}
}

static void
set_key(struct legacy *l, bool padding)
{
	EVP_CIPHER_CTX_reset(l->ctx);
	if (EVP_DecryptInit_ex2(l->ctx, l->cipher, NULL, NULL, NULL) != 1 ||
	    (EVP_CIPHER_CTX_get_key_length(l->ctx) != (int)l->u->key_len &&
		EVP_CIPHER_CTX_set_key_length(l->ctx, (int)l->u->key_len) !=
		    1) ||
	    EVP_DecryptInit_ex2(l->ctx, NULL, l->u->key, l->u->iv, NULL) != 1)
		die(EXIT_BUG, "OpenSSL: no cipher");
	EVP_CIPHER_CTX_set_padding(l->ctx, padding);
}

/* Does this reading of the key suit the bytes that are held? */
static bool
suits(struct legacy *l, bool whole)
{
	int n = 0, last = 0;
	bool ok;

	set_key(l, whole);
	ok =
	    EVP_DecryptUpdate(l->ctx, l->out, &n, l->held, (int)l->n_held) == 1;
	if (ok && whole)
		ok = EVP_DecryptFinal_ex(l->ctx, l->out + n, &last) == 1;
	else if (ok)
		ok = n >= DICM + 4 && memcmp(l->out + DICM, "DICM", 4) == 0;
	return ok;
}

/* Enough has come: which key is it?  whole: it is all there is. */
static void
choose(struct legacy *l, bool whole)
{
	size_t at[DOUBTS];
	unsigned n = doubts(l->u, at), mask;

	for (mask = 0; n > 0 && mask < 1u << n; mask++) {
		repair(l->u, at, n, mask, 1);
		if (suits(l, whole))
			break;
		repair(l->u, at, n, mask, -1);
	}
	set_key(l, true);
	l->chosen = true;
}

static int
legacy_head(struct opener *o, const char *guid, const char *name, const void *p,
    size_t n, size_t *used, struct why *w)
{
	struct legacy *l = (struct legacy *)o;
	struct unpacked *u = l->u;
	char of_name[SHARE_ID + 1], id[REC_NAME_MAX + 2];
	int ok;

	(void)p, (void)n;
	*used = 0;
	if (guid == NULL && name != NULL) {
		snprintf(id, sizeof id, "/%s", name);
		if (keyid_guid(of_name, id) < 0)
			return why_set(w, EXIT_DATA,
			    "no GUID, and its name is not that of a key");
		guid = of_name;
	}
	ok = guid ? keys_find_any(l->keys, guid, u->secret, &u->len, w)
		  : keys_next(l->keys, NULL, u->secret, &u->len, w);
	return ok < 0 || unpack(l, w) < 0 ? -1 : 1;
}

static long long
legacy_size(struct opener *o, long long size, struct why *w)
{
	struct legacy *l = (struct legacy *)o;
	int block = EVP_CIPHER_get_block_size(l->cipher);

	if (size != REC_UNKNOWN && size % block != 0)
		return why_set(
		    w, EXIT_DATA, "not a whole number of its cipher's blocks");
	return block == 1 && l->first < 0 ? size : REC_UNKNOWN;
}

static void
legacy_begin(struct opener *o, payload_sink *sink, void *arg)
{
	struct legacy *l = (struct legacy *)o;

	l->sink = sink;
	l->arg = arg;
	l->left = l->first;
	l->n_held = 0;
	l->chosen = false;
}

static int
to_sink(struct legacy *l, int n, struct why *w)
{
	if (l->left >= 0) {
		if (n > l->left)
			n = (int)l->left;
		l->left -= n;
	}
	return n == 0 ? 0 : l->sink(l->arg, l->out, (size_t)n, w);
}

static int
decrypt(struct legacy *l, const unsigned char *p, size_t n, struct why *w)
{
	int part, got;

	for (; n > 0 && l->left != 0; p += part, n -= (size_t)part) {
		part = n < PIECE ? (int)n : PIECE;
		if (EVP_DecryptUpdate(l->ctx, l->out, &got, p, part) != 1)
			die(EXIT_BUG, "OpenSSL: decryption");
		if (to_sink(l, got, w) < 0)
			return -1;
	}
	return 0;
}

static int
legacy_put(struct opener *o, const void *bytes, size_t n, struct why *w)
{
	struct legacy *l = (struct legacy *)o;
	const unsigned char *p = bytes;
	size_t part;

	if (!l->chosen) {
		part = n < PROBE - l->n_held ? n : PROBE - l->n_held;
		memcpy(l->held + l->n_held, p, part);
		l->n_held += part;
		if (l->n_held < PROBE)
			return 0;
		choose(l, false);
		if (decrypt(l, l->held, l->n_held, w) < 0)
			return -1;
		p += part;
		n -= part;
	}
	return decrypt(l, p, n, w);
}

static int
legacy_end(struct opener *o, struct why *w)
{
	struct legacy *l = (struct legacy *)o;
	int got = 0;

	if (!l->chosen) {
		if (l->n_held == 0 && EVP_CIPHER_get_block_size(l->cipher) > 1)
			return why_set(w, EXIT_DATA, "empty: it was cut");
		choose(l, true);
		if (decrypt(l, l->held, l->n_held, w) < 0)
			return -1;
	}
	if (l->left == 0)
		return 0; /* nobody asked for its end */
	if (EVP_DecryptFinal_ex(l->ctx, l->out, &got) != 1)
		return why_set(w, EXIT_DATA,
		    "its padding is wrong: another key, or it was cut or "
		    "altered");
	return to_sink(l, got, w);
}

static void
legacy_drop(struct opener *o)
{
	struct legacy *l = (struct legacy *)o;

	EVP_CIPHER_CTX_reset(l->ctx);
	secret_clear(l->u->secret, sizeof l->u->secret);
}

static void
legacy_free(struct opener *o)
{
	struct legacy *l = (struct legacy *)o;

	EVP_CIPHER_CTX_free(l->ctx);
	EVP_CIPHER_free(l->cipher);
	secret_free(l->u, sizeof *l->u);
	free(l);
}

static const struct opener_kind kind = { legacy_head, legacy_size, legacy_begin,
	legacy_put, NULL, NULL, legacy_end, legacy_drop, legacy_free };

struct opener *
legacy_open(struct keys *keys, long long first, struct why *w)
{
	struct legacy *l = calloc(1, sizeof *l);

	if (l == NULL || (l->ctx = EVP_CIPHER_CTX_new()) == NULL)
		die(EXIT_IO, "out of memory");
	l->opener.kind = &kind;
	l->keys = keys;
	l->first = first;
	l->u = secret_alloc(sizeof *l->u);
	if (legacy_init(w) < 0) {
		legacy_free(&l->opener);
		return NULL;
	}
	return &l->opener;
}
