#ifndef SECRET_H
#define SECRET_H

#include <stddef.h>

#include "say.h"

/*
 * Secrets: object keys, shares, site keys, and buffers they pass through.
 *
 * They live in OpenSSL's secure heap (locked, guarded, left out of core
 * dumps), come from its DRBG, and are cleared on free.  A program that
 * handles them is not dumpable and leaves no core.  This is the one file to
 * audit for that; nobody else calls OPENSSL_secure_*.
 */

/*
 * First call of a program that will hold secrets: secure heap of at least
 * bytes (rounded up to a power of two), no core, not dumpable.  Dies EXIT_IO
 * if memory cannot be locked (RLIMIT_MEMLOCK), with a hint.
 */
void secret_init(size_t bytes);

/* n bytes, zeroed, in the secure heap; dies EXIT_IO when it is full. */
void *secret_alloc(size_t n);

/* The same, NULL when it is full. */
void *secret_try(size_t n);

/* Clear and free; NULL is nothing. */
void secret_free(void *p, size_t n);

/* Clear memory that is not from here (a stack buffer, say). */
void secret_clear(void *p, size_t n);

/* n random bytes from the DRBG's private instance; dies EXIT_BUG if it fails.
 */
void secret_random(void *p, size_t n);

/* Equal or not, in time that does not depend on where they differ. */
int secret_equal(const void *a, const void *b, size_t n);

/*
 * Open a file that holds a secret for reading.  A regular file that others
 * than its owner could read, or that neither we nor root own, is refused:
 * EXIT_DENIED.  /dev/fd/N is that descriptor.  Returns it, or -1 with *w.
 */
int secret_open(const char *path, struct why *w);

/*
 * Read a whole file of at most max bytes, opened as above.  Returns a secure
 * buffer of max + 2 bytes, *n of them read and a NUL after, that the caller
 * gives to secret_free(p, max + 2),
 * or NULL with *w.
 */
void *secret_read(const char *path, size_t max, size_t *n, struct why *w);

#endif
