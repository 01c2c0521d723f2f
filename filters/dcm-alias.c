/* dcm-alias: objects of a DICOM server, by the names they will have */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "ledger.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "patients.h"
#include "progress.h"
#include "pseudo.h"
#include "query.h"
#include "sandbox.h"
#include "secret.h"

static const char *site_key, *project, *patients_file, *ledger_file;
static const char *catalogue_fields, *site;

enum { LEDGER_TO };

static const struct poptOption options[] = {
	{ "site", '\0', POPT_ARG_STRING, &site, 0,
	    "what the sources are called by: dicom://SITE/ ($MDM_DICOM_SITE)",
	    "SITE" },
	{ "site-key", 'k', POPT_ARG_STRING, &site_key, 0,
	    "the site's key, from which all pseudonyms come", "FILE" },
	{ "project", '\0', POPT_ARG_STRING, &project, 0,
	    "pseudonyms of a project's own", "NAME" },
	{ "patients", '\0', POPT_ARG_STRING, &patients_file, 0,
	    "give patients the ids that FILE lists, and take no others",
	    "FILE" },
	{ "ledger", '\0', POPT_ARG_STRING, &ledger_file, 0,
	    "append to FILE which object has which name, sealed ($MDM_LEDGER)",
	    "FILE" },
	{ "ledger-to", '\0', POPT_ARG_STRING, NULL, OPT_LIST + LEDGER_TO,
	    "an age recipient who may read the ledger; may be repeated",
	    "age1..." },
	{ "catalogue-fields", '\0', POPT_ARG_STRING, &catalogue_fields, 0,
	    "what lines say of objects (default: modality,pseudonym)", "LIST" },
	OPT_COMMON
};

#define BATCH 1000 /* lines whose entries are durable at once */

static struct pseudo *pseudo;
static struct patients *patients; /* or NULL */
static struct ledger *ledger;
static struct lineout *out;
static fields chosen;

/* What was read and is to be written when the ledger has it. */
static struct line old[BATCH], now[BATCH];
static struct query_name name[BATCH];
static unsigned n_batch;

/* Whose it is, as dcm-anon will say.  0, or -1 with *w. */
static int
pseudonym(char to[PSEUDO_MAX], const struct line *l, const struct query_name *n,
    struct why *w)
{
	char id[1024] = "", issuer[1024] = "";
	const char *given;

	if ((line_word(l, "patient") != NULL &&
		line_text(l, "patient", id, sizeof id, w) < 0) ||
	    (line_word(l, "issuer") != NULL &&
		line_text(l, "issuer", issuer, sizeof issuer, w) < 0))
		return -1;
	if (*id == '\0') /* nobody in particular: each study its own patient */
		strcpy(id, n->study);
	if (patients == NULL) {
		pseudo_patient(
		    pseudo, to, issuer, strlen(issuer), id, strlen(id));
		return 0;
	}
	given = patients_find(patients, issuer, strlen(issuer), id, strlen(id));
	if (given == NULL)
		return why_set(w, EXIT_DATA, "patient=: not a listed patient");
	strcpy(to, given);
	return 0;
}

/* The line of new names.  0, or -1 with *w. */
static int
alias(struct line *to, const struct line *l, const struct query_name *n,
    char patient[PSEUDO_MAX], struct why *w)
{
	char uid[3][PSEUDO_MAX], text[3 * PSEUDO_MAX + 100], modality[32];
	int k;

	if (pseudonym(patient, l, n, w) < 0)
		return -1;
	pseudo_uid(pseudo, uid[0], n->study, strlen(n->study));
	pseudo_uid(pseudo, uid[1], n->series, strlen(n->series));
	pseudo_uid(pseudo, uid[2], n->sop, strlen(n->sop));
	line_reset(to);
	k = snprintf(text, sizeof text, "%s/%s/%s", uid[0], uid[1], uid[2]);
	line_set_name(to, text, (size_t)k);
	k = snprintf(text, sizeof text, "dicom://%s/%s", site, to->name);
	line_set(to, "surl", text, (size_t)k);
	line_set_word(to, "study", uid[0]);
	line_set_word(to, "series", uid[1]);
	line_set_word(to, "sop", uid[2]);
	if (line_word(l, "modality") != NULL &&
	    line_text(l, "modality", modality, sizeof modality, w) > 0 &&
	    fields_say(chosen, "modality", modality))
		line_set(to, "modality", modality, strlen(modality));
	if (fields_say(chosen, "pseudonym", patient))
		line_set(to, "pseudonym", patient, strlen(patient));
	return 0;
}

/* For the ledger: which it is. */
static int
remember(const char *new_name, const struct line *l, const struct query_name *n,
    const char *patient, struct why *w)
{
	static const char *const kept[] = { "patient", "issuer", "class" };
	static struct line e;
	size_t i;

	if (e.buf == NULL)
		line_init(&e, false);
	line_reset(&e);
	line_set_name_word(&e, new_name);
	line_set(&e, "study", n->study, strlen(n->study));
	line_set(&e, "series", n->series, strlen(n->series));
	line_set(&e, "sop", n->sop, strlen(n->sop));
	for (i = 0; i < sizeof kept / sizeof *kept; i++)
		if (line_word(l, kept[i]) != NULL)
			line_set_word(&e, kept[i], line_word(l, kept[i]));
	line_set(&e, "pseudonym", patient, strlen(patient));
	return ledger_add(ledger, &e, w);
}

/* The ledger first, then what it is about. */
static void
settle(void)
{
	unsigned i;
	struct why w = { 0 };

	if (ledger_flush(ledger, &w) < 0)
		die_why(&w);
	for (i = 0; i < n_batch; i++)
		if (lineout_put(out, &now[i], &w) < 0)
			die_why(&w);
	n_batch = 0;
}

static void
work(unsigned n, unsigned long first)
{
	char patient[PSEUDO_MAX], what[32];
	struct why w = { 0 };
	unsigned i;

	for (i = 0; i < n; i++) {
		pseudo_want_uid(pseudo, name[i].study, strlen(name[i].study));
		pseudo_want_uid(pseudo, name[i].series, strlen(name[i].series));
		pseudo_want_uid(pseudo, name[i].sop, strlen(name[i].sop));
	}
	for (i = 0; i < n; i++) {
		if (alias(&now[n_batch], &old[i], &name[i], patient, &w) < 0) {
			snprintf(what, sizeof what, "line:%lu", first + i);
			aside(what, &w);
			continue;
		}
		if (remember(
			now[n_batch].name, &old[i], &name[i], patient, &w) < 0)
			die_why(&w);
		n_batch++;
		progress_add(1, 0);
	}
	settle();
}

static void
all(void)
{
	struct linein *in = linein_open(STDIN_FILENO, "lines", false);
	unsigned long first = 1;
	struct why w = { 0 };
	unsigned n = 0;
	char what[32];
	int got, parts;

	linein_on_idle(in, lineout_idle, out);
	while ((got = linein_next(in, &old[n], &w)) > 0) {
		if (n == 0)
			first = linein_count(in);
		parts = query_name(&name[n], &old[n], &w);
		if (parts == 3) {
			if (++n == BATCH) {
				work(n, first);
				n = 0;
			}
			continue;
		}
		if (parts > 0)
			why_set(&w, EXIT_DATA, "not STUDY/SERIES/SOP");
		snprintf(what, sizeof what, "line:%lu", linein_count(in));
		aside(what, &w);
		work(n, first);
		n = 0;
	}
	if (got < 0)
		die_why(&w);
	work(n, first);
	linein_free(in);
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

static void
read_patients(void)
{
	struct why w = { 0 };
	int fd = opt_open(patients_file, O_RDONLY, &w);

	if (fd < 0 || (patients = patients_read(fd, patients_file, &w)) == NULL)
		die_why(&w);
	close(fd);
}

int
main(int argc, char **argv)
{
	struct keeper *keeper;
	struct why w = { 0 };
	unsigned i;

	if (*opt_parse(argc, argv, options, "< lines > lines"))
		die(EXIT_USAGE, "takes no operands");
	if (fields_parse(&chosen, catalogue_fields, &w) < 0)
		die_why(&w);
	site = opt_need(site, "--site", "MDM_DICOM_SITE");
	if (strlen(site) > 64 ||
	    site[strspn(site,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-")] != '\0')
		die(EXIT_USAGE, "--site: letters, digits, . _ and - only");
	ledger_file = opt_need(ledger_file, "--ledger", "MDM_LEDGER");
	if (opt_lists[LEDGER_TO].n == 0)
		die(EXIT_USAGE, "needs --ledger-to");
	if (patients_file != NULL)
		read_patients();
	if ((keeper = keeper_start(site_key_path(), project, &w)) == NULL)
		die_why(&w);
	pseudo = pseudo_new(keeper);
	if ((ledger = ledger_open(ledger_file, opt_lists[LEDGER_TO].v,
		 opt_lists[LEDGER_TO].n, &w)) == NULL)
		die_why(&w);
	out = lineout_open(out_open(opt_output), "lines", false);
	for (i = 0; i < BATCH; i++) {
		line_init(&old[i], false);
		line_init(&now[i], false);
	}
	all();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	return exit_status(lineout_count(out));
}
