#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs.h"
#include "scp.h"

struct guest {
	struct scp *s;
	int socket;
};

int
scp_init(struct scp *s, struct why *w)
{
	if (pipe2(s->wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return why_set(w, EXIT_IO, "pipe: %s", strerror(errno));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->freed, NULL);
	s->now = 0;
	atomic_init(&s->stopping, false);
	return 0;
}

void
scp_stop(struct scp *s)
{
	const int saved = errno;

	atomic_store(&s->stopping, true);
	if (write(s->wake[1], "", 1) < 0)
		errno = saved; /* it is full: that wakes too */
	errno = saved;
}

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The first syntax of a storage class: the sender names what it has first. */
static int
choose(void *arg, const char *abstract, const char *const *syntax, int n)
{
	int i;

	(void)arg;
	if (strcmp(abstract, PACS_VERIFY) != 0 &&
	    !starts(abstract, "1.2.840.10008.5.1.4.1.1.") &&
	    !starts(abstract, "1.2.840.10008.5.1.4.34.7") &&
	    !starts(abstract, "1.2.840.10008.5.1.4.34.10") &&
	    !starts(abstract, "1.2.840.10008.5.1.4.43.") &&
	    !starts(abstract, "1.2.840.10008.5.1.4.44.") &&
	    !starts(abstract, "1.2.840.10008.5.1.4.45.") &&
	    starts(abstract, "1.2.840.10008."))
		return -1;
	for (i = 0; i < n; i++)
		if (starts(syntax[i], PACS_IMPLICIT))
			return i;
	return -1;
}

static bool
allowed(void *arg, const char *calling)
{
	const struct scp *s = arg;

	return s->allowed == NULL || s->allowed(s->arg, calling);
}

/* What one message asks for.  0 or -1 with *w (lost). */
static int
serve_one(struct dimse *d, unsigned context, const struct dimsg *m,
    struct intake_way *way, struct why *w)
{
	switch (m->field) {
	case DIMSG_STORE:
		return pacs_store(d, context, m, way, w);
	case DIMSG_CANCEL:
		return 0;
	case DIMSG_ECHO:
		break;
	default:
		if (m->field & DIMSG_ANSWER)
			return why_set(
			    w, EXIT_FEW, "the peer does not keep to DICOM");
	}
	if (m->data && pacs_skip(d, w) < 0)
		return -1;
	return pacs_answer(d, context, m,
	    m->field == DIMSG_ECHO ? DIMSG_SUCCESS : DIMSG_UNKNOWN, w);
}

/* Until the peer ends (true), it is lost, idle, or we are to stop. */
static bool
serve(struct scp *s, struct dimse *d, struct intake_way *way, struct why *w)
{
	unsigned context, idle = 0;
	struct dimsg m;
	int got;

	while (!atomic_load(&s->stopping) && idle < s->time) {
		got = pacs_command(d, true, &m, &context, w);
		if (got == 0)
			return true;
		idle = got == DIMSE_IDLE ? idle + 1 : 0;
		if (got == DIMSE_IDLE)
			continue;
		if (got < 0 || serve_one(d, context, &m, way, w) < 0)
			return false;
	}
	return why_set(w, EXIT_FEW,
		   idle < s->time ? "an association was ended because this "
				    "program ends"
				  : "an idle association was ended") == 0;
}

static void
host(struct scp *s, int socket)
{
	struct why w = { 0 };
	struct dimse *d = dimse_answer(s->net, socket, choose, allowed, s, &w);
	struct intake_way way;
	struct intake *in;
	bool clean;

	if (d == NULL) {
		say_warning("%s", w.text);
		return;
	}
	if ((in = s->begin(s->arg, &w)) == NULL) {
		say_error("%s", w.text);
		dimse_abort(d);
		return;
	}
	intake_way_init(&way, in);
	clean = serve(s, d, &way, &w);
	if (!clean)
		say_warning("%s", w.text);
	intake_way_free(&way);
	s->end(s->arg, in, clean);
	if (clean)
		dimse_end(d);
	else
		dimse_abort(d);
}

static void *
thread(void *arg)
{
	struct guest *g = arg;
	struct scp *s = g->s;

	host(s, g->socket);
	free(g);
	pthread_mutex_lock(&s->lock);
	s->now--;
	pthread_cond_signal(&s->freed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void
welcome(struct scp *s, int socket)
{
	struct guest *g = malloc(sizeof *g);
	pthread_attr_t detached;
	pthread_t t;

	if (g == NULL)
		die(EXIT_IO, "out of memory");
	*g = (struct guest){ s, socket };
	pthread_mutex_lock(&s->lock);
	while (s->now >= s->most)
		pthread_cond_wait(&s->freed, &s->lock);
	s->now++;
	pthread_mutex_unlock(&s->lock);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &detached, thread, g) != 0)
		thread(g);
	pthread_attr_destroy(&detached);
}

void
scp_run(struct scp *s)
{
	struct pollfd fds[] = { { dimse_listening(s->net), POLLIN, 0 },
		{ s->wake[0], POLLIN, 0 } };
	int socket;

	while (!atomic_load(&s->stopping)) {
		if (poll(fds, 2, -1) < 0 || !(fds[0].revents & POLLIN))
			continue;
		if ((socket = dimse_take(s->net)) >= 0)
			welcome(s, socket);
	}
	pthread_mutex_lock(&s->lock);
	while (s->now > 0)
		pthread_cond_wait(&s->freed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
