#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "word.h"

const char *prog = "?";

static unsigned long asides; /* records set aside so far */
static int first_code;       /* why the first one was */

static void
report(const char *kind, const char *fmt, va_list ap)
{
	char line[1024];
	size_t len, n;
	int r;

	r = snprintf(line, sizeof line - 1, "%s: %s: ", prog, kind);
	len = r < 0 ? 0 : (size_t)r;
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	vsnprintf(line + len, sizeof line - 1 - len, fmt, ap);
	len = strlen(line);
	for (n = 0; n < len; n++)
		if ((unsigned char)line[n] < 0x20 || line[n] == 0x7f)
			line[n] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to complain */
}

int
why_set(struct why *w, int code, const char *fmt, ...)
{
	va_list ap;

	w->code = code;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
	return -1;
}

#define SAY(kind)                                                              \
	do {                                                                   \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		report(kind, fmt, ap);                                         \
		va_end(ap);                                                    \
	} while (0)

void
say_error(const char *fmt, ...)
{
	SAY("error");
}

void
say_warning(const char *fmt, ...)
{
	SAY("warning");
}

void
say_hint(const char *fmt, ...)
{
	SAY("hint");
}

void
say_note(const char *fmt, ...)
{
	SAY("note");
}

void
die(int code, const char *fmt, ...)
{
	SAY("error");
	exit(code);
}

void
die_why(const struct why *w)
{
	die(w->code ? w->code : EXIT_BUG, "%s", w->text);
}

void
aside(const char *name, const struct why *w)
{
	char word[WORD_MAX(200)];
	size_t n = strlen(name);

	word_encode(word, name, n < 200 ? n : 200);
	say_error("%s%s: %s", word, n < 200 ? "" : "...", w->text);
	if (asides++ == 0)
		first_code = w->code;
}

unsigned long
aside_count(void)
{
	return asides;
}

int
exit_status(unsigned long served)
{
	if (asides == 0)
		return EXIT_OK;
	if (served == 0 &&
	    (first_code == EXIT_DATA || first_code == EXIT_FEW ||
		first_code == EXIT_RETRY || first_code == EXIT_DENIED))
		return first_code;
	return EXIT_NO;
}
