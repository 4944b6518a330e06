/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include "seccomp/internal.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND /* Linux 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif

/* What is said to the listener about one notification. */

int seccomp_listener_ioctl(int listener, unsigned long number, void *argument)
{
    int rc;

    do
        rc = ioctl(listener, number, argument);
    while (rc < 0 && errno == EINTR);
    return rc;
}

static void send_answer(int listener, struct seccomp_notif_resp *answer)
{
    if (seccomp_listener_ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer) < 0)
        errno = 0; /* its caller is gone */
}

void seccomp_answer(int listener, uint64_t id, int64_t result)
{
    struct seccomp_notif_resp answer = {
        .id = id, .val = result < 0 ? 0 : result, .error = result < 0 ? (int32_t)result : 0};

    send_answer(listener, &answer);
}

void seccomp_let_kernel_go_on(int listener, uint64_t id)
{
    struct seccomp_notif_resp answer = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

    send_answer(listener, &answer);
}

int seccomp_give(int listener, uint64_t id, int fd, int at, bool cloexec)
{
    struct seccomp_notif_addfd add = {
        .id = id, .srcfd = (uint32_t)fd, .newfd_flags = cloexec ? O_CLOEXEC : 0};

    if (at < 0) {
        add.flags = SECCOMP_ADDFD_FLAG_SEND;
    } else {
        add.flags = SECCOMP_ADDFD_FLAG_SETFD;
        add.newfd = (uint32_t)at;
    }
    return seccomp_listener_ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

bool seccomp_waits(int line, uint64_t id)
{
    return seccomp_listener_ioctl(line, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}
