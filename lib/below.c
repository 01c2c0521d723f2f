#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "below.h"

/* Without openat2(): each directory in turn, none of them a link. */
static int
open_by_steps(int root, const char *path, int flags)
{
	char part[NAME_MAX + 1];
	const char *slash;
	int dir = root, next;

	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		size_t n = (size_t)(slash - path);

		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			next = -1;
		} else {
			memcpy(part, path, n);
			part[n] = '\0';
			if (n == 0 || strcmp(part, ".") == 0 ||
			    strcmp(part, "..") == 0) {
				errno = EXDEV;
				next = -1;
			} else {
				next = openat(dir, part,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW |
					O_CLOEXEC);
			}
		}
		if (dir != root)
			close(dir);
		if (next < 0)
			return -1;
		dir = next;
	}
	if (*path == '\0' || strcmp(path, ".") == 0 ||
	    strcmp(path, "..") == 0) {
		errno = EXDEV;
		next = -1;
	} else {
		next = openat(dir, path, flags | O_NOFOLLOW);
	}
	if (dir != root)
		close(dir);
	return next;
}

int
below_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned long long)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	if (strcmp(path, ".") == 0)
		return openat(root, ".", flags);
	if (getenv("MDM_NO_OPENAT2") == NULL)
		fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	else
		errno = ENOSYS;
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_steps(root, path, flags);
	return (int)fd;
}

int
below_parent(int root, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t n = slash ? (size_t)(slash - path) : 1;

	*name = slash ? slash + 1 : path;
	if (n >= sizeof dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (slash != NULL)
		memcpy(dir, path, n);
	dir[n] = '\0';
	return below_open(root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
