#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "opt.h"
#include "word.h"

#define FACILITY (10 << 3) /* authpriv */
#define NOTICE 5
#define INFO 6

struct audit {
	char *file, *service;
	int fd, sock;           /* -1: none */
	struct sockaddr_un log; /* where sock goes, to connect it again */
	char host[256];
	bool cut;  /* the file may end in half a line */
	bool full; /* memory ran out: the next flush fails */
	char *buf;
	size_t used, size;
	time_t second; /* that stamp[] is of */
	char stamp[40];
};

static int
open_file(struct audit *a, struct why *w)
{
	int fd = opt_open(a->file, O_WRONLY | O_APPEND | O_CREAT, w);

	if (fd < 0)
		return -1;
	if (a->fd >= 0 && a->fd != fd)
		close(a->fd);
	a->fd = fd;
	return 0;
}

static int
open_log(struct audit *a)
{
	struct timeval patience = { 1, 0 };

	if (a->sock >= 0)
		close(a->sock);
	a->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a->sock < 0)
		return -1;
	setsockopt(
	    a->sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return connect(a->sock, (struct sockaddr *)&a->log, sizeof a->log);
}

struct audit *
audit_open(
    const char *file, const char *syslog, const char *service, struct why *w)
{
	struct audit *a = calloc(1, sizeof *a);

	if (a == NULL || (a->service = strdup(service)) == NULL ||
	    (file != NULL && (a->file = strdup(file)) == NULL)) {
		free(a);
		why_set(w, EXIT_IO, "out of memory");
		return NULL;
	}
	a->fd = a->sock = -1;
	if (gethostname(a->host, sizeof a->host - 1) < 0 || !*a->host)
		strcpy(a->host, "-");
	if (file != NULL && open_file(a, w) < 0) {
		audit_close(a);
		return NULL;
	}
	if (syslog == NULL)
		return a;
	a->log.sun_family = AF_UNIX;
	if (strlen(syslog) >= sizeof a->log.sun_path) {
		why_set(w, EXIT_USAGE, "%s: too long for a socket", syslog);
		audit_close(a);
		return NULL;
	}
	strcpy(a->log.sun_path, syslog);
	if (open_log(a) < 0) {
		why_set(w, EXIT_IO, "%s: %s", syslog, strerror(errno));
		audit_close(a);
		return NULL;
	}
	return a;
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	if (a->fd > STDERR_FILENO)
		close(a->fd);
	if (a->sock >= 0)
		close(a->sock);
	free(a->file);
	free(a->service);
	free(a->buf);
	free(a);
}

int
audit_reopen(struct audit *a, struct why *w)
{
	if (a->file == NULL || strncmp(a->file, "/dev/", 5) == 0 ||
	    strcmp(a->file, "-") == 0)
		return 0;
	return open_file(a, w);
}

static char *
room(struct audit *a, size_t n)
{
	size_t size = a->size ? a->size : 8192;
	char *p;

	while (size - a->used < n)
		size *= 2;
	if (size > a->size) {
		if ((p = realloc(a->buf, size)) == NULL) {
			a->full = true;
			return NULL;
		}
		a->buf = p;
		a->size = size;
	}
	return a->buf + a->used;
}

static void
raw(struct audit *a, const char *s)
{
	size_t n = strlen(s);
	char *p = room(a, n);

	if (p == NULL)
		return;
	memcpy(p, s, n);
	a->used += n;
}

static void
word(struct audit *a, const char *before, const char *s)
{
	size_t n = strlen(s);
	char *p;

	raw(a, before);
	if ((p = room(a, WORD_MAX(n))) != NULL)
		a->used += word_encode(p, s, n);
}

static void
stamp(struct audit *a)
{
	char micro[32];
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec != a->second) {
		a->second = t.tv_sec;
		gmtime_r(&t.tv_sec, &tm);
		strftime(a->stamp, sizeof a->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	}
	raw(a, a->stamp);
	snprintf(micro, sizeof micro, ".%06ldZ", t.tv_nsec / 1000);
	raw(a, micro);
}

void
audit_add(struct audit *a, const char *peer, const struct who *who,
    const char *op, const char *id, const char *answer, const char *text,
    int bad)
{
	unsigned i;

	stamp(a);
	word(a, "\tservice=", a->service);
	word(a, "\top=", op);
	word(a, "\tanswer=", answer);
	raw(a, bad ? "\tok=0" : "\tok=1");
	if (id != NULL) { /* a word already, as the client wrote it */
		raw(a, "\tid=");
		raw(a, *id ? id : "-");
	}
	word(a, "\tpeer=", peer);
	if (who != NULL)
		word(a, "\tdn=", who->dn);
	for (i = 0; who != NULL && i < who->fqans; i++)
		word(a, i == 0 ? "\tfqans=" : ",", who->fqan[i]);
	if (text != NULL)
		word(a, "\twhy=", text);
	raw(a, "\n");
}

/* All or nothing as far as it can be: half a line is ended by the next. */
static int
write_file(struct audit *a)
{
	size_t done = 0;
	ssize_t n;

	if (a->cut && write(a->fd, "\n", 1) != 1)
		return -1;
	a->cut = false;
	while (done < a->used) {
		n = write(a->fd, a->buf + done, a->used - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			a->cut = done > 0 && a->buf[done - 1] != '\n';
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

/* One line of n bytes, its stamp first, as RFC 5424 has it. */
static int
send_line(struct audit *a, const char *p, size_t n)
{
	char text[16384];
	const char *tab = memchr(p, '\t', n);
	size_t at = tab ? (size_t)(tab - p) : n;
	bool bad = memmem(p, n, "\tok=0\t", 6) != NULL;
	int len;

	len = snprintf(text, sizeof text, "<%d>1 %.*s %s %s %ld audit - %.*s",
	    FACILITY | (bad ? NOTICE : INFO), (int)at, p, a->host, a->service,
	    (long)getpid(), (int)(n - at), p + at);
	if (len >= (int)sizeof text)
		len = sizeof text - 1;
	if (send(a->sock, text, (size_t)len, MSG_NOSIGNAL) == len)
		return 0;
	/* syslog may have been restarted: once more, on a new socket */
	if (open_log(a) < 0 ||
	    send(a->sock, text, (size_t)len, MSG_NOSIGNAL) != len)
		return -1;
	return 0;
}

static int
write_log(struct audit *a)
{
	char *p = a->buf, *end = a->buf + a->used, *nl;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (send_line(a, p, (size_t)(nl - p)) < 0)
			return -1;
	}
	return 0;
}

int
audit_flush(struct audit *a, struct why *w)
{
	int rc = 0;

	if (a->full)
		rc = why_set(w, EXIT_IO, "audit: out of memory");
	else if (a->used && a->fd >= 0 && write_file(a) < 0)
		rc = why_set(
		    w, EXIT_IO, "audit: %s: %s", a->file, strerror(errno));
	else if (a->used && a->sock >= 0 && write_log(a) < 0)
		rc = why_set(w, EXIT_IO, "audit: %s: %s", a->log.sun_path,
		    strerror(errno));
	a->used = 0;
	a->full = false;
	return rc;
}
