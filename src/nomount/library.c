/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nomount/internal.h"

static const unsigned char bytes[] = {
#include "preload_library.h"
};

int library_new(void)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int fd = file_memory("apus-preload.so"), rc;

    if (fd < 0)
        return -errno;
    rc = file_write(fd, bytes, sizeof bytes);
    if (rc == 0 && (fchmod(fd, 0444) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0))
        rc = -errno;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int library_open(int library)
{
    char path[32];
    int fd;

    snprintf(path, sizeof path, "/proc/self/fd/%d", library);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
