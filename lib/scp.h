#ifndef SCP_H
#define SCP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dimse.h"
#include "intake.h"

/*
 * A storage SCP: answers associations, one thread each, takes the objects that
 * are sent (C-STORE) and says that it is there (C-ECHO).  Objects are accepted
 * in whatever syntax they come, of every standard storage class.
 */
struct scp {
	struct dimse_net *net; /* listening */
	unsigned most;         /* associations at once; more must wait */
	unsigned time;         /* seconds that one may be idle */
	/* May who calls itself so send?  NULL: anybody may. */
	bool (*allowed)(void *arg, const char *calling);
	/*
	 * An association begins: where its objects go; NULL with *w.  It ends:
	 * lost unless clean.  In the association's thread.
	 */
	struct intake *(*begin)(void *arg, struct why *w);
	void (*end)(void *arg, struct intake *in, bool clean);
	void *arg;

	/* Its own. */
	pthread_mutex_t lock;
	pthread_cond_t freed;
	unsigned now;
	int wake[2];
	atomic_bool stopping;
};

/* 0 or -1 with *w. */
int scp_init(struct scp *s, struct why *w);

/* Serve until scp_stop(); then end what was begun, and return. */
void scp_run(struct scp *s);

/* From a signal handler or another thread. */
void scp_stop(struct scp *s);

#endif
