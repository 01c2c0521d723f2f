#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "line.h"

struct explain {
	struct lineout *out;
	struct line line;
	char *name;
	uint32_t tag[WALK_DEPTH + 2];  /* the element at hand, at each depth */
	unsigned item[WALK_DEPTH + 2]; /* the item that it is in, from 1 */
};

struct explain *
explain_open(int fd)
{
	struct explain *x = calloc(1, sizeof *x);

	if (x == NULL)
		die(EXIT_IO, "out of memory");
	x->out = lineout_open(fd, "explanation", false);
	line_init(&x->line, false);
	explain_record(x, "");
	return x;
}

void
explain_free(struct explain *x)
{
	if (x == NULL)
		return;
	lineout_free(x->out);
	line_free(&x->line);
	free(x->name);
	free(x);
}

void
explain_record(struct explain *x, const char *name)
{
	free(x->name);
	if ((x->name = strdup(name)) == NULL)
		die(EXIT_IO, "out of memory");
}

static void
put(struct explain *x, const char *path, const char *action, const char *rule)
{
	struct why w = { 0 };

	line_reset(&x->line);
	line_set_name(&x->line, x->name, strlen(x->name));
	line_set(&x->line, "path", path, strlen(path));
	line_set_word(&x->line, "action", action);
	line_set(&x->line, "rule", rule, strlen(rule));
	if (lineout_put(x->out, &x->line, &w) < 0)
		die_why(&w);
}

static int
put_tag(char *o, size_t size, uint32_t tag)
{
	return snprintf(o, size, "(%04x,%04x)", (unsigned)(tag >> 16),
	    (unsigned)(tag & 0xffff));
}

void
explain_top(
    struct explain *x, uint32_t tag, const char *action, const char *rule)
{
	char path[16] = "";

	if (tag != 0)
		put_tag(path, sizeof path, tag);
	put(x, path, action, rule);
}

static const char *
action_name(const struct dcm_element *e, enum dcm_do what)
{
	switch (what) {
	case DCM_KEEP:
		return e->sequence ? "enter" : "keep";
	case DCM_FIRST:
		return "first";
	case DCM_REMOVE:
		return "remove";
	case DCM_EMPTY:
		return "empty";
	case DCM_REPLACE:
		return "replace";
	case DCM_DROP:
		return "drop";
	case DCM_UNPACK:
		return "unpack";
	}
	return "unknown";
}

void
explain_element(struct explain *x, const struct dcm_element *e,
    enum dcm_do what, const char *rule)
{
	char path[(WALK_DEPTH + 2) * 24], *o = path;
	int i;

	x->tag[e->depth] = e->tag;
	x->item[e->depth + 1] = 0;
	if (e->begins && e->depth > 0)
		x->item[e->depth]++;
	for (i = 0; i < e->depth; i++) {
		o += put_tag(o, sizeof path - (size_t)(o - path), x->tag[i]);
		o += snprintf(o, sizeof path - (size_t)(o - path), "[%u]",
		    x->item[i + 1]);
	}
	put_tag(o, sizeof path - (size_t)(o - path), e->tag);
	put(x, path, action_name(e, what), rule);
}

void
explain_idle(struct explain *x)
{
	lineout_idle(x->out);
}

int
explain_end(struct explain *x, struct why *w)
{
	return lineout_end(x->out, w);
}
