/* age-plugin-mdm: let the age program open our objects by itself */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "age.h"
#include "bech32.h"
#include "keyring.h"
#include "opt.h"
#include "out.h"
#include "secret.h"

static int identity;
static const char *machine, *stores_file;

static const struct poptOption options[] = {
	{ "identity", '\0', POPT_ARG_NONE, &identity, 0,
	    "print an identity for age -i", NULL },
	{ "stores", '\0', POPT_ARG_STRING, &stores_file, 0,
	    "have the identity name this list of key stores", "FILE" },
	{ "age-plugin", '\0', POPT_ARG_STRING, &machine, 0,
	    "speak age's plugin protocol (age does this)", "MACHINE" },
	OPT_COMMON
};

static const char hrp[] = "age-plugin-mdm-";

enum { FILES = 256, BODY_MAX = 8192, MESSAGE_MAX = 512 };

/* The stanzas of ours that age showed, at most one of each file. */
static struct file {
	unsigned long index, stanza_index; /* as age counts them */
	bool malformed;
	struct age_stanza stanza;
	char guid[AGE_GUID + 1], salt[64];
	unsigned char body[64];
} file[FILES];
static int files;

static char *line;
static size_t line_size;

/* The next stanza from age; false at the end of input. */
static bool
next_stanza(struct age_stanza *s)
{
	static struct age_lines l;
	static unsigned char body[BODY_MAX];
	static char *first; /* the arguments point into it */
	struct why w = { 0 };
	ssize_t n;
	int got;

	l.body = body;
	l.room = sizeof body;
	l.open = 0;
	while ((n = getline(&line, &line_size, stdin)) > 0) {
		char *text = line;

		if (text[n - 1] == '\n')
			n--;
		if (!l.open) {
			free(first);
			if ((text = first = strndup(line, (size_t)n)) == NULL)
				die(EXIT_IO, "out of memory");
		}
		if ((got = age_line(&l, text, (size_t)n, &w)) < 0)
			die(EXIT_DATA, "age said something malformed");
		if (got > 0) {
			*s = l.stanza;
			return true;
		}
	}
	return false;
}

/* Say a stanza.  The body may be a secret, so it does not pass through stdio.
 */
static void
say(const char *args, const void *body, size_t n)
{
	char *text = secret_alloc(2 * MESSAGE_MAX + 64), *o = text;
	const unsigned char *b = body;
	struct why w = { 0 };
	size_t k;

	o += sprintf(o, "-> %s\n", args);
	for (;;) {
		k = n < 48 ? n : 48;
		o += age_base64(o, b, k);
		*o++ = '\n';
		b += k;
		n -= k;
		if (k < 48)
			break;
	}
	if (out_write(STDOUT_FILENO, text, (size_t)(o - text), &w) < 0)
		die_why(&w);
	secret_free(text, 2 * MESSAGE_MAX + 64);
}

/* Say it and wait for the answer, whatever it is. */
static void
tell(const char *args, const void *body, size_t n)
{
	struct age_stanza s;

	say(args, body, n);
	if (!next_stanza(&s))
		die(EXIT_IO, "age went away");
}

static void
tell_text(const char *args, const char *text)
{
	tell(args, text, strnlen(text, MESSAGE_MAX));
}

/*
 * Where the stores are: in the identity, or as for every program.  No relative
 * paths, because age may run us in another directory.
 */
static int
take_identity(const struct age_stanza *s, char **stores, struct why *w)
{
	unsigned char data[BECH32_DATA_MAX];
	char name[BECH32_HRP_MAX], *text;
	long n = -1;

	if (s->args == 2 && (text = strndup(s->arg[1].p, s->arg[1].n))) {
		n = bech32_decode(name, data, sizeof data, text);
		free(text);
	}
	if (n < 0 || strcmp(name, hrp) != 0 ||
	    memchr(data, '\0', (size_t)n) != NULL || (n > 0 && data[0] != '/'))
		return why_set(w, EXIT_DATA, "not an identity of this plugin");
	free(*stores);
	*stores = n > 0 ? strndup((char *)data, (size_t)n) : NULL;
	return 0;
}

/* A stanza of some file; those that are not ours are ignored. */
static void
take_stanza(const struct age_stanza *s)
{
	struct file *f = &file[files];
	struct age_stanza inner = *s;
	static unsigned long last, count;
	struct why w = { 0 };
	int i, r;

	if (s->args < 3 || files == FILES)
		return;
	f->index = strtoul(s->arg[1].p, NULL, 10);
	count = f->index == last ? count + 1 : 1;
	last = f->index;
	f->stanza_index = count - 1;
	inner.args -= 2;
	memmove(
	    inner.arg, inner.arg + 2, (size_t)inner.args * sizeof inner.arg[0]);
	if ((r = age_stanza_guid(&inner, f->guid, &w)) == 0)
		return;
	f->malformed = r < 0;
	for (i = 0; i < files; i++)
		if (file[i].index == f->index) { /* a second one */
			file[i].malformed = true;
			return;
		}
	if (r > 0) { /* its memory is the next line's */
		memcpy(f->body, inner.body, inner.len);
		memcpy(f->salt, inner.arg[2].p, inner.arg[2].n);
		f->stanza = inner;
		f->stanza.arg[0].p = "mdm";
		f->stanza.arg[1].p = f->guid;
		f->stanza.arg[2].p = f->salt;
		f->stanza.body = f->body;
	}
	files++;
}

static void
unwrap(struct keyring *ring, const struct file *f)
{
	unsigned char *key = secret_alloc(SHARE_MAX);
	unsigned char *file_key = secret_alloc(AGE_FILE_KEY);
	char args[64], text[MESSAGE_MAX];
	struct why w = { 0 };
	size_t len;

	snprintf(args, sizeof args, "error stanza %lu %lu", f->index,
	    f->stanza_index);
	if (f->malformed) {
		tell_text(args, "malformed mdm stanza");
	} else if (keyring_get(ring, f->guid, key, &len, &w) < 0) {
		/* an error would keep age from trying other identities */
		snprintf(text, sizeof text, "mdm: %s: %s", f->guid, w.text);
		tell_text("msg", text);
	} else if (len != AGE_OBJECT_KEY ||
		   age_unwrap_mdm(&f->stanza, key, file_key, &w) < 0) {
		tell_text(args, "the key does not open it");
	} else {
		snprintf(args, sizeof args, "file-key %lu", f->index);
		tell(args, file_key, AGE_FILE_KEY);
	}
	secret_free(file_key, AGE_FILE_KEY);
	secret_free(key, SHARE_MAX);
}

static int
speak(void)
{
	struct why w = { 0 }, bad = { 0 };
	struct keyring *ring = NULL;
	struct age_stanza s;
	char *stores = NULL, text[MESSAGE_MAX], args[64];
	int i, identities = 0, bad_identity = -1;

	while (next_stanza(&s) && !age_arg_is(&s, 0, "done")) {
		if (age_arg_is(&s, 0, "add-identity")) {
			if (take_identity(&s, &stores, &bad) < 0)
				bad_identity = identities;
			identities++;
		} else if (age_arg_is(&s, 0, "recipient-stanza")) {
			take_stanza(&s);
		}
	}
	if (bad_identity >= 0) {
		snprintf(args, sizeof args, "error identity %d", bad_identity);
		tell_text(args, bad.text);
		files = 0;
	}
	if (files > 0 && (ring = keyring_open(stores, &w)) == NULL) {
		snprintf(text, sizeof text, "mdm: %s", w.text);
		tell_text("msg", text);
		files = 0;
	}
	for (i = 0; i < files; i++)
		unwrap(ring, &file[i]);
	say("done", NULL, 0);
	keyring_free(ring);
	free(stores);
	free(line);
	return EXIT_OK;
}

static int
print_identity(void)
{
	size_t n = stores_file ? strlen(stores_file) : 0;
	char text[BECH32_MAX(BECH32_DATA_MAX)], *p;

	if (n > 0 && stores_file[0] != '/')
		die(EXIT_USAGE, "--stores: age needs an absolute path");
	if (bech32_encode(text, hrp, stores_file ? stores_file : "", n) < 0)
		die(EXIT_USAGE, "--stores: too long a path");
	for (p = text; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	if (printf("%s\n", text) < 0 || fflush(stdout) < 0)
		die(EXIT_IO, "cannot write");
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	if (*opt_parse(argc, argv, options, ""))
		die(EXIT_USAGE, "takes no operands");
	if (identity)
		return print_identity();
	if (machine == NULL || strcmp(machine, "identity-v1") != 0)
		die(EXIT_USAGE, "needs --identity; age asks for the rest");
	secret_init(KEYRING_SECRET + (1 << 16));
	return speak();
}
