#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "opt.h"
#include "out.h"
#include "plain.h"
#include "sandbox.h"
#include "say.h"
#include "secret.h"
#include "share.h"
#include "word.h"

#define SECRET_MAX 65520      /* bytes; what a length limb can say */
#define INPUT_MAX (1u << 20)  /* bytes of shares */
#define MEMORY_MAX (1u << 20) /* bytes of coefficients */
#define CANDIDATES 10         /* limbs that may stand for two values */

bool
plain_given(const struct plain *p)
{
	if (p->plain) {
		if (p->scheme != NULL && strcmp(p->scheme, "gf256") != 0 &&
		    strcmp(p->scheme, "gf65521") != 0)
			die(EXIT_USAGE, "--scheme: neither gf256 nor gf65521");
		if (p->hex == p->password)
			die(EXIT_USAGE,
			    "--plain: say one of --hex and --password");
		return true;
	}
	if (p->hex || p->password || p->candidates || p->scheme != NULL)
		die(EXIT_USAGE, "--scheme, --hex, --password and --candidates "
				"go with --plain");
	return false;
}

static bool
original(const struct plain *p)
{
	return p->scheme != NULL && strcmp(p->scheme, "gf65521") == 0;
}

/* All of standard input, less the newline at its end. */
static char *
read_all(size_t max, size_t *n)
{
	char *p = secret_alloc(max + 2);
	ssize_t r;

	for (*n = 0; *n <= max; *n += (size_t)r) {
		r = read(STDIN_FILENO, p + *n, max + 1 - *n);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			die(EXIT_IO, "standard input: %s", strerror(errno));
		else if (r == 0)
			break;
	}
	if (*n > max)
		die(EXIT_DATA, "standard input: longer than %zu bytes", max);
	if (*n > 0 && p[*n - 1] == '\n')
		p[--*n] = '\0';
	return p;
}

/* Hex of either case, in place of it; the number of bytes, or die. */
static size_t
from_hex(char *text, const char *what)
{
	size_t n = strlen(text), i;

	for (i = 0; i < n; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] - 'A' + 'a');
	if (n == 0 || n % 2 != 0 || hex_decode(text, n / 2, text) < 0)
		die(EXIT_DATA, "%s: not an even number of hex digits", what);
	return n / 2;
}

static void
write_line(int fd, char *text, size_t n)
{
	struct why w;

	text[n] = '\n';
	if (out_write(fd, text, n + 1, &w) < 0)
		die_why(&w);
}

static void
put_hex(int fd, const unsigned char *p, size_t n)
{
	char *text = secret_alloc(2 * n + 2);

	hex_encode(text, p, n);
	write_line(fd, text, 2 * n);
	secret_free(text, 2 * n + 2);
}

/* Limbs travel with the high byte first. */
static void
to_bytes(unsigned char *out, const uint16_t *limb, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = (unsigned char)(limb[i] >> 8);
		out[2 * i + 1] = (unsigned char)limb[i];
	}
}

static void
to_limbs(uint16_t *limb, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		limb[i] = (uint16_t)(p[2 * i] << 8 | p[2 * i + 1]);
}

/* Uniform values below GF65521, by rejection. */
static void
random_limbs(uint16_t *v, size_t n)
{
	size_t i;

	secret_random(v, n * sizeof *v);
	for (i = 0; i < n; i++)
		while (v[i] >= GF65521)
			secret_random(&v[i], sizeof v[i]);
}

/* What is split: length limb and padding for a password, else as it is. */
static size_t
secret_limbs(uint16_t *limb, const struct plain *p, unsigned char *s, size_t n)
{
	size_t at = 0, limbs, i;

	if (p->password) {
		limb[at++] = (uint16_t)n;
		s[n] = 0; /* the padding of an odd last byte */
	} else if (n % 2 != 0)
		die(EXIT_DATA, "gf65521 carries hex in groups of four digits");
	limbs = (n + 1) / 2;
	to_limbs(limb + at, s, limbs);
	limbs += at;
	for (i = 0; i < limbs; i++)
		if (limb[i] >= GF65521)
			die(EXIT_DATA, "gf65521 cannot carry this secret: a "
				       "group of four digits is above fff0");
	return limbs;
}

static void
split_original(
    const struct plain *p, unsigned k, unsigned n, unsigned char *s, size_t len)
{
	uint16_t *limb = secret_alloc((SECRET_MAX / 2 + 2) * sizeof *limb);
	size_t limbs = secret_limbs(limb, p, s, len), bytes;
	unsigned char *y = secret_alloc(2 * limbs);
	uint16_t *coef, *v = secret_alloc(limbs * sizeof *v);
	int fd = out_open(opt_output);
	unsigned x;

	bytes = (size_t)(k - 1) * limbs * sizeof *coef;
	if (bytes > MEMORY_MAX)
		die(EXIT_USAGE, "so long a secret for so many shares");
	coef = secret_alloc(bytes);
	random_limbs(coef, bytes / sizeof *coef);
	for (x = 1; x <= n; x++) {
		gf65521_at(v, limb, limbs, k, x, coef);
		to_bytes(y, v, limbs);
		put_hex(fd, y, 2 * limbs);
	}
	secret_free(coef, bytes);
	secret_free(v, limbs * sizeof *v);
	secret_free(y, 2 * limbs);
	secret_free(limb, (SECRET_MAX / 2 + 2) * sizeof *limb);
}

static void
split_bytes(unsigned k, unsigned n, const unsigned char *s, size_t len)
{
	size_t bytes = (k - 1) * len, at, part;
	unsigned char *coef, *y = secret_alloc(len);
	int fd = out_open(opt_output);
	unsigned x;

	if (bytes > MEMORY_MAX)
		die(EXIT_USAGE, "so long a secret for so many shares");
	coef = secret_alloc(bytes);
	secret_random(coef, bytes);
	for (x = 1; x <= n; x++) {
		for (at = 0; at < len; at += part) {
			part = len - at < SHARE_MAX ? len - at : SHARE_MAX;
			share_at(
			    y + at, s + at, part, k, x, coef + at * (k - 1));
		}
		put_hex(fd, y, len);
	}
	secret_free(coef, bytes);
	secret_free(y, len);
}

int
plain_split(const struct plain *p, unsigned k, unsigned n)
{
	unsigned max = original(p) ? GF65521_SHARES : SHARE_N;
	char *s;
	size_t len;

	if (p->candidates)
		die(EXIT_USAGE, "--candidates is for joining");
	if (k < 2 || k > n || n > max)
		die(EXIT_USAGE, "--plain: say -k and -n, 2 <= k <= n <= %u",
		    max);
	secret_init(4 * MEMORY_MAX);
	if (opt_output == NULL)
		sandbox_closed();
	s = read_all(p->hex ? 2 * SECRET_MAX : SECRET_MAX, &len);
	if (len == 0)
		die(EXIT_DATA, "standard input: no secret");
	if (strlen(s) != len)
		die(EXIT_DATA, "standard input: holds a NUL");
	if (p->hex)
		len = from_hex(s, "standard input");
	if (original(p))
		split_original(p, k, n, (unsigned char *)s, len);
	else
		split_bytes(k, n, (unsigned char *)s, len);
	out_commit();
	secret_free(s, (p->hex ? 2 * SECRET_MAX : SECRET_MAX) + 2);
	return EXIT_OK;
}

/* The shares given: bytes and place of each. */
struct given {
	unsigned char **y;
	unsigned *x;
	unsigned n;
	size_t len;
};

static struct given
parse(char *text, unsigned max)
{
	struct given g = { 0 };
	char *save, *word, what[32];
	unsigned x = 0;
	size_t len;

	g.y = secret_alloc(max * sizeof *g.y);
	g.x = secret_alloc(max * sizeof *g.x);
	for (word = strtok_r(text, " \t\r\n", &save); word != NULL;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		if (x++ == max)
			die(EXIT_DATA, "more than %u shares", max);
		if (strcmp(word, "NULL") == 0)
			continue;
		snprintf(what, sizeof what, "share %u", x);
		len = from_hex(word, what);
		if (g.n > 0 && len != g.len)
			die(EXIT_DATA, "%s: not as long as the others", what);
		g.len = len;
		g.y[g.n] = (unsigned char *)word;
		g.x[g.n++] = x;
	}
	return g;
}

/* The polynomial of the first k shares at a place. */
static void
interpolate(const struct plain *p, const struct given *g, unsigned k,
    unsigned at, unsigned char *out)
{
	if (original(p)) {
		size_t limbs = g->len / 2;
		uint16_t *all = secret_alloc((k + 1) * limbs * sizeof *all);
		const uint16_t **y = secret_alloc(k * sizeof *y);
		unsigned i;

		for (i = 0; i < k; i++) {
			to_limbs(all + i * limbs, g->y[i], limbs);
			y[i] = all + i * limbs;
		}
		gf65521_join(all + k * limbs, y, g->x, k, limbs, at);
		to_bytes(out, all + k * limbs, limbs);
		secret_free(y, k * sizeof *y);
		secret_free(all, (k + 1) * limbs * sizeof *all);
	} else {
		struct share *s = secret_alloc(k * sizeof *s);
		const struct share **ptr = secret_alloc(k * sizeof *ptr);
		size_t from, part;
		unsigned i;

		for (from = 0; from < g->len; from += part) {
			part = g->len - from < SHARE_MAX ? g->len - from
							 : SHARE_MAX;
			for (i = 0; i < k; i++) {
				s[i].x = g->x[i];
				s[i].len = part;
				memcpy(s[i].y, g->y[i] + from, part);
				ptr[i] = &s[i];
			}
			share_interpolate(out + from, ptr, k, at);
		}
		secret_free(ptr, k * sizeof *ptr);
		secret_free(s, k * sizeof *s);
	}
}

/*
 * A limb that the original could not carry was reduced: fff1..ffff came back
 * as 0000..000e.  In a password these stand for nothing else, as it holds no
 * NUL.  Returns the length of the password in s (after its length limb).
 */
static size_t
password_of(unsigned char *s, size_t limbs)
{
	size_t len = (size_t)s[0] << 8 | s[1], i;

	if ((len + 1) / 2 + 1 != limbs)
		len += GF65521; /* its length was reduced, too */
	if ((len + 1) / 2 + 1 != limbs || len == 0)
		die(EXIT_DATA, "the shares do not join to a password: one is "
			       "wrong, or there are too few");
	for (i = 1; i < limbs; i++)
		if (s[2 * i] == 0 && s[2 * i + 1] <= 0x0e) {
			s[2 * i] = 0xff;
			s[2 * i + 1] = (unsigned char)(s[2 * i + 1] + 0xf1);
		}
	if (memchr(s + 2, 0, len) != NULL || (len % 2 && s[2 + len] != 0))
		die(EXIT_DATA, "the shares do not join to a password: one is "
			       "wrong, or there are too few");
	return len;
}

/* Every secret that hex limbs may stand for, if asked; the plain one first. */
static void
put_candidates(int fd, const struct plain *p, unsigned char *s, size_t limbs)
{
	size_t at[CANDIDATES], n = 0, i;
	unsigned mask;

	for (i = 0; i < limbs; i++)
		if (s[2 * i] == 0 && s[2 * i + 1] <= 0x0e) {
			if (n == CANDIDATES)
				break;
			at[n++] = 2 * i;
		}
	if (n > 0 && !p->candidates)
		say_note("%zu groups of four digits may have been above fff0 "
			 "when gLite split this; see --candidates",
		    n);
	for (mask = 0; mask < 1u << (p->candidates ? n : 0); mask++) {
		for (i = 0; i < n; i++) {
			bool high = mask >> i & 1;

			if (high == (s[at[i]] == 0xff))
				continue;
			s[at[i]] = high ? 0xff : 0;
			s[at[i] + 1] = (unsigned char)(s[at[i] + 1] +
						       (high ? 0xf1 : -0xf1));
		}
		put_hex(fd, s, 2 * limbs);
	}
}

static void
put_secret(const struct plain *p, unsigned char *s, size_t len)
{
	int fd = out_open(opt_output);

	if (p->hex && original(p))
		put_candidates(fd, p, s, len / 2);
	else if (p->hex)
		put_hex(fd, s, len);
	else if (original(p)) {
		len = password_of(s, len / 2);
		write_line(fd, (char *)s + 2, len);
	} else {
		if (memchr(s, 0, len) != NULL)
			die(EXIT_DATA, "the shares do not join to a password: "
				       "one is wrong, or there are too few");
		write_line(fd, (char *)s, len);
	}
	out_commit();
}

int
plain_join(const struct plain *p, unsigned k)
{
	unsigned max = original(p) ? GF65521_SHARES : SHARE_N, i;
	unsigned char *secret, *again;
	struct given g;
	char *text;
	size_t n;

	secret_init(4 * MEMORY_MAX);
	if (opt_output == NULL)
		sandbox_closed();
	text = read_all(INPUT_MAX, &n);
	if (strlen(text) != n)
		die(EXIT_DATA, "standard input: holds a NUL");
	g = parse(text, max);
	if (g.n < (k ? k : 2))
		die(EXIT_FEW, "%u shares are too few", g.n);
	if (original(p) && g.len % 2 != 0)
		die(EXIT_DATA, "a share of gf65521 has groups of four digits");
	if (original(p) && p->password && g.len < 4)
		die(EXIT_DATA, "too short for a password");
	if (k == 0)
		k = g.n;
	secret = secret_alloc(g.len + 2);
	again = secret_alloc(g.len);
	/* With k known, shares beyond k must be on the same polynomial. */
	for (i = k; i < g.n; i++) {
		interpolate(p, &g, k, g.x[i], again);
		if (!secret_equal(again, g.y[i], g.len))
			die(EXIT_DATA, "share %u does not go with the first %u",
			    g.x[i], k);
	}
	interpolate(p, &g, k, 0, secret);
	put_secret(p, secret, g.len);
	secret_free(again, g.len);
	secret_free(secret, g.len + 2);
	secret_free(text, INPUT_MAX + 2);
	return EXIT_OK;
}
