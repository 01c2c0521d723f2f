/* eds-join: join the key records that gLite's EDS kept, to keys of today */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyid.h"
#include "legacy.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "sandbox.h"
#include "secret.h"
#include "word.h"

static const struct poptOption options[] = { OPT_COMMON };

enum { KEY_MAX = 64, CIPHER_MAX = 64 };

/* The records of one id, as they come. */
static struct set {
	char *word; /* its name; NULL: none has come */
	char cipher[CIPHER_MAX];
	unsigned char iv[KEY_MAX];
	size_t iv_len, len; /* len: bytes of a share, and of the key */
	unsigned needed, count;
	struct piece {
		unsigned x;
		unsigned char share[KEY_MAX];
	} * piece; /* SHARE_N of them, secure */
	bool bad;  /* said already */
} set;

static unsigned char *key, *packed; /* secure */
static struct lineout *out;

/* Hex of any length up to KEY_MAX bytes; the bytes, or -1 with *w. */
static long
hex_field(const struct line *l, const char *field, unsigned char *bytes,
    struct why *w)
{
	const char *hex = line_word(l, field);
	size_t n = hex ? strlen(hex) / 2 : 0, i;
	char *lower;
	int ok;

	if (hex == NULL || n > KEY_MAX)
		return why_set(w, EXIT_DATA, "%s=: %s", field,
		    hex ? "too long" : "missing");
	if (strcmp(hex, "-") == 0)
		return 0;
	lower = secret_alloc(2 * KEY_MAX + 2);
	memcpy(lower, hex, strlen(hex) + 1);
	for (i = 0; lower[i] != '\0'; i++)
		if (lower[i] >= 'A' && lower[i] <= 'F')
			lower[i] = (char)(lower[i] - 'A' + 'a');
	ok = hex_decode(bytes, n, lower);
	secret_free(lower, 2 * KEY_MAX + 2);
	if (ok < 0)
		return why_set(w, EXIT_DATA, "%s=: not hex digits", field);
	return (long)n;
}

static int
read_record(const struct line *l, struct set *r, struct piece *p, struct why *w)
{
	unsigned long long needed = 1, index = 0, bits;
	long iv = hex_field(l, "edsiv", r->iv, w);
	long len = hex_field(l, "edskey", p->share, w);

	if (iv < 0 || len < 0 ||
	    line_text(l, "edscipher", r->cipher, sizeof r->cipher, w) < 0)
		return -1;
	if (line_word(l, "edskeysneeded") &&
	    line_number(l, "edskeysneeded", &needed, w) < 0)
		return -1;
	if ((needed > 1 || line_word(l, "edskeyindex")) &&
	    line_number(l, "edskeyindex", &index, w) < 0)
		return -1;
	if (needed < 1 || needed > SHARE_N || index >= SHARE_N)
		return why_set(w, EXIT_DATA,
		    "edskeysneeded= or edskeyindex=: not below %d", SHARE_N);
	if (len == 0 || (needed > 1 && len % 2 != 0))
		return why_set(w, EXIT_DATA,
		    "edskey=: not a number of groups of four digits");
	if (line_word(l, "edskeyinfo") &&
	    (line_number(l, "edskeyinfo", &bits, w) < 0 ||
		bits != 8 * (unsigned long long)len))
		return why_set(
		    w, EXIT_DATA, "edskeyinfo=: not the bits of its key");
	r->iv_len = (size_t)iv;
	r->len = (size_t)len;
	r->needed = (unsigned)needed;
	p->x = (unsigned)index + 1;
	return 0;
}

/* The polynomial of the first shares at a place. */
static void
interpolate(const struct set *s, unsigned at, unsigned char *bytes)
{
	size_t limbs = s->len / 2, i;
	uint16_t *v = secret_alloc((s->needed + 1) * limbs * sizeof *v);
	uint16_t *sum = v + s->needed * limbs;
	const uint16_t *y[SHARE_N];
	unsigned x[SHARE_N], j;

	for (j = 0; j < s->needed; j++) {
		x[j] = s->piece[j].x;
		y[j] = v + j * limbs;
		for (i = 0; i < limbs; i++)
			v[j * limbs + i] =
			    (uint16_t)(s->piece[j].share[2 * i] << 8 |
				       s->piece[j].share[2 * i + 1]);
	}
	gf65521_join(sum, y, x, s->needed, limbs, at);
	for (i = 0; i < limbs; i++) {
		bytes[2 * i] = (unsigned char)(sum[i] >> 8);
		bytes[2 * i + 1] = (unsigned char)sum[i];
	}
	secret_free(v, (s->needed + 1) * limbs * sizeof *v);
}

/* All its records have come: join, and see that all agree. */
static int
join(char guid[SHARE_ID + 1], size_t *n, struct why *w)
{
	const struct set *s = &set;
	unsigned i, j;
	bool same;

	/* no character of an id is one that a word encodes */
	if (keyid_guid(guid, s->word) < 0)
		return why_set(w, EXIT_DATA, "not the id of a key");
	if (s->count < s->needed)
		return why_set(w, EXIT_FEW, "%u shares, and %u are needed",
		    s->count, s->needed);
	for (i = 0; i < s->count && s->needed > 1; i++)
		for (j = 0; j < i; j++)
			if (s->piece[i].x == s->piece[j].x)
				return why_set(w, EXIT_DATA,
				    "two shares of index %u",
				    s->piece[i].x - 1);
	for (i = s->needed; i < s->count; i++) {
		if (s->needed > 1)
			interpolate(s, s->piece[i].x, key);
		else
			memcpy(key, s->piece[0].share, s->len);
		same = secret_equal(key, s->piece[i].share, s->len);
		if (!same)
			return why_set(w, EXIT_DATA,
			    "share %u does not go with the first %u",
			    s->piece[i].x - 1, s->needed);
	}
	if (s->needed > 1)
		interpolate(s, 0, key);
	else
		memcpy(key, s->piece[0].share, s->len);
	return legacy_pack(
	    packed, n, s->cipher, s->iv, s->iv_len, key, s->len, w);
}

static void
serve(struct line *o)
{
	char guid[SHARE_ID + 1];
	struct why w;
	char *hex;
	size_t n;

	if (set.word == NULL)
		return;
	if (!set.bad && join(guid, &n, &w) == 0) {
		hex = secret_alloc(2 * SHARE_MAX + 1);
		hex_encode(hex, packed, n);
		line_reset(o);
		line_set_name_word(o, guid);
		line_set_word(o, "key", hex);
		line_set_word(o, "id", set.word);
		if (lineout_put(out, o, &w) < 0)
			die_why(&w);
		secret_free(hex, 2 * SHARE_MAX + 1);
	} else if (!set.bad)
		aside(set.word, &w);
	free(set.word);
	set.word = NULL;
}

static void
refuse(const struct why *w)
{
	if (!set.bad)
		aside(set.word, w);
	set.bad = true;
}

static void
take(const struct line *l, struct line *o)
{
	struct set r = { 0 };
	struct piece *p;
	struct why w;

	if (set.word == NULL || strcmp(set.word, l->name) != 0) {
		serve(o);
		p = set.piece;
		set = (struct set){ .piece = p };
		if ((set.word = strdup(l->name)) == NULL)
			die(EXIT_IO, "out of memory");
	}
	if (set.count == SHARE_N) {
		why_set(&w, EXIT_DATA, "more than %d records", SHARE_N);
		refuse(&w);
		return;
	}
	p = &set.piece[set.count];
	if (read_record(l, &r, p, &w) < 0) {
		refuse(&w);
		return;
	}
	if (set.count++ == 0) {
		memcpy(set.cipher, r.cipher, sizeof set.cipher);
		memcpy(set.iv, r.iv, sizeof set.iv);
		set.iv_len = r.iv_len;
		set.len = r.len;
		set.needed = r.needed;
	} else if (strcmp(set.cipher, r.cipher) != 0 ||
		   set.iv_len != r.iv_len ||
		   memcmp(set.iv, r.iv, r.iv_len) != 0 || set.len != r.len ||
		   set.needed != r.needed) {
		why_set(&w, EXIT_DATA,
		    "its records differ in more than share and index");
		refuse(&w);
	}
}

int
main(int argc, char **argv)
{
	struct linein *in;
	struct line l, o;
	struct why w;
	int got;

	if (*opt_parse(argc, argv, options, "< key records > keys"))
		die(EXIT_USAGE, "takes no operands");
	secret_init(6 * LINE_SECRET_COST);
	set.piece = secret_alloc(SHARE_N * sizeof *set.piece);
	key = secret_alloc(KEY_MAX);
	packed = secret_alloc(SHARE_MAX);
	in = linein_open(STDIN_FILENO, "key records", true);
	out = lineout_open(out_open(opt_output), "keys", true);
	linein_on_idle(in, lineout_idle, out);
	if (legacy_init(&w) < 0)
		die_why(&w);
	if (opt_output == NULL)
		sandbox_closed();
	line_init(&l, true);
	line_init(&o, true);
	while ((got = linein_next(in, &l, &w)) > 0)
		take(&l, &o);
	if (got < 0)
		die_why(&w);
	serve(&o);
	line_free(&l);
	line_free(&o);
	secret_free(set.piece, SHARE_N * sizeof *set.piece);
	secret_free(key, KEY_MAX);
	secret_free(packed, SHARE_MAX);
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	return exit_status(lineout_count(out));
}
