/* SPDX-License-Identifier: MIT */
#include "socket/connection.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel passes no more with one message (SCM_MAX_FD). */
#define PASSED_MAX 253

static void keep_last(const struct msghdr *message, int *passed, struct closer *closer)
{
    struct msghdr *m = (struct msghdr *)message;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        size_t len = h->cmsg_len - CMSG_LEN(0);
        int fd;

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof fd <= len; at += sizeof fd) {
            memcpy(&fd, CMSG_DATA(h) + at, sizeof fd);
            if (passed) {
                int previous = *passed;

                *passed = fd;
                fd = previous;
            }
            if (fd >= 0)
                closer_close(closer, fd);
        }
    }
}

ssize_t socket_receive(int fd, void *bytes, size_t len, int *passed, struct closer *closer)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
    } control;
    struct iovec vector = {bytes, len};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n >= 0)
        keep_last(&message, passed, closer);
    return n;
}

void socket_hang_up(int fd, struct closer *closer)
{
    char byte;

    /* From now on nothing more comes, so an empty socket is closed at once. */
    shutdown(fd, SHUT_RDWR);
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        close(fd);
    else
        closer_close(closer, fd);
}
