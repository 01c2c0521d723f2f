#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "tap.h"

static struct why w;

static bool
list_is(const struct acl *a, const char *want)
{
	char *list = acl_list(a);
	bool is = strcmp(list, want) == 0;

	free(list);
	return is;
}

static void
principals(void)
{
	struct who who;
	char lots[WHO_MAX + 2];

	ok(who_kind("/C=UN/O=a/CN=Robot: night") == WHO_DN, "a DN");
	ok(who_kind("/mdm/neuro/Role=reader") == WHO_FQAN, "an FQAN");
	ok(who_kind("https://iss.example/#ada") == WHO_SUBJECT, "a subject");
	ok(who_kind("") == WHO_NONE && who_kind("/") == WHO_NONE &&
		who_kind("//mdm") == WHO_NONE && who_kind("#x") == WHO_NONE &&
		who_kind("*") == WHO_NONE,
	    "and what is none");
	ok(who_kind("/C=UN\n/CN=x") == WHO_NONE, "no control bytes");
	memset(lots, 'a', sizeof lots);
	lots[WHO_MAX + 1] = '\0';
	ok(who_kind(lots) == WHO_NONE, "none of more than 1000 bytes");
	lots[WHO_MAX] = '\0';
	ok(who_kind(lots) == WHO_SUBJECT, "but of 1000");
	ok(who_init(&who, "/mdm/neuro", &w) < 0, "nobody is called by an FQAN");
	ok(who_init(&who, "/C=UN/CN=ada", &w) == 0, "ada");
	ok(who_add(&who, "/mdm/Role=NULL/Capability=NULL", &w) == 0 &&
		who_add(&who, "/mdm/neuro/Role=reader/Capability=NULL", &w) ==
		    0 &&
		who_add(&who, "/mdm", &w) == 0 && who.fqans == 2,
	    "NULL roles and capabilities are cut off, doubles left out");
	ok(who_add(&who, "/C=UN/CN=eve", &w) < 0, "a DN is no FQAN");
	ok(who_is(&who, "/mdm") && who_is(&who, "/mdm/neuro/Role=reader") &&
		who_is(&who, "/C=UN/CN=ada"),
	    "who she is");
	ok(!who_is(&who, "/mdm/neuro") && !who_is(&who, "/md") &&
		!who_is(&who, "/mdm/") && !who_is(&who, "/C=UN/CN=Ada") &&
		!who_is(&who, ""),
	    "a role is not its group, nor is anything like it");
	who_free(&who);
}

static void
modes(void)
{
	static const struct {
		const char *mode, *perms;
	} good[] = {
		{ "g+g", "pdrwl-gs,------g-,--------" },
		{ "u-g", "pdrwl--s,--------,--------" },
		{ "u=g", "------g-,--------,--------" },
		{ "a+x", "pdrwlxgs,-----x--,-----x--" },
		{ "+x", "pdrwlxgs,-----x--,-----x--" },
		{ "go+lg", "pdrwl-gs,----l-g-,----l-g-" },
		{ "g+g,g-g", "pdrwl-gs,--------,--------" },
		{ "o=pdrwlxgs,u-p", "-drwl-gs,--------,pdrwlxgs" },
		{ "gg+gg", "pdrwl-gs,------g-,--------" },
	};
	static const char *const bad[] = { "", "g", "g+", "+", "g+z", "z+g",
		"g+g,", ",g+g", "g+g,,o+g", "g+g+l", "g +g", "0755", "u=" };
	char perms[ACL_PERMS];
	unsigned i, wrong = 0;
	struct acl a;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		acl_init(&a);
		if (acl_chmod(&a, good[i].mode, &w) < 0)
			wrong++;
		acl_perms(perms, &a);
		wrong += strcmp(perms, good[i].perms) != 0;
		acl_free(&a);
	}
	ok(wrong == 0, "modes do what they say");
	acl_init(&a);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		wrong += acl_chmod(&a, bad[i], &w) == 0 || w.code != EXIT_DATA;
	acl_perms(perms, &a);
	ok(wrong == 0 && strcmp(perms, "pdrwl-gs,--------,--------") == 0,
	    "bad ones nothing, not even their first clause");
	ok(acl_set_perms(&a, "p-------,-d------,--r-----", &w) == 0 &&
		a.user == ACL_P && a.grp == ACL_D && a.other == ACL_R,
	    "sets");
	ok(acl_set_perms(&a, "p------- -d------,--r-----", &w) < 0 &&
		acl_set_perms(&a, "d-------,-d------,--r-----", &w) < 0 &&
		acl_set_perms(&a, "p-------,-d------,--r-----,", &w) < 0 &&
		acl_set_perms(&a, "p-------,-d------", &w) < 0 &&
		a.user == ACL_P,
	    "have one form");
	acl_free(&a);
}

static void
lists(void)
{
	static const char *const bad[] = { "/CN=x", "/CN=x:", ":g", "/CN=x:gg",
		"/CN=x:z", "/CN=x:g-------", "/CN=x:g ", "/CN=x\t:g",
		"/CN=a:g\n/CN=b\n", "/CN=a:g\r\n" };
	char big[ACL_TEXT_MAX + 200], *text;
	unsigned i, wrong = 0;
	struct acl a, b;

	acl_init(&a);
	acl_init(&b);
	ok(acl_modify(&a, "/mdm/b:g\n/C=UN/CN=Robot: night:lg", &w) == 0 &&
		list_is(&a, "/C=UN/CN=Robot: night:----l-g-\n"
			    "/mdm/b:------g-\n"),
	    "entries: the last colon counts, one order");
	ok(acl_modify(&a, "# a comment: with colon\n\n/mdm/b:pd------\n", &w) ==
		    0 &&
		list_is(&a, "/C=UN/CN=Robot: night:----l-g-\n"
			    "/mdm/b:pd------\n"),
	    "an entry is replaced; comments say nothing");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		wrong += acl_modify(&a, bad[i], &w) == 0 ||
			 acl_set_list(&a, bad[i], &w) == 0;
	ok(wrong == 0 && a.entries == 2, "bad lines change nothing");
	ok(acl_delete(&a, "/mdm\n/mdm/\n/mdm/B\n/mdm/bb", &w) == 0 &&
		a.entries == 2,
	    "what only resembles an entry is not it");
	ok(acl_delete(&a, "/mdm/b", &w) == 0 && a.entries == 1, "deleted");
	ok(acl_modify(&a, "/C=UN/CN=Robot: night:--------", &w) == 0 &&
		a.entries == 0,
	    "an entry without permissions is none");
	acl_modify(&a, "/mdm:g\n/mdm/b:l\n/mdm/a:s\n/CN=x:p", &w);
	acl_modify(&b, "/mdm/a:s\n/CN=x:p\n/mdm/b:l\n/mdm:g", &w);
	ok(acl_equal(&a, &b), "equal rights are equal, whatever their history");
	acl_copy(&b, &a);
	acl_chmod(&b, "o+l", &w);
	ok(!acl_equal(&a, &b), "others are not");
	memset(big, 'a', sizeof big);
	for (i = 0; i < sizeof big; i += 500)
		memcpy(big + i, ":g\n", 3), big[i + 3] = (char)('a' + i / 500);
	big[0] = big[1] = big[2] = 'x';
	big[sizeof big - 1] = '\0';
	ok(acl_set_list(&a, big, &w) < 0 && a.entries == 4, "nor too long");
	acl_set_owner(&a, "/C=UN/CN=Robot: night", &w);
	acl_set_group(&a, "/mdm", &w);
	text = acl_show(&a, "/a/b_c");
	ok(strcmp(text,
	       "# ENTRY: /a/b_c\n# User: /C=UN/CN=Robot: night\n"
	       "# Group: /mdm\n# Base perms: user pdrwl-gs, group "
	       "--------, other --------\n/CN=x:p-------\n"
	       "/mdm:------g-\n/mdm/a:-------s\n/mdm/b:----l---\n") == 0,
	    "shown as getacl does");
	acl_free(&b);
	acl_init(&b);
	ok(acl_set_list(&b, text, &w) == 0 && b.entries == a.entries,
	    "and read again");
	free(text);
	acl_free(&a);
	acl_free(&b);
}

static void
held(void)
{
	struct acl a, b;
	struct who who;
	struct line l;

	acl_init(&a);
	acl_init(&b);
	line_init(&l, false);
	acl_set_owner(&a, "/CN=ada", &w);
	who_init(&who, "/CN=ada", &w);
	ok(acl_rights(&a, &who, true) == ACL_NEW, "the owner's rights");
	acl_hold(&a, "/CN=root", false);
	ok(acl_rights(&a, &who, true) == (ACL_NEW & ~(ACL_G | ACL_S)),
	    "held, without g and s");
	ok(acl_rights(&a, &who, false) == ACL_NEW, "which are not lost");
	ok(acl_held_by(&a, "/CN=root") && !acl_held_by(&a, "/CN=roo") &&
		!acl_held_by(&a, "/CN=root2"),
	    "by whom");
	acl_hold(&a, "/CN=root", false);
	acl_hold(&a, "/CN=b", false);
	acl_hold(&a, "/CN=c", false);
	ok(acl_hold(&a, "/CN=d", false) == 0 &&
		acl_hold(&a, "/CN=e", false) < 0,
	    "four at most");
	line_set_name(&l, "x", 1);
	acl_to_line(&l, &a);
	ok(acl_from_line(&b, &l, &w) == 0 && acl_equal(&a, &b),
	    "to a line and back");
	acl_hold(&a, "/CN=e", true);
	ok(strcmp(a.held, "/CN=e\n") == 0, "or one alone");
	acl_release(&a);
	ok(acl_rights(&a, &who, true) == ACL_NEW, "until it is released");
	line_free(&l);
	who_free(&who);
	acl_free(&a);
	acl_free(&b);
}

int
main(void)
{
	principals();
	modes();
	lists();
	held();
	return done_testing();
}
