#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opt.h"
#include "secret.h"

void
secret_init(size_t bytes)
{
	static const struct rlimit none = { 0, 0 };
	size_t size = 1 << 16;

	while (size < bytes)
		size <<= 1;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	if (CRYPTO_secure_malloc_initialized())
		return;
	/* 1: ready; 2: ready, but not locked or guarded */
	if (CRYPTO_secure_malloc_init(size, 32) != 1) {
		say_error("cannot lock %zu bytes of memory for secrets", size);
		say_hint("raise the limit on locked memory (ulimit -l)");
		die(EXIT_IO, "no memory that is safe for keys");
	}
}

void *
secret_try(size_t n)
{
	if (!CRYPTO_secure_malloc_initialized())
		die(EXIT_BUG, "a secret before secret_init()");
	return OPENSSL_secure_zalloc(n);
}

void *
secret_alloc(size_t n)
{
	void *p = secret_try(n);

	if (p == NULL)
		die(EXIT_IO, "out of locked memory for secrets");
	return p;
}

void
secret_free(void *p, size_t n)
{
	if (p != NULL)
		OPENSSL_secure_clear_free(p, n);
}

void
secret_clear(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

void
secret_random(void *p, size_t n)
{
	unsigned char *o = p;

	while (n > 0) {
		size_t k = n < 1 << 16 ? n : 1 << 16;

		if (RAND_priv_bytes(o, (int)k) != 1)
			die(EXIT_BUG, "the random generator failed");
		o += k;
		n -= k;
	}
}

int
secret_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

int
secret_open(const char *path, struct why *w)
{
	struct stat st;
	int fd = opt_open(path, O_RDONLY, w);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		return fd;
	else if (st.st_mode & 077)
		why_set(w, EXIT_DENIED,
		    "%s: others than its owner may read it; chmod 600 it",
		    path);
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		why_set(w, EXIT_DENIED, "%s: belongs to another user", path);
	else
		return fd;
	if (strncmp(path, "/dev/fd/", 8) != 0 && fd > 2)
		close(fd);
	return -1;
}

void *
secret_read(const char *path, size_t max, size_t *n, struct why *w)
{
	unsigned char *p;
	ssize_t k = 0;
	int fd = secret_open(path, w);

	if (fd < 0)
		return NULL;
	p = secret_alloc(max + 2);
	for (*n = 0; *n <= max; *n += (size_t)k) {
		k = read(fd, p + *n, max + 1 - *n);
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k <= 0)
			break;
	}
	if (k < 0)
		why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
	else if (*n > max)
		why_set(
		    w, EXIT_DATA, "%s: too long for what it should be", path);
	if (fd > 2 && strncmp(path, "/dev/fd/", 8) != 0)
		close(fd);
	if (k < 0 || *n > max) {
		secret_free(p, max + 2);
		return NULL;
	}
	return p;
}
