#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "pseudo.h"

struct pseudo {
	struct keeper *keeper;
	unsigned char *message; /* KEEPER_MESSAGE bytes, used of them */
	size_t used;
};

struct pseudo *
pseudo_new(struct keeper *keeper)
{
	struct pseudo *p = calloc(1, sizeof *p);

	if (p == NULL || (p->message = malloc(KEEPER_MESSAGE)) == NULL)
		die(EXIT_IO, "out of memory");
	p->keeper = keeper;
	return p;
}

void
pseudo_free(struct pseudo *p)
{
	if (p != NULL)
		free(p->message);
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

/* What does not fit is there by its digest: no id is that long. */
static void
put(struct pseudo *p, const void *bytes, size_t n)
{
	unsigned char md[32];

	if (n > KEEPER_MESSAGE / 4) {
		sha256(md, bytes, n);
		bytes = md;
		n = sizeof md;
	}
	if (n > KEEPER_MESSAGE - p->used)
		die(EXIT_BUG, "too long a message to the key");
	memcpy(p->message + p->used, bytes, n);
	p->used += n;
}

/* Its length before the bytes, so that no two lists of fields are the same. */
static void
add(struct pseudo *p, const void *value, size_t n)
{
	const unsigned char *s = trim(value, &n);
	unsigned char len[4] = { (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	put(p, len, sizeof len);
	put(p, s, n);
}

static void
uid_message(struct pseudo *p, const void *uid, size_t n)
{
	const unsigned char *s = trim(uid, &n);

	p->used = 0;
	put(p, "uid", 3);
	put(p, s, n);
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
	unsigned char md[KEEPER_MAC];

	uid_message(p, uid, n);
	keeper_mac(p->keeper, KEEPER_UID, p->message, p->used, md);
	md[6] = (unsigned char)((md[6] & 0x0f) | 0x80); /* version 8 */
	md[8] = (unsigned char)((md[8] & 0x3f) | 0x80); /* RFC 9562's variant */
	memcpy(out, "2.25.", 5);
	decimal(out + 5, md);
}

void
pseudo_want_uid(struct pseudo *p, const void *uid, size_t n)
{
	uid_message(p, uid, n);
	keeper_want(p->keeper, KEEPER_UID, p->message, p->used);
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
	unsigned char md[KEEPER_MAC];

	p->used = 0;
	add(p, issuer, issuer_len);
	add(p, id, n);
	keeper_mac(p->keeper, KEEPER_PATIENT, p->message, p->used, md);
	out[0] = 'P';
	letters(out + 1, md, 23);
}

uint64_t
pseudo_number(struct pseudo *p, const char *purpose, const void *issuer,
    size_t issuer_len, const void *id, size_t n)
{
	unsigned char md[KEEPER_MAC];
	uint64_t v = 0;
	int i;

	p->used = 0;
	add(p, purpose, strlen(purpose));
	add(p, issuer, issuer_len);
	add(p, id, n);
	keeper_mac(p->keeper, KEEPER_SHIFT, p->message, p->used, md);
	for (i = 0; i < 8; i++)
		v = v << 8 | md[i];
	return v;
}

void
pseudo_id(struct pseudo *p, char out[PSEUDO_MAX], const char *kind,
    const void *id, size_t n)
{
	unsigned char md[KEEPER_MAC];

	p->used = 0;
	add(p, kind, strlen(kind));
	add(p, id, n);
	keeper_mac(p->keeper, KEEPER_ID, p->message, p->used, md);
	letters(out, md, 16);
}
