/* dcm-anon: DICOM objects in, de-identified objects out */

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anon.h"
#include "bare.h"
#include "deface.h"
#include "explain.h"
#include "ledger.h"
#include "line.h"
#include "mask.h"
#include "opt.h"
#include "out.h"
#include "patients.h"
#include "progress.h"
#include "rec.h"
#include "risk.h"
#include "sandbox.h"
#include "secret.h"
#include "sitekey.h"
#include "word.h"

static const char *site_key;
static const char *new_site_key;
static const char *rejects;
static const char *masks;
static const char *faces;
static const char *deface;
static int deface_timeout = 600;
static const char *project;
static const char *patients;
static const char *shift_days;
static int shift_time;
static const char *ledger_file;
static const char *catalogue_fields;
static int explains;
static long long max_dataset = 16 << 20;

/* The options that may be given more than once. */
enum { OPTIONS, ACCEPTED, WORDS, LEDGER_TO, PROFILES };

static const struct poptOption options[] = {
	{ "site-key", 'k', POPT_ARG_STRING, &site_key, 0,
	    "the site's key, from which all pseudonyms come", "FILE" },
	{ "new-site-key", '\0', POPT_ARG_STRING, &new_site_key, 0,
	    "make one in FILE, which must not exist, and exit", "FILE" },
	{ "profile", '\0', POPT_ARG_STRING, NULL, OPT_LIST + PROFILES,
	    "basic, tcia, or a file of rules, see profile(5); may be repeated",
	    "NAME|FILE" },
	{ "patients", '\0', POPT_ARG_STRING, &patients, 0,
	    "give patients the ids that FILE lists, and take no others",
	    "FILE" },
	{ "project", '\0', POPT_ARG_STRING, &project, 0,
	    "pseudonyms of a project's own", "NAME" },
	{ "option", '\0', POPT_ARG_STRING, NULL, OPT_LIST + OPTIONS,
	    "apply an option of PS3.15, by its name or code; may be repeated",
	    "NAME" },
	{ "accept", '\0', POPT_ARG_STRING, NULL, OPT_LIST + ACCEPTED,
	    "let images at these risks of showing identity pass; may be "
	    "repeated",
	    "RISK[,RISK...]" },
	{ "mask", '\0', POPT_ARG_STRING, &masks, 0,
	    "blacken what FILE says, see mask(5)", "FILE" },
	{ "faces", '\0', POPT_ARG_STRING, &faces, 0,
	    "heads in thin slices: warn (the default), reject or command",
	    "WHAT" },
	{ "deface", '\0', POPT_ARG_STRING, &deface, 0,
	    "with --faces command: the program that takes faces out of images",
	    "PROGRAM" },
	{ "deface-timeout", '\0', POPT_ARG_INT, &deface_timeout, 0,
	    "how long it may keep an object waiting (600)", "SECONDS" },
	{ "words", '\0', POPT_ARG_STRING, NULL, OPT_LIST + WORDS,
	    "with options that clean text: take these out too; may be repeated",
	    "FILE" },
	{ "shift-days", '\0', POPT_ARG_STRING, &shift_days, 0,
	    "modified dates: move them by so many (-3650..-365)", "MIN..MAX" },
	{ "shift-time", '\0', POPT_ARG_NONE, &shift_time, 0,
	    "and by a part of a day", NULL },
	{ "ledger", '\0', POPT_ARG_STRING, &ledger_file, 0,
	    "append to FILE which object became which, sealed", "FILE" },
	{ "ledger-to", '\0', POPT_ARG_STRING, NULL, OPT_LIST + LEDGER_TO,
	    "an age recipient who may read the ledger; may be repeated",
	    "age1..." },
	{ "catalogue-fields", '\0', POPT_ARG_STRING, &catalogue_fields, 0,
	    "what manifests say of objects (default: modality,pseudonym)",
	    "LIST" },
	{ "explain", '\0', POPT_ARG_NONE, &explains, 0,
	    "write what is done to every element instead of the objects",
	    NULL },
	{ "rejects", '\0', POPT_ARG_STRING, &rejects, 0,
	    "go on after a record that cannot be had; list it in FILE",
	    "FILE" },
	{ "max-dataset", '\0', POPT_ARG_LONGLONG, &max_dataset, 0,
	    "bytes of an object, its pixels aside, that are held (16 MiB)",
	    "BYTES" },
	OPT_COMMON
};

static struct ledger *ledger;   /* or NULL */
static struct explain *explain; /* or NULL */

/* What an object became is durable before the object is said to be there. */
static void
settle_ledger(void)
{
	struct why w = { 0 };

	if (ledger != NULL && ledger_flush(ledger, &w) < 0)
		die_why(&w);
}

static void
idle(void *stamp)
{
	settle_ledger();
	stamp_idle(stamp);
	if (explain != NULL)
		explain_idle(explain);
}

/* With --explain objects go nowhere, and the lines about them to fd. */
static int
explain_to(int fd, struct deid *d)
{
	if (!explains)
		return fd;
	if (ledger_file != NULL)
		die(EXIT_USAGE, "--explain makes nothing that a ledger is of");
	explain = explain_open(fd);
	deid_explain(d, explain);
	if ((fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
		die(EXIT_IO, "cannot open /dev/null");
	return fd;
}

static void
end_explain(void)
{
	struct why w = { 0 };

	if (explain != NULL && explain_end(explain, &w) < 0)
		die_why(&w);
}

static void
open_ledger(struct anon *a)
{
	struct why w = { 0 };

	if ((ledger_file != NULL) != (opt_lists[LEDGER_TO].n > 0))
		die(EXIT_USAGE, "--ledger and --ledger-to belong together");
	if (ledger_file == NULL)
		return;
	ledger = ledger_open(
	    ledger_file, opt_lists[LEDGER_TO].v, opt_lists[LEDGER_TO].n, &w);
	if (ledger == NULL)
		die_why(&w);
	anon_ledger(a, ledger);
}

static int
record_fill(void *arg, void *buf, size_t size, size_t *got, struct why *w)
{
	return recin_fill(arg, buf, size, got, w);
}

static void
one_object(struct anon *a, struct stamp *s, struct bare_source *b)
{
	struct anon_source src = { bare_fill, b, REC_UNKNOWN };
	struct why w = { 0 };

	if (anon_object(a, &src, &w) != ANON_DONE || stamp_settle(s, &w) < 0) {
		/* What was handed over before goes out before us. */
		struct why ignored;

		stamp_settle(s, &ignored);
		die_why(&w);
	}
	settle_ledger();
	end_explain();
	out_commit();
}

/* Name what was set aside in --rejects; without it, stop. */
static void
reject(struct lineout *to, const char *name, const struct why *why)
{
	char word[WORD_MAX(REC_NAME_MAX)];
	struct why w = { 0 };
	struct line l;

	if (to == NULL) {
		word_encode(word, name, strlen(name));
		say_error("%s: %s", word, why->text);
		say_hint("with --rejects FILE such records are set aside");
		exit(why->code);
	}
	aside(name, why);
	line_init(&l, false);
	line_set_name(&l, name, strlen(name));
	line_set(&l, "reason", why->text, strlen(why->text));
	if (lineout_put(to, &l, &w) < 0)
		die_why(&w);
	line_free(&l);
}

static void
all_records(struct anon *a, struct recin *in, struct lineout *aside_to)
{
	struct why w = { 0 };
	struct rec *r;
	int got;

	while ((got = recin_next(in, &r, &w)) > 0) {
		struct anon_source src = { record_fill, in, r->size };

		if (explain != NULL)
			explain_record(explain, r->name);
		switch (anon_object(a, &src, &w)) {
		case ANON_DONE:
			progress_add(1, (unsigned long long)r->size);
			break;
		case ANON_ASIDE:
			if (explain != NULL)
				explain_top(explain, 0, "reject", w.text);
			reject(aside_to, r->name, &w);
			break;
		case ANON_VOID:
			break;
		case ANON_FAIL:
			die_why(&w);
		}
	}
	if (got < 0)
		die_why(&w);
}

static const char *
site_key_path(void)
{
	static char path[4096];
	const char *s = opt_or_env(site_key, "MDM_SITE_KEY");

	if (s != NULL)
		return s;
	snprintf(path, sizeof path, "%s/site.key", opt_home());
	return path;
}

/* Not held here, where strangers' objects are parsed. */
static struct keeper *
start_keeper(void)
{
	const char *path = site_key_path();
	struct why w = { 0 };
	struct keeper *k = keeper_start(path, project, &w);

	if (k != NULL)
		return k;
	say_error("%s", w.text);
	if (access(path, F_OK) < 0)
		say_hint("dcm-anon --new-site-key %s makes one", path);
	exit(w.code);
}

/* What is to become of images. */
static void
pixel_rules(struct deid_profile *p)
{
	struct why w = { 0 };
	int i;

	for (i = 0; i < opt_lists[ACCEPTED].n; i++)
		if (risk_accept(&p->accepted, opt_lists[ACCEPTED].v[i], &w) < 0)
			die(w.code, "--accept: %s", w.text);
	if (masks != NULL) {
		if ((p->masks = mask_read(masks, &w)) == NULL)
			die(w.code, "--mask: %s", w.text);
		if (profile_choose(p, "clean-pixel-data", &w) < 0)
			die_why(&w);
	}
	if (faces != NULL && strcmp(faces, "reject") == 0)
		p->faces = PROFILE_FACES_REJECT;
	else if (faces != NULL && strcmp(faces, "command") == 0)
		p->faces = PROFILE_FACES_COMMAND;
	else if (faces != NULL && strcmp(faces, "warn") == 0)
		p->faces = PROFILE_FACES_WARN;
	else if (faces != NULL)
		die(EXIT_USAGE, "--faces: warn, reject or command");
	if ((p->faces == PROFILE_FACES_COMMAND) != (deface != NULL))
		die(EXIT_USAGE, "--faces command and --deface go together");
	if (deface_timeout < 1 || deface_timeout > 1000000)
		die(EXIT_USAGE, "--deface-timeout: from 1 to 1000000 seconds");
}

/* A ready-made profile, or a file. */
static void
add_profile(struct deid_profile *p, const char *name)
{
	struct why w = { 0 };
	int fd;

	if (profile_named(p, name))
		return;
	if ((fd = opt_open(name, O_RDONLY, &w)) < 0 ||
	    profile_read(p, fd, name, &w) < 0)
		die_why(&w);
	close(fd);
}

static void
read_patients(struct deid_profile *p)
{
	struct why w = { 0 };
	int fd = opt_open(patients, O_RDONLY, &w);

	if (fd < 0 || (p->patients = patients_read(fd, patients, &w)) == NULL)
		die_why(&w);
	close(fd);
}

/* The Basic Profile, and what was asked for beyond it. */
static struct deid_profile *
profile(void)
{
	struct deid_profile *p = profile_new();
	struct why w = { 0 };
	int i;

	for (i = 0; i < opt_lists[PROFILES].n; i++)
		add_profile(p, opt_lists[PROFILES].v[i]);
	for (i = 0; i < opt_lists[OPTIONS].n; i++)
		if (profile_choose(p, opt_lists[OPTIONS].v[i], &w) < 0)
			die_why(&w);
	if (patients)
		read_patients(p);
	pixel_rules(p);
	if (shift_days && profile_shift_days(p, shift_days, &w) < 0)
		die_why(&w);
	if (shift_time)
		p->shift_time = true;
	if (profile_check(p, &w) < 0)
		die_why(&w);
	if ((shift_days || shift_time) &&
	    !profile_has(p, PROFILE_RETAIN_MODIFIED_DATES))
		die(EXIT_USAGE, "dates are moved with --option "
				"retain-longitudinal-modified-dates only");
	return p;
}

/* The rules, ready to be applied. */
static struct deid *
ready(struct keeper *keeper, const struct deid_profile *p)
{
	struct deid *d = deid_new(pseudo_new(keeper), p);
	struct why w = { 0 };
	int i, fd;

	for (i = 0; i < opt_lists[WORDS].n; i++) {
		const char *name = opt_lists[WORDS].v[i];

		if ((fd = opt_open(name, O_RDONLY, &w)) < 0 ||
		    deid_words(d, fd, name, &w) < 0)
			die_why(&w);
		close(fd);
	}
	return d;
}

static int
make_site_key(void)
{
	struct why w = { 0 };

	secret_init(1 << 14);
	if (sitekey_new(new_site_key, &w) < 0)
		die_why(&w);
	return EXIT_OK;
}

static int
stream(struct anon *a, struct stamp *s, struct recout *out, struct recin *in,
    int rejects_fd)
{
	struct lineout *aside_to = NULL;
	struct why w = { 0 };

	if (rejects_fd >= 0)
		aside_to = lineout_open(rejects_fd, "rejects", false);
	recin_on_idle(in, idle, s);
	all_records(a, in, aside_to);
	settle_ledger();
	end_explain();
	if (stamp_settle(s, &w) < 0 ||
	    (out != NULL && recout_end(out, &w) < 0) ||
	    (aside_to != NULL && lineout_end(aside_to, &w) < 0))
		die_why(&w);
	lineout_free(aside_to);
	out_commit();
	progress_end();
	return aside_count() ? EXIT_NO : EXIT_OK; /* all in --rejects */
}

/* What is written as a file needs its directory, to be renamed there. */
static void
sandbox_beside(const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		die(EXIT_IO, "out of memory");
	sandbox_below(dirname(copy));
	free(copy);
}

int
main(int argc, char **argv)
{
	struct bare_source head = { .fd = STDIN_FILENO };
	struct recout *out = NULL;
	struct recin *in = NULL;
	struct why w = { 0 };
	struct deid_profile *rules;
	struct deface *defacer = NULL;
	struct keeper *keeper;
	struct deid *d;
	struct stamp *stamp;
	struct anon *a;
	fields chosen;
	int fd, kind, rejects_fd = -1;

	if (*opt_parse(argc, argv, options, "< records > records"))
		die(EXIT_USAGE, "takes no operands");
	if (max_dataset < 1 << 10 || max_dataset > 1LL << 31)
		die(EXIT_USAGE, "--max-dataset: from 1 KiB to 2 GiB");
	if (project && (*project == '\0' || strlen(project) > 40))
		die(EXIT_USAGE, "--project: from 1 to 40 characters");
	if (new_site_key)
		return make_site_key();
	if (fields_parse(&chosen, catalogue_fields, &w) < 0)
		die_why(&w);
	rules = profile();
	if (deface != NULL)
		defacer = deface_start(deface, deface_timeout);
	keeper = start_keeper();
	d = ready(keeper, rules);
	dcm_init();
	if (rejects && (rejects_fd = opt_open(
			    rejects, O_WRONLY | O_CREAT | O_TRUNC, &w)) < 0)
		die_why(&w);
	fd = out_open(opt_output);
	if ((kind = bare_look(STDIN_FILENO, head.head, &head.n, &w)) < 0)
		die_why(&w);
	if (kind == BARE_STREAM) {
		in = recin_open(STDIN_FILENO, head.head, head.n, &w);
		if (in == NULL)
			die_why(&w);
	}
	fd = explain_to(fd, d);
	if (in != NULL && !explains && (out = recout_open(fd, &w)) == NULL)
		die_why(&w);
	a = anon_new(d, pixels_new(rules, defacer),
	    stamp = stamp_open(out, fd, keeper_plain(keeper), KEEPER_MAC),
	    (unsigned long long)max_dataset);
	anon_fields(a, chosen);
	open_ledger(a);
	if (opt_output == NULL)
		sandbox_closed();
	else
		sandbox_beside(opt_output);
	if (in != NULL)
		return stream(a, stamp, out, in, rejects_fd);
	one_object(a, stamp, &head);
	return EXIT_OK;
}
