#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "hydra_api.h"
#include "keyid.h"
#include "line.h"
#include "receipt.h"
#include "secret.h"
#include "share.h"
#include "tap.h"
#include "word.h"

/*
 * Three stores, any two of which give a key back, and those who ask them:
 * the requests of hydra-api(5) without a network.
 */
#define STORES 3
#define K 2

static struct hydra *store[STORES];
static struct why w;
static char answer[1 << 16]; /* of the last request, without .end */
static int status;

/* Those who ask. */
static struct who ada,  /* owns what she makes */
    bob,                /* of her group */
    eve,                /* of another VO */
    nix,                /* without VOMS */
    robot,              /* may create, and owns nothing */
    root, root2, root3; /* admins */

static const char *const creators[] = { "/mdm", "/C=UN/CN=Robot: night" };
static const char *const admins[] = { "/C=UN/CN=root", "/C=UN/CN=root2",
	"/C=UN/CN=root3" };
static const char *const everybody[] = { "*" };
static const struct hydra_policy policy = { creators, 2, admins, 3, K },
				 strict = { creators, 2, admins, 3, K + 1 },
				 open_to_all = { everybody, 1, everybody, 1,
					 0 };

/* The store's database, and where its key is: in files, or as argv says. */
static char **urls;

static struct hydra *
open_store(unsigned x, bool create, const struct hydra_hooks *hook)
{
	char url[16], key[16];

	snprintf(url, sizeof url, "sqlite:s%u", x);
	snprintf(key, sizeof key, "s%u.key", x);
	return hydra_open(x, urls ? urls[x - 1] : url, urls ? key : NULL,
	    create, &policy, hook, &w);
}

/* Store x's database, as one has it who can write there. */
static struct db *
open_raw(unsigned x)
{
	static const char *const steps[] = { "", "", NULL };
	static const struct db_schema schema = { .application = "mdm store",
		.step = steps };
	char url[16];

	snprintf(url, sizeof url, "sqlite:s%u", x);
	return db_open(urls ? urls[x - 1] : url, &schema, false, &w);
}

static void
make_who(struct who *who, const char *dn, ...)
{
	const char *fqan;
	va_list ap;

	if (who_init(who, dn, &w) < 0)
		abort();
	va_start(ap, dn);
	while ((fqan = va_arg(ap, const char *)) != NULL)
		if (who_add(who, fqan, &w) < 0)
			abort();
	va_end(ap);
}

static void
everyone(void)
{
	make_who(&ada, "/C=UN/CN=ada", "/mdm/Role=NULL/Capability=NULL",
	    "/mdm/neuro", (char *)NULL);
	make_who(&bob, "/C=UN/CN=bob", "/mdm", (char *)NULL);
	make_who(&eve, "/C=UN/CN=eve", "/other", "/other/mdm", (char *)NULL);
	make_who(&nix, "/C=UN/CN=nix", (char *)NULL);
	make_who(&robot, "/C=UN/CN=Robot: night", (char *)NULL);
	make_who(&root, "/C=UN/CN=root", (char *)NULL);
	make_who(&root2, "/C=UN/CN=root2", (char *)NULL);
	make_who(&root3, "/C=UN/CN=root3", (char *)NULL);
}

/* Ask store s; text has its .end.  The answer without it. */
static const char *
ask_raw(unsigned s, const struct who *who, const char *op, const char *text)
{
	char target[64], *got;
	size_t n;
	char *end;

	snprintf(target, sizeof target, "/v1/%s", op);
	answer[0] = '\0';
	status = hydra_ask(store[s], *text ? "POST" : "GET", target, who, text,
	    strlen(text), &got, &n, &w);
	if (got == NULL)
		return answer;
	if (n >= sizeof answer)
		abort();
	memcpy(answer, got, n);
	answer[n] = '\0';
	hydra_drop(got, n);
	end = strstr(answer, ".end\t");
	if (end == NULL || (end > answer && end[-1] != '\n'))
		abort();
	*end = '\0';
	return answer;
}

/* The same of lines, to which .end is added. */
static const char *ask(unsigned s, const struct who *who, const char *op,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static const char *
ask(unsigned s, const struct who *who, const char *op, const char *fmt, ...)
{
	static char text[1 << 17];
	unsigned lines = 0;
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text - 32, fmt, ap);
	va_end(ap);
	for (p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	sprintf(text + n, ".end\t%u\n", lines);
	return ask_raw(s, who, op, text);
}

/* Is the last answer one line with that field? */
static bool
says(const char *field)
{
	const char *p = strstr(answer, field);
	char after = p ? p[strlen(field)] : 'x';

	return status == 200 && p != NULL && p > answer && p[-1] == '\t' &&
	       (after == '\t' || after == '\n');
}

/* The value of a field of the last answer. */
static const char *
value(const char *key)
{
	static char word[LINE_MAX_BYTES];
	char find[64];
	const char *p;
	int n = snprintf(find, sizeof find, "\t%s=", key);

	if ((p = strstr(answer, find)) == NULL)
		return "";
	p += n;
	snprintf(word, sizeof word, "%.*s", (int)strcspn(p, "\t\n"), p);
	return word;
}

/* Three shares of epoch e of a key that follows from its name, as lines. */
static char share_line[STORES][1024];

static void
split(const char *guid, uint64_t e)
{
	unsigned char key[32], coef[32], commit[STORES * SHARE_TAG],
	    y[STORES * 32];
	struct share s = { .k = K, .n = STORES, .e = e, .len = 32 };
	char *p;
	unsigned i;
	int f;

	memset(key, guid[0], sizeof key);
	memcpy(key, guid, 32);
	secret_random(coef, sizeof coef);
	share_split(y, key, 32, K, STORES, coef);
	memcpy(s.guid, guid, sizeof s.guid);
	s.commit = commit;
	share_check(s.check, &s, key, 32);
	for (i = 0; i < STORES; i++) {
		s.x = i + 1;
		memcpy(s.y, y + i * 32, 32);
		share_commit(commit + i * SHARE_TAG, &s);
	}
	for (i = 0; i < STORES; i++) {
		struct line l;

		line_init(&l, false);
		s.x = i + 1;
		memcpy(s.y, y + i * 32, 32);
		share_to_line(&l, &s);
		p = stpcpy(share_line[i], l.name);
		for (f = 0; f < l.fields; f++)
			p += sprintf(
			    p, "\t%s=%s", l.field[f].key, l.field[f].word);
		line_free(&l);
	}
}

/* A new key of ada's in all stores; its GUID, until the next. */
static const char *
new_key(void)
{
	static unsigned count;
	static char guid[SHARE_ID + 1];
	unsigned i;

	snprintf(guid, sizeof guid, "%032x", ++count);
	split(guid, 1);
	for (i = 0; i < STORES; i++) {
		ask(i, &ada, "put", "%s\n", share_line[i]);
		if (!says("put=new"))
			abort();
	}
	return guid;
}

static void
registering(void)
{
	const char *guid = new_key();
	char first[1024];

	ask(0, &ada, "getacl", "%s\n", guid);
	ok(says("owner=/C=UN/CN=ada") && says("group=/mdm") &&
		says("perms=pdrwl-gs,--------,--------") && says("acl=-"),
	    "a new key is its maker's, and her first FQAN's");
	strcpy(first, share_line[0]);
	ask(0, &ada, "put", "%s\n", first);
	ok(says("put=same"), "the same share again is no fault");
	split(guid, 1);
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(says("error=other"), "another one is");
	ask(0, &ada, "get", "%s\n", guid);
	ok(strncmp(answer, first, strlen(first)) == 0,
	    "and the first is untouched");
	split("000000000000000000000000000000aa", 1);
	ask(0, &eve, "put", "%s\n", share_line[0]);
	ok(says("error=denied"), "who is not listed may not create");
	ask(0, &root, "put", "%s\n", share_line[0]);
	ok(says("error=denied"), "not even an admin");
	ask(0, &ada, "get", "000000000000000000000000000000aa\n");
	ok(says("error=missing"), "and nothing came of it");
	ask(0, &robot, "put", "%s\towner=/C=UN/CN=ada\tgroup=/mdm/neuro\n",
	    share_line[0]);
	ok(says("put=new"), "the robot makes a key for ada");
	ask(0, &robot, "get", "000000000000000000000000000000aa\n");
	ok(says("error=denied"), "that it cannot read");
	ask(0, &robot, "rm", "000000000000000000000000000000aa\n");
	ok(says("error=denied"), "or remove");
	ask(0, &ada, "get", "000000000000000000000000000000aa\n");
	ok(says("x=1"), "but she can");
	ask(0, &ada, "put", "%s\n", share_line[1]);
	ok(says("error=bad"), "a share of another store is refused");
	split("000000000000000000000000000000ab", 1);
	share_line[0][strlen("000000000000000000000000000000ab") + 25] ^= 1;
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(says("error=bad"), "and one that its commitment does not know");
	split("000000000000000000000000000000ab", 1);
	ask(0, &ada, "put", "%s\towner=/mdm\n", share_line[0]);
	ok(says("error=bad"), "and an owner who is a group");
	hydra_set_policy(store[0], &strict);
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(says("error=bad") && strstr(answer, "threshold") != NULL,
	    "and a k below the store's threshold");
	hydra_set_policy(store[0], NULL);
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(says("error=denied"), "without a policy nobody creates");
	hydra_set_policy(store[0], &open_to_all);
	ask(0, &eve, "put", "%s\n", share_line[0]);
	ok(says("put=new"), "or everyone does");
	ask(0, &nix, "rm", "000000000000000000000000000000ab\n");
	ok(says("error=denied"), "though * makes nobody an admin");
	ask(0, &eve, "rm", "000000000000000000000000000000ab\n");
	hydra_set_policy(store[0], &policy);
}

/* Every letter guards what the table says, and nothing else. */
static void
letters(void)
{
	static const struct {
		char letter;
		const char *op, *rest;
	} guards[] = {
		{ 'p', "setacl", "\tchmod=o+r" },
		{ 'd', "rm", "" },
		{ 'l', "getacl", "" },
		{ 'l', "stat", "" },
		{ 'g', "get", "" },
		{ 's', "switch", "\te=1" },
		{ 's', "drop", "\te=7" },
	};
	static const char all[] = "pdrwlxgs";
	unsigned i, j, wrong = 0;
	const char *guid;
	char name[80];

	for (i = 0; i < sizeof guards / sizeof *guards; i++) {
		for (j = 0, wrong = 0; j < 8; j++) {
			bool may = all[j] == guards[i].letter;

			guid = new_key();
			ask(0, &ada, "setacl", "%s\tmodify=/C=UN/CN=nix:%c\n",
			    guid, all[j]);
			ask(0, &nix, guards[i].op, "%s%s\n", guid,
			    guards[i].rest);
			wrong += says("error=denied") == may;
			wrong += may && strstr(answer, "error=") != NULL;
		}
		snprintf(name, sizeof name, "%s needs %c and only that",
		    guards[i].op, guards[i].letter);
		ok(wrong == 0, name);
	}
	for (j = 0, wrong = 0; j < 8; j++) {
		guid = new_key();
		split(guid, 2);
		ask(0, &ada, "setacl", "%s\tmodify=/C=UN/CN=nix:%c\n", guid,
		    all[j]);
		ask(0, &nix, "stage", "%s\n", share_line[0]);
		wrong += says("stage=new") != (all[j] == 's');
	}
	ok(wrong == 0, "stage needs s and only that");
}

/* Access is a union. */
static void
grants(void)
{
	const char *guid = new_key();

	ask(0, &ada, "get", "%s\n", guid);
	ok(says("x=1"), "the owner gets");
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("error=denied"), "one of her group does not");
	ask(0, &ada, "setacl", "%s\tchmod=g+g\n", guid);
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("x=1"), "until g+g");
	ask(0, &eve, "get", "%s\n", guid);
	ok(says("error=denied"), "which is nothing to another VO");
	ask(0, &nix, "get", "%s\n", guid);
	ok(says("error=denied"), "or to one without VOMS");
	ask(0, &ada, "setacl", "%s\tchmod=g-g\n", guid);
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("error=denied"), "and not after g-g");
	ask(0, &ada, "setacl", "%s\tmodify=/C=UN/CN=bob:g\n", guid);
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("x=1"), "by an entry for his DN");
	ask(0, &ada, "setacl", "%s\tdelete=/C=UN/CN=bob\n", guid);
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("error=denied"), "and not without it");
	ask(0, &ada, "setacl", "%s\tmodify=/mdm/neuro:g\n", guid);
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("error=denied"), "a group is not those below it");
	ask(0, &ada, "setacl", "%s\tacl=/other/mdm/Role=x:g%%0A\n", guid);
	ask(0, &eve, "get", "%s\n", guid);
	ok(says("error=denied"), "nor a role its group");
	ask(0, &ada, "setacl", "%s\tacl=/other/mdm:g%%0A\n", guid);
	ask(0, &eve, "get", "%s\n", guid);
	ok(says("x=1"), "by an entry for an FQAN");
	ask(0, &ada, "setacl", "%s\tacl=-\tchmod=o+g\n", guid);
	ask(0, &nix, "get", "%s\n", guid);
	ok(says("x=1"), "by what anyone may");
	ask(0, &ada, "setacl", "%s\tchmod=u-p\n", guid);
	ask(0, &ada, "setacl", "%s\tchmod=u+p\n", guid);
	ok(says("error=denied"), "an owner without p has given it up");
	ask(0, &ada, "setacl", "%s\tchmod=z\n", new_key());
	ok(says("error=bad"), "a bad mode");
	guid = new_key();
	ask(0, &ada, "setacl", "%s\towner=/C=UN/CN=bob\tgroup=/x\n", guid);
	ok(says("owner=/C=UN/CN=bob") && says("group=/x"), "given away");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("error=denied"), "is given away");
	ask(0, &bob, "get", "%s\n", guid);
	ok(says("x=1"), "to its new owner");
}

/* No admin comes by a share alone. */
static void
admin(void)
{
	char guid[SHARE_ID + 1], state[80];

	strcpy(guid, new_key());
	ask(0, &root, "get", "%s\n", guid);
	ok(says("error=denied"), "an admin does not get");
	ask(0, &root, "getacl", "%s\n", guid);
	ok(says("owner=/C=UN/CN=ada"), "but sees");
	ask(0, &root, "setacl", "%s\tchmod=u+d\n", guid);
	ok(strstr(answer, "\theld=") == NULL, "what changes nothing, holds "
					      "nothing");
	ask(0, &root, "setacl", "%s\tmodify=/C=UN/CN=root:g\n", guid);
	ok(says("held=/C=UN/CN=root%0A"), "what an admin changes is held");
	ask(0, &root, "get", "%s\n", guid);
	ok(says("error=held"), "g is no use to the admin");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("error=held"), "nor to the owner");
	ask(0, &root, "getacl", "%s\n", guid);
	strcpy(state, value("state"));
	ask(0, &root, "setacl", "%s\trestore=%s\n", guid, state);
	ok(says("error=held"), "who changed it cannot confirm it");
	ask(0, &ada, "setacl", "%s\trestore=%s\n", guid, state);
	ok(says("error=denied"), "nor can the owner");
	ask(0, &root2, "setacl", "%s\tchmod=o+x\n", guid);
	ok(says("held=/C=UN/CN=root%0A/C=UN/CN=root2%0A"),
	    "another who changes it is in it too");
	ask(0, &root, "setacl", "%s\trestore=%s\n", guid, value("state"));
	ok(says("error=held"), "so that neither confirms the other's");
	ask(0, &root3, "setacl", "%s\trestore=%s\n", guid, state);
	ok(says("error=changed"), "what was not seen is not confirmed");
	ask(0, &root3, "setacl",
	    "%s\towner=/C=UN/CN=bob\tgroup=/mdm\tperms=pdrwl-gs,--------,"
	    "--------\tacl=-\n",
	    guid);
	ok(says("held=/C=UN/CN=root3%0A"), "who says it all answers for it");
	ask(0, &bob, "setacl", "%s\tmodify=/C=UN/CN=nix:g\n", guid);
	ok(says("held=/C=UN/CN=root3%0A"), "the new owner's changes");
	ask(0, &nix, "get", "%s\n", guid);
	ok(says("error=held"), "are held as well");
	ask(0, &root3, "getacl", "%s\n", guid);
	strcpy(state, value("state"));
	ask(0, &root2, "setacl", "%s\trestore=%s\tchmod=u+g\n", guid, state);
	ok(says("error=bad"), "a confirmation is only that");
	ask(0, &root2, "setacl", "%s\trestore=%s\n", guid, state);
	ok(strstr(answer, "\theld=") == NULL && says("owner=/C=UN/CN=bob"),
	    "a second admin restores");
	ask(0, &nix, "get", "%s\n", guid);
	ok(says("x=1"), "what was confirmed");
	ask(0, &root, "rm", "%s\n", guid);
	ok(strstr(answer, "\treceipt=") != NULL, "an admin removes");
}

static void
removing(void)
{
	unsigned char sig[RECEIPT_SIG], public[RECEIPT_PUBLIC], id[RECEIPT_ID];
	char guid[SHARE_ID + 1], receipt[200], line[1024];
	long long when;

	strcpy(guid, new_key());
	strcpy(line, share_line[0]);
	ask(0, &bob, "rm", "%s\n", guid);
	ok(says("error=denied"), "not removed by others");
	ask(0, &ada, "rm", "%s\n", guid);
	strcpy(receipt, value("receipt"));
	when = atoll(value("removed"));
	ok(status == 200 && strlen(receipt) == 128 && when > 0, "removed");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("error=removed"), "it is");
	ask(0, &root, "getacl", "%s\n", guid);
	ok(says("error=removed"), "for everyone");
	ask(0, &ada, "put", "%s\n", line);
	ok(says("error=removed"), "for ever");
	ask(0, &ada, "rm", "%s\n", guid);
	ok(strcmp(value("receipt"), receipt) == 0, "the receipt again");
	ask_raw(0, &nix, "store", "");
	ok(hex_decode(public, sizeof public, value("sign")) == 0 &&
		hex_decode(id, sizeof id, value("id")) == 0 &&
		hex_decode(sig, sizeof sig, receipt) == 0 &&
		receipt_check(sig, public, id, guid, when, &w) == 0,
	    "is the store's");
	ok(receipt_check(sig, public, id, guid, when + 1, &w) < 0 &&
		receipt_check(sig, public, id,
		    "00000000000000000000000000000000", when, &w) < 0,
	    "and of nothing else");
	ask(0, &eve, "rm", "000000000000000000000000000000cc\n");
	ok(says("error=missing"), "what is not there is missing");
	ask(0, &robot, "rm", "000000000000000000000000000000cc\n");
	ok(strstr(answer, "\treceipt=") != NULL, "or barred by a creator");
	split("000000000000000000000000000000cc", 1);
	ask(0, &robot, "put", "%s\n", share_line[0]);
	ok(says("error=removed"), "for ever too");
}

/* What the original got wrong. */
static void
batches(void)
{
	char mine[SHARE_ID + 1], hers[SHARE_ID + 1], a[SHARE_ID + 1],
	    b[SHARE_ID + 1], long_id[KEYID_MAX + 2], before[1024];
	static const char *const bad[] = { "a%25b", "a%20b", "a'b", "-",
		"%2Eend", "a*", "a%0Ab", "a;b", "a\"b", "%00" };
	unsigned i, wrong = 0;

	strcpy(mine, new_key());
	strcpy(hers, new_key());
	ask(0, &ada, "setacl", "%s\tmodify=/C=UN/CN=nix:g\n", mine);
	ask(0, &nix, "get", "%s\n%s\n%s\n", hers, mine, hers);
	ok(strstr(answer, "error=denied") == strstr(answer, "error=") &&
		strstr(answer, mine) > strstr(answer, "error=denied") &&
		strstr(strstr(answer, mine), "error=denied") != NULL &&
		strstr(answer, "share=") ==
		    strstr(strstr(answer, mine), "share="),
	    "a grant on one of a batch is none on the others");
	ask(0, &ada, "getacl", "%s\n", hers);
	strcpy(before, answer);
	ask(0, &ada, "setacl", "%s\tmodify=/other:g\n", mine);
	ask(0, &ada, "getacl", "%s\n", hers);
	ok(strcmp(before, answer) == 0, "one key's ACL is not another's");

	keyid_guid(a, "/a/b_c");
	keyid_guid(b, "/a/bxc");
	split(a, 1);
	strcpy(before, share_line[0]);
	ask(0, &ada, "put", "/a/b_c%s\n", before + SHARE_ID);
	ok(says("put=new") && strncmp(answer, "/a/b_c\t", 7) == 0,
	    "a key with a name");
	split(b, 1);
	ask(0, &ada, "put", "/a/bxc%s\n", share_line[0] + SHARE_ID);
	ok(says("put=new"), "and one that resembles it");
	ask(0, &ada, "setacl", "/a/b_c\tmodify=/C=UN/CN=nix:g\n");
	ask(0, &nix, "get", "/a/bxc\n");
	ok(says("error=denied"), "_ is no wildcard for rights");
	ask(0, &ada, "rm", "/a/b_c\n");
	ask(0, &ada, "get", "/a/bxc\n");
	ok(says("x=1"), "nor for removal");
	ask(0, &ada, "get", "x\tguid=%s\n", b);
	ok(says("x=1"), "the GUID is another name for it");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		ask(0, &ada, "get", "%s\n", bad[i]);
		wrong += !says("error=bad") && status != 400;
	}
	ok(wrong == 0, "names of other characters are refused");
	memset(long_id, 'a', sizeof long_id);
	long_id[KEYID_MAX] = '\0';
	ask(0, &ada, "get", "%s\n", long_id);
	ok(says("error=missing"), "250 characters");
	long_id[KEYID_MAX] = 'a';
	long_id[KEYID_MAX + 1] = '\0';
	ask(0, &ada, "get", "%s\n", long_id);
	ok(says("error=bad"), "251 characters");
	ask(0, &ada, "get", "x\tguid=.end\ny\n");
	ok(strncmp(answer, "%2Eend\terror=bad", 16) == 0,
	    "a name cannot end the answer");
}

static void
undoing(void)
{
	static const char run[] = "run=00112233445566778899aabbccddeeff";
	static const char id[] = "000000000000000000000000000000dd";

	split(id, 1);
	ask(0, &robot, "put", "%s\t%s\towner=/C=UN/CN=ada\n", share_line[0],
	    run);
	ask(0, &ada, "undo", "%s\t%s\n", id, run);
	ok(says("undone=0"), "what another put is not undone");
	ask(0, &robot, "undo", "%s\trun=ff112233445566778899aabbccddeeff\n",
	    id);
	ok(says("undone=0"), "nor that of another run");
	ask(0, &robot, "undo", "%s\t%s\n", id, run);
	ok(says("undone=1"), "one's own is");
	ask(0, &robot, "put", "%s\t%s\n", share_line[0], run);
	ok(says("put=new"), "and can be put again");
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ask(0, &robot, "undo", "%s\t%s\n", id, run);
	ok(says("undone=0"), "but not what another put too meanwhile");
}

/* Re-sharing: e + 1 beside e, then in its place. */
static void
epochs(void)
{
	char guid[SHARE_ID + 1], one[1024], two[1024], sum0[40];

	strcpy(guid, new_key());
	strcpy(one, share_line[0]);
	split(guid, 2);
	strcpy(two, share_line[0]);
	ask(0, &ada, "stage", "%s\n", one);
	ok(says("stage=same"), "the current share is there");
	ask(0, &ada, "stage", "%s\n", two);
	ok(says("stage=new"), "a later one is staged");
	ask(0, &ada, "stage", "%s\n", two);
	ok(says("stage=same"), "once");
	ask(0, &ada, "stage", "%s\n", (split(guid, 2), share_line[0]));
	ok(says("error=other"), "no other of that epoch");
	ask(0, &ada, "stage", "%s\n", (split(guid, 1), share_line[0]));
	ok(says("error=old"), "nor of the current one");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("e=1"), "the old one is still current");
	ask(0, &ada, "stat", "%s\n", guid);
	ok(says("e=1") && says("beside=2") && says("share=good") &&
		says("rights=good"),
	    "and both are seen");
	ask(0, &ada, "switch", "%s\te=3\n", guid);
	ok(says("error=missing"), "no switch to what is not there");
	ask(0, &ada, "switch", "%s\te=2\n", guid);
	ok(says("switch=new"), "switched");
	ask(0, &ada, "switch", "%s\te=2\n", guid);
	ok(says("switch=same"), "once");
	ask(0, &ada, "get", "%s\n", guid);
	ok(strncmp(answer, two, strlen(two)) == 0, "the new one is current");
	ask(0, &ada, "get", "%s\te=1\n", guid);
	ok(strncmp(answer, one, strlen(one)) == 0, "the old one is kept");
	ask(0, &ada, "switch", "%s\te=1\n", guid);
	ok(says("error=old"), "and not gone back to");
	ask(0, &ada, "drop", "%s\te=2\n", guid);
	ok(says("error=old"), "the current one is not dropped");
	ask(0, &ada, "drop", "%s\te=1\n", guid);
	ok(says("drop=new"), "the old one is");
	ask(0, &ada, "drop", "%s\te=1\n", guid);
	ok(says("drop=same"), "once");
	ask(0, &ada, "get", "%s\te=1\n", guid);
	ok(says("error=missing"), "and gone");
	ask(0, &ada, "getacl", "%s\n", guid);
	ok(says("owner=/C=UN/CN=ada"), "the rights are as they were");
	strcpy(guid, new_key());
	ask(0, &ada, "stat", "%s\n", guid);
	strcpy(sum0, value("sum"));
	ask(1, &ada, "stat", "%s\n", guid);
	ok(strcmp(value("sum"), sum0) == 0, "stores that agree have one sum");
}

/* Shares beside the current one are bounded, looked at, and removed with it. */
static void
staged(void)
{
	struct db *db = open_raw(1);
	const char *hex = urls ? "'\\x" : "x'";
	char guid[SHARE_ID + 1], sql[500];
	struct db_stmt *q;
	struct stat st;
	unsigned e;

	strcpy(guid, new_key());
	for (e = 2; e <= 5; e++) {
		split(guid, e);
		ask(0, &ada, "stage", "%s\n", share_line[0]);
	}
	ok(says("stage=new"), "four epochs beside the current one");
	ask(0, &ada, "stage", "%s\n", share_line[0]);
	ok(says("stage=same"), "the last again");
	ask(0, &ada, "stage", "%s\n", (split(guid, 6), share_line[0]));
	ok(says("error=bad"), "and no more");
	snprintf(sql, sizeof sql,
	    "UPDATE epoch SET tag = sealed WHERE guid = %s%s' AND e = 2;"
	    "UPDATE epoch SET sealed = (SELECT sealed FROM epoch WHERE"
	    " guid = %s%s' AND e = 4) WHERE guid = %s%s' AND e = 3",
	    hex, guid, hex, guid, hex, guid);
	ok(db_exec(db, sql, &w) == 0, "two are tampered with");
	ask(0, &ada, "switch", "%s\te=2\n", guid);
	ok(says("error=damaged"), "a damaged one does not become current");
	ask(0, &ada, "switch", "%s\te=3\n", guid);
	ok(says("error=damaged"), "nor one that is another's");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("e=1"), "the current one stays");
	ask(0, &ada, "rm", "%s\n", guid);
	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM epoch WHERE guid = %s%s'", hex, guid);
	q = db_prepare(db, sql, &w);
	ok(db_step(q, &w) == 1 && db_int(q, 0) == 0,
	    "removed, with what was beside it");
	db_reset(q);
	ok(urls != NULL || (stat("s1-wal", &st) == 0 && st.st_size == 0),
	    "from the log as well");
	db_close(db);
}

/* The rows of the table of what happens when one store of three is missing. */
static void
missing(void)
{
	static const char id[] = "000000000000000000000000000000ee";
	static const char run[] = "run=00112233445566778899aabbccddee00";
	char guid[SHARE_ID + 1], state[2][80];
	unsigned i, good = 0;

	split(id, 1);
	for (i = 0; i < 2; i++)
		ask(i, &ada, "put", "%s\t%s\n", share_line[i], run);
	for (i = 0; i < 2; i++) {
		ask(i, &ada, "undo", "%s\t%s\n", id, run);
		ask(i, &ada, "stat", "%s\n", id);
		good += says("error=missing");
	}
	ok(good == 2, "register: what two stores took is rolled back");
	strcpy(guid, new_key());
	for (i = good = 0; i < 2; i++) {
		split(guid, 1);
		ask(i, &ada, "put", "%s\t%s\n", share_line[i], run);
		good += says("error=other");
		ask(i, &ada, "undo", "%s\t%s\n", guid, run);
		good += says("undone=0");
	}
	ok(good == 4, "register of an existing id: it stays");
	for (i = good = 0; i < 2; i++) {
		ask(i, &ada, "get", "%s\n", guid);
		good += says("k=2");
	}
	ok(good == K, "get: any two do");
	for (i = 0; i < 2; i++) {
		ask(i, &ada, "setacl", "%s\tchmod=g+g\n", guid);
		strcpy(state[i], value("state"));
	}
	ok(strcmp(state[0], state[1]) == 0, "chmod: two stores agree");
	ask(2, &ada, "getacl", "%s\n", guid);
	ok(strcmp(value("state"), state[0]) != 0, "getacl: the third differs");
	for (i = good = 0; i < 3; i++) {
		ask(i, &ada, "setacl", "%s\tchmod=g+g\n", guid);
		good += strcmp(value("state"), state[0]) == 0;
	}
	ok(good == 3, "and chmod converges when run again");
	for (i = good = 0; i < 2; i++) {
		ask(i, &ada, "rm", "%s\n", guid);
		good += strstr(answer, "\treceipt=") != NULL;
	}
	ask(2, &ada, "stat", "%s\n", guid);
	ok(good == 2 && says("share=good"), "unregister: the third has it");
	ask(2, &ada, "rm", "%s\n", guid);
	ok(strstr(answer, "\treceipt=") != NULL, "until it is back");
}

static void
listing(void)
{
	char after[64] = "list?max=5", last[SHARE_ID + 1] = "";
	unsigned seen = 0, pages = 0, disorder = 0;
	const char *p;

	for (;;) {
		ask_raw(1, &ada, after, "");
		if (status != 200)
			break;
		pages++;
		for (p = answer; *p != '\0'; p = strchr(p, '\n') + 1)
			if (strncmp(p, "more\t", 5) != 0) {
				disorder += strncmp(p, last, SHARE_ID) <= 0;
				memcpy(last, p, SHARE_ID);
				seen++;
			}
		if (strstr(answer, "more\tafter=") == NULL)
			break;
		snprintf(
		    after, sizeof after, "list?after=%s&max=5", value("after"));
	}
	ok(status == 200 && pages > 3 && seen > 15 && disorder == 0,
	    "ada lists her keys, page by page, in order");
	ask_raw(1, &nix, "list", "");
	ok(status == 200 && *answer == '\0', "others see none of them");
	ask_raw(1, &root, "list", "");
	ok(status == 200 && *answer != '\0', "an admin does");
	ask_raw(1, &ada, "list?max=0", "");
	ok(status == 400, "a bad query");
	ask_raw(1, &ada, "list?after=../../x", "");
	ok(status == 400, "and another");
	ask_raw(0, &robot, "store", "");
	ok(status == 200 && strstr(answer, "\tcreator=1\tadmin=0\n") != NULL &&
		strstr(answer, "admin\twho=/C=UN/CN=root\n") != NULL,
	    "the store says who it is, and whom it trusts");
}

static void
requests(void)
{
	static const struct {
		const char *method, *target, *body;
		int status;
	} odd[] = {
		{ "POST", "/v1/nothing", ".end\t0\n", 404 },
		{ "POST", "/", ".end\t0\n", 404 },
		{ "POST", "/v1/gets", ".end\t0\n", 404 },
		{ "GET", "/v1/get", "", 405 },
		{ "POST", "/v1/list", ".end\t0\n", 405 },
		{ "POST", "/v1/get?x=1", ".end\t0\n", 400 },
		{ "POST", "/v1/get", "", 400 },
		{ "POST", "/v1/get", ".end\t0\n", 200 },
		{ "POST", "/v1/get", ".end\t1\n", 400 },
		{ "POST", "/v1/get", "a\n.end\t0\n", 400 },
		{ "POST", "/v1/get", "a\n", 400 },
		{ "POST", "/v1/get", "a\n.end\t1", 400 },
		{ "POST", "/v1/get", "a\n.end\t1\nx", 400 },
		{ "POST", "/v1/get", "a\n.end\t1\n.end\t1\n", 400 },
		{ "POST", "/v1/get", "a b\n.end\t1\n", 400 },
		{ "POST", "/v1/get", "\n.end\t1\n", 400 },
		{ "POST", "/v1/get", "a\tx\n.end\t1\n", 400 },
		{ "POST", "/v1/get", "a\r\n.end\t1\r\n", 400 },
	};
	unsigned i, wrong = 0;
	char *got, *big;
	size_t n;

	for (i = 0; i < sizeof odd / sizeof *odd; i++) {
		int s = hydra_ask(store[0], odd[i].method, odd[i].target, &ada,
		    odd[i].body, strlen(odd[i].body), &got, &n, &w);

		if (s != odd[i].status) {
			printf("# %u: %d\n", i, s);
			wrong++;
		}
		hydra_drop(got, n);
	}
	ok(wrong == 0, "odd requests and their statuses");
	big = malloc(400000);
	memset(big, 'a', 400000);
	ok(hydra_ask(store[0], "POST", "/v1/get", &ada, big, 400000, &got, &n,
	       &w) == 413,
	    "a line without end");
	free(big);
}

/* The hooks: what is refused before, and told after. */
static unsigned told, allowance;
static bool deaf;
static char told_answer[32];

static int
audit(void *arg, const struct who *who, const char *op,
    const struct hydra_event *event, unsigned n, struct why *why)
{
	(void)arg;
	(void)who;
	(void)op;
	if (deaf)
		return why_set(why, EXIT_IO, "the audit is full");
	told += n;
	snprintf(told_answer, sizeof told_answer, "%s", event[n - 1].answer);
	return 0;
}

static unsigned
allow(void *arg, const struct who *who, const char *op, unsigned n)
{
	(void)arg;
	(void)who;
	(void)op;
	return n < allowance ? n : allowance;
}

static void
hooks(void)
{
	static const struct hydra_hooks hook = { NULL, allow, audit };
	static const char id[] = "000000000000000000000000000000ff";
	struct hydra *plain = store[0];
	char guid[SHARE_ID + 1];
	unsigned i, n = 2500, got = 0;
	char *body, *p;
	size_t len;

	strcpy(guid, new_key());
	store[0] = open_store(1, false, &hook);
	allowance = 1000000;
	split(id, 1);
	deaf = true;
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(status == 503, "no audit, no put");
	ask(0, &ada, "get", "%s\n", guid);
	ok(status == 503 && *answer == '\0', "and no get");
	ask_raw(0, &ada, "list", "");
	ok(status == 503, "and no list");
	deaf = false;
	ask(0, &ada, "get", "%s\n", id);
	ok(says("error=missing") && strcmp(told_answer, "missing") == 0,
	    "nothing was put, and the audit is told");
	allowance = 2;
	ask(0, &ada, "get", "%s\n%s\n%s\n", guid, guid, guid);
	ok(strstr(answer, "error=busy") != NULL &&
		strstr(answer, "\te=1\t") != NULL,
	    "what is over the limit is to come later");
	allowance = 1000000;
	told = 0;
	body = p = malloc(n * 40 + 40);
	for (i = 0; i < n; i++)
		p += sprintf(p, "%s\n", guid);
	p += sprintf(p, ".end\t%u\n", n);
	status = hydra_ask(store[0], "POST", "/v1/get", &ada, body,
	    (size_t)(p - body), &p, &len, &w);
	for (i = 0; p != NULL && i < len; i++)
		got += p[i] == '\n';
	ok(status == 200 && got == n + 1 && told == n,
	    "batches of any size, each line told");
	hydra_drop(p, len);
	free(body);
	hydra_close(store[0]);
	store[0] = plain;
}

/* A store that cannot write says so, has changed nothing, and still reads. */
static void
trouble(void)
{
	static const struct hydra_hooks hook = { NULL, NULL, audit };
	static const char id[] = "00000000000000000000000000000101";
	struct rlimit all, little;
	struct hydra *plain = store[0];
	char guid[SHARE_ID + 1];
	struct db *db;

	strcpy(guid, new_key());
	setenv("MDM_LOCK_WAIT", "0.01", 1);
	store[0] = open_store(1, false, &hook);
	db = open_raw(1);
	split(id, 1);
	db_begin(db, &w);
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(status == 503, "a locked store puts nothing");
	ask(0, &ada, "get", "%s\n", guid);
	ok(says("x=1"), "and gets");
	db_rollback(db);
	db_close(db);
	if (urls == NULL) { /* a server has limits of its own */
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &all);
		little = all;
		little.rlim_cur = 4096;
		setrlimit(RLIMIT_FSIZE, &little);
		ask(0, &ada, "put", "%s\n", share_line[0]);
		setrlimit(RLIMIT_FSIZE, &all);
		ok(status == 503, "a full one neither");
		ok(strcmp(told_answer, "failed") == 0, "and the audit knows");
		ask(0, &ada, "stat", "%s\n", id);
		ok(says("error=missing"), "nothing came of it");
	}
	ask(0, &ada, "put", "%s\n", share_line[0]);
	ok(says("put=new"), "until there is room");
	hydra_close(store[0]);
	store[0] = plain;
}

/* One who can write the database gains nothing by it. */
static void
tampering(void)
{
	struct db *db = open_raw(1);
	const char *hex = urls ? "'\\x" : "x'";
	char mine[SHARE_ID + 1], hers[SHARE_ID + 1], sql[500];

	strcpy(hers, new_key());
	strcpy(mine, new_key());
	ask(0, &ada, "setacl", "%s\tmodify=/C=UN/CN=nix:g\n", mine);
	snprintf(sql, sizeof sql,
	    "UPDATE share SET acl = '/C=UN/CN=nix:------g-\n'"
	    " WHERE guid = %s%s'",
	    hex, hers);
	ok(db_exec(db, sql, &w) == 0, "an ACL is tampered with");
	ask(0, &nix, "get", "%s\n", hers);
	ok(says("error=damaged"), "it grants nothing");
	ask(0, &ada, "get", "%s\n", hers);
	ok(says("error=damaged"), "to nobody");
	ask(0, &root, "stat", "%s\n", hers);
	ok(says("rights=damaged") && says("share=good"), "and is seen");
	snprintf(sql, sizeof sql,
	    "UPDATE share SET (owner, grp, perms, acl, held, mac) = (SELECT "
	    "owner, grp, perms, acl, held, mac FROM share WHERE guid = %s%s')"
	    " WHERE guid = %s%s'",
	    hex, mine, hex, hers);
	ok(db_exec(db, sql, &w) == 0, "another key's rights are copied");
	ask(0, &nix, "get", "%s\n", hers);
	ok(says("error=damaged"), "they grant nothing");
	ask(0, &root, "setacl", "%s\tchmod=u+g\n", hers);
	ok(says("error=damaged"), "nor does an admin mend a part");
	ask(0, &root, "setacl",
	    "%s\towner=/C=UN/CN=ada\tgroup=-\tperms=pdrwl-gs,--------,"
	    "--------\tacl=-\n",
	    hers);
	ok(says("held=/C=UN/CN=root%0A"), "but the whole, held");
	ask(0, &root2, "setacl", "%s\trestore=%s\n", hers, value("state"));
	ask(0, &ada, "get", "%s\n", hers);
	ok(says("x=1"), "and confirmed");
	snprintf(sql, sizeof sql,
	    "UPDATE share SET (sealed, tag, commits) = (SELECT sealed, tag, "
	    "commits FROM share WHERE guid = %s%s') WHERE guid = %s%s'",
	    hex, hers, hex, mine);
	ok(db_exec(db, sql, &w) == 0, "a share is moved under another key");
	ask(0, &nix, "get", "%s\n", mine);
	ok(says("error=damaged"), "where it does not open");
	db_close(db);
}

/* A store of version 1: its shares are there, its rights are nobody's. */
static void
migrating(void)
{
	char guid[SHARE_ID + 1];
	struct db *db;

	strcpy(guid, new_key());
	hydra_close(store[2]);
	db = open_raw(3);
	ok(db_exec(db,
	       "ALTER TABLE share DROP COLUMN acl;"
	       "ALTER TABLE share DROP COLUMN held;"
	       "ALTER TABLE share DROP COLUMN mac;"
	       "DROP TABLE epoch; DROP TABLE removed;"
	       "UPDATE mdm_schema SET version = 1",
	       &w) == 0,
	    "a store of version 1");
	db_close(db);
	store[2] = open_store(3, false, NULL);
	ok(store[2] != NULL, "is brought up to date");
	ask(2, NULL, "get", "%s\n", guid);
	ok(says("x=3"), "and serves whoever has the files");
	ask(2, &ada, "get", "%s\n", guid);
	ok(says("error=damaged"), "but no client");
	ask(2, NULL, "setacl",
	    "%s\towner=/C=UN/CN=ada\tgroup=-\tperms=pdrwl-gs,--------,"
	    "--------\tacl=-\n",
	    guid);
	ask(2, &ada, "get", "%s\n", guid);
	ok(says("x=3"), "until it is given an owner");
}

/* Who has the files may do everything, and holds nothing up. */
static void
files(void)
{
	char guid[SHARE_ID + 1];

	strcpy(guid, new_key());
	ask(0, NULL, "setacl", "%s\tmodify=/C=UN/CN=nix:g\n", guid);
	ok(strstr(answer, "\theld=") == NULL, "changes without an identity");
	ask(0, &nix, "get", "%s\n", guid);
	ok(says("x=1"), "hold at once");
	split("000000000000000000000000000000ba", 1);
	ask(0, NULL, "put", "%s\n", share_line[0]);
	ok(says("put=new"), "puts");
	ask(0, NULL, "getacl", "000000000000000000000000000000ba\n");
	ok(says("owner=-") && says("group=-"), "keys of nobody");
	ask(0, &ada, "get", "000000000000000000000000000000ba\n");
	ok(says("error=denied"), "that no client gets");
	ask(0, NULL, "rm", "000000000000000000000000000000ba\n");
	ok(strstr(answer, "\treceipt=") != NULL, "removes");
	ok(hydra_ping(store[0], &w) == 0, "the store is well");
	ok(hydra_open(2, urls ? urls[0] : "sqlite:s1", urls ? "s1.key" : NULL,
	       false, &policy, NULL, &w) == NULL &&
		w.code == EXIT_DATA,
	    "and is no other's");
	ok(hydra_open(1, "sqlite:none", NULL, false, &policy, NULL, &w) ==
		    NULL &&
		access("none", F_OK) < 0,
	    "one that was lost is not made again");
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/unit-hydra-XXXXXX", cmd[64];
	unsigned i;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	secret_init((STORES + 1) * HYDRA_SECRET);
	everyone();
	if (argc > STORES)
		urls = argv + 1;
	for (i = 0; i < STORES; i++) {
		store[i] = open_store(i + 1, true, NULL);
		if (store[i] == NULL) {
			printf("# %s\n", w.text);
			return 1;
		}
	}
	registering();
	letters();
	grants();
	admin();
	removing();
	batches();
	undoing();
	epochs();
	staged();
	missing();
	listing();
	requests();
	hooks();
	trouble();
	tampering();
	files();
	migrating();
	for (i = 0; i < STORES; i++)
		hydra_close(store[i]);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd) != 0)
		return 1;
	return done_testing();
}
