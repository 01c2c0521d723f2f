#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

/* The rights of Landlock's first ABI: all that opens or changes by name. */
#define ALL ((1ULL << 13) - 1)

static void
confine(const char *dir)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	struct landlock_path_beneath_attr below = { .allowed_access = ALL };
	int set;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	set = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (set < 0)
		return;
	if (dir != NULL) {
		below.parent_fd = open(dir, O_PATH | O_CLOEXEC);
		if (below.parent_fd < 0 ||
		    syscall(SYS_landlock_add_rule, set,
			LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0) {
			close(set);
			return;
		}
		close(below.parent_fd);
	}
	syscall(SYS_landlock_restrict_self, set, 0);
	close(set);
}

void
sandbox_closed(void)
{
	confine(NULL);
}

void
sandbox_below(const char *dir)
{
	confine(dir);
}
