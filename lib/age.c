#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "bech32.h"
#include "hash.h"
#include "secret.h"
#include "word.h"

enum {
	NONCE = 16, /* after the header */
	TAG = 16,
	WRAPPED = AGE_FILE_KEY + TAG,
	SALT = 16,
	MAC = 32,
	MAC_LINE = 4 + 43, /* "--- " and base64 */
	COLUMNS = 64
};

static const char version[] = "age-encryption.org/v1";
static const char armor[] = "-----BEGIN AGE";
static const char zero_nonce[12];

struct age_head {
	char *text;   /* AGE_HEAD_MAX bytes: the head as it travels */
	size_t len;   /* bytes of text */
	size_t line;  /* where the line that is being read begins */
	size_t maced; /* bytes that the MAC covers */
	size_t size;  /* of the whole head; 0 until the MAC line is read */
	unsigned char mac[MAC];
	unsigned char *body; /* AGE_HEAD_MAX bytes: the stanzas' bodies */
	struct age_lines lines;
	struct age_stanza stanza[AGE_STANZAS];
	int stanzas;
};

struct age_head *
age_head_new(void)
{
	struct age_head *h = calloc(1, sizeof *h);

	if (h == NULL || (h->text = malloc(AGE_HEAD_MAX)) == NULL ||
	    (h->body = malloc(AGE_HEAD_MAX)) == NULL)
		die(EXIT_IO, "out of memory");
	age_head_reset(h);
	return h;
}

void
age_head_free(struct age_head *h)
{
	if (h == NULL)
		return;
	free(h->text);
	free(h->body);
	free(h);
}

/* Base64 */

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
age_base64(char *out, const void *p, size_t n)
{
	const unsigned char *b = p;
	char *o = out;

	for (; n > 0; b += 3) {
		unsigned v = (unsigned)b[0] << 16;

		if (n > 1)
			v |= (unsigned)b[1] << 8;
		if (n > 2)
			v |= b[2];
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		if (n > 1)
			*o++ = digits[v >> 6 & 63];
		if (n > 2)
			*o++ = digits[v & 63];
		n -= n < 3 ? n : 3;
	}
	*o = '\0';
	return (size_t)(o - out);
}

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long
age_unbase64(void *out, const char *text, size_t n)
{
	unsigned char *o = out;
	unsigned acc = 0;
	int bits = 0;
	size_t i;
	long len = 0;

	if (n % 4 == 1)
		return -1;
	for (i = 0; i < n; i++) {
		int d = digit(text[i]);

		if (d < 0)
			return -1;
		acc = (acc << 6 | (unsigned)d) & 0x3fff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (o)
			o[len] = (unsigned char)(acc >> bits);
		len++;
	}
	return acc & ((1u << bits) - 1) ? -1
					: len; /* canonical, or not at all */
}

/* Exactly size bytes, or -1. */
static int
unbase64_exact(void *out, size_t size, const struct age_arg *a)
{
	if (a->n != (size * 4 + 2) / 3)
		return -1;
	return age_unbase64(out, a->p, a->n) == (long)size ? 0 : -1;
}

/* Reading */

static int
bad(struct why *w, const char *what)
{
	return why_set(w, EXIT_DATA, "sealed object: %s", what);
}

static int
arguments(struct age_stanza *s, const char *p, size_t n, struct why *w)
{
	const char *end = p + n;

	if (n < 4 || memcmp(p, "-> ", 3) != 0)
		return bad(w, "malformed line in the header");
	s->args = 0;
	for (p += 2; p < end;) {
		const char *from = ++p; /* p was at a blank */

		while (p<end && * p> 0x20 && *p < 0x7f)
			p++;
		if (p == from || (p < end && *p != ' '))
			return bad(w, "malformed stanza in the header");
		if (s->args == AGE_ARGS)
			return bad(w, "too many arguments in a stanza");
		s->arg[s->args++] =
		    (struct age_arg){ from, (size_t)(p - from) };
	}
	return 0;
}

int
age_line(struct age_lines *l, const char *line, size_t n, struct why *w)
{
	long got;

	if (!l->open) {
		l->stanza.body = l->body;
		l->stanza.len = 0;
		l->open = 1;
		return arguments(&l->stanza, line, n, w);
	}
	if (n > COLUMNS || n / 4 * 3 + 2 > l->room ||
	    (got = age_unbase64(l->body, line, n)) < 0)
		return bad(w, "malformed stanza body in the header");
	l->body += got;
	l->room -= (size_t)got;
	l->stanza.len += (size_t)got;
	if (n == COLUMNS)
		return 0;
	l->open = 0;
	return 1;
}

void
age_head_reset(struct age_head *h)
{
	h->len = h->line = h->maced = h->size = 0;
	h->stanzas = 0;
	h->lines.body = h->body;
	h->lines.room = AGE_HEAD_MAX;
	h->lines.open = 0;
}

/* Say early, and by name, what this is instead of ours. */
static int
check_version(const struct age_head *h, bool whole, struct why *w)
{
	static const size_t v = sizeof version - 1, a = sizeof armor - 1;

	if (memcmp(h->text, version, h->len < v ? h->len : v) == 0 &&
	    (!whole || h->len == v + 1))
		return 0;
	if (memcmp(h->text, armor, h->len < a ? h->len : a) == 0) {
		if (h->len < a)
			return 0;
		return bad(w, "armored (text) form is not supported");
	}
	if (h->len < v || memcmp(h->text, version, v - 2) != 0)
		return bad(w, "not an age file");
	return bad(w, "another version of the age format");
}

static int
mac_line(struct age_head *h, const char *line, size_t n, struct why *w)
{
	const struct age_arg mac = { line + 4, n - 4 };

	if (n != MAC_LINE || line[3] != ' ' ||
	    unbase64_exact(h->mac, MAC, &mac) < 0)
		return bad(w, "malformed last line of the header");
	if (h->stanzas == 0)
		return bad(w, "no stanza in the header");
	h->maced = h->line + 3;
	h->size = h->len + NONCE;
	if (h->size > AGE_HEAD_MAX)
		return bad(w, "header too long");
	return 0;
}

/* A line, with its newline, ends at h->len. */
static int
head_line(struct age_head *h, struct why *w)
{
	const char *line = h->text + h->line;
	size_t n = h->len - h->line - 1;
	int r;

	if (h->line == 0) {
		if (check_version(h, true, w) < 0)
			return -1;
	} else if (!h->lines.open && n >= 3 && memcmp(line, "---", 3) == 0) {
		if (mac_line(h, line, n, w) < 0)
			return -1;
	} else {
		if (!h->lines.open && h->stanzas == AGE_STANZAS)
			return bad(w, "too many stanzas in the header");
		if ((r = age_line(&h->lines, line, n, w)) < 0)
			return -1;
		if (r > 0) {
			if (age_arg_is(&h->lines.stanza, 0, "scrypt"))
				return bad(w,
				    "passphrases (scrypt) are not supported");
			h->stanza[h->stanzas++] = h->lines.stanza;
		}
	}
	h->line = h->len;
	return 0;
}

int
age_head_feed(
    struct age_head *h, const void *p, size_t n, size_t *used, struct why *w)
{
	const char *from = p, *end = from + n;

	while (h->size == 0 && from < end) {
		const char *nl = memchr(from, '\n', (size_t)(end - from));
		size_t take = (size_t)((nl ? nl + 1 : end) - from);

		if (take > AGE_HEAD_MAX - h->len)
			return bad(
			    w, h->line ? "header too long" : "not an age file");
		memcpy(h->text + h->len, from, take);
		h->len += take;
		from += take;
		if (nl ? head_line(h, w) < 0
		       : h->line == 0 && check_version(h, false, w) < 0)
			return -1;
	}
	if (h->size > 0) {
		size_t take = h->size - h->len;

		if (take > (size_t)(end - from))
			take = (size_t)(end - from);
		memcpy(h->text + h->len, from, take);
		h->len += take;
		from += take;
	}
	*used = n - (size_t)(end - from);
	return h->size > 0 && h->len == h->size;
}

size_t
age_head_size(const struct age_head *h)
{
	return h->size;
}

int
age_head_stanzas(const struct age_head *h)
{
	return h->stanzas;
}

const struct age_stanza *
age_head_stanza(const struct age_head *h, int i)
{
	return &h->stanza[i];
}

int
age_arg_is(const struct age_stanza *s, int i, const char *text)
{
	return i < s->args && s->arg[i].n == strlen(text) &&
	       memcmp(s->arg[i].p, text, s->arg[i].n) == 0;
}

/* Wrapping.  A wrap key is used once, so the nonce is zero. */

static bool
wrap(unsigned char body[WRAPPED], const unsigned char key[32],
    const unsigned char file_key[AGE_FILE_KEY])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;
	bool ok = c != NULL &&
		  EVP_EncryptInit_ex(c, EVP_chacha20_poly1305(), NULL, key,
		      (const unsigned char *)zero_nonce) &&
		  EVP_EncryptUpdate(c, body, &len, file_key, AGE_FILE_KEY) &&
		  EVP_EncryptFinal_ex(c, body + len, &len) &&
		  EVP_CIPHER_CTX_ctrl(
		      c, EVP_CTRL_AEAD_GET_TAG, TAG, body + AGE_FILE_KEY);

	EVP_CIPHER_CTX_free(c);
	return ok;
}

static bool
unwrap(unsigned char file_key[AGE_FILE_KEY], const unsigned char key[32],
    const unsigned char body[WRAPPED])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char tag[TAG];
	int len;
	bool ok;

	memcpy(tag, body + AGE_FILE_KEY, TAG);
	ok = c != NULL &&
	     EVP_DecryptInit_ex(c, EVP_chacha20_poly1305(), NULL, key,
		 (const unsigned char *)zero_nonce) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
	     EVP_DecryptUpdate(c, file_key, &len, body, AGE_FILE_KEY) &&
	     EVP_DecryptFinal_ex(c, file_key + len, &len);
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		secret_clear(file_key, AGE_FILE_KEY);
	return ok;
}

static void
mdm_key(unsigned char out[32], const unsigned char *key, const char *guid,
    const unsigned char *salt)
{
	char info[7 + AGE_GUID];

	memcpy(info, "mdm/v1 ", 7);
	memcpy(info + 7, guid, AGE_GUID);
	hkdf(out, 32, key, AGE_OBJECT_KEY, salt, SALT, info, sizeof info);
}

int
age_stanza_guid(
    const struct age_stanza *s, char guid[AGE_GUID + 1], struct why *w)
{
	unsigned char raw[AGE_GUID / 2], salt[SALT];

	if (!age_arg_is(s, 0, "mdm"))
		return 0;
	if (s->args != 3 || s->arg[1].n != AGE_GUID || s->len != WRAPPED ||
	    unbase64_exact(salt, SALT, &s->arg[2]) < 0)
		return bad(w, "malformed mdm stanza");
	memcpy(guid, s->arg[1].p, AGE_GUID);
	guid[AGE_GUID] = '\0';
	if (hex_decode(raw, sizeof raw, guid) < 0)
		return bad(w, "malformed mdm stanza");
	return 1;
}

int
age_guid(const struct age_head *h, char guid[AGE_GUID + 1], struct why *w)
{
	int i, n = 0;

	for (i = 0; i < h->stanzas; i++) {
		int r = age_stanza_guid(&h->stanza[i], guid, w);

		if (r < 0)
			return -1;
		if (r > 0 && n++ > 0)
			return bad(w, "more than one mdm stanza");
	}
	return n;
}

int
age_unwrap_mdm(const struct age_stanza *s,
    const unsigned char key[AGE_OBJECT_KEY],
    unsigned char file_key[AGE_FILE_KEY], struct why *w)
{
	unsigned char salt[SALT], *kek;
	char guid[AGE_GUID + 1];
	int r = age_stanza_guid(s, guid, w);

	if (r < 0)
		return -1;
	if (r == 0 || unbase64_exact(salt, SALT, &s->arg[2]) < 0)
		return bad(w, "no mdm stanza in the header");
	kek = secret_alloc(32);
	mdm_key(kek, key, guid, salt);
	r = unwrap(file_key, kek, s->body) ? 0
					   : bad(w, "the key does not open it");
	secret_free(kek, 32);
	return r;
}

int
age_unwrap(const struct age_head *h, const unsigned char key[AGE_OBJECT_KEY],
    unsigned char file_key[AGE_FILE_KEY], struct why *w)
{
	int i;

	for (i = 0; i < h->stanzas; i++)
		if (age_arg_is(&h->stanza[i], 0, "mdm"))
			return age_unwrap_mdm(&h->stanza[i], key, file_key, w);
	return bad(w, "no mdm stanza in the header");
}

/* X25519(secret, point); out is secret.  False when the result is all zero. */
static bool
x25519(unsigned char out[32], const unsigned char secret[32],
    const unsigned char point[32])
{
	EVP_PKEY *mine =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
	EVP_PKEY *other =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, 32);
	EVP_PKEY_CTX *c = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	size_t len = 32, i;
	unsigned char any = 0;

	if (c == NULL || other == NULL || EVP_PKEY_derive_init(c) <= 0 ||
	    EVP_PKEY_derive_set_peer(c, other) <= 0 ||
	    EVP_PKEY_derive(c, out, &len) <= 0)
		secret_clear(out, 32);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(other);
	EVP_PKEY_free(mine);
	for (i = 0; i < 32; i++)
		any |= out[i];
	return any != 0;
}

static void
x25519_public(unsigned char out[32], const unsigned char secret[32])
{
	EVP_PKEY *k =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
	size_t len = 32;

	if (k == NULL || EVP_PKEY_get_raw_public_key(k, out, &len) <= 0)
		die(EXIT_BUG, "cannot derive a public key");
	EVP_PKEY_free(k);
}

static void
x25519_wrap_key(unsigned char out[32], const unsigned char shared[32],
    const unsigned char ephemeral[32], const unsigned char recipient[32])
{
	static const char info[] = "age-encryption.org/v1/X25519";
	unsigned char salt[64];

	memcpy(salt, ephemeral, 32);
	memcpy(salt + 32, recipient, 32);
	hkdf(out, 32, shared, 32, salt, sizeof salt, info, sizeof info - 1);
}

int
age_unwrap_x25519(const struct age_head *h, const unsigned char identity[32],
    unsigned char file_key[AGE_FILE_KEY], struct why *w)
{
	unsigned char own[32], ephemeral[32], *shared, *key;
	int i, r = 0;

	x25519_public(own, identity);
	shared = secret_alloc(64);
	key = shared + 32;
	for (i = 0; r == 0 && i < h->stanzas; i++) {
		const struct age_stanza *s = &h->stanza[i];

		if (!age_arg_is(s, 0, "X25519"))
			continue;
		if (s->args != 2 || s->len != WRAPPED ||
		    unbase64_exact(ephemeral, 32, &s->arg[1]) < 0 ||
		    !x25519(shared, identity, ephemeral)) {
			r = bad(w, "malformed X25519 stanza");
			break;
		}
		x25519_wrap_key(key, shared, ephemeral, own);
		r = unwrap(file_key, key, s->body);
	}
	secret_free(shared, 64);
	return r;
}

static void
header_mac(unsigned char mac[MAC], const struct age_head *h,
    const unsigned char file_key[AGE_FILE_KEY])
{
	unsigned char *key = secret_alloc(32);
	struct hmac *m;

	hkdf(key, 32, file_key, AGE_FILE_KEY, NULL, 0, "header", 6);
	m = hmac_new(key, 32);
	hmac_begin(m);
	hmac_add(m, h->text, h->maced);
	hmac_end(m, mac);
	hmac_free(m);
	secret_free(key, 32);
}

int
age_payload_key(const struct age_head *h,
    const unsigned char file_key[AGE_FILE_KEY], unsigned char key[32],
    struct why *w)
{
	unsigned char mac[MAC];

	header_mac(mac, h, file_key);
	if (!secret_equal(mac, h->mac, MAC))
		return bad(w, "the header was altered");
	hkdf(key, 32, file_key, AGE_FILE_KEY, h->text + h->size - NONCE, NONCE,
	    "payload", 7);
	return 0;
}

/* Writing */

static void
add(struct age_head *h, const void *p, size_t n)
{
	if (n > AGE_HEAD_MAX - h->len)
		die(EXIT_USAGE, "too many recipients");
	memcpy(h->text + h->len, p, n);
	h->len += n;
}

static void
add_text(struct age_head *h, const char *text)
{
	add(h, text, strlen(text));
}

static void
add_base64(struct age_head *h, const void *p, size_t n)
{
	char text[AGE_BASE64(64)];

	add(h, text, age_base64(text, p, n));
}

/* A stanza's body and the end of its only line: 32 bytes are one short line. */
static void
add_body(struct age_head *h, const unsigned char key[32],
    const unsigned char file_key[AGE_FILE_KEY])
{
	unsigned char body[WRAPPED];

	if (h->stanzas++ == AGE_STANZAS)
		die(EXIT_USAGE, "too many recipients");
	if (!wrap(body, key, file_key))
		die(EXIT_BUG, "cannot wrap a file key");
	add_text(h, "\n");
	add_base64(h, body, WRAPPED);
	add_text(h, "\n");
}

void
age_head_begin(struct age_head *h)
{
	age_head_reset(h);
	add_text(h, version);
	add_text(h, "\n");
}

void
age_wrap_mdm(struct age_head *h, const char *guid,
    const unsigned char key[AGE_OBJECT_KEY],
    const unsigned char file_key[AGE_FILE_KEY])
{
	unsigned char salt[SALT], *kek = secret_alloc(32);

	secret_random(salt, SALT);
	mdm_key(kek, key, guid, salt);
	add_text(h, "-> mdm ");
	add(h, guid, AGE_GUID);
	add_text(h, " ");
	add_base64(h, salt, SALT);
	add_body(h, kek, file_key);
	secret_free(kek, 32);
}

void
age_wrap_x25519(struct age_head *h, const unsigned char recipient[32],
    const unsigned char file_key[AGE_FILE_KEY])
{
	unsigned char *secret = secret_alloc(96), ephemeral[32];

	secret_random(secret, 32);
	x25519_public(ephemeral, secret);
	if (!x25519(secret + 32, secret, recipient))
		die(EXIT_USAGE, "a recipient that no identity belongs to");
	x25519_wrap_key(secret + 64, secret + 32, ephemeral, recipient);
	add_text(h, "-> X25519 ");
	add_base64(h, ephemeral, 32);
	add_body(h, secret + 64, file_key);
	secret_free(secret, 96);
}

const void *
age_head_end(struct age_head *h, const unsigned char file_key[AGE_FILE_KEY],
    unsigned char key[32], size_t *n)
{
	unsigned char nonce[NONCE];

	add_text(h, "---");
	h->maced = h->len;
	header_mac(h->mac, h, file_key);
	add_text(h, " ");
	add_base64(h, h->mac, MAC);
	add_text(h, "\n");
	secret_random(nonce, NONCE);
	add(h, nonce, NONCE);
	h->size = *n = h->len;
	hkdf(key, 32, file_key, AGE_FILE_KEY, nonce, NONCE, "payload", 7);
	return h->text;
}

/* Recipients and identities */

int
age_recipient(unsigned char recipient[32], const char *text, struct why *w)
{
	char hrp[BECH32_HRP_MAX];
	unsigned char data[BECH32_DATA_MAX], *secret;
	long n = bech32_decode(hrp, data, sizeof data, text);
	bool ok;

	if (n < 0)
		return why_set(w, EXIT_USAGE, "not an age recipient");
	if (n != 32 || strcmp(hrp, "age") != 0)
		return why_set(w, EXIT_USAGE,
		    "only X25519 recipients (age1...) are supported");
	secret = secret_alloc(64);
	secret_random(secret, 32);
	ok = x25519(secret + 32, secret, data);
	secret_free(secret, 64);
	if (!ok)
		return why_set(
		    w, EXIT_USAGE, "a recipient that no identity belongs to");
	memcpy(recipient, data, 32);
	return 0;
}

int
age_identity(unsigned char identity[32], const char *text, struct why *w)
{
	char hrp[BECH32_HRP_MAX];
	long n = bech32_decode(hrp, identity, 32, text);

	if (n == 32 && strcmp(hrp, "age-secret-key-") == 0)
		return 0;
	secret_clear(identity, 32);
	return why_set(w, EXIT_DATA,
	    "only X25519 identities (AGE-SECRET-KEY-1...) are supported");
}
