/*
 * Whatever reads as a profile gives rules whose lines, read again, are the
 * same; whatever reads as a list of patients answers.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "patients.h"
#include "profile.h"
#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static void
twice(int fd)
{
	struct deid_profile *a = profile_new(), *b = profile_new();
	struct why w = { 0 };
	const char *text;
	int again;

	if (profile_read(a, fd, "input", &w) == 0) {
		text = rules_text(a->rules);
		again = file_of(text, strlen(text));
		if (profile_read(b, again, "again", &w) < 0 ||
		    strcmp(rules_text(b->rules), text) != 0)
			abort();
		close(again);
		rules_tag(a->rules, 0x00081010);
		rules_private(a->rules, "A", 0x00431001);
		rules_rejects(a->rules, "1.2.840.10008.5.1.4.1.1.2");
	} else if (w.code == 0) {
		abort();
	}
	profile_free(a);
	profile_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size);
	struct why w = { 0 };
	struct patients *p;

	twice(fd);
	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if ((p = patients_read(fd, "input", &w)) != NULL)
		patients_find(p, "I ", 2, " A", 2);
	patients_free(p);
	close(fd);
	return 0;
}
