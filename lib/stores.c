#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "store.h"
#include "stores.h"

#define PATH_BYTES 4096
#define DEFAULTS 3

static char *
text_of(const struct line *l, const char *key, struct why *w)
{
	char text[PATH_BYTES];
	char *copy;

	if (line_word(l, key) == NULL)
		text[0] = '\0';
	else if (line_text(l, key, text, sizeof text, w) < 0)
		return NULL;
	if ((copy = strdup(text)) == NULL)
		why_set(w, EXIT_IO, "out of memory");
	return copy;
}

/* A relative "sqlite:" path is relative to the directory of the file. */
static int
absolute(struct stores_one *o, const char *file, struct why *w)
{
	static const char scheme[] = "sqlite:";
	const char *path = o->url + sizeof scheme - 1;
	const char *slash = strrchr(file, '/');
	char cwd[PATH_BYTES] = "", *url;
	int dir = slash ? (int)(slash - file) + 1 : 0;

	if (strncmp(o->url, scheme, sizeof scheme - 1) != 0 || *path == '/')
		return 0;
	if (*file != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return why_set(w, EXIT_IO, "%s", strerror(errno));
	if (asprintf(&url, "%s%s%s%.*s%s", scheme, cwd, *cwd ? "/" : "", dir,
		file, path) < 0)
		return why_set(w, EXIT_IO, "out of memory");
	free(o->url);
	o->url = url;
	return 0;
}

static int
add_store(
    struct stores *s, const struct line *l, const char *file, struct why *w)
{
	struct stores_one *o = &s->store[s->count], t;
	unsigned long long x;
	unsigned i;

	if (line_number(l, "x", &x, w) < 0)
		return -1;
	if (x < 1 || x > 255)
		return why_set(w, EXIT_DATA, "x=: not in 1..255");
	for (i = 0; i < s->count; i++)
		if (s->store[i].x == x)
			return why_set(
			    w, EXIT_DATA, "store %llu is there twice", x);
	memset(o, 0, sizeof *o);
	o->x = (unsigned)x;
	s->count++;
	if ((o->url = text_of(l, "url", w)) == NULL ||
	    (o->operator= text_of(l, "operator", w)) == NULL ||
	    (o->pin = text_of(l, "pin", w)) == NULL)
		return -1;
	if (*o->url == '\0')
		return why_set(w, EXIT_DATA, "store %llu has no url=", x);
	if (absolute(o, file, w) < 0)
		return -1;
	for (i = s->count - 1; i > 0 && s->store[i - 1].x > s->store[i].x;
	     i--) {
		t = s->store[i];
		s->store[i] = s->store[i - 1];
		s->store[i - 1] = t;
	}
	return 0;
}

static int
add_line(
    struct stores *s, const struct line *l, const char *file, struct why *w)
{
	unsigned long long k;

	if (strcmp(l->name, "store") == 0)
		return add_store(s, l, file, w);
	if (strcmp(l->name, "threshold") != 0)
		return why_set(
		    w, EXIT_DATA, "a line that is neither threshold nor store");
	if (s->threshold != 0)
		return why_set(w, EXIT_DATA, "two thresholds");
	if (line_number(l, "k", &k, w) < 0)
		return -1;
	if (k < 2 || k > 255)
		return why_set(w, EXIT_DATA, "k=: not in 2..255");
	s->threshold = (unsigned)k;
	return 0;
}

static struct stores *
read_file(const char *file, struct why *w)
{
	struct stores *s = calloc(1, sizeof *s);
	struct linein *in;
	struct line l;
	int got, fd;

	if (s == NULL) {
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	if ((fd = opt_open(file, O_RDONLY, w)) < 0) {
		free(s);
		return NULL;
	}
	in = linein_open(fd, file, false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, w)) > 0)
		if (add_line(s, &l, file, w) < 0)
			break;
	if (got == 0 && (s->threshold == 0 || s->count < s->threshold))
		got = why_set(w, EXIT_DATA, "%s",
		    s->threshold ? "fewer stores than the threshold"
				 : "no threshold");
	line_free(&l);
	linein_free(in);
	close(fd);
	if (got == 0)
		return s;
	if (strncmp(w->text, file, strlen(file)) != 0) {
		char text[sizeof w->text];

		memcpy(text, w->text, sizeof text);
		why_set(w, w->code, "%s: %s", file, text);
	}
	stores_free(s);
	return NULL;
}

/* The stores of one who has set nothing up; url is as in the file. */
static struct stores *
defaults(const char *file, struct why *w)
{
	struct stores *s = calloc(1, sizeof *s);
	unsigned i;

	if (s == NULL)
		goto fail;
	s->threshold = 2;
	for (i = 0; i < DEFAULTS; i++) {
		struct stores_one *o = &s->store[s->count++];

		o->x = i + 1;
		if (asprintf(&o->url, "sqlite:store-%u.sqlite", i + 1) < 0)
			o->url = NULL;
		o->operator= strdup("this machine");
		o->pin = strdup("");
		if (!o->url || !o->operator|| !o->pin)
			goto fail;
		if (absolute(o, file, w) < 0) {
			stores_free(s);
			return NULL;
		}
	}
	return s;
fail:
	why_set(w, EXIT_IO, "out of memory");
	stores_free(s);
	return NULL;
}

/*
 * The stores before the file that lists them: once the file is there, a store
 * that is missing was lost.
 */
static int
make_defaults(const struct stores *s, const char *file, struct why *w)
{
	static const char text[] =
	    "threshold\tk=2\n"
	    "store\tx=1\turl=sqlite:store-1.sqlite\toperator=this%20machine\n"
	    "store\tx=2\turl=sqlite:store-2.sqlite\toperator=this%20machine\n"
	    "store\tx=3\turl=sqlite:store-3.sqlite\toperator=this%20machine\n"
	    ".end\t4\n";
	unsigned i;

	for (i = 0; i < s->count; i++) {
		struct store *one =
		    store_open(s->store[i].x, s->store[i].url, NULL, true, w);

		if (one == NULL)
			return -1;
		store_close(one);
	}
	if (out_new_file(file, text, sizeof text - 1, 0600, w) == 0)
		say_note("made three key stores in %s: one machine holds them "
			 "all, so that who has it has every key; see stores(5)",
		    opt_home());
	else if (access(file, F_OK) < 0)
		return -1; /* and not because another made it just now */
	return 0;
}

struct stores *
stores_load(const char *file, bool make, struct why *w)
{
	char path[PATH_BYTES];
	struct stores *s;

	if ((file = opt_or_env(file, "MDM_STORES")) != NULL)
		return read_file(file, w);
	if (snprintf(path, sizeof path, "%s/stores", opt_home()) >=
	    (int)sizeof path) {
		why_set(w, EXIT_USAGE, "MDM_HOME: too long");
		return NULL;
	}
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return read_file(path, w);
	if ((s = defaults(path, w)) == NULL)
		return NULL;
	if (make && make_defaults(s, path, w) < 0) {
		stores_free(s);
		return NULL;
	}
	return s;
}

void
stores_free(struct stores *s)
{
	unsigned i;

	if (s == NULL)
		return;
	for (i = 0; i < s->count; i++) {
		free(s->store[i].url);
		free(s->store[i].operator);
		free(s->store[i].pin);
	}
	free(s);
}

unsigned
stores_n(const struct stores *s)
{
	return s->store[s->count - 1].x;
}
