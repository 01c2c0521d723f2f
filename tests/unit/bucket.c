/* how fast a client may have things */

#include "bucket.h"
#include "say.h"
#include "tap.h"

int
main(void)
{
	struct bucket *b;
	char name[32];
	double t = 1000;
	int i;

	b = bucket_new(10, 100);
	ok(bucket_take(b, "a", 60, t) == 60, "within the burst");
	ok(bucket_take(b, "a", 60, t) == 40, "what is left of it");
	ok(bucket_take(b, "a", 1, t) == 0, "and no more");
	ok(bucket_take(b, "b", 100, t) == 100, "another client's is full");
	ok(bucket_take(b, "a", 60, t + 1) == 10, "a second fills it by rate");
	ok(bucket_take(b, "a", 200, t + 1000) == 100, "to the burst only");
	bucket_give(b, "a", 50, t + 1000);
	ok(bucket_take(b, "a", 60, t + 1000) == 50, "what is given back");
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "client %d", i);
		bucket_take(b, name, 1, t + 1000);
	}
	ok(bucket_take(b, "a", 60, t + 1000) == 0,
	    "an empty one is not forgotten for those that are nearly full");
	bucket_free(b);
	return done_testing();
}
