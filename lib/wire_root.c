#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "wire.h"

/*
 * XRootD's client as POSIX calls (XrdPosixXrootd of libXrdPosix.so.3).  They
 * are static functions of a C++ class whose arguments are C's, so C can call
 * them by the names that the compiler gave them; the soname says that these do
 * not change.  They set errno, and throw nothing.
 */
static struct {
	int (*open)(const char *url, int flags, mode_t mode, void *callback);
	ssize_t (*read)(int fd, void *b, size_t n);
	ssize_t (*write)(int fd, const void *b, size_t n);
	off_t (*seek)(int fd, off_t at, int whence);
	int (*close)(int fd);
	int (*stat)(const char *url, struct stat *st);
	int (*unlink)(const char *url);
	int (*rename)(const char *from, const char *to);
	int (*checksum)(const char *url, time_t *mtime, char *text, int size);
} xrd;

bool
wire_root_loads(void)
{
	static const char *const names[] = { "4OpenEPKcijP16XrdPosixCallBack",
		"4ReadEiPvm", "5WriteEiPKvm", "5LseekEili", "5CloseEi",
		"4StatEPKcP4stat", "6UnlinkEPKc", "6RenameEPKcS1_",
		"11QueryChksumEPKcRlPci" };
	void *so = dlopen("libXrdPosix.so.3", RTLD_NOW | RTLD_NOLOAD);
	void **calls = (void **)&xrd;
	char name[64];
	size_t i;

	for (i = 0; so != NULL && i < sizeof names / sizeof *names; i++) {
		snprintf(name, sizeof name, "_ZN14XrdPosixXrootd%s", names[i]);
		if ((calls[i] = dlsym(so, name)) == NULL)
			return false;
	}
	return so != NULL;
}

static int
root_open(struct wire *x, const char *url, int flags, int mode)
{
	(void)x;
	return xrd.open(url, flags, (mode_t)mode, NULL);
}

static long
root_read(struct wire *x, int fd, void *b, size_t n)
{
	(void)x;
	return xrd.read(fd, b, n);
}

static long
root_write(struct wire *x, int fd, const void *b, size_t n)
{
	(void)x;
	return xrd.write(fd, b, n);
}

static long long
root_seek(struct wire *x, int fd, long long at, int whence)
{
	(void)x;
	return xrd.seek(fd, (off_t)at, whence);
}

static int
root_close(struct wire *x, int fd)
{
	(void)x;
	return xrd.close(fd);
}

static int
root_stat(struct wire *x, const char *url, struct stat *st)
{
	(void)x;
	return xrd.stat(url, st);
}

static int
root_remove(struct wire *x, const char *url)
{
	(void)x;
	return xrd.unlink(url);
}

static int
root_rename(struct wire *x, const char *from, const char *to)
{
	(void)x;
	return xrd.rename(from, to);
}

/* The server's answer is "adler32 DIGITS". */
static int
root_adler32(struct wire *x, const char *url, char *sum, size_t size)
{
	char ask[8192], text[256] = "";
	time_t mtime;
	size_t n;

	(void)x;
	snprintf(ask, sizeof ask, "%s?cks.type=adler32", url);
	if (xrd.checksum(ask, &mtime, text, sizeof text - 1) < 0)
		return -1;
	text[sizeof text - 1] = '\0';
	n = strcspn(text, " ");
	if (n != 7 || strncasecmp(text, "adler32", n) != 0) {
		errno = ENOTSUP;
		return -1;
	}
	snprintf(sum, size, "%s", text + n + strspn(text + n, " "));
	return 0;
}

const struct wire_calls wire_root = {
	.open = root_open,
	.read = root_read,
	.write = root_write,
	.seek = root_seek,
	.close = root_close,
	.stat = root_stat,
	.remove = root_remove,
	.rename = root_rename,
	.adler32 = root_adler32,
};
