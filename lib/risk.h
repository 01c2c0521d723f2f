#ifndef RISK_H
#define RISK_H

#include "look.h"
#include "say.h"

/*
 * Which images may show who the patient is, by what kind they are.  A policy
 * that fails closed: an object at a risk is rejected, unless that risk was
 * accepted by its name, or a mask takes it away.
 *
 * What it knows is what an object says of itself, so that an object that lies
 * goes through; burnin.h and hide.h look at the pixels.
 */
enum risk {
	RISK_BURNED_IN, /* Burned In Annotation says so */
	RISK_US,        /* ultrasound */
	RISK_SC,        /* secondary capture, digitised film or video */
	RISK_XC,        /* photographs */
	RISK_ES,        /* endoscopy */
	RISK_XA,        /* angiography, fluoroscopy apart */
	RISK_SCREEN,    /* screen captures of any class */
	RISK_LABEL,     /* the label of a glass slide */
	RISK_OVERVIEW,  /* the whole of a glass slide, with its label */
	RISK_TEXT,      /* a radiograph in which text was found */
	RISK_DOCUMENT,  /* encapsulated documents */
	RISK_VIDEO,     /* moving pictures, in which nobody can look */
	RISK_OPAQUE,    /* pixels of a syntax that nobody knows */
	RISK_HIDDEN,    /* text in the pixels' bytes, see hide.h */
	RISKS
};

/* Its name, as in "--accept us". */
const char *risk_name(enum risk r);

/* Add the risks named in list, between commas, to *set. 0, or -1 with *w. */
int risk_accept(unsigned *set, const char *list, struct why *w);

#define RISK_BIT(r) (1u << (r))

/* Those that a mask takes away. */
extern const unsigned risk_maskable;

/* All that an object is at, as a set. */
unsigned risk_of(const struct look *l);

/* Does the transfer syntax compress, by a method that can be looked into? */
enum risk_syntax {
	RISK_NATIVE,
	RISK_RLE,
	RISK_JPEG,
	RISK_JPEGLS,
	RISK_JPEG2000,
	RISK_MPEG,
	RISK_UNKNOWN,
};
enum risk_syntax risk_syntax(const char *transfer);

#endif
