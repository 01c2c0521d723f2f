#ifndef STORES_H
#define STORES_H

#include <stdbool.h>

#include "say.h"

/*
 * stores(5): which key stores there are, who runs them, and how many of them
 * open an image.
 */
struct stores {
	unsigned threshold; /* 2..255: no key with a smaller k is believed */
	unsigned count;     /* of store; at least threshold */
	struct stores_one {
		unsigned x;     /* its index for ever; ascending in store[] */
		char *url;      /* "sqlite:" paths made absolute */
		char *operator; /* who runs it, or "" */
		char *pin;      /* of its TLS key, or "" */
	} store[255];
};

/*
 * Read the file, or when it is NULL the one that MDM_STORES names, or
 * opt_home()/stores.  If that last one does not exist: three stores beside
 * it, any two of which open an image; make is true when they are to be made
 * (with a note on standard error) and false when the caller only wants to
 * know.  Making needs secret_init().  NULL with *w.
 */
struct stores *stores_load(const char *file, bool make, struct why *w);
void stores_free(struct stores *s);

/* The highest x: how many shares a key is split into. */
unsigned stores_n(const struct stores *s);

#endif
