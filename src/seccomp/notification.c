/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include "seccomp/internal.h"

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

bool seccomp_waits(int line, uint64_t id)
{
    return seccomp_listener_ioctl(line, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}
