#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hydra_api.h"
#include "secret.h"

/*
 * Requests to a key store that has one key: its owner's, and those of one who
 * may do nothing and gets no share, whatever is sent.
 */
#define PUT                                                                    \
	"00112233445566778899aabbccddeeff\tx=1\tk=2\tn=3\te=1\tshare="         \
	"4243129b588c87799e9bc301516335ee9efa238117e2394b20ea2c075497d78e\t"   \
	"check=68e653cfa8e7fa79a6a9ff57fb84c896\tcommit="                      \
	"6be60bdc7d0bb9910b1279b921683330f8f5a9a01788dd6dd77672f9867c8994"     \
	"96feae853c19a0c342b590123992acc1\n.end\t1\n"

static const char *const op[] = { "put", "undo", "get", "rm", "getacl",
	"setacl", "stage", "switch", "drop", "stat" };
static const char *const creators[] = { "/CN=ada" };
static const char *const admins[] = { "/CN=root" };
static const struct hydra_policy policy = { creators, 1, admins, 1, 2 };
static struct who ada, nix;
static char dir[] = "/tmp/fuzz-hydra-XXXXXX";
static struct hydra *store;

static void
leave(void)
{
	char cmd[64];

	hydra_close(store);
	who_free(&ada);
	who_free(&nix);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd) != 0)
		abort();
}

static void
begin(void)
{
	char url[64], *answer;
	struct why w;
	size_t n;

	secret_init(2 * HYDRA_SECRET);
	if (mkdtemp(dir) == NULL || who_init(&ada, "/CN=ada", &w) < 0 ||
	    who_init(&nix, "/CN=nix", &w) < 0)
		abort();
	snprintf(url, sizeof url, "sqlite:%s/store", dir);
	store = hydra_open(1, url, NULL, true, &policy, NULL, &w);
	if (store == NULL)
		abort();
	atexit(leave);
	if (hydra_ask(store, "POST", "/v1/put", &ada, PUT, sizeof PUT - 1,
		&answer, &n, &w) != 200)
		abort();
	hydra_drop(answer, n);
}

struct answer {
	char *p;
	size_t n;
};

static void
collect(void *arg, const void *bytes, size_t n)
{
	struct answer *a = arg;

	a->p = realloc(a->p, a->n + n + 1);
	if (a->p == NULL)
		abort();
	memcpy(a->p + a->n, bytes, n);
	a->n += n;
	a->p[a->n] = '\0';
}

/* As many lines as .end says, and none that gives away what it must not. */
static void
judge(const struct answer *a, bool may)
{
	const char *p = a->p, *next;
	unsigned long lines = 0;
	char want[40];

	for (; (next = strchr(p, '\n')) != NULL && next[1] != '\0';
	     p = next + 1) {
		if (strncmp(p, ".end\t", 5) == 0)
			abort();
		lines++;
	}
	snprintf(want, sizeof want, ".end\t%lu\n", lines);
	if (strcmp(p, want) != 0 || a->n != strlen(a->p))
		abort();
	if (!may && (strstr(a->p, "\tshare=") || strstr(a->p, "\towner=")))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which operation, by whom, in pieces of what size; then the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer a = { NULL, 0 };
	struct hydra_sink sink = { collect, &a };
	struct hydra_call *c;
	char target[32];
	struct why w;
	size_t piece, n;
	bool may;
	int status;

	if (store == NULL)
		begin();
	if (size < 2)
		return 0;
	may = data[0] & 1;
	piece = data[1] ? data[1] : size;
	snprintf(target, sizeof target, "/v1/%s",
	    op[data[0] / 2 % (sizeof op / sizeof *op)]);
	c = hydra_call(
	    store, "POST", target, may ? &ada : &nix, sink, &status, &w);
	for (data += 2, size -= 2; status == 0 && size > 0;
	     data += n, size -= n) {
		n = size < piece ? size : piece;
		status = hydra_feed(c, data, n, &w);
	}
	if (status == 0)
		status = hydra_finish(c, &w);
	if (status == 200)
		judge(&a, may);
	else if (status != 400 && status != 413)
		abort();
	hydra_free(c);
	free(a.p);
	return 0;
}
