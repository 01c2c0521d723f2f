#ifndef ANON_H
#define ANON_H

#include "deid.h"
#include "fields.h"
#include "pixels.h"
#include "stamp.h"

/*
 * One DICOM object in, one de-identified object out: walked, parsed but for
 * its Pixel Data, ruled, written with new file meta information.  Pixel Data
 * passes through, byte for byte, unless it has to be cleaned; what is held of
 * an object is bounded.
 */
struct anon; /* opaque */

/* Where an object's bytes come from. */
struct anon_source {
	/* Fill buf: 1, or 0 at the object's end, REC_VOID if it is withdrawn,
	 * -1 with *w when the source itself failed. *got is set in each case.
	 */
	int (*fill)(
	    void *arg, void *buf, size_t size, size_t *got, struct why *w);
	void *arg;
	long long size; /* bytes of the object, or REC_UNKNOWN */
};

/*
 * All stay the caller's.  max_dataset bounds the bytes of an object that are
 * not Pixel Data.
 */
struct anon *anon_new(struct deid *d, struct pixels *x, struct stamp *out,
    unsigned long long max_dataset);
void anon_free(struct anon *a);

/*
 * Write down in a ledger, which stays the caller's to flush, what became of
 * each object that was done.
 */
struct ledger;
void anon_ledger(struct anon *a, struct ledger *l);

/* What is said of each object; without it, modality and pseudonym. */
void anon_fields(struct anon *a, fields f);

enum anon_result {
	ANON_DONE,
	ANON_ASIDE, /* with *w: this object cannot be had */
	ANON_VOID,  /* its producer withdrew it */
	ANON_FAIL,  /* with *w: reading or writing failed */
};
enum anon_result anon_object(
    struct anon *a, const struct anon_source *src, struct why *w);

#endif
