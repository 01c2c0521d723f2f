#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opt.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

const char *opt_output;
int opt_progress, opt_verbose;
const char *const opt_version = VERSION;
struct opt_list opt_lists[8];

struct poptOption opt_common[] = {
	{ "output", 'o', POPT_ARG_STRING, &opt_output, 0,
	    "write FILE, whole or not at all", "FILE" },
	{ "progress", '\0', POPT_ARG_NONE, &opt_progress, 0,
	    "show objects, bytes, rate and time on a terminal", NULL },
	{ "verbose", 'v', POPT_ARG_NONE, &opt_verbose, 0, "say more", NULL },
	{ "help", 'h', POPT_ARG_NONE, NULL, 'h', "show this and exit", NULL },
	{ "version", 'V', POPT_ARG_NONE, NULL, 'V', "show the version and exit",
	    NULL },
	POPT_TABLEEND
};

/* popt's own --help calls exit(0) without looking at stdout; ours looks. */
static _Noreturn void
said(void)
{
	if (fflush(stdout) || ferror(stdout))
		die(EXIT_IO, "standard output: %s", strerror(errno));
	exit(EXIT_OK);
}

static void
add(struct opt_list *l, char *value)
{
	const char **v = realloc(l->v, ((size_t)l->n + 2) * sizeof *v);

	if (v == NULL || value == NULL)
		die(EXIT_IO, "out of memory");
	v[l->n++] = value;
	v[l->n] = NULL;
	l->v = v;
}

/*
 * Find the option that a word of argv spells, in table and the tables it
 * includes; NULL for a word that is none.
 */
static const struct poptOption *
find(const struct poptOption *t, const char *name, size_t n, char letter)
{
	const struct poptOption *got;

	for (; t->longName || t->shortName || t->arg; t++) {
		if (t->argInfo == POPT_ARG_INCLUDE_TABLE) {
			if ((got = find(t->arg, name, n, letter)) != NULL)
				return got;
		} else if (letter ? t->shortName == letter
				  : t->longName && strlen(t->longName) == n &&
					memcmp(t->longName, name, n) == 0) {
			return t;
		}
	}
	return NULL;
}

/*
 * Refuse a single-valued option given twice: popt keeps the last and says
 * nothing.  One bit an option of the (small) tables, by its storage.
 */
static void
refuse_repeats(int argc, char **argv, const struct poptOption *table)
{
	const void *seen[64];
	int i, k, count = 0;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const struct poptOption *o;
		const char *w = argv[i];

		if (w[0] != '-' || w[1] == '\0')
			continue;
		o = w[1] == '-' ? find(table, w + 2, strcspn(w + 2, "="), 0)
				: find(table, NULL, 0, w[1]);
		if (o == NULL || (o->argInfo & POPT_ARG_MASK) == POPT_ARG_NONE)
			continue;
		if (w[1] == '-' ? strchr(w, '=') == NULL : w[2] == '\0')
			i++; /* its value is the next word */
		if (o->val >= OPT_LIST)
			continue;
		for (k = 0; k < count; k++)
			if (seen[k] == o->arg && o->arg != NULL)
				die(EXIT_USAGE, "%s: given twice", w);
		if (count < (int)(sizeof seen / sizeof *seen))
			seen[count++] = o->arg;
	}
}

const char **
opt_parse(
    int argc, char **argv, const struct poptOption *table, const char *operands)
{
	static const char *none[1];
	const char *slash, **rest;
	poptContext con;
	int c;

	slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	prog = slash ? slash + 1 : argc > 0 ? argv[0] : "?";
	refuse_repeats(argc, argv, table);
	con = poptGetContext(prog, argc, (const char **)argv, table, 0);
	poptSetOtherOptionHelp(con, operands);
	while ((c = poptGetNextOpt(con)) > 0) {
		if (c == 'h') {
			poptPrintHelp(con, stdout, 0);
			said();
		}
		if (c == 'V') {
			printf("%s %s\n", prog, opt_version);
			said();
		}
		if (c >= OPT_LIST &&
		    c < OPT_LIST + (int)(sizeof opt_lists / sizeof *opt_lists))
			add(&opt_lists[c - OPT_LIST], poptGetOptArg(con));
	}
	if (c < -1)
		die(EXIT_USAGE, "%s: %s",
		    poptBadOption(con, POPT_BADOPTION_NOALIAS),
		    poptStrerror(c));
	rest = poptGetArgs(con);
	return rest ? rest : none; /* con owns them; kept to the end */
}

const char *
opt_or_env(const char *value, const char *env)
{
	if (value == NULL || *value == '\0')
		value = getenv(env);
	return value && *value ? value : NULL;
}

const char *
opt_need(const char *value, const char *option, const char *env)
{
	value = opt_or_env(value, env);
	if (value == NULL)
		die(EXIT_USAGE, "needs %s or the environment's %s", option,
		    env);
	return value;
}

int
opt_open(const char *file, int flags, struct why *w)
{
	static const char dev_fd[] = "/dev/fd/";
	const char *p;
	int fd;

	if (strcmp(file, "-") == 0)
		return (flags & O_ACCMODE) == O_RDONLY ? STDIN_FILENO
						       : STDOUT_FILENO;
	if (strcmp(file, "/dev/stdin") == 0)
		return STDIN_FILENO;
	if (strncmp(file, dev_fd, sizeof dev_fd - 1) == 0) {
		p = file + sizeof dev_fd - 1;
		if (strlen(p) < 1 || strlen(p) > 6 ||
		    strspn(p, "0123456789") != strlen(p))
			return why_set(
			    w, EXIT_USAGE, "%s: not a descriptor", file);
		fd = atoi(p);
		if (fcntl(fd, F_GETFD) < 0)
			return why_set(
			    w, EXIT_USAGE, "%s: %s", file, strerror(errno));
		return fd;
	}
	fd = open(file, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return why_set(w,
		    errno == EACCES || errno == EPERM ? EXIT_DENIED : EXIT_IO,
		    "%s: %s", file, strerror(errno));
	return fd;
}

char *
opt_text(const char *file, size_t max, struct why *w)
{
	int fd = opt_open(file, O_RDONLY, w);
	char *text = fd < 0 ? NULL : calloc(max, 1);
	ssize_t got;
	size_t n = 0;

	if (fd < 0)
		return NULL;
	if (text == NULL)
		die(EXIT_IO, "out of memory");
	while ((got = read(fd, text + n, max - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		why_set(w, EXIT_IO, "%s: %s", file, strerror(errno));
	close(fd);
	if (got == 0 && n < max && memchr(text, '\0', n) == NULL)
		return text;
	if (got == 0)
		why_set(w, EXIT_DATA, "%s: %s", file,
		    n == max ? "too long" : "not text");
	free(text);
	return NULL;
}

const char *
opt_home(void)
{
	static char path[PATH_MAX];
	const char *home;
	int n;

	if (path[0] != '\0')
		return path;
	if ((home = opt_or_env(NULL, "MDM_HOME")) != NULL)
		n = snprintf(path, sizeof path, "%s", home);
	else if ((home = opt_or_env(NULL, "XDG_DATA_HOME")) != NULL)
		n = snprintf(path, sizeof path, "%s/mdm", home);
	else if ((home = opt_or_env(NULL, "HOME")) != NULL)
		n = snprintf(path, sizeof path, "%s/.local/share/mdm", home);
	else
		die(EXIT_USAGE, "needs HOME or MDM_HOME in the environment");
	if (n < 0 || (size_t)n >= sizeof path)
		die(EXIT_USAGE, "MDM_HOME: too long");
	return path;
}
