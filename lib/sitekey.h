#ifndef SITEKEY_H
#define SITEKEY_H

#include <stddef.h>

#include "say.h"

/*
 * The site key: 256 random bits from which everything is derived that links a
 * pseudonym to a patient.  It never leaves the hospital.  Its file is one
 * line, readable by its owner only:
 *
 *	mdm-site-key-1 <64 lower-case hex digits>
 *
 * The key itself is used for nothing but deriving others, one for each purpose
 * (HKDF-SHA-256, info "mdm site v1 PURPOSE"), so that what is published under
 * one of them says nothing about another.
 */
#define SITEKEY_BYTES 32

struct sitekey; /* opaque, in the secure heap */

/* Read; NULL with *w (a missing one has EXIT_DENIED). */
struct sitekey *sitekey_read(const char *path, struct why *w);
void sitekey_free(struct sitekey *k);

/* Make a new one in path, durable, 0600, never over an old one.  0 or -1. */
int sitekey_new(const char *path, struct why *w);

/*
 * Make it the key of a project, from which that of another, or the site's, says
 * nothing.
 */
void sitekey_project(struct sitekey *k, const char *project);

/*
 * The key for purpose: SITEKEY_BYTES in the secure heap, which the caller
 * gives to secret_free().
 */
unsigned char *sitekey_derive(const struct sitekey *k, const char *purpose);

#endif
