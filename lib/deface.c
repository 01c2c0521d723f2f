#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deface.h"
#include "mask.h"

#define PIECE ((size_t)1 << 16)

/* What is asked of the process that starts the command, and its answer. */
enum { RUN, WAIT, STOP };
struct request {
	int what;
	int ms; /* how long to wait for the end */
};
struct answer {
	int error;  /* of starting it; ETIMEDOUT */
	int status; /* as of waitpid() */
};

struct deface {
	int fd; /* to that process */
	pid_t pid;
	int seconds;

	/* The run at hand. */
	bool runs;
	int in, out; /* of the command; -1 when closed */
	long long ms_left;
	unsigned long long expected, got;
	char head[400];
	size_t head_at, head_len;
	unsigned char piece[PIECE];
};

/* The other process: the command, while it runs. */
static pid_t child = -1;

static void
kill_child(int *status)
{
	if (child < 0)
		return;
	/* Not reaped yet, so that its group is still its own. */
	kill(-child, SIGKILL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
	child = -1;
}

static int
spawn(const char *command, int in, int out)
{
	char *argv[] = { strdup(command), NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all;
	int e;

	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	e = posix_spawnp(&child, command, &files, &attr, argv, environ);
	if (e != 0)
		child = -1;
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(argv[0]);
	return e;
}

/* An answer, and unless they are NULL two descriptors. */
static bool
tell(int fd, const struct answer *a, const int *pass)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct answer copy = *a;
	struct iovec v = { &copy, sizeof copy };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (pass != NULL) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(&control.head), pass, 2 * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof copy;
}

static bool
run(int fd, const char *command)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	struct answer a = { 0 };
	bool told;

	kill_child(NULL);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		a.error = errno;
	else
		a.error = spawn(command, in[0], out[1]);
	told = tell(fd, &a, a.error ? NULL : (const int[2]){ in[1], out[0] });
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	return told;
}

static bool
await(int fd, int ms)
{
	struct answer a = { .error = ECHILD };
	struct pollfd p = { .events = POLLIN };

	p.fd = child < 0 ? -1 : (int)syscall(SYS_pidfd_open, child, 0);
	if (p.fd >= 0) {
		a.error = poll(&p, 1, ms) == 1 ? 0 : ETIMEDOUT;
		close(p.fd);
	}
	kill_child(&a.status);
	return tell(fd, &a, NULL);
}

/* What it inherits says nothing of keys. */
static void
clear_environment(void)
{
	char name[256];
	char **e = environ;

	while (*e != NULL) {
		size_t n = strcspn(*e, "=");

		if (strncmp(*e, "MDM_", 4) != 0 || n >= sizeof name) {
			e++;
			continue;
		}
		memcpy(name, *e, n);
		name[n] = '\0';
		unsetenv(name); /* the next one is here now */
	}
}

static void
other(int fd, const char *command)
{
	struct request q;
	int null = open("/dev/null", O_RDWR);
	bool on = true;

	/* It ends with the one that asks, and not before. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (fd > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0U, 0);
	clear_environment();
	while (on) {
		ssize_t n = recv(fd, &q, sizeof q, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof q)
			break;
		if (q.what == RUN)
			on = run(fd, command);
		else if (q.what == WAIT)
			on = await(fd, q.ms);
		else
			kill_child(NULL);
	}
	kill_child(NULL);
}

struct deface *
deface_start(const char *command, int seconds)
{
	struct deface *d = calloc(1, sizeof *d);
	int pair[2];

	if (d == NULL)
		die(EXIT_IO, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    (d->pid = fork()) < 0)
		die(EXIT_IO, "cannot start a process: %s", strerror(errno));
	if (d->pid == 0) {
		close(pair[0]);
		other(pair[1], command);
		_exit(EXIT_OK);
	}
	close(pair[1]);
	d->fd = pair[0];
	d->seconds = seconds;
	d->in = d->out = -1;
	return d;
}

void
deface_free(struct deface *d)
{
	if (d == NULL)
		return;
	deface_stop(d);
	close(d->fd);
	while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(d);
}

int
deface_check(const struct look *l, struct why *w)
{
	struct why ignored;

	if (l->big || l->frames < 1 || mask_check(l, &ignored) < 0)
		return why_set(w, EXIT_NO,
		    "(7fe0,0010): a face, stored in a way that no command is "
		    "given");
	return 0;
}

/* What went wrong; nobody needs the command any more. */
static int
failed(struct deface *d, struct why *w, const char *what)
{
	deface_stop(d);
	return why_set(
	    w, EXIT_NO, "its face stays: the defacing command %s", what);
}

static void
ask(const struct deface *d, int what, int ms)
{
	struct request q = { what, ms };

	if (send(d->fd, &q, sizeof q, MSG_NOSIGNAL) != (ssize_t)sizeof q)
		die(EXIT_BUG, "the process that runs the command is gone");
}

static void
hear(const struct deface *d, struct answer *a, int pass[2])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec v = { a, sizeof *a };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof control.room };
	struct cmsghdr *c;
	ssize_t n;

	while ((n = recvmsg(d->fd, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof *a)
		die(EXIT_BUG, "the process that runs the command is gone");
	if ((c = CMSG_FIRSTHDR(&m)) != NULL && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(pass, CMSG_DATA(c), 2 * sizeof(int));
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
deface_stop(struct deface *d)
{
	shut(&d->in);
	shut(&d->out);
	if (d->runs)
		ask(d, STOP, 0);
	d->runs = false;
}

int
deface_begin(struct deface *d, const struct look *l, unsigned long long bytes,
    struct why *w)
{
	struct answer a;
	int pass[2] = { -1, -1 };

	deface_stop(d);
	ask(d, RUN, 0);
	hear(d, &a, pass);
	if (a.error != 0)
		return failed(d, w, "cannot be run");
	d->runs = true;
	d->in = pass[0];
	d->out = pass[1];
	if (fcntl(d->in, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(d->out, F_SETFL, O_NONBLOCK) < 0)
		die(EXIT_IO, "the defacing command's pipes: %s",
		    strerror(errno));
	d->ms_left = 1000LL * d->seconds;
	d->expected = bytes;
	d->got = 0;
	d->head_at = 0;
	d->head_len = (size_t)snprintf(d->head, sizeof d->head,
	    "mdm-frames-1 rows=%u columns=%u frames=%lld samples=%u planar=%u "
	    "photometric=%s allocated=%u stored=%u high=%u signed=%d "
	    "modality=%s spacing=%g,%g thickness=%g\n",
	    l->rows, l->columns, l->frames, l->samples, l->planar,
	    *l->photometric == 'P' ? "PALETTE" : l->photometric, l->allocated,
	    l->stored, l->high, l->is_signed, l->modality, l->spacing[0],
	    l->spacing[1], l->thickness);
	return 0;
}

static long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Wait for the command; only this counts.  false when it took too long. */
static bool
ready(struct deface *d, bool to_write)
{
	struct pollfd p[2] = { { d->out, POLLIN, 0 },
		{ to_write ? d->in : -1, POLLOUT, 0 } };
	long long begun = now_ms();
	int n = poll(p, 2, d->ms_left < 0 ? 0 : (int)d->ms_left);
	bool interrupted = n < 0 && errno == EINTR;

	d->ms_left -= now_ms() - begun;
	return n > 0 || (interrupted && d->ms_left > 0);
}

/* A write that finds nobody reading is no signal to us. */
static ssize_t
write_quietly(int fd, const void *p, size_t n)
{
	struct timespec none = { 0 };
	sigset_t quiet, old;
	ssize_t r;
	int e;

	sigemptyset(&quiet);
	sigaddset(&quiet, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &quiet, &old);
	r = write(fd, p, n);
	e = errno;
	if (r < 0 && e == EPIPE)
		sigtimedwait(&quiet, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return r;
}

/*
 * What it has not read it does not need.  How much of the n bytes it took; all
 * if it takes no more.
 */
static size_t
give(struct deface *d, const void *p, size_t n)
{
	ssize_t k = d->in < 0 ? (ssize_t)n : write_quietly(d->in, p, n);

	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (k < 0) {
		shut(&d->in);
		return n;
	}
	return (size_t)k;
}

/* 1: bytes that it gave; 0: none now, or never again; -1 with *w. */
static int
take(struct deface *d, const void **out, size_t *got, struct why *w)
{
	ssize_t k;

	if (d->out < 0)
		return 0;
	k = read(d->out, d->piece, sizeof d->piece);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (k < 0)
		return failed(d, w, "cannot be read from");
	if (k == 0) {
		shut(&d->out);
		return d->got == d->expected ? 0
					     : failed(d, w, "wrote too little");
	}
	d->got += (size_t)k;
	if (d->got > d->expected)
		return failed(d, w, "wrote too much");
	*out = d->piece;
	*got = (size_t)k;
	return 1;
}

int
deface_put(struct deface *d, const void *bytes, size_t n, size_t *used,
    const void **out, size_t *got, struct why *w)
{
	const unsigned char *p = bytes;
	int r = 0;

	*used = 0;
	while (r == 0 && *used < n) {
		if (d->in >= 0 && !ready(d, true))
			return failed(d, w, "takes too long");
		if ((r = take(d, out, got, w)) != 0)
			break;
		if (d->out < 0) /* it has given all */
			shut(&d->in);
		if (d->head_at < d->head_len && d->in >= 0)
			d->head_at += give(
			    d, d->head + d->head_at, d->head_len - d->head_at);
		else
			*used += give(d, p + *used, n - *used);
	}
	return r;
}

/* Its output has ended, of the right length: was it content with it? */
static int
content(struct deface *d, struct why *w)
{
	struct answer a;
	int pass[2];

	ask(d, WAIT, d->ms_left < 0 ? 0 : (int)d->ms_left);
	hear(d, &a, pass);
	d->runs = false;
	if (a.error != 0)
		return failed(d, w, "takes too long");
	if (!WIFEXITED(a.status) || WEXITSTATUS(a.status) != 0)
		return failed(d, w, "failed");
	return 0;
}

int
deface_end(struct deface *d, const void **out, size_t *got, struct why *w)
{
	int r = 0;

	shut(&d->in);
	while (r == 0 && d->out >= 0) {
		if (!ready(d, false))
			return failed(d, w, "takes too long");
		r = take(d, out, got, w);
	}
	return r == 0 && d->runs ? content(d, w) : r;
}
