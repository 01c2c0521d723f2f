#ifndef PLAIN_H
#define PLAIN_H

#include <stdbool.h>

/*
 * ssss-split --plain and ssss-join --plain: one secret that a person holds,
 * shares that are handed out on paper.  A share is hex; its number is its
 * place in the list.  Such secrets may be guessed, so that nothing here is
 * made that a guess could be tested with: no check, no commitments.
 *
 * Scheme gf256 shares each byte; gf65521 reads and writes what gLite's SSSS
 * did.
 */
struct plain {
	int plain, password, hex, candidates; /* options given */
	char *scheme;
};

#define PLAIN_OPTIONS(p)                                                       \
	{ "plain", '\0', POPT_ARG_NONE, &(p).plain, 0,                         \
		"one secret instead of lines of keys", NULL },                 \
	    { "scheme", '\0', POPT_ARG_STRING, &(p).scheme, 0,                 \
		    "with --plain: gf256 (default) or gf65521, gLite's",       \
		    "SCHEME" },                                                \
	    { "password", '\0', POPT_ARG_NONE, &(p).password, 0,               \
		    "with --plain: the secret is a line of text", NULL },      \
	{                                                                      \
		"hex", '\0', POPT_ARG_NONE, &(p).hex, 0,                       \
		    "with --plain: the secret is hex digits", NULL             \
	}

/* Is --plain there?  Dies EXIT_USAGE if only its companions are. */
bool plain_given(const struct plain *p);

/* The whole program: standard input to --output, and what to exit with. */
int plain_split(const struct plain *p, unsigned k, unsigned n);
int plain_join(const struct plain *p, unsigned k); /* k 0: not known */

#endif
