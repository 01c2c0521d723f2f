#ifndef SANDBOX_H
#define SANDBOX_H

/*
 * After everything is open: no new privileges, and no access to the file
 * system by name any more (Landlock).  Best effort: on a kernel without it
 * this does what it can and says nothing.
 */
void sandbox_closed(void);

/* The same, but dir and what is below it stay readable and writable. */
void sandbox_below(const char *dir);

#endif
