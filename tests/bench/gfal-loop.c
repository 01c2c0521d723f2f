/*
 * gfal-loop put|get URL N SIZE: what a program does that knows gfal2 only: N
 * files of SIZE bytes, one after the other, on one connection.  Nothing is
 * compared, and nothing renamed.  The peer of srm-copy in tests/bench/run.
 */
#include <fcntl.h>
#include <gfal_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gfal2_context_t context;
static char *buf;

static void
check(GError *e)
{
	if (e == NULL)
		return;
	fprintf(stderr, "gfal-loop: %s\n", e->message);
	exit(1);
}

static void
one(const char *url, int put, size_t size)
{
	GError *e = NULL;
	int fd = gfal2_open2(context, url,
	    put ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644, &e);

	check(e);
	if (put)
		gfal2_write(context, fd, buf, size, &e);
	else
		while (gfal2_read(context, fd, buf, size, &e) > 0)
			;
	check(e);
	gfal2_close(context, fd, &e);
	check(e);
}

int
main(int argc, char **argv)
{
	char url[4096];
	GError *e = NULL;
	size_t size;
	int i, n;

	if (argc != 5)
		return 64;
	n = atoi(argv[3]);
	size = strtoul(argv[4], NULL, 10);
	buf = malloc(size);
	memset(buf, 'x', size);
	context = gfal2_context_new(&e);
	check(e);
	for (i = 0; i < n; i++) {
		snprintf(url, sizeof url, "%s/%02x/%d", argv[2], i % 256, i);
		one(url, strcmp(argv[1], "put") == 0, size);
	}
	return 0;
}
