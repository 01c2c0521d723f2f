/* No text makes a policy of one authority allow names to another. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sigpolicy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct why w = { 0 };
	int got;

	if (memmem(data, size, "another", 7) == NULL &&
	    sigpolicy_allows(text, size, "/CN=another", "/CN=x", &w) == 1)
		abort();
	got = sigpolicy_allows(text, size, "/CN=CA", "/CN=a*b?c", &w);
	if (got < -1 || got > 1 || (got < 0 && w.code != EXIT_DATA))
		abort();
	return 0;
}
