#ifndef PROGRESS_H
#define PROGRESS_H

/*
 * --progress: objects, bytes, rate and time, on one line of a terminal that
 * is rewritten at most five times a second.  Silent without the option, and
 * without a terminal on standard error.  progress_end() leaves the last state.
 */
void progress_add(unsigned long objects, unsigned long long bytes);
void progress_end(void);

#endif
