/* What storages say of where an object is. */

#include <string.h>

#include "grid_impl.h"
#include "tap.h"

static const struct {
	const char *text, *word;
} said[] = {
	{ "ONLINE", "ONLINE" },
	{ "NEARLINE ", "NEARLINE" },
	{ "NEARLINE\t1", "NEARLINE" },
	{ "ONLINE_AND_NEARLINE", "ONLINE_AND_NEARLINE" },
	{ "LOST", "LOST" },
	{ "", "" },
	{ "nearline", "" },
	{ "?NEARLINE", "" },
	{ "A_WORD_LONGER_THAN_THERE_IS_ROOM_FOR", "A_WORD_LONGER_THAN_THER" },
};

int
main(void)
{
	char word[24];
	size_t i;

	for (i = 0; i < sizeof said / sizeof *said; i++) {
		memset(word, 'x', sizeof word);
		grid_locality(word, said[i].text, strlen(said[i].text), 256);
		ok(strcmp(word, said[i].word) == 0, said[i].text);
	}
	grid_locality(word, "NEARLINE", 8, 8);
	ok(*word == '\0', "one that was cut is none");
	grid_locality(word, "NEARLINEX", 8, 256);
	ok(strcmp(word, "NEARLINE") == 0, "its end is its length");
	return done_testing();
}
