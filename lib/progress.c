#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "opt.h"
#include "progress.h"

static unsigned long objects;
static unsigned long long bytes;
static struct timespec began, shown;

static double
since(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) +
	       (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

static void
show(const struct timespec *now, const char *end)
{
	double t = since(&began, now);
	char line[160];
	int n;

	n = snprintf(line, sizeof line,
	    "\r%s: %lu objects, %.1f MB, %.0f objects/s, %.1f MB/s, %.0f s%s",
	    prog, objects, (double)bytes / 1e6,
	    t > 0 ? (double)objects / t : 0.0,
	    t > 0 ? (double)bytes / 1e6 / t : 0.0, t, end);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
	shown = *now;
}

static int
on(void)
{
	static int state = -1;

	if (state < 0) {
		state = opt_progress && isatty(STDERR_FILENO);
		clock_gettime(CLOCK_MONOTONIC, &began);
		if (state)
			atexit(progress_end);
	}
	return state;
}

void
progress_add(unsigned long o, unsigned long long b)
{
	struct timespec now;

	if (!on())
		return;
	objects += o;
	bytes += b;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (since(&shown, &now) >= 0.2)
		show(&now, "");
}

void
progress_end(void)
{
	static int ended;
	struct timespec now;

	if (!on() || ended++)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	show(&now, "\n");
}
