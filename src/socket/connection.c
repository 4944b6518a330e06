/* SPDX-License-Identifier: MIT */
#include "socket/connection.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket/fds.h"

/* Asks no file system, which may be our own. */
static bool is_stream(int fd)
{
    socklen_t len = sizeof(int);
    int type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

ssize_t socket_receive(int fd, void *bytes, size_t len, int *passed, struct closer *closer)
{
    struct fds fds;
    ssize_t n = fds_receive(fd, bytes, len, MSG_DONTWAIT, &fds);

    for (unsigned i = 0; i < fds.count; i++) {
        int unwanted = fds.v[i];

        if (passed && !is_stream(unwanted)) {
            unwanted = *passed;
            *passed = fds.v[i];
        }
        if (unwanted >= 0)
            closer_close(closer, unwanted);
    }
    return n;
}

void socket_hang_up(int fd, struct closer *closer)
{
    char byte;

    /* The peer can send no more, so once the socket is empty it can be closed without blocking. */
    shutdown(fd, SHUT_RDWR);
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        close(fd);
    else
        closer_close(closer, fd);
}
