#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "srm_dir.h"
#include "srm_requests.h"
#include "srm_stage.h"

#define MOST 64    /* commands at a time */
#define TAIL 300   /* bytes kept of what one says */
#define KEEP 86400 /* s that an outcome is remembered */

enum { QUEUED = 'q', RUNNING = 'r', READY = 'd', BROKEN = 'f' };

struct command {
	long long id;
	char *path;
	pid_t pid;
	int done, said; /* descriptors: of its end, of its standard error */
	char tail[TAIL + 1];
	size_t len;
};

struct srm_stage {
	const struct srm_stage_rules *rules;
	struct srm_back back;
	struct srm_dir *root, *dir;
	struct db *db; /* for those who ask */

	/* The thread's. */
	pthread_t thread;
	struct db *mine;
	int wake; /* an eventfd: something is queued, or it is over */
	bool over;
	struct command run[MOST];
	unsigned running;
};

/* ---- those who ask ---- */

static int
stage_stat(void *arg, const char *path, struct srm_info *info, struct why *w)
{
	struct srm_stage *s = arg;
	int rc = srm_dir_stat(s->dir, path, info);

	if (rc == ENOENT || rc == ENOTDIR || rc == ELOOP || rc == EXDEV)
		return 0;
	if (rc)
		return why_set(
		    w, EXIT_IO, "%s: %s", s->rules->dir, strerror(rc));
	info->nearline = info->online;
	info->online = false;
	info->adler32[0] = '\0'; /* that would be the name's, not the file's */
	return 1;
}

static int
stage_list(void *arg, const char *path, struct srm_names *names, struct why *w)
{
	struct srm_stage *s = arg;
	size_t i = names->n;
	int rc = srm_dir_list(s->dir, path, names);

	for (; i < names->n; i++) {
		names->v[i].info.nearline = names->v[i].info.online;
		names->v[i].info.online = false;
	}
	if (rc == 0 || rc == ENOENT || rc == ENOTDIR || rc == ELOOP ||
	    rc == EXDEV)
		return 0;
	return why_set(w, EXIT_IO, "%s: %s", s->rules->dir, strerror(rc));
}

static void
wake(struct srm_stage *s)
{
	uint64_t one = 1;

	if (write(s->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		say_error("the staging thread: %s", strerror(errno));
}

/* The one that is asked for already: 1 and its id, 0, -1. */
static int
asked(struct srm_stage *s, const char *path, long long *id, struct why *w)
{
	struct db_stmt *q = db_prepare(s->db,
	    "SELECT id FROM stage WHERE path = ?1 AND state IN (?2, ?3)", w);
	int got;

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, path);
	db_bind_int(q, 2, QUEUED);
	db_bind_int(q, 3, RUNNING);
	if ((got = db_step(q, w)) > 0) {
		*id = db_int(q, 0);
		db_reset(q);
	}
	return got;
}

static int
enqueue(struct srm_stage *s, const char *path, long long *id, struct why *w)
{
	struct db_stmt *q;
	int got = asked(s, path, id, w);

	if (got)
		return got < 0 ? -1 : 0;
	q = db_prepare(s->db,
	    "INSERT INTO stage (path, state, why, made)"
	    " VALUES (?1, ?2, '', ?3)",
	    w);
	if (q == NULL)
		return -1;
	db_bind_text(q, 1, path);
	db_bind_int(q, 2, QUEUED);
	db_bind_int(q, 3, (long long)time(NULL));
	if (db_run(q, w) < 0)
		return -1;
	return asked(s, path, id, w) < 0 ? -1 : 0;
}

static int
stage_ask(void *arg, const char *const *path, unsigned n, const struct who *who,
    char (*ticket)[SRM_TICKET], struct why *w)
{
	struct srm_stage *s = arg;
	long long id = 0;
	unsigned i;

	(void)who;
	if (db_begin(s->db, w) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (enqueue(s, path[i], &id, w) < 0) {
			db_rollback(s->db);
			return -1;
		}
		snprintf(ticket[i], SRM_TICKET, "%lld", id);
	}
	if (db_commit(s->db, w) < 0)
		return -1;
	wake(s);
	return 0;
}

static int
stage_status(void *arg, const char *path, const char *ticket, struct why *w)
{
	struct srm_stage *s = arg;
	struct db_stmt *q = db_prepare(s->db,
	    "SELECT state, why FROM stage WHERE id = ?1 AND path = ?2", w);
	int got, state;

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, atoll(ticket));
	db_bind_text(q, 2, path);
	if ((got = db_step(q, w)) < 0)
		return -1;
	if (got == 0) {
		why_set(w, EXIT_RETRY, "nothing is known of it any more");
		return SRM_STAGE_FAILED;
	}
	state = (int)db_int(q, 0);
	if (state == BROKEN)
		why_set(w, EXIT_NO, "%s", db_text(q, 1));
	db_reset(q);
	return state == QUEUED    ? SRM_STAGE_QUEUED
	       : state == RUNNING ? SRM_STAGE_RUNNING
	       : state == READY   ? SRM_STAGE_DONE
				  : SRM_STAGE_FAILED;
}

/* ---- the thread ---- */

static int
set_state(struct srm_stage *s, long long id, int state, const char *why,
    struct why *w)
{
	struct db_stmt *q = db_prepare(
	    s->mine, "UPDATE stage SET state = ?2, why = ?3 WHERE id = ?1", w);

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, id);
	db_bind_int(q, 2, state);
	db_bind_text(q, 3, why);
	return db_run(q, w);
}

/* In the child: the command, and nothing of ours. */
static void
become(const char *command, const char *path, const char *file, int said)
{
	char *const argv[] = { (char *)(uintptr_t) "sh",
		(char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
		(char *)(uintptr_t) "sh", (char *)(uintptr_t)path,
		(char *)(uintptr_t)file, NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(said, 2);
	close_range(3, ~0u, 0);
	execv("/bin/sh", argv);
	_exit(127);
}

/* Its directory must be there; the names are clients' no longer. */
static void
make_parents(struct srm_stage *s, const char *path)
{
	char copy[SRM_PATH], *p = copy;

	snprintf(copy, sizeof copy, "%s", path);
	while ((p = strchr(p + 1, '/')) != NULL) {
		*p = '\0';
		srm_dir_mkdir(s->root, copy);
		*p = '/';
	}
}

static int
start(struct srm_stage *s, long long id, const char *path, struct why *w)
{
	struct command *c = &s->run[s->running];
	char *command = NULL, *file = NULL;
	int said[2] = { -1, -1 };

	make_parents(s, path);
	/* COMMAND "$@": so that it may have arguments of its own */
	if (asprintf(&command, "%s \"$@\"", s->rules->command) < 0 ||
	    asprintf(&file, "%s%s", s->rules->root, path) < 0)
		die(EXIT_IO, "out of memory");
	*c = (struct command){ .id = id, .pid = -1, .done = -1, .said = -1 };
	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) == 0 && (c->pid = fork()) == 0)
		become(command, path, file, said[1]);
	if (c->pid > 0)
		c->done = (int)syscall(SYS_pidfd_open, c->pid, 0);
	free(command);
	free(file);
	if (said[1] >= 0)
		close(said[1]);
	if (c->pid < 0 || c->done < 0) {
		why_set(
		    w, EXIT_IO, "a command cannot be run: %s", strerror(errno));
		if (c->pid > 0)
			kill(-c->pid, SIGKILL);
		if (said[0] >= 0)
			close(said[0]);
		return -1;
	}
	c->said = said[0];
	if ((c->path = strdup(path)) == NULL)
		die(EXIT_IO, "out of memory");
	s->running++;
	return 0;
}

/* Start what is queued, as long as more may run. */
static int
start_some(struct srm_stage *s, struct why *w)
{
	struct db_stmt *q;
	char *path;
	long long id;
	int got;

	while (s->running < s->rules->most) {
		q = db_prepare(s->mine,
		    "SELECT id, path FROM stage WHERE state = ?1"
		    " ORDER BY id LIMIT 1",
		    w);
		if (q == NULL)
			return -1;
		db_bind_int(q, 1, QUEUED);
		if ((got = db_step(q, w)) <= 0)
			return got;
		id = db_int(q, 0);
		if ((path = strdup(db_text(q, 1))) == NULL)
			die(EXIT_IO, "out of memory");
		db_reset(q);
		got = set_state(s, id, RUNNING, "", w);
		if (got == 0)
			got = start(s, id, path, w);
		free(path);
		if (got < 0)
			return -1;
	}
	return 0;
}

static void
listen_to(struct command *c)
{
	char more[512];
	ssize_t n;

	while ((n = read(c->said, more, sizeof more)) > 0) {
		size_t k = (size_t)n, keep;
		const char *from = more;

		if (k > TAIL) {
			from += k - TAIL;
			k = TAIL;
		}
		keep = c->len + k > TAIL ? TAIL - k : c->len;
		memmove(c->tail, c->tail + c->len - keep, keep);
		memcpy(c->tail + keep, from, k);
		c->len = keep + k;
	}
	c->tail[c->len] = '\0';
}

/* The last line of what it said, in printable bytes. */
static const char *
last_line(struct command *c)
{
	char *p, *nl;

	while (c->len > 0 && c->tail[c->len - 1] == '\n')
		c->tail[--c->len] = '\0';
	nl = memrchr(c->tail, '\n', c->len);
	for (p = c->tail; p < c->tail + c->len; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return nl ? nl + 1 : c->tail;
}

/* It has ended: write down how. */
static int
ended(struct srm_stage *s, struct command *c, struct why *w)
{
	struct srm_info info;
	const char *text = "";
	int status = 0, state = BROKEN;

	waitpid(c->pid, &status, 0);
	listen_to(c);
	if (status == 0 && srm_dir_stat(s->root, c->path, &info) == 0 &&
	    info.online)
		state = READY;
	else if (*(text = last_line(c)) == '\0')
		text = status ? "the command that brings it online failed"
			      : "the command that brings it online brought "
				"nothing";
	status = set_state(s, c->id, state, text, w);
	close(c->done);
	close(c->said);
	free(c->path);
	*c = s->run[--s->running];
	return status;
}

static int
forget_old(struct srm_stage *s, struct why *w)
{
	struct db_stmt *q = db_prepare(s->mine,
	    "DELETE FROM stage WHERE state IN (?1, ?2) AND made < ?3", w);

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, READY);
	db_bind_int(q, 2, BROKEN);
	db_bind_int(q, 3, (long long)time(NULL) - KEEP);
	return db_run(q, w);
}

/* One turn: what there is to do, then wait.  0, or -1 with *w. */
static int
turn(struct srm_stage *s, struct why *w)
{
	struct pollfd p[1 + 2 * MOST];
	uint64_t count;
	unsigned i, n;

	if (start_some(s, w) < 0)
		return -1;
	n = s->running;
	p[0] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	for (i = 0; i < n; i++) {
		p[1 + 2 * i] =
		    (struct pollfd){ .fd = s->run[i].done, .events = POLLIN };
		p[2 + 2 * i] =
		    (struct pollfd){ .fd = s->run[i].said, .events = POLLIN };
	}
	if (poll(p, 1 + 2 * n, 3600 * 1000) == 0)
		return forget_old(s, w);
	if (p[0].revents && read(s->wake, &count, sizeof count) < 0 &&
	    errno != EAGAIN)
		return why_set(w, EXIT_IO, "%s", strerror(errno));
	for (i = n; i-- > 0;) {
		if (p[2 + 2 * i].revents & POLLIN)
			listen_to(&s->run[i]);
		else if (p[2 + 2 * i].revents && !p[1 + 2 * i].revents) {
			/* its standard error is closed: that is no news */
			close(s->run[i].said);
			s->run[i].said =
			    open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
		if (p[1 + 2 * i].revents && ended(s, &s->run[i], w) < 0)
			return -1;
	}
	return 0;
}

/* What was running, and runs no longer, is to be run again. */
static int
again(struct srm_stage *s, struct why *w)
{
	struct db_stmt *q = db_prepare(
	    s->mine, "UPDATE stage SET state = ?1 WHERE state = ?2", w);

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, QUEUED);
	db_bind_int(q, 2, RUNNING);
	return db_run(q, w);
}

static void *
thread(void *arg)
{
	struct srm_stage *s = arg;
	struct timespec pause = { 1, 0 };
	struct why w;

	while (!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE))
		if (turn(s, &w) < 0) {
			say_error("staging: %s", w.text);
			nanosleep(&pause, NULL);
			if (s->running == 0)
				again(s, &w);
		}
	while (s->running > 0) {
		struct command *c = &s->run[--s->running];

		kill(-c->pid, SIGTERM);
		waitpid(c->pid, NULL, 0);
		close(c->done);
		close(c->said);
		free(c->path);
	}
	return NULL;
}

/* Signals are for the thread that serves. */
static int
begin(struct srm_stage *s, struct why *w)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&s->thread, NULL, thread, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc ? why_set(w, EXIT_IO, "a thread: %s", strerror(rc)) : 0;
}

struct srm_stage *
srm_stage_open(const struct srm_stage_rules *rules, struct why *w)
{
	struct srm_stage *s = calloc(1, sizeof *s);

	if (s == NULL || (s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		die(EXIT_IO, "out of memory");
	s->rules = rules;
	s->back = (struct srm_back){ s, stage_stat, stage_list, stage_ask,
		stage_status, NULL };
	if ((s->root = srm_dir_open(rules->root, w)) != NULL &&
	    (s->dir = srm_dir_open(rules->dir, w)) != NULL &&
	    (s->db = db_open(rules->url, &srm_schema, false, w)) != NULL &&
	    (s->mine = db_open(rules->url, &srm_schema, false, w)) != NULL &&
	    again(s, w) == 0 && forget_old(s, w) == 0 && begin(s, w) == 0)
		return s;
	s->over = true; /* there is no thread */
	srm_stage_close(s);
	return NULL;
}

void
srm_stage_close(struct srm_stage *s)
{
	if (s == NULL)
		return;
	if (!s->over) {
		__atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
		wake(s);
		pthread_join(s->thread, NULL);
	}
	db_close(s->db);
	db_close(s->mine);
	srm_dir_close(s->root);
	srm_dir_close(s->dir);
	close(s->wake);
	free(s);
}

const struct srm_back *
srm_stage_back(struct srm_stage *s)
{
	return &s->back;
}
