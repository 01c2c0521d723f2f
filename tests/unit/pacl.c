#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacl.h"
#include "tap.h"

static struct why w;
static struct pacl a;

static bool
text_is(const char *want)
{
	char *text = pacl_text(&a);
	bool is = strcmp(text, want) == 0;

	if (!is)
		printf("# %s\n", text);
	free(text);
	return is;
}

static bool
stored_is(const char *want, unsigned want_mode)
{
	unsigned mode = 0;
	char *text = pacl_store(&a, &mode);
	bool is = mode == want_mode &&
		  (want ? text && strcmp(text, want) == 0 : text == NULL);

	if (!is)
		printf("# %04o %s\n", mode, text ? text : "-");
	free(text);
	return is;
}

#define ADA "/C=UN/O=x/CN=Ada: a:b"
#define BASE "user::rw-\ngroup::r--\nother::---\n"

static void
texts(void)
{
	ok(pacl_load(&a, 0640, NULL, &w) == 0 && text_is(BASE), "a mode");
	ok(stored_is(NULL, 0640), "and back");
	ok(pacl_modify(&a, "group:/mdm/Role=r:r\nuser:" ADA ":rw", false, &w) ==
		    0 &&
		text_is("user::rw-\nuser:" ADA ":rw-\ngroup::r--\n"
			"group:/mdm/Role=r:r--\nmask::rw-\nother::---\n"),
	    "entries, one with colons, and the mask they need");
	ok(stored_is(
	       "user:" ADA ":rw-\ngroup::r--\ngroup:/mdm/Role=r:r--\n", 0660),
	    "what is stored; the mode has the mask");
	ok(pacl_load(&a, 0600,
	       "user:" ADA ":rw-\ngroup::r--\ngroup:/mdm/Role=r:r--\n",
	       &w) == 0 &&
		text_is("user::rw-\nuser:" ADA ":rw-\ngroup::r--\n"
			"group:/mdm/Role=r:r--\nmask::---\nother::---\n"),
	    "chmod of the group's bits is chmod of the mask");
	ok(pacl_modify(&a, "mask::r", false, &w) == 0 &&
		stored_is("user:" ADA ":rw-\ngroup::r--\n"
			  "group:/mdm/Role=r:r--\n",
		    0640),
	    "a mask that is given stays");
	ok(pacl_delete(&a, "user:" ADA ":\ngroup:/mdm/Role=r:r\n", &w) == 0 &&
		stored_is(NULL, 0640),
	    "without entries there is no mask");
}

static void
wrong(void)
{
	static const char *const lines[] = { "user",
		"user:", "user::", "user::q", "user::rrw", "user::rwxx",
		"owner::r", "other:x:r", "mask:x:r", "user:/mdm/neuro:r",
		"group:/C=UN/CN=x:r", "user:*:r", "default:user::r",
		"user:\001:r", ":::r" };
	size_t i;

	for (i = 0; i < sizeof lines / sizeof *lines; i++)
		ok(pacl_load(&a, 0640, NULL, &w) == 0 &&
			pacl_modify(&a, lines[i], false, &w) < 0 &&
			w.code == EXIT_DATA && text_is(BASE),
		    lines[i]);
	ok(pacl_set(&a, "user::r\nother::r", false, &w) < 0, "not whole");
	ok(pacl_delete(&a, "user::", &w) < 0, "the owner's entry stays");
	ok(pacl_load(&a, 0640, "user:x:r--\n", &w) < 0, "no group::");
	ok(pacl_load(&a, 0640, "other::r--\n", &w) < 0 &&
		pacl_load(&a, 0640, "default:user::r--\n", &w) < 0,
	    "what no row should have");
	ok(pacl_load(&a, 0640,
	       "default:user::r--\ndefault:user:x:r--\n"
	       "default:group::r--\ndefault:other::r--\n",
	       &w) < 0,
	    "nor defaults that name somebody, without a mask");
}

static void
presets(void)
{
	unsigned mode = 0777;
	struct pacl b;
	char *text;

	pacl_load(&a, 0750, NULL, &w);
	ok(pacl_modify(&a, "default:group:/mdm:r-x", true, &w) == 0 &&
		text_is("user::rwx\ngroup::r-x\nother::---\n"
			"default:user::rwx\ndefault:group::r-x\n"
			"default:group:/mdm:r-x\ndefault:mask::r-x\n"
			"default:other::---\n"),
	    "defaults are completed");
	text = pacl_inherit(&a, true, &mode);
	pacl_init(&b);
	ok(mode == 0750 && pacl_load(&b, mode, text, &w) == 0, "a directory");
	free(text);
	text = pacl_text(&b);
	ok(strcmp(text, "user::rwx\ngroup::r-x\ngroup:/mdm:r-x\nmask::r-x\n"
			"other::---\ndefault:user::rwx\ndefault:group::r-x\n"
			"default:group:/mdm:r-x\ndefault:mask::r-x\n"
			"default:other::---\n") == 0,
	    "has them as its own, and hands them on");
	free(text);
	mode = 0640;
	text = pacl_inherit(&a, false, &mode);
	ok(mode == 0640 && strcmp(text, "group::r-x\ngroup:/mdm:r-x\n") == 0,
	    "a file has them within its mode, and hands nothing on");
	free(text);
	pacl_drop(&a, true);
	mode = 0700;
	ok(text_is("user::rwx\ngroup::r-x\nother::---\n") &&
		pacl_inherit(&a, true, &mode) == NULL && mode == 0700,
	    "without defaults the mode is all");
	pacl_free(&b);
}

static bool
may(const char *dn, const char *fqans, unsigned want)
{
	char copy[200], *p, *save;
	struct who who;
	bool is;

	who_init(&who, dn, &w);
	snprintf(copy, sizeof copy, "%s", fqans);
	for (p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
		who_add(&who, p, &w);
	is = pacl_may(&a, "/CN=owner", "/mdm", &who, want);
	who_free(&who);
	return is;
}

static void
decisions(void)
{
	pacl_load(&a, 0147, NULL, &w);
	ok(may("/CN=owner", "/mdm", PACL_X) &&
		!may("/CN=owner", "/mdm", PACL_R),
	    "the owner is the owner only");
	ok(may("/CN=b", "/mdm", PACL_R) && !may("/CN=b", "/mdm", PACL_W),
	    "a member is a member only");
	ok(may("/CN=b", "/mdm/Role=x /other", 7), "others: byte for byte");
	pacl_load(&a, 0770, NULL, &w);
	pacl_modify(
	    &a, "user:/CN=b:-\ngroup:/r:r\ngroup:/w:w\ngroup::-", false, &w);
	ok(!may("/CN=b", "/r", PACL_R), "named: that decides");
	ok(may("/CN=c", "/mdm /r", PACL_R), "one group of several grants");
	ok(!may("/CN=c", "/r /w", PACL_R | PACL_W), "two do not add up");
	ok(!may("/CN=c", "/mdm", PACL_R), "nor does other, to a member");
	ok(!may("/CN=c", "", PACL_R), "nor here to anybody");
	pacl_modify(&a, "mask::w", false, &w);
	ok(!may("/CN=c", "/r", PACL_R) && may("/CN=c", "/w", PACL_W),
	    "the mask holds for groups");
	ok(may("/CN=owner", "", 7), "and not for the owner");
}

static bool
mode_is(unsigned from, bool dir, const char *text, unsigned want)
{
	return pacl_chmod(&from, dir, text, &w) == 0 && from == want;
}

static void
modes(void)
{
	unsigned mode = 0640;

	ok(mode_is(0640, false, "u+x", 0740) &&
		mode_is(0640, false, "0600", 0600) &&
		mode_is(0640, false, "a=r,u+w", 0644) &&
		mode_is(0640, false, "go-rwx", 0600) &&
		mode_is(0640, false, "=r", 0444) &&
		mode_is(0640, false, "+X", 0640) &&
		mode_is(0640, true, "+X", 0751) &&
		mode_is(0755, true, "+t", 01755) &&
		mode_is(01755, true, "u=r", 01455),
	    "chmod");
	ok(pacl_chmod(&mode, false, "", &w) < 0 &&
		pacl_chmod(&mode, false, "u", &w) < 0 &&
		pacl_chmod(&mode, false, "u+r,", &w) < 0 &&
		pacl_chmod(&mode, false, "u+q", &w) < 0 &&
		pacl_chmod(&mode, false, "4755", &w) < 0 &&
		pacl_chmod(&mode, false, "1644", &w) < 0 &&
		pacl_chmod(&mode, false, "888", &w) < 0 && mode == 0640,
	    "and what it does not take");
}

int
main(void)
{
	pacl_init(&a);
	texts();
	wrong();
	presets();
	decisions();
	modes();
	pacl_free(&a);
	return done_testing();
}
