/* lfc-reg: register what a manifest describes; this is the commit */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "idset.h"
#include "lfc.h"
#include "line.h"
#include "opt.h"
#include "out.h"
#include "progress.h"
#include "word.h"

static const char *catalogue_option, *acks_file;
static int quorum = 1, only_signed, restore, nearline;

static const struct poptOption options[] = {
	{ "catalogue", '\0', POPT_ARG_STRING, &catalogue_option, 0,
	    "the catalogue (default: $MDM_CATALOGUE)", "URL" },
	{ "acks", '\0', POPT_ARG_STRING, &acks_file, 0,
	    "the acknowledgements of hydra-put", "FILE" },
	{ "quorum", '\0', POPT_ARG_INT, &quorum, 0,
	    "shares that must be durable (default: those hydra-put asked for)",
	    "N" },
	{ "nearline", '\0', POPT_ARG_NONE, &nearline, 0,
	    "register names that are to be recalled from surl=dicom://SITE/",
	    NULL },
	{ "restore", '\0', POPT_ARG_NONE, &restore, 0,
	    "register what was registered before, in a catalogue that lost it",
	    NULL },
	{ "signed", '\0', POPT_ARG_NONE, &only_signed, 0,
	    "set unsigned lines aside", NULL },
	OPT_COMMON
};

#define CHUNK LFC_BATCH

static struct lfc *catalogue;
static struct idset *acks;
static struct line chunk[CHUNK];
static unsigned long unsigned_lines;
static struct tally {
	const char *status;
	unsigned long n;
} tallies[] = { { "new", 0 }, { "superseded", 0 }, { "same", 0 } };
static struct why expired; /* of a line whose lease is over */

/* The leases of this manifest: one, or a few that were joined. */
static char leases[64][LFC_LEASE];
static int n_leases;

static void
read_acks(void)
{
	struct why w = { 0 };
	unsigned char guid[16];
	unsigned long long n;
	struct linein *in;
	struct line l;
	int got, fd;

	if ((fd = opt_open(acks_file, O_RDONLY, &w)) < 0)
		die_why(&w);
	in = linein_open(fd, "acks", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		if (strlen(line_id(&l)) != 32 ||
		    hex_decode(guid, sizeof guid, line_id(&l)) < 0) {
			why_set(&w, EXIT_DATA, "acks: line %lu: not a GUID",
			    linein_count(in));
			die_why(&w);
		}
		if (line_word(&l, "ack") == NULL)
			continue; /* an answer, but not an acknowledgement */
		if (line_number(&l, "ack", &n, &w) < 0)
			die(EXIT_DATA, "acks: line %lu: %s", linein_count(in),
			    w.text);
		idset_add(acks, guid, n > 1000 ? 1000 : (unsigned)n);
	}
	if (got < 0)
		die_why(&w);
	line_free(&l);
	linein_free(in);
}

/* May this line be registered at all?  0, or 1 with *w. */
static int
check(const struct line *l, struct why *w)
{
	unsigned char guid[16];
	unsigned n = 0;

	if (nearline)
		return 0; /* there is no key, and nothing that could be lost */
	if (line_hex(l, "guid", guid, sizeof guid, w) < 0)
		return 1;
	if (!restore && !idset_has(acks, guid, &n)) {
		why_set(w, EXIT_FEW, "no key store acknowledged its key");
		return 1;
	}
	if (!restore && n < (unsigned)quorum) {
		why_set(w, EXIT_FEW, "%u key stores have its key, not %d", n,
		    quorum);
		return 1;
	}
	if (line_word(l, "sig") == NULL && only_signed) {
		why_set(w, EXIT_DATA, "is not signed");
		return 1;
	}
	return 0;
}

static void
note_lease(const struct line *l)
{
	const char *id = line_word(l, "lease");
	int i;

	if (id == NULL || strlen(id) != LFC_LEASE - 1)
		return;
	for (i = 0; i < n_leases; i++)
		if (strcmp(leases[i], id) == 0)
			return;
	if (n_leases < (int)(sizeof leases / sizeof *leases))
		strcpy(leases[n_leases++], id);
}

/* What became of a line; it is durable. */
static int
answered(void *arg, unsigned i, const struct line *answer,
    const struct why *refused, struct why *w)
{
	const char *status = line_word(answer, "status");
	struct lineout *out = arg;
	size_t k;

	if (refused != NULL) {
		if (refused->code == EXIT_RETRY)
			expired = *refused;
		else
			aside(chunk[i].name, refused);
		return 0;
	}
	for (k = 0; k < sizeof tallies / sizeof *tallies; k++)
		if (status != NULL && strcmp(tallies[k].status, status) == 0)
			break;
	if (k == sizeof tallies / sizeof *tallies)
		return why_set(w, EXIT_DATA, "an answer without status=");
	tallies[k].n++;
	unsigned_lines += line_word(&chunk[i], "sig") == NULL;
	line_set_word(&chunk[i], "status", status);
	return lineout_put(out, &chunk[i], w);
}

/*
 * What is restored was registered under a lease that ended long ago: this run
 * takes one of its own, and keeps it from chunk to chunk.
 */
#define RESTORE_TTL 3600

static void
lend_lease(unsigned n)
{
	static char own[LFC_LEASE];
	struct why w = { 0 };
	unsigned i;

	if ((*own ? lfc_lease_renew(catalogue, own, RESTORE_TTL, &w)
		  : lfc_lease_new(catalogue, RESTORE_TTL, own, &w)) < 0)
		die_why(&w);
	for (i = 0; i < n; i++)
		line_set_word(&chunk[i], "lease", own);
	note_lease(&chunk[0]);
}

static void
register_chunk(unsigned n, struct lineout *out)
{
	const char *op = nearline  ? "nearline"
			 : restore ? "restore"
				   : "register";
	struct why w = { 0 };

	if (restore)
		lend_lease(n);
	if (lfc_ask(catalogue, op, chunk, n, answered, out, &w) < 0)
		die_why(&w);
	if (expired.code != 0) {
		say_hint("run the ingest of these objects again");
		die_why(&expired);
	}
	progress_add(n, 0);
}

/*
 * A manifest is whole when its last line says so, and only then is anything
 * registered: it is read twice, from a copy if it comes through a pipe.
 */
static int
whole_manifest(void)
{
	struct why w = { 0 };
	struct stat st;
	struct linein *in;
	struct lineout *copy = NULL;
	struct line l;
	int fd = STDIN_FILENO, got;
	bool file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	off_t at = file ? lseek(fd, 0, SEEK_CUR) : 0;
	FILE *tmp = NULL;

	if (!file) {
		if ((tmp = tmpfile()) == NULL)
			die(EXIT_IO, "cannot make a temporary file");
		copy = lineout_open(fileno(tmp), "temporary file", false);
	}
	in = linein_open(fd, "manifest", false);
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0)
		if (copy != NULL && lineout_put(copy, &l, &w) < 0)
			die_why(&w);
	if (got < 0 || (copy != NULL && lineout_end(copy, &w) < 0))
		die_why(&w);
	line_free(&l);
	linein_free(in);
	lineout_free(copy);
	if (tmp != NULL)
		fd = fileno(tmp); /* kept to the end */
	if (lseek(fd, file ? at : 0, SEEK_SET) < 0)
		die(EXIT_IO, "the manifest cannot be read again");
	return fd;
}

static void
end_leases(void)
{
	struct why w = { 0 };

	while (n_leases > 0)
		if (lfc_lease_end(catalogue, leases[--n_leases], &w) < 0)
			die_why(&w);
}

static void
summary(void)
{
	if (unsigned_lines > 0 && opt_verbose)
		say_note("%lu lines are not signed: readers may refuse them",
		    unsigned_lines);
	if (opt_verbose)
		say_note("%lu new, %lu superseded, %lu there already, "
			 "%lu set aside",
		    tallies[0].n, tallies[1].n, tallies[2].n, aside_count());
}

int
main(int argc, char **argv)
{
	struct why w = { 0 };
	struct lineout *out;
	struct linein *in;
	unsigned n = 0;
	int got;

	if (*opt_parse(
		argc, argv, options, "--acks FILE < manifest > manifest"))
		die(EXIT_USAGE, "takes no operands");
	if ((acks_file != NULL) + restore + nearline != 1)
		die(EXIT_USAGE, "needs one of --acks, --nearline, --restore");
	if (quorum < 1)
		die(EXIT_USAGE, "--quorum: not a positive number");
	acks = idset_new();
	if (acks_file)
		read_acks();
	in = linein_open(whole_manifest(), "manifest", false);
	catalogue = lfc_open(lfc_url(catalogue_option), true, &w);
	if (catalogue == NULL)
		die_why(&w);
	out = lineout_open(out_open(opt_output), "manifest", false);

	while ((got = linein_next(in, &chunk[n], &w)) > 0) {
		if (!restore && !nearline)
			note_lease(&chunk[n]);
		if (check(&chunk[n], &w) > 0)
			aside(chunk[n].name, &w);
		else if (++n == CHUNK) {
			register_chunk(n, out);
			n = 0;
		}
	}
	if (got < 0)
		die_why(&w);
	if (n > 0)
		register_chunk(n, out);
	end_leases();
	if (lineout_end(out, &w) < 0)
		die_why(&w);
	out_commit();
	progress_end();
	summary();
	lfc_close(catalogue);
	return exit_status(lineout_count(out));
}
