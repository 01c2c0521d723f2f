/* Whatever reads as lines is written again to the same bytes. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "line.h"
#include "word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
words(const struct line *l)
{
	static char text[LINE_MAX_BYTES], word[WORD_MAX(LINE_MAX_BYTES)];
	int i;

	for (i = 0; i < l->fields; i++) {
		const char *s = l->field[i].word;
		long n = word_decode(text, s, strlen(s));

		if (n < 0)
			abort();
		word_encode(word, text, (size_t)n);
		if (strcmp(word, s) != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int from = memfd_create("from", MFD_CLOEXEC),
	    to = memfd_create("to", MFD_CLOEXEC), got;
	struct linein *in = linein_open(from, "lines", false);
	struct lineout *out = lineout_open(to, "lines", false);
	struct why w = { 0 };
	uint8_t *back;
	struct line l;

	if (write(from, data, size) != (ssize_t)size ||
	    lseek(from, 0, SEEK_SET) != 0)
		abort();
	line_init(&l, false);
	while ((got = linein_next(in, &l, &w)) > 0) {
		words(&l);
		if (lineout_put(out, &l, &w) < 0)
			abort();
	}
	if (got < 0 && (w.code == 0 || w.text[0] == '\0'))
		abort();
	if (got == 0) {
		back = malloc(size + 1);
		if (lineout_end(out, &w) < 0 ||
		    lseek(to, 0, SEEK_END) != (off_t)size ||
		    pread(to, back, size, 0) != (ssize_t)size ||
		    memcmp(back, data, size) != 0)
			abort();
		free(back);
	}
	line_free(&l);
	linein_free(in);
	lineout_free(out);
	close(from);
	close(to);
	return 0;
}
