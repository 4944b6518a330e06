/* SPDX-License-Identifier: MIT */
#include "socket/fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t fds_send(int socket, const void *bytes, size_t len, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec vector = {(void *)bytes, len};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.room;
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

static void take(struct msghdr *message, struct fds *out)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(out->v + out->count, CMSG_DATA(h), count * sizeof(int));
        out->count += (unsigned)count;
    }
}

ssize_t fds_receive(int socket, void *bytes, size_t len, int flags, struct fds *out)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec vector = {bytes, len};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_LEN(sizeof out->v)};
    ssize_t n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);

    out->count = 0;
    if (n >= 0)
        take(&message, out);
    return n;
}

int fds_receive_one(int socket, int flags)
{
    struct fds fds;
    char byte = 0;

    if (fds_receive(socket, &byte, 1, flags, &fds) < 0)
        return -errno;
    if (fds.count == 1)
        return fds.v[0];
    for (unsigned i = 0; i < fds.count; i++)
        close(fds.v[i]);
    return -EPROTO;
}
