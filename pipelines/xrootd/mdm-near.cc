// mdm-near: what XRootD is told of files that are not in its directory, but can
// be brought there; see mdm-stage(1).
//
//	oss.statlib -2 libmdm-near.so NAMES
//
// NAMES is a directory with a file for each name, as long as what it stands for
// (mdm-names(1) makes it).  A name that is only there is NEARLINE; one that is
// in XRootD's own directory too is ONLINE and has a copy behind it.  Both are
// told by bits of st_rdev, which plain files do not use.

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

#include <XrdOss/XrdOss.hh>
#include <XrdOss/XrdOssStatInfo.hh>
#include <XrdSfs/XrdSfsFlags.hh>
#include <XrdVersion.hh>

namespace
{

std::string names;

// Is the name there, as a plain file or a directory, not as a link?
bool
known(const char *lfn, struct stat &st)
{
	if (lfn == nullptr || std::strstr(lfn, "/../") != nullptr)
		return false;
	return lstat((names + lfn).c_str(), &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

int
near(const char *path, struct stat *st, int opts, XrdOucEnv *, const char *lfn)
{
	struct stat name;

	if (stat(path, st) == 0) {
		if (S_ISREG(st->st_mode))
			st->st_rdev = known(lfn, name) ? XRDSFS_HASBKUP : 0;
		return 0;
	}
	if (errno != ENOENT || (opts & XRDOSS_resonly) != 0)
		return -1;
	if (!known(lfn, name)) {
		errno = ENOENT;
		return -1;
	}
	*st = name;
	if (S_ISREG(name.st_mode)) {
		st->st_rdev = XRDSFS_OFFLINE | XRDSFS_HASBKUP;
		st->st_mode = S_IFREG | 0444;
	}
	return 0;
}

} // namespace

extern "C" XrdOssStatInfo2_t
XrdOssStatInfoInit2(
    XrdOss *, XrdSysLogger *, const char *, const char *parms, XrdOucEnv *)
{
	if (parms == nullptr || *parms != '/')
		return nullptr; // XRootD then does not start
	names = parms;
	return near;
}
XrdVERSIONINFO(XrdOssStatInfoInit2, mdmnear);
