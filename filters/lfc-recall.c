/* lfc-recall: ask for nearline files, and what has become of that */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lfc_many.h"
#include "opt.h"
#include "out.h"

static const char *catalogue_option;
static int status, cancel, waiting, timeout = -1, priority = -1;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "status", '\0', POPT_ARG_NONE, &status, 0,
	    "do not ask for them: what has become of it", NULL },
	{ "cancel", '\0', POPT_ARG_NONE, &cancel, 0,
	    "they are not wanted any more", NULL },
	{ "priority", '\0', POPT_ARG_INT, &priority, 0,
	    "0 to 9 (default: 5; higher is for admins)", "N" },
	{ "wait", 'w', POPT_ARG_NONE, &waiting, 0,
	    "wait until they are online, or cannot be", NULL },
	{ "timeout", '\0', POPT_ARG_INT, &timeout, 0,
	    "with --wait: for so long at most", "SECONDS" },
	OPT_COMMON
};

static struct lineout *lines;
static unsigned long served;

/* With --wait: those that are not decided yet, by the words of their LFNs. */
static char **pending;
static size_t pendings, room;

static void
keep(const char *lfn)
{
	if (pendings == room) {
		room = room ? 2 * room : 256;
		pending = realloc(pending, room * sizeof *pending);
	}
	if (pending == NULL || (pending[pendings] = strdup(lfn)) == NULL)
		die(EXIT_IO, "out of memory");
	pendings++;
}

static bool
is(const char *word, const char *text)
{
	return strcmp(word, text) == 0;
}

/* It will not come: the asker is told why. */
static int
lost(const char *name, const struct line *answer, const char *state)
{
	struct why w, ignored;
	char text[200];

	if (line_word(answer, "reason") == NULL ||
	    line_text(answer, "reason", text, sizeof text, &ignored) < 0)
		strcpy(text, state);
	why_set(&w, EXIT_NO, "cannot be recalled: %s", text);
	aside(name, &w);
	return 0;
}

static int
answered(const char *name, const struct line *answer, struct why *w)
{
	const char *state = line_word(answer, "state");

	if (state == NULL)
		return why_set(w, EXIT_DATA, "an answer without state=");
	if (waiting && (is(state, "queued") || is(state, "taken"))) {
		keep(answer->name);
		return 0;
	}
	if (lineout_put(lines, answer, w) < 0)
		return -1;
	if (waiting && !is(state, "online"))
		return lost(name, answer, state);
	served++;
	return 0;
}

/* Ask again about those that were not decided. */
static void
again(void)
{
	struct lfc_many *m =
	    lfc_many_open(lfc_url(catalogue_option), "recall-status", answered);
	char **asked = pending, name[8200];
	size_t i, n = pendings;
	struct why w = { 0 };
	struct line l;

	pending = NULL;
	pendings = room = 0;
	line_init(&l, false);
	for (i = 0; i < n; i++) {
		line_set_name_word(&l, asked[i]);
		if (line_name(&l, name, sizeof name, &w) < 0)
			die_why(&w);
		lfc_many_add(m, name);
		free(asked[i]);
	}
	free(asked);
	line_free(&l);
	lfc_many_close(m);
	lineout_idle(lines);
}

static _Noreturn void
too_late(void)
{
	struct why w = { 0 };

	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	say_hint("they stay in the queue: ask again later");
	die(EXIT_RETRY, "%zu are not online yet", pendings);
}

static void
wait_for_all(void)
{
	struct timespec now, pause = { 0, 50000000 };
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + timeout;
	while (pendings > 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (timeout >= 0 && now.tv_sec >= end)
			too_late();
		nanosleep(&pause, NULL);
		again();
		if (pause.tv_sec == 0 && (pause.tv_nsec *= 2) >= 1000000000L)
			pause = (struct timespec){ 1, 0 };
		else if (pause.tv_sec > 0 && pause.tv_sec < 5)
			pause.tv_sec++;
	}
}

int
main(int argc, char **argv)
{
	const char **names = opt_parse(argc, argv, options, "LFN... | -");
	const char *op = status   ? "recall-status"
			 : cancel ? "recall-cancel"
				  : "recall";
	struct why w = { 0 };
	struct lfc_many *m;

	if (*names == NULL)
		die(EXIT_USAGE, "needs names, or - for manifest lines");
	if (status + cancel > 1 || (cancel && waiting) ||
	    ((status || cancel) && priority != -1))
		die(EXIT_USAGE, "one thing at a time");
	if (priority < -1 || priority > 9)
		die(EXIT_USAGE, "--priority: from 0 to 9");
	if (timeout >= 0 && !waiting)
		die(EXIT_USAGE, "--timeout goes with --wait");
	lines = lineout_open(out_open(opt_output), "requests", false);
	m = lfc_many_open(lfc_url(catalogue_option), op, answered);
	if (priority >= 0)
		line_set_number(lfc_many_fields(m), "priority",
		    (unsigned long long)priority);
	lfc_many_names(m, names, false);
	lfc_many_close(m);
	wait_for_all();
	if (lineout_end(lines, &w) < 0)
		die_why(&w);
	out_commit();
	return exit_status(served);
}
