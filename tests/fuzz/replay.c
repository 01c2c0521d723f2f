#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Run a fuzz target over every file of a directory, without libFuzzer. */
int
main(int argc, char **argv)
{
	static uint8_t buf[1 << 20];
	struct dirent *d;
	unsigned long runs = 0;
	DIR *dir;

	if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
		fprintf(stderr, "replay: no corpus\n");
		return 1;
	}
	while ((d = readdir(dir)) != NULL) {
		char path[4096];
		FILE *f;
		size_t n;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], d->d_name);
		if ((f = fopen(path, "rb")) == NULL) {
			perror(path);
			return 1;
		}
		n = fread(buf, 1, sizeof buf, f);
		fclose(f);
		LLVMFuzzerTestOneInput(buf, n);
		runs++;
	}
	closedir(dir);
	return runs == 0;
}
