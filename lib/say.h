#ifndef SAY_H
#define SAY_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Diagnostics and exit codes.
 *
 * Every message is one line, written to standard error by one write(2):
 *
 *	PROG: error: WHAT: WHY
 *
 * Control bytes are shown as '?'.  Name the record and the tag, never the
 * value: a diagnostic must be safe to paste into a public bug report.
 */

/* The whole contract; each value is also in mdm(7).  See <sysexits.h>. */
enum {
	EXIT_OK = 0,      /* every input byte was read and dealt with */
	EXIT_NO = 1,      /* the answer is no, or some records were set aside */
	EXIT_USAGE = 64,  /* wrong options or operands */
	EXIT_DATA = 65,   /* the input is malformed or not authentic */
	EXIT_FEW = 69,    /* too few services answered */
	EXIT_BUG = 70,    /* ours: an invariant broke */
	EXIT_IO = 74,     /* read, write, fsync or rename failed */
	EXIT_RETRY = 75,  /* not now; the same command may work later */
	EXIT_DENIED = 77, /* no key, no permission */
};

/* A failure on its way up: what to exit with, and what to say. */
struct why {
	int code;       /* EXIT_*, or 0 when nothing failed */
	char text[400]; /* NUL-terminated, no newline */
};

extern const char *prog; /* set once by opt_parse(), never NULL */

/* Fill *w and return -1, so that "return why_set(w, ...)" reads well. */
int why_set(struct why *w, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* PROG: error|warning|hint|note: ..., one line each. */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say an error and exit with code; exit handlers run. */
void die(int code, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void die_why(const struct why *w) __attribute__((noreturn));

/*
 * The one rule for records that cannot be served (mdm(7)): name the record,
 * say why, go on, remember.  NAME is shown as a word (see word.h).
 * exit_status() is what to leave main() with: EXIT_OK when nothing was set
 * aside; EXIT_NO when something was and something was served; when nothing was
 * served, the code of the first record set aside if that is 65, 69, 75 or 77,
 * else EXIT_NO.
 */
void aside(const char *name, const struct why *w);
unsigned long aside_count(void);
int exit_status(unsigned long served);

#ifdef __cplusplus
}
#endif

#endif
