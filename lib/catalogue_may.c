/* Who asks a catalogue, and what they may do. */

#include "catalogue_impl.h"

void
catalogue_as(struct catalogue *c, const struct who *who, bool admin)
{
	c->who = who;
	c->admin = admin;
	c->depth = -1;
}

int
may(struct catalogue *c, const struct rights *r, unsigned want, struct why *w)
{
	(void)r;
	(void)want;
	return may_admin(c, w);
}

int
dir_may(struct catalogue *c, int n, unsigned want, struct why *w)
{
	(void)n;
	(void)want;
	return may_admin(c, w);
}

int
may_remove(struct catalogue *c, int n, const struct rights *r, struct why *w)
{
	(void)n;
	(void)r;
	return may_admin(c, w);
}

int
may_own(struct catalogue *c, const struct rights *r, struct why *w)
{
	(void)r;
	return may_admin(c, w);
}

int
may_admin(struct catalogue *c, struct why *w)
{
	return c->who == NULL || c->admin
		   ? 0
		   : why_set(w, EXIT_DENIED, "not allowed");
}

int
rights_new(struct catalogue *c, int n, bool dir, unsigned mode,
    struct rights *r, struct why *w)
{
	(void)n;
	(void)dir;
	if (ourselves(c, w) < 0)
		return -1;
	r->mode = mode;
	r->owner = c->owner;
	r->group = c->group;
	r->acl = 0;
	return 0;
}
