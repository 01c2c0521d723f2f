#ifndef FIND_H
#define FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * Expressions over what a catalogue knows of files, as lfc-find(1) has them:
 *
 *	modality=CT and (study-date=2020..2021 or not body-part~HEAD*)
 *
 * Tests are KEY, one of = != < <= > >= ~, VALUE.  = takes a range FROM..TO,
 * either end of which may be missing; ~ takes a pattern with * and ?.  Words,
 * blanks, parentheses and what follows a # are written in "..." or '...'.
 * Values are compared by their bytes, those of size as numbers.  A field that a
 * file does not have passes no test, so that `not' of the test holds.
 *
 * Nothing here reads or writes but memory.
 */
#define FIND_TEXT 4096 /* bytes of an expression */
#define FIND_NODES 256
#define FIND_DEPTH 64

/* In the order of find_keys[]. */
enum find_key {
	FIND_BODY_PART,
	FIND_BY,
	FIND_MODALITY,
	FIND_PROFILE,
	FIND_PSEUDONYM,
	FIND_SERIES,
	FIND_STUDY,
	FIND_STUDY_DATE,
	FIND_FACTS, /* those above are what a series has in common */
	FIND_NAME = FIND_FACTS,
	FIND_SIZE,
	FIND_STATUS,
	FIND_KEYS
};
extern const char *const find_keys[FIND_KEYS];

enum find_op {
	FIND_EQ,
	FIND_LT,
	FIND_LE,
	FIND_GT,
	FIND_GE,
	FIND_RANGE, /* from..to */
	FIND_LIKE
};

struct find_node {
	enum { FIND_TEST, FIND_AND, FIND_OR, FIND_NOT } kind;
	int left, right; /* of AND and OR; NOT has left */
	enum find_key key;
	enum find_op op;
	const char *value, *to; /* bytes, without NUL; RANGE: NULL is open */
};

struct find {
	struct find_node node[FIND_NODES];
	int nodes, top;
	char text[2 * FIND_TEXT]; /* what values point into */
};

/* Parse: 0, or -1 with *w (EXIT_USAGE), which says where. */
int find_parse(struct find *f, const char *text, struct why *w);

/* The expression in one form, with all parentheses: its length, as snprintf. */
size_t find_print(const struct find *f, char *out, size_t size);

/*
 * Does it hold?  get() gives the value of a key, or NULL; *unknown is set where
 * it cannot tell.  1; 0; -1 if that depends on what is not known.
 */
typedef const char *find_get(void *arg, enum find_key key, bool *unknown);
int find_match(const struct find *f, find_get *get, void *arg);

/*
 * A key on which the whole expression depends, so that only values of it from
 * *from to *to (inclusive, NULL: open) can match; FIND_KEYS if there is none.
 * *from == *to: one value.  They point into the expression or into room.
 */
enum find_key find_bound(const struct find *f, const char **from,
    const char **to, char room[FIND_TEXT + 2]);

#endif
