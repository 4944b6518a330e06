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

int file_show(const struct nomount *n, sysfs_ino ino, struct text *out)
{
    return sysfs_show(nomount_tree(n), ino, out);
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

/* Opens it again, for what the caller wants of it alone. */
static int narrow(int fd, int flags)
{
    char path[64];
    int file;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    file = open(path, (flags & O_PATH ? O_RDONLY : flags & KEPT) | O_CLOEXEC);
    return file < 0 ? -errno : file;
}

static int fill(int fd, const char *content, size_t len)
{
    if (len && write(fd, content, len) != (ssize_t)len)
        return -ENOMEM;
    /* For whoever opens it again by way of /proc. */
    if (fchmod(fd, 0666) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return -errno;
    return 0;
}

int file_new(const struct nomount *n, sysfs_ino ino, const char *content, size_t len, int flags)
{
    char name[32];
    int fd, rc;

    snprintf(name, sizeof name, "apus:%016" PRIx64, ino);
    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    rc = fill(fd, content, len);
    if (rc == 0)
        rc = narrow(fd, flags);
    close(fd);
    return rc;
}

int file_new_name(const char *path)
{
    char name[PATH_MAX];
    int fd;

    snprintf(name, sizeof name, "apus:@%s", path);
    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return errno == EINVAL ? -ENAMETOOLONG : -errno;
}
