#ifndef NOTIFY_H
#define NOTIFY_H

#include "say.h"

/*
 * The two things that a service manager offers and that are worth having:
 * sockets that it opened for us (socket activation), and being told how we
 * are (sd_notify).  Without one, nothing happens.
 */

/*
 * How many sockets were handed to us: descriptors 3, 4...  Takes them out of
 * the environment and marks them close-on-exec.  Call once.
 */
int notify_sockets(void);

/* Tell: "READY=1", "STOPPING=1", "STATUS=...".  Best effort. */
void notify(const char *state);

/* "RELOADING=1" with the time that goes with it; follow it by "READY=1". */
void notify_reloading(void);

#endif
