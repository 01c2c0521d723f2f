#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"

static char tmp[PATH_MAX];
static const char *final;
static int fd = -1;
static volatile sig_atomic_t armed;

static void
discard(void)
{
	if (armed) {
		armed = 0;
		unlink(tmp);
	}
}

static void
on_signal(int sig)
{
	discard();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
arm(void)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	size_t i;

	for (i = 0; i < sizeof sigs / sizeof *sigs; i++)
		if (signal(sigs[i], on_signal) == SIG_IGN)
			signal(sigs[i], SIG_IGN);
	atexit(discard);
}

int
out_open(const char *path)
{
	const char *slash;
	struct stat st;
	mode_t mask;
	int n;

	final = path;
	if (path == NULL) {
		fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 18);
		return fd = STDOUT_FILENO;
	}
	/* a device or a pipe is written to, never replaced by a file */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		final = NULL;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			die(EXIT_IO, "%s: %s", path, strerror(errno));
		return fd;
	}
	slash = strrchr(path, '/');
	slash = slash ? slash + 1 : path;
	n = snprintf(tmp, sizeof tmp, "%.*s.%s.XXXXXX", (int)(slash - path),
	    path, slash);
	if (n < 0 || (size_t)n >= sizeof tmp)
		die(EXIT_USAGE, "output path too long");
	arm();
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		die(EXIT_IO, "%s: %s", path, strerror(errno));
	armed = 1;
	mask = umask(0);
	umask(mask);
	if (fchmod(fd, 0666 & ~mask) < 0)
		die(EXIT_IO, "%s: %s", path, strerror(errno));
	return fd;
}

int
out_sync_dir(const char *path)
{
	char copy[PATH_MAX];
	int d, r, e;

	snprintf(copy, sizeof copy, "%s", path);
	d = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d < 0)
		return -1;
	r = fsync(d);
	e = errno;
	close(d);
	errno = e;
	return r;
}

void
out_commit(void)
{
	const char *name = final ? final : "standard output";

	if (final && fsync(fd) < 0)
		die(EXIT_IO, "%s: %s", name, strerror(errno));
	if (close(fd) < 0)
		die(EXIT_IO, "%s: %s", name, strerror(errno));
	if (final == NULL)
		return;
	if (rename(tmp, final) < 0)
		die(EXIT_IO, "%s: %s", name, strerror(errno));
	armed = 0;
	if (out_sync_dir(final) < 0)
		die(EXIT_IO, "%s: %s", name, strerror(errno));
}

int
out_write(int to, const void *p, size_t n, struct why *w)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(to, s, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return why_set(
			    w, EXIT_IO, "cannot write: %s", strerror(errno));
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

int
out_new_file(
    const char *path, const void *p, size_t n, unsigned mode, struct why *w)
{
	char beside[PATH_MAX];
	int f, k, e;

	k = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
	if (k < 0 || (size_t)k >= sizeof beside)
		return why_set(w, EXIT_USAGE, "%s: path too long", path);
	if ((f = mkostemp(beside, O_CLOEXEC)) < 0)
		return why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
	if (fchmod(f, mode) < 0 || out_write(f, p, n, w) < 0 || fsync(f) < 0 ||
	    link(beside, path) < 0) { /* link(2), unlike rename(2), fails if
					 path exists */
		e = errno;
		close(f);
		unlink(beside);
		return why_set(w, EXIT_IO, "%s: %s", path, strerror(e));
	}
	unlink(beside);
	if (close(f) < 0 || out_sync_dir(path) < 0)
		return why_set(w, EXIT_IO, "%s: %s", path, strerror(errno));
	return 0;
}
