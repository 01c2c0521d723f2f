#ifndef LEDGER_H
#define LEDGER_H

#include <stddef.h>

#include "line.h"
#include "say.h"

/*
 * The ledger, ledger(5): what became of which object, sealed so that the host
 * that wrote it cannot read it back.
 *
 * It is a file that only grows.  An entry is one line: the base64 of an age
 * file, to which the age program alone is enough, that holds lines (line.h)
 * with a ".end" of their own.  An entry is made of what came since the last,
 * appended in one write under a lock, and durable before ledger_flush()
 * returns; so that many runs may share a ledger, and one that died leaves at
 * most a torn last line, which the next run ends.
 */
struct ledger; /* opaque */

/*
 * Append to the file path, for n recipients "age1...", at least one.  NULL with
 * *w.
 */
struct ledger *ledger_open(
    const char *path, const char *const *recipients, int n, struct why *w);
void ledger_free(struct ledger *l); /* what was not flushed is lost */

/* Add a line; it is flushed when there are many.  0, or -1 with *w. */
int ledger_add(struct ledger *l, const struct line *line, struct why *w);
int ledger_flush(struct ledger *l, struct why *w);

/*
 * Reading, with identities from an age identity file.  ledger_read() calls fn
 * for each line of each entry that can be opened.  *bad counts the entries that
 * are torn or damaged, *closed those that are sealed to others; each is named
 * on standard error by its line.  0, or -1 with *w, also when fn returned -1.
 */
struct ledger_keys; /* opaque, in the secure heap */
struct ledger_keys *ledger_keys_read(const char *path, struct why *w);
void ledger_keys_free(struct ledger_keys *k);
int ledger_read(const char *path, const struct ledger_keys *k,
    int (*fn)(void *arg, const struct line *l, struct why *w), void *arg,
    unsigned long *bad, unsigned long *closed, struct why *w);

#endif
