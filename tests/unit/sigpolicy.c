/* which names an authority may sign */

#include <stdio.h>
#include <string.h>

#include "sigpolicy.h"
#include "tap.h"

#define CA "/C=UN/O=Grid/CN=Authority"
#define HEAD "access_id_CA X509 '" CA "'\npos_rights globus CA:sign\n"

static int
allows(const char *text, const char *ca, const char *subject)
{
	struct why w;

	return sigpolicy_allows(text, strlen(text), ca, subject, &w);
}

int
main(void)
{
	const char *one = HEAD "cond_subjects globus '\"/C=UN/O=Grid/*\"'\n";
	const char *two =
	    "# by hand\n" HEAD "cond_subjects globus '\"/C=XX/*\" "
	    "\"/C=UN/O=Hosts/?*\"' # more\n";
	const char *bare = HEAD "cond_subjects globus \"/C=UN/*\"";

	ok(allows(one, CA, "/C=UN/O=Grid/CN=Jane") == 1, "a name it covers");
	ok(allows(one, CA, "/C=UN/O=Grid/") == 1, "* is also nothing");
	ok(allows(one, CA, "/C=UN/O=Gridx/CN=Jane") == 0, "a name it does not");
	ok(allows(one, CA, "/c=un/o=grid/CN=Jane") == 0, "case counts");
	ok(allows(one, CA "x", "/C=UN/O=Grid/CN=Jane") == 0,
	    "another authority's policy says nothing");
	ok(allows(two, CA, "/C=UN/O=Hosts/CN=a") == 1, "the second pattern");
	ok(allows(two, CA, "/C=UN/O=Hosts/") == 0, "? is one byte");
	ok(allows(bare, CA, "/C=UN/CN=x") == 1,
	    "a bare pattern, and no newline at the end");
	ok(allows(HEAD "cond_subjects globus "
		       "'\"/DC=x/Email=*\" \"/DC=y/E=*\"'\n",
	       CA, "/DC=x/emailAddress=a@b") == 1,
	    "Email= is emailAddress=");
	ok(allows("access_id_CA X509 '" CA "'\n"
		  "cond_subjects globus '\"*\"'\n",
	       CA, "/C=UN") == 0,
	    "no right to sign, no names");
	ok(allows("", CA, "/C=UN") == 0, "an empty policy allows nothing");
	ok(allows(HEAD "neg_rights globus CA:sign\n", CA, "/C=UN") == -1,
	    "what it does not know is refused");
	ok(allows(HEAD "cond_subjects globus '\"/C=UN/*\n", CA, "/C=UN/") == -1,
	    "a quote without an end");
	ok(allows(HEAD "cond_subjects globus\n", CA, "/C=UN/") == -1,
	    "a line cut short");
	return done_testing();
}
