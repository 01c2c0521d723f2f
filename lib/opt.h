#ifndef OPT_H
#define OPT_H

#include <popt.h>

#include "say.h"

/*
 * Options.  Every filter's table ends with OPT_COMMON, so that --output,
 * --progress, --verbose, --help and --version mean the same everywhere.
 * An option that takes one value may be given once; popt alone would keep the
 * last and say nothing.
 */
extern struct poptOption opt_common[];
extern const char *opt_output; /* -o FILE, or NULL for standard output */
extern int opt_progress;       /* --progress */
extern int opt_verbose;        /* --verbose */
extern const char *const opt_version;

#define OPT_COMMON                                                             \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, opt_common, 0,                   \
		"Common options:", NULL },                                     \
	    POPT_TABLEEND

/*
 * Parse argv.  Sets prog.  Prints help or the version and exits 0, or exits
 * EXIT_USAGE.  Returns the operands, NULL-terminated, possibly none; they
 * live until the program ends.  operands is what --help shows after the name.
 */
const char **opt_parse(int argc, char **argv, const struct poptOption *table,
    const char *operands);

/*
 * An option that may be given many times has val OPT_LIST + i and no arg:
 * { "recipient", 'r', POPT_ARG_STRING, NULL, OPT_LIST + 0, ... }; its values
 * gather in opt_lists[i].
 */
enum { OPT_LIST = 1000 };
struct opt_list {
	const char **v; /* NULL-terminated once parsed; never freed */
	int n;
};
extern struct opt_list opt_lists[8]; /* filled for val OPT_LIST + 0..7 */

/* The option's value, or the environment's, or NULL. "" counts as unset. */
const char *opt_or_env(const char *value, const char *env);

/* Value as above, or die EXIT_USAGE naming the option and the variable. */
const char *opt_need(const char *value, const char *option, const char *env);

/*
 * A file argument: /dev/fd/N (and /dev/stdin) is descriptor N itself, never
 * reopened; "-" is standard input or output; anything else is opened with
 * flags (and O_CLOEXEC, mode 0600).  Returns the descriptor, or -1 with *w.
 */
int opt_open(const char *file, int flags, struct why *w);

/*
 * The text of such a file, of less than max bytes; the caller frees it.  NULL
 * with *w: EXIT_DATA if it is longer, or no text.
 */
char *opt_text(const char *file, size_t max, struct why *w);

/* The per-user state directory, ~/.local/share/mdm (or $MDM_HOME); never NULL.
 */
const char *opt_home(void);

#endif
