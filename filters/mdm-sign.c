/* mdm-sign: vouch for manifest lines */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "sandbox.h"
#include "secret.h"
#include "sign.h"

static const char *key_file, *new_file, *name;

static const struct poptOption options[] = {
	{ "sign-key", '\0', POPT_ARG_STRING, &key_file, 0,
	    "sign with the key in FILE", "FILE" },
	{ "new-sign-key", '\0', POPT_ARG_STRING, &new_file, 0,
	    "make a key in FILE and its signers line in FILE.pub", "FILE" },
	{ "as", '\0', POPT_ARG_STRING, &name, 0,
	    "call the new key's owner NAME", "NAME" },
	OPT_COMMON
};

static struct sign_key *
open_key(void)
{
	const char *file = sign_key_file(key_file);
	struct why w = { 0 };
	struct sign_key *k;

	if ((k = sign_key_open(file, &w)) != NULL)
		return k;
	say_error("%s", w.text);
	if (access(file, F_OK) < 0)
		say_hint("mdm-sign --new-sign-key %s makes a key", file);
	exit(access(file, F_OK) < 0 ? EXIT_DENIED : w.code);
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct sign_key *key;
	struct lineout *out;
	struct linein *in;
	struct line l;
	int got;

	if (*opt_parse(argc, argv, options, "< manifest > manifest"))
		die(EXIT_USAGE, "takes no operands");
	if (name && !new_file)
		die(EXIT_USAGE, "--as goes with --new-sign-key");
	secret_init(1 << 16);
	if (new_file) {
		if (sign_key_new(new_file, name, &w) < 0)
			die_why(&w);
		return EXIT_OK;
	}
	key = open_key();
	out = lineout_open(out_open(opt_output), "manifest", false);
	in = linein_open(STDIN_FILENO, "manifest", false);
	linein_on_idle(in, lineout_idle, out);
	if (!opt_output)
		sandbox_closed();
	line_init(&l, false);

	while ((got = linein_next(in, &l, &w)) > 0) {
		if (sign_line(key, &l, &w) < 0)
			die(w.code, "%.200s: %s", l.name, w.text);
		if (lineout_put(out, &l, &w) < 0)
			die_why(&w);
		progress_add(1, 0);
	}
	if (got < 0 || lineout_end(out, &w) < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
	lineout_free(out);
	sign_key_free(key);
	progress_end();
	out_commit();
	return EXIT_OK;
}
