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
    int fd = memfd_create("apus-preload.so", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes &&
        fchmod(fd, 0555) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -ENOMEM;
}

int library_open(int library)
{
    char path[32];
    int fd;

    snprintf(path, sizeof path, "/proc/self/fd/%d", library);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
