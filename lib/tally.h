#ifndef TALLY_H
#define TALLY_H

#include "fleet.h"
#include "line.h"

/*
 * What the stores say of the rights on one key, counted: answer[s] is store
 * s's to "getacl" or "setacl" of hydra-api(5), of those that are not lost.
 *
 * shown, which has the key's name, gets what most of them have, stores= which
 * have it, and differ= which have something else; or error=, if none shows
 * any.  What is wrong is said by aside(): which stores refuse and how, which
 * differ, and, "not DONE stores 2,3", which are lost.
 */
void tally(const struct fleet *f, struct line *const answer[], const char *done,
    struct line *shown);

#endif
