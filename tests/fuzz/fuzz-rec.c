/* Whatever reads as a stream is written again and reads the same. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
copy(int from, int to, bool any)
{
	struct why w = { 0 };
	struct recin *in = recin_open(from, NULL, 0, &w);
	struct recout *out = recout_open(to, &w);
	struct rec *r;
	const void *p;
	size_t n;
	int got = -1;

	if (in == NULL || out == NULL)
		goto done;
	if (any)
		recin_any_tar(in);
	while ((got = recin_next(in, &r, &w)) > 0) {
		if (r->size > 1 << 26) {
			got = -1; /* a hole of terabytes is only slow */
			w.code = EXIT_DATA;
			strcpy(w.text, "large");
			break;
		}
		if (recout_begin(out, r, REC_UNKNOWN, 0, &w) < 0)
			continue;
		while ((got = recin_block(in, &p, &n, &w)) == 1)
			if (recout_write(out, p, n, &w) < 0)
				abort();
		if (got < 0)
			break;
		if ((got == REC_VOID ? recout_void(out, &w)
				     : recout_done(out, NULL, &w)) < 0)
			abort();
	}
	if (got < 0 && (w.code == 0 || w.text[0] == '\0'))
		abort();
	if (got == 0 && recout_end(out, &w) < 0)
		abort();
done:
	recin_free(in);
	recout_free(out);
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int a = memfd_create("a", MFD_CLOEXEC),
	    b = memfd_create("b", MFD_CLOEXEC),
	    c = memfd_create("c", MFD_CLOEXEC);
	int any = size & 1;

	if (write(a, data, size) != (ssize_t)size || lseek(a, 0, SEEK_SET) != 0)
		abort();
	if (copy(a, b, any) == 0) {
		lseek(b, 0, SEEK_SET);
		if (copy(b, c, false) != 0)
			abort();
	}
	close(a);
	close(b);
	close(c);
	return 0;
}
