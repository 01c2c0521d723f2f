/* A store's handle: what no filter asks of it */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hydra_api.h"
#include "secret.h"
#include "store.h"
#include "tap.h"

static struct why w;

/* Names of two keys that are not there, and one that is no name. */
static void
asking(struct store *s)
{
	static const char *const name[] = { "0123456789abcdef0123456789abcdef",
		"an/id/of/ours", "not%20an%20id" };
	struct line line[3], answer[3];
	const char *error[3];
	unsigned i;

	for (i = 0; i < 3; i++) {
		line_init(&line[i], false);
		line_init(&answer[i], false);
		line_set_name_word(&line[i], name[i]);
	}
	ok(store_ask(s, "stat", line, 3, answer, &w) == 0, "stat is answered");
	for (i = 0; i < 3; i++) {
		error[i] = line_word(&answer[i], "error");
		if (error[i] == NULL)
			error[i] = "";
		ok(strcmp(answer[i].name, name[i]) == 0, "in its order");
	}
	ok(strcmp(error[0], "missing") == 0, "a GUID that is not there");
	ok(strcmp(error[1], "missing") == 0, "an id that is not there");
	ok(strcmp(error[2], "bad") == 0, "what is no id");
	ok(store_ask(s, "nothing", line, 3, answer, &w) < 0 &&
		strstr(w.text, store_name(s)) == w.text,
	    "no such request: the message names the store");
	for (i = 0; i < 3; i++) {
		line_free(&line[i]);
		line_free(&answer[i]);
	}
}

int
main(void)
{
	char dir[] = "/tmp/unit-store-XXXXXX", cmd[64];
	struct store *s;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	secret_init(2 * HYDRA_SECRET);
	s = store_open(1, "sqlite:s1", NULL, true, &w);
	ok(s != NULL && !store_far(s), "a store in a file");
	if (s != NULL)
		asking(s);
	store_close(s);
	s = store_open(2, "https://localhost:1/", "12", false, &w);
	ok(s == NULL && w.code == EXIT_DATA, "a pin that is none");
	s = store_open(2, "https://a@localhost:1/?x", NULL, false, &w);
	ok(s == NULL && w.code == EXIT_DATA, "a URL with more than a place");
	s = store_open(2, "ftp://localhost/", NULL, false, &w);
	ok(s == NULL && w.code == EXIT_USAGE, "no such kind of store");
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) != 0 || done_testing();
}
