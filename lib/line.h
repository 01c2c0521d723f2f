#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "say.h"

/*
 * Lines: how everything but objects travels.  manifest(5), key(5), share(5)
 * and ack(5) are all this form:
 *
 *	NAME<TAB>KEY=WORD<TAB>KEY=WORD...<NL>
 *	...
 *	.end<TAB>COUNT<NL>
 *
 * NAME and every WORD are words (word.h); a NAME whose bytes are ".end" is
 * written "%2Eend".  KEY is [a-z][a-z0-9_.-]*, each at most once a line.
 * Fields come in any order and unknown ones pass through.  Input without its
 * last line, with a wrong count, or with more after it, was cut or tampered
 * with: EXIT_DATA.
 */

#define LINE_MAX_BYTES 65536 /* a line, with its newline */
#define LINE_MAX_FIELDS 64

/* Secure heap that one secret line, linein or lineout takes (secret_init()). */
#define LINE_SECRET_COST (2 * LINE_MAX_BYTES)

/* A line.  Words stay encoded; most need no decoding. */
struct line {
	char *name; /* word; never NULL in a line that was read */
	struct line_field {
		char *key;
		char *word;
	} field[LINE_MAX_FIELDS];
	int fields;
	bool secret;       /* memory is from secret.h */
	char *buf;         /* what name, key and word point into */
	size_t used, size; /* bytes of buf */
};

/* Make an empty line: plain memory, or the secure heap for keys and shares. */
void line_init(struct line *l, bool secret);

/* Forget the contents, keep the memory (cleared if secret). */
void line_reset(struct line *l);

/* Clear and release; l is then as after line_init(). */
void line_free(struct line *l);

/* n of them at once; dies EXIT_IO when there is no memory. */
struct line *lines_new(unsigned n, bool secret);
void lines_free(struct line *l, unsigned n); /* NULL is nothing */

/*
 * Building: the name from raw bytes (any, encoded here) or from a word that
 * is one already; fields likewise.  line_set_word() replaces a field of that
 * key.  Both die EXIT_DATA when the line grows beyond LINE_MAX_*.
 */
void line_set_name(struct line *l, const void *bytes, size_t n);
void line_set_name_word(struct line *l, const char *word);
void line_set(struct line *l, const char *key, const void *bytes, size_t n);
void line_set_word(struct line *l, const char *key, const char *word);
void line_set_number(struct line *l, const char *key, unsigned long long n);
/*
 * line_set_word() without the search for a field of that key: for programs that
 * make many lines of fields they know to be different.
 */
void line_add_word(struct line *l, const char *key, const char *word);
void line_unset(struct line *l, const char *key);
void line_copy(struct line *to, const struct line *from);

/* The word of field key, or NULL. */
const char *line_word(const struct line *l, const char *key);

/* The id a program goes by: the field guid if there is one, else the name. */
const char *line_id(const struct line *l);

/*
 * Decode field key into out (size bytes, NUL added).  Returns the length, or
 * -1 with *w: missing, too long, or holding a NUL.
 */
long line_text(const struct line *l, const char *key, char *out, size_t size,
    struct why *w);

/* The same for the name. */
long line_name(const struct line *l, char *out, size_t size, struct why *w);

/* Field key as a decimal number without sign or leading zeros.  0, or -1. */
int line_number(const struct line *l, const char *key, unsigned long long *n,
    struct why *w);

/*
 * Exactly n bytes of lower-case hex in field key.  0, or -1 with *w (its text
 * names the field, never the value).
 */
int line_hex(
    const struct line *l, const char *key, void *out, size_t n, struct why *w);

/* Reading.  The descriptor stays the caller's.  what is "manifest", "shares"...
 */
struct linein *linein_open(int fd, const char *what, bool secret);

/* Called before a read that would block: flush your outputs there. */
void linein_on_idle(struct linein *in, void (*fn)(void *), void *arg);

/*
 * Next line into *l (line_init'ed with the same secret).  Returns 1, or 0
 * after ".end" and the end of input, or -1 with *w.
 */
int linein_next(struct linein *in, struct line *l, struct why *w);

/* How many lines linein_next() has returned. */
unsigned long linein_count(const struct linein *in);
void linein_free(struct linein *in);

/*
 * A line that is in memory: n bytes, the last of them its newline.  *l is as
 * for linein_next().  What is wrong with it, or NULL; the last line of all,
 * .end, is no line.
 */
const char *line_parse(struct line *l, const char *text, size_t n);

/* Writing: buffered; the descriptor stays the caller's. */
struct lineout *lineout_open(int fd, const char *what, bool secret);
int lineout_put(struct lineout *out, const struct line *l, struct why *w);
/* n bytes of whole lines that are known to be right. */
int lineout_text(
    struct lineout *out, const char *text, size_t n, struct why *w);
int lineout_flush(struct lineout *out, struct why *w);

/* For linein_on_idle(): flush, or die EXIT_IO.  arg is a struct lineout. */
void lineout_idle(void *arg);

/* Write ".end" and flush.  Without it the lines are not whole. */
int lineout_end(struct lineout *out, struct why *w);
unsigned long lineout_count(const struct lineout *out);
void lineout_free(struct lineout *out);

#endif
