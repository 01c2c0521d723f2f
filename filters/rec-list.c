/* rec-list: what a record stream holds, one manifest line for each record */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "rec.h"

static int lines;

static const struct poptOption options[] = {
	{ "lines", '\0', POPT_ARG_NONE, &lines, 0,
	    "read lines, and write them with a right .end", NULL },
	OPT_COMMON
};

/*
 * sort and grep move or lose the last line.  This puts one back that fits:
 * it vouches for nothing, so it is asked for by name.
 */
static int
re_end(int fd)
{
	unsigned long count = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f = fdopen(dup(fd), "w");

	if (f == NULL)
		die(EXIT_IO, "out of memory");
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] != '\n')
			die(EXIT_DATA, "lines: cut short in line %lu",
			    count + 1);
		if (strncmp(line, ".end\t", 5) == 0)
			continue;
		fwrite(line, 1, (size_t)n, f);
		count++;
	}
	if (ferror(stdin))
		die(EXIT_IO, "cannot read the lines");
	fprintf(f, ".end\t%lu\n", count);
	if (ferror(f) | fclose(f))
		die(EXIT_IO, "cannot write the lines");
	free(line);
	out_commit();
	return EXIT_OK;
}

static void
describe(struct line *l, const struct rec *r, const struct sums *s,
    const struct sums_text *t)
{
	int i;

	line_reset(l);
	line_set_name(l, r->name, strlen(r->name));
	for (i = 0; i < r->attrs; i++)
		line_set(l, r->attr[i].key, r->attr[i].value, r->attr[i].len);
	line_set_number(l, "size", s->size);
	line_set_word(l, "sha256", t->sha256);
	line_set_word(l, "adler32", t->adler32);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct sums s = { 0 };
	struct sums_text t;
	struct lineout *out;
	struct recin *in;
	struct line l;
	struct rec *r;
	const void *p;
	size_t n;
	int got, fd;

	if (*opt_parse(argc, argv, options, "< records > manifest"))
		die(EXIT_USAGE, "takes no operands");
	fd = out_open(opt_output);
	if (lines)
		return re_end(fd);
	if ((in = recin_open(STDIN_FILENO, NULL, 0, &w)) == NULL)
		die_why(&w);
	out = lineout_open(fd, "manifest", false);
	line_init(&l, false);
	recin_on_idle(in, lineout_idle, out);

	while ((got = recin_next(in, &r, &w)) > 0) {
		sums_begin(&s);
		while ((got = recin_block(in, &p, &n, &w)) == 1)
			sums_add(&s, p, n);
		if (got < 0)
			break;
		if (got == REC_VOID)
			continue;
		sums_end(&s, &t);
		describe(&l, r, &s, &t);
		if (lineout_put(out, &l, &w) < 0)
			die_why(&w);
		progress_add(1, s.size);
	}
	if (got < 0 || lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	return EXIT_OK;
}
