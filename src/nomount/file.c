/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nomount/internal.h"

/* Nobody writes to a memfd of ours but by a store: a write that were not reported fails. */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define KEPT  (O_ACCMODE | O_APPEND | O_NONBLOCK)

int file_show(const struct nomount_view *v, sysfs_ino ino, struct text *out)
{
    return sysfs_show(view_tree(v), ino, out);
}

unsigned file_wants(int flags)
{
    if (flags & O_PATH)
        return 0;
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return MAY_READ;
    case O_WRONLY:
        return MAY_WRITE;
    default:
        return MAY_READ | MAY_WRITE;
    }
}

/*
 * Opens it again, for what the caller wants of it alone. A descriptor of O_PATH cannot be passed
 * on, so it is one that the kernel does not read, and that is marked by its name: all else of it is
 * reported.
 */
static int narrow(int fd, int flags)
{
    char path[64];
    int file;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    file = open(path, (flags & O_PATH ? O_WRONLY : flags & KEPT) | O_CLOEXEC);
    return file < 0 ? -errno : file;
}

int file_write(int fd, const void *content, size_t len)
{
    ssize_t written = write(fd, content, len);

    if (written < 0)
        return -errno;
    return (size_t)written == len ? 0 : -EFBIG; /* RLIMIT_FSIZE */
}

static int fill(int fd, const char *content, size_t len)
{
    int rc = len ? file_write(fd, content, len) : 0;

    return rc == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : rc;
}

/*
 * For whoever opens it again by a path of /proc that only the kernel understands: as the attribute
 * itself, whose owner is this user as well. What has been given to another one cannot be opened
 * that way.
 */
static int set_mode(const struct nomount_view *v, sysfs_ino ino, int fd, int flags)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(view_tree(v), ino, &e);

    if (rc < 0)
        return rc;
    if (flags & O_PATH)
        e.mode = 0;
    else if (e.uid || e.gid)
        e.mode = 0600;
    return fchmod(fd, e.mode & 0777) < 0 ? -errno : 0;
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* since Linux 6.3; some systems have no other one */
#endif

int file_memory(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

int file_new(struct nomount_view *v, sysfs_ino ino, const char *content, size_t len, int flags)
{
    char name[48];
    int fd, file, rc;

    snprintf(name, sizeof name, "apus:%x:%016" PRIx64 "%s", v->id, ino,
             flags & O_PATH ? FILE_BARE : "");
    fd = file_memory(name);
    if (fd < 0)
        return -errno;
    rc = fill(fd, content, len);
    file = rc < 0 ? rc : narrow(fd, flags);
    rc = file < 0 ? file : set_mode(v, ino, fd, flags);
    close(fd);
    if (rc < 0 && file >= 0)
        close(file);
    if (rc < 0)
        return rc;
    issued_add(v, ino);
    return file;
}

int file_new_name(const char *path)
{
    char name[PATH_MAX];
    int fd;

    snprintf(name, sizeof name, "apus:@%s", path);
    fd = file_memory(name);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return errno == EINVAL ? -ENAMETOOLONG : -errno;
}
