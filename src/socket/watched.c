/* SPDX-License-Identifier: MIT */
#include "socket/watched.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int join(int ours, int theirs)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;

    if (bind(theirs, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        listen(theirs, 0) < 0 || getsockname(theirs, (struct sockaddr *)&address, &len) < 0 ||
        connect(ours, (struct sockaddr *)&address, len) < 0)
        return -errno;
    return 0;
}

int watched_pair(int *ours, int *theirs)
{
    int rc;

    *ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = *ours < 0 || *theirs < 0 ? -errno : join(*ours, *theirs);
    if (rc < 0 && *ours >= 0)
        close(*ours);
    if (rc < 0 && *theirs >= 0)
        close(*theirs);
    return rc;
}
