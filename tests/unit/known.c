/* who was here lately */

#include <string.h>

#include "known.h"
#include "tap.h"

static struct known *k;
static unsigned char one[32], two[32];

static bool
is_known(const unsigned char *digest, time_t now, const char *fqan)
{
	struct who who = { 0 };
	time_t until;
	bool found = known_find(k, digest, now, &who, &until);

	if (found)
		found = who_is(&who, "/C=UN/CN=a") && who_is(&who, fqan) &&
			until == 1030;
	who_free(&who);
	return found;
}

int
main(void)
{
	struct who who = { 0 };
	struct why w;

	two[0] = 1;
	k = known_new();
	if (who_init(&who, "/C=UN/CN=a", &w) < 0 ||
	    who_add(&who, "/mdm", &w) < 0)
		return 70;
	ok(!is_known(one, 1000, "/mdm"), "nobody at first");
	known_add(k, one, 1000, &who, 1030);
	ok(is_known(one, 1000, "/mdm"), "with all that it is");
	ok(!is_known(one, 1000, "/other"), "and no more");
	ok(!is_known(two, 1000, "/mdm"), "another one is not");
	ok(is_known(one, 1029, "/mdm"), "until the identity ends");
	ok(!is_known(one, 1030, "/mdm"), "and then not");
	known_add(k, one, 900, &who, 1030);
	ok(is_known(one, 959, "/mdm"), "for a minute");
	ok(!is_known(one, 960, "/mdm"), "and then not");
	ok(!is_known(one, 899, "/mdm"), "nor if the clock was set back");
	two[0] = one[0], two[31] = 1;
	known_add(k, two, 1000, &who, 1030);
	ok(!is_known(one, 910, "/mdm"), "a place is one client's");
	known_clear(k);
	ok(!is_known(two, 1000, "/mdm"), "forgotten");
	who_free(&who);
	known_free(k);
	return done_testing();
}
