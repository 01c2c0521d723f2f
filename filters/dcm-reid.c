/* dcm-reid: from new ids to old and back, by the ledger */

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger.h"
#include "opt.h"
#include "out.h"
#include "secret.h"

static const char *identity_file, *uids_file, *patients_file;
static int forward;

static const struct poptOption options[] = {
	{ "identity", 'i', POPT_ARG_STRING, &identity_file, 0,
	    "open the ledger with the age identities in FILE", "FILE" },
	{ "forward", '\0', POPT_ARG_NONE, &forward, 0,
	    "from old to new ids, instead of from new to old", NULL },
	{ "uids", '\0', POPT_ARG_STRING, &uids_file, 0,
	    "write all pairs of UIDs to FILE, as id_old,id_new", "FILE" },
	{ "patients", '\0', POPT_ARG_STRING, &patients_file, 0,
	    "write all pairs of patient ids to FILE, likewise", "FILE" },
	OPT_COMMON
};

/* Pairs of ids, each once, in the order of the ledger. */
enum kind { STUDY, SERIES, SOP, PATIENT, KINDS };
static const char *const kind_name[KINDS] = { "study", "series", "sop",
	"patient" };

static struct pair {
	char *from, *to, *issuer; /* issuer: of an old patient id, or NULL */
	enum kind kind;
	size_t next; /* of the same bucket, + 1 */
} * pairs;
static size_t pair_count, pair_room;
static size_t *bucket; /* index + 1 of its first */
static size_t buckets;

static size_t
hash(const char *s)
{
	size_t h = 14695981039346656037u;

	while (*s != '\0')
		h = (h ^ (unsigned char)*s++) * 1099511628211u;
	return h ^ h >> 32;
}

static void *
grow(void *p, size_t n)
{
	if ((p = realloc(p, n)) == NULL)
		die(EXIT_IO, "out of memory");
	return p;
}

static char *
copy(const char *s)
{
	return strcpy(grow(NULL, strlen(s) + 1), s);
}

static void
rehash(void)
{
	size_t i, *b;

	buckets = buckets ? 2 * buckets : 1024;
	bucket = grow(bucket, buckets * sizeof *bucket);
	memset(bucket, 0, buckets * sizeof *bucket);
	for (i = 0; i < pair_count; i++) {
		b = &bucket[hash(pairs[i].from) & (buckets - 1)];
		pairs[i].next = *b;
		*b = i + 1;
	}
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void
pair(enum kind kind, const char *from, const char *to, const char *issuer)
{
	struct pair *p;
	size_t i;

	if (pair_count >= buckets)
		rehash();
	for (i = bucket[hash(from) & (buckets - 1)]; i; i = p->next) {
		p = &pairs[i - 1];
		if (p->kind == kind && strcmp(p->from, from) == 0 &&
		    strcmp(p->to, to) == 0 && same_text(p->issuer, issuer))
			return;
	}
	if (pair_count == pair_room) {
		pair_room = pair_room ? 2 * pair_room : 1024;
		pairs = grow(pairs, pair_room * sizeof *pairs);
	}
	i = hash(from) & (buckets - 1);
	pairs[pair_count++] = (struct pair){ copy(from), copy(to),
		issuer ? copy(issuer) : NULL, kind, bucket[i] };
	bucket[i] = pair_count;
}

static void
old_and_new(
    enum kind kind, const char *old, const char *now, const char *issuer)
{
	pair(kind, forward ? old : now, forward ? now : old, issuer);
}

/* One object of the ledger. */
static int
entry(void *arg, const struct line *l, struct why *w)
{
	char name[512], old[1024], issuer[1024], now[1024], *rest = name;
	bool issued = line_word(l, "issuer") != NULL;
	int i;

	(void)arg;
	if (line_name(l, name, sizeof name, w) < 0)
		return -1;
	for (i = STUDY; i <= SOP; i++) {
		const char *part = strsep(&rest, "/");

		if (part == NULL ||
		    line_text(l, kind_name[i], old, sizeof old, w) < 0)
			return why_set(w, EXIT_DATA, "ledger: not an entry");
		old_and_new((enum kind)i, old, part, NULL);
	}
	if (line_word(l, "patient") == NULL)
		return 0;
	if (line_text(l, "patient", old, sizeof old, w) < 0 ||
	    line_text(l, "pseudonym", now, sizeof now, w) < 0 ||
	    (issued && line_text(l, "issuer", issuer, sizeof issuer, w) < 0))
		return -1;
	old_and_new(PATIENT, old, now, issued ? issuer : NULL);
	return 0;
}

/* A field of CSV: quoted where it must be. */
static void
csv(FILE *f, const char *s)
{
	if (s[strcspn(s, ",\"\r\n")] == '\0') {
		fputs(s, f);
		return;
	}
	for (putc('"', f); *s != '\0'; s++) {
		if (*s == '"')
			putc('"', f);
		putc(*s, f);
	}
	putc('"', f);
}

static void
write_map(const char *file, bool patients)
{
	struct why w = { 0 };
	int fd = opt_open(file, O_WRONLY | O_CREAT | O_TRUNC, &w);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	size_t i;

	if (fd < 0)
		die_why(&w);
	if (f == NULL)
		die(EXIT_IO, "out of memory");
	fputs("id_old,id_new\n", f);
	for (i = 0; i < pair_count; i++) {
		if ((pairs[i].kind == PATIENT) != patients)
			continue;
		csv(f, forward ? pairs[i].from : pairs[i].to);
		putc(',', f);
		csv(f, forward ? pairs[i].to : pairs[i].from);
		putc('\n', f);
	}
	fflush(f);
	if (ferror(f) | fclose(f))
		die(EXIT_IO, "%s: cannot be written", file);
}

/* All that the ledger says of one id. Returns whether it knows it. */
static bool
tell(struct lineout *out, struct line *l, const char *id)
{
	struct why w = { 0 };
	bool known = false;
	struct pair *p;
	size_t i;

	for (i = buckets ? bucket[hash(id) & (buckets - 1)] : 0; i;
	     i = p->next) {
		p = &pairs[i - 1];
		if (strcmp(p->from, id) != 0)
			continue;
		known = true;
		line_reset(l);
		line_set_name(l, id, strlen(id));
		line_set_word(l, "kind", kind_name[p->kind]);
		line_set(l, forward ? "new" : "old", p->to, strlen(p->to));
		if (p->issuer != NULL)
			line_set(l, "issuer", p->issuer, strlen(p->issuer));
		if (lineout_put(out, l, &w) < 0)
			die_why(&w);
	}
	return known;
}

/* The ids of standard input, each a line; a name of three is three ids. */
static bool
tell_all(struct lineout *out)
{
	static const struct why unknown = { EXIT_NO,
		"not in the ledger, as far as it can be read" };
	char *text = NULL, *rest, *id, what[32];
	unsigned long number = 0;
	size_t size = 0;
	struct line l;
	ssize_t n;

	line_init(&l, false);
	while ((n = getline(&text, &size, stdin)) > 0) {
		snprintf(what, sizeof what, "line:%lu", ++number);
		text[strcspn(text, "\t\r\n")] = '\0';
		if (*text == '\0' || strcmp(text, ".end") == 0)
			continue;
		if (tell(out, &l, text))
			continue;
		rest = text;
		while ((id = strsep(&rest, "/")) != NULL)
			if (!tell(out, &l, id))
				aside(what, &unknown);
	}
	if (ferror(stdin))
		die(EXIT_IO, "cannot read the ids");
	line_free(&l);
	free(text);
	return aside_count() == 0;
}

int
main(int argc, char **argv)
{
	const char **ledgers =
	    opt_parse(argc, argv, options, "LEDGER... < ids > lines");
	unsigned long bad = 0, closed = 0;
	struct ledger_keys *keys;
	struct lineout *out;
	struct why w = { 0 };
	bool good = true;
	int fd;

	if (*ledgers == NULL)
		die(EXIT_USAGE, "takes one ledger or more");
	identity_file = opt_need(identity_file, "--identity", "MDM_IDENTITY");
	secret_init(1 << 17);
	if ((keys = ledger_keys_read(identity_file, &w)) == NULL)
		die_why(&w);
	for (; *ledgers != NULL; ledgers++)
		if (ledger_read(
			*ledgers, keys, entry, NULL, &bad, &closed, &w) < 0)
			die_why(&w);
	ledger_keys_free(keys);
	if (pair_count == 0 && closed > 0)
		die(EXIT_DENIED, "no identity opens the ledger");
	if (uids_file != NULL)
		write_map(uids_file, false);
	if (patients_file != NULL)
		write_map(patients_file, true);
	if (uids_file == NULL && patients_file == NULL) {
		fd = out_open(opt_output);
		out = lineout_open(fd, "ids", false);
		good = tell_all(out);
		if (lineout_end(out, &w) < 0)
			die_why(&w);
		out_commit();
	}
	return good && bad == 0 && closed == 0 ? EXIT_OK : EXIT_NO;
}
