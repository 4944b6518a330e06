/* SPDX-License-Identifier: MIT */
/* Whether it is plain that the machine is not concerned. */
#include "preload/look.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>

#include "preload/call.h"

/* File systems in which directories and files can be of the machine, or beside such. */
enum { MEMORY, SHADOW, SYS, DEV, PROC, PLACES };

static struct {
    bool known;
    unsigned long device[PLACES];
    unsigned long root_device, root_ino;
} seen;

static unsigned long device_of(const char *path)
{
    struct stat st;

    st.st_dev = 0;
    return pass(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0) == 0 ? st.st_dev : 0;
}

/* False: there is nobody to ask any more. Threads that do so at once find the same. */
static bool learn(void)
{
    uint64_t told[2];
    struct stat st;

    if (__atomic_load_n(&seen.known, __ATOMIC_ACQUIRE))
        return true;
    if (call(SYS_getcwd, (long)told, sizeof told, NOMOUNT_MARK, 0, 0, 0) != sizeof told ||
        pass(SYS_newfstatat, AT_FDCWD, (long)"/", (long)&st, 0) < 0)
        return false;
    seen.device[MEMORY] = told[0];
    seen.device[SHADOW] = told[1];
    seen.device[SYS] = device_of("/sys");
    seen.device[DEV] = device_of("/dev");
    seen.device[PROC] = device_of("/proc");
    seen.root_device = st.st_dev;
    seen.root_ino = st.st_ino;
    __atomic_store_n(&seen.known, true, __ATOMIC_RELEASE);
    return true;
}

bool look_is_plain(const struct stat *st)
{
    if (!learn())
        return false;
    for (int i = 0; i < PLACES; i++)
        if (st->st_dev == seen.device[i])
            return false;
    return !S_ISSOCK(st->st_mode);
}

/* No path from there leads to the machine but by way of "..". */
static bool is_plain_directory(int at)
{
    struct stat st;
    long rc;

    if (at == AT_FDCWD)
        rc = pass(SYS_newfstatat, at, (long)".", (long)&st, 0);
    else
        rc = pass(SYS_fstat, at, (long)&st, 0, 0);
    return rc == 0 && S_ISDIR(st.st_mode) && look_is_plain(&st) &&
           (st.st_dev != seen.root_device || st.st_ino != seen.root_ino);
}

static bool is_name(const char *name, size_t len, const char *other)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] != other[i])
            return false;
    return !other[len];
}

/* What the names in a path say of where it leads. */
enum way {
    WAY_SUSPECT, /* perhaps to the machine */
    WAY_STAYS, /* without links it stays below its start, and below the name that it begins with */
    WAY_DOWN   /* the same, and it has no ".." */
};

/* An absolute path that comes back to the root directory begins anew there. */
static enum way way_of(const char *path)
{
    const bool absolute = *path == '/';
    enum way way = WAY_DOWN;
    unsigned depth = 0;

    for (size_t len;; path += len) {
        while (*path == '/')
            path++;
        for (len = 0; path[len] && path[len] != '/'; len++)
            ;
        if (!len)
            return way;
        if (is_name(path, len, "."))
            continue;
        if (is_name(path, len, "..")) {
            if (depth-- <= absolute)
                return WAY_SUSPECT;
            way = WAY_STAYS;
        } else if (depth++ == 0 && absolute &&
                   (is_name(path, len, "sys") || is_name(path, len, "dev") ||
                    is_name(path, len, "proc"))) {
            return WAY_SUSPECT;
        }
    }
}

/* Whether such a result shows that the kernel could read the path. */
static bool was_read(long rc, const char *path)
{
    return path && (rc >= 0 || rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES || rc == -ELOOP);
}

/* What is not there for the kernel may be of the machine, and a link may lead to it. */
static bool has_no_links(int at, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    long fd = pass(SYS_openat2, at, (long)path, (long)&how, sizeof how);

    if (fd >= 0)
        call(SYS_close, fd, 0, 0, 0, 0, 0);
    return was_read(fd, path) && fd != -ELOOP;
}

bool look_concerns_nobody(long rc, int at, const char *path, const struct stat *found)
{
    enum way way;

    if (!was_read(rc, path) || !learn() || !*path)
        return false;
    way = way_of(path);
    if (way == WAY_SUSPECT || (*path != '/' && !is_plain_directory(at)) ||
        (rc >= 0 && !look_is_plain(found)))
        return false;
    return (rc >= 0 && way == WAY_DOWN) || has_no_links(at, path);
}

long look_open(int at, const char *path, int flags, struct stat *found)
{
    long fd = pass(SYS_openat, at, (long)path, flags, 0);

    found->st_mode = S_IFSOCK; /* unless it is found */
    if (fd >= 0)
        pass(SYS_fstat, fd, (long)found, 0, 0);
    if (look_concerns_nobody(fd, at, path, found))
        return fd;
    if (fd >= 0)
        call(SYS_close, fd, 0, 0, 0, 0, 0);
    return -ENOSYS;
}
