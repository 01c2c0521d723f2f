#ifndef TEXTPAT_H
#define TEXTPAT_H

#include "text.h"

/*
 * What identifies by its form alone, whoever is meant: dates, telephone
 * numbers, e-mail and network addresses, links, UIDs, long numbers, what
 * follows "MRN" or "Dr.", ages over 89.  Takes them out of a text.
 */
void textpat_take(struct text *t);

#endif
