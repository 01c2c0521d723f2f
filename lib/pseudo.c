#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "pseudo.h"
#include "secret.h"

struct pseudo {
	struct hmac *uid, *patient, *id;
};

static struct hmac *
keyed(const struct sitekey *site, const char *purpose)
{
	unsigned char *key = sitekey_derive(site, purpose);
	struct hmac *h = hmac_new(key, SITEKEY_BYTES);

	secret_free(key, SITEKEY_BYTES);
	return h;
}

struct pseudo *
pseudo_new(const struct sitekey *site)
{
	struct pseudo *p = calloc(1, sizeof *p);

	if (p == NULL)
		die(EXIT_IO, "out of memory");
	p->uid = keyed(site, "uid");
	p->patient = keyed(site, "patient");
	p->id = keyed(site, "id");
	return p;
}

void
pseudo_free(struct pseudo *p)
{
	if (p == NULL)
		return;
	hmac_free(p->uid);
	hmac_free(p->patient);
	hmac_free(p->id);
	free(p);
}

/* Padding is not part of a value: "1.2" is "1.2" with a NUL or a blank after.
 */
static const unsigned char *
trim(const void *value, size_t *n)
{
	const unsigned char *p = value;

	while (*n > 0 && (p[*n - 1] == '\0' || p[*n - 1] == ' '))
		--*n;
	while (*n > 0 && *p == ' ')
		p++, --*n;
	return p;
}

/* Its length before the bytes, so that no two lists of fields are the same. */
static void
add(struct hmac *h, const void *value, size_t n)
{
	const unsigned char *p = trim(value, &n);
	unsigned char len[4] = { (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	hmac_add(h, len, sizeof len);
	hmac_add(h, p, n);
}

static void
decimal(char *out, const unsigned char md[16])
{
	unsigned __int128 v = 0;
	char digits[40];
	int i, n = 0;

	for (i = 0; i < 16; i++)
		v = v << 8 | md[i];
	do
		digits[n++] = (char)('0' + (int)(v % 10));
	while ((v /= 10) != 0);
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
}

void
pseudo_uid(struct pseudo *p, char out[PSEUDO_MAX], const void *uid, size_t n)
{
	const unsigned char *s = trim(uid, &n);
	unsigned char md[32];

	hmac_begin(p->uid);
	hmac_add(p->uid, "uid", 3);
	hmac_add(p->uid, s, n);
	hmac_end(p->uid, md);
	md[6] = (unsigned char)((md[6] & 0x0f) | 0x80); /* version 8 */
	md[8] = (unsigned char)((md[8] & 0x3f) | 0x80); /* RFC 9562's variant */
	memcpy(out, "2.25.", 5);
	decimal(out + 5, md);
}

/* Upper-case letters and digits that no one takes for one another. */
static void
letters(char *out, const unsigned char *md, int n)
{
	static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
	int i;

	for (i = 0; i < n; i++) /* five bits each, eight to five bytes */
		out[i] = alphabet[(md[i * 5 / 8] << 8 | md[i * 5 / 8 + 1]) >>
				      (11 - i * 5 % 8) &
				  31];
	out[n] = '\0';
}

void
pseudo_patient(struct pseudo *p, char out[PSEUDO_MAX], const void *issuer,
    size_t issuer_len, const void *id, size_t n)
{
	unsigned char md[32];

	hmac_begin(p->patient);
	add(p->patient, issuer, issuer_len);
	add(p->patient, id, n);
	hmac_end(p->patient, md);
	out[0] = 'P';
	letters(out + 1, md, 23);
}

void
pseudo_id(struct pseudo *p, char out[PSEUDO_MAX], const char *kind,
    const void *id, size_t n)
{
	unsigned char md[32];

	hmac_begin(p->id);
	add(p->id, kind, strlen(kind));
	add(p->id, id, n);
	hmac_end(p->id, md);
	letters(out, md, 16);
}
