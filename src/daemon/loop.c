/* SPDX-License-Identifier: MIT */
/*
 * The event loop. It waits for the listeners of seccomp filters by poll(2), and for all else by the
 * epoll instance of sd-event, which is among what it polls: only who waits at a listener itself is
 * woken on the CPU of the caller, without another one that has halted. A call that is reported
 * takes a fifth of the time.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>

#include "daemon/internal.h"

#define LISTENERS_MAX 64 /* others are woken for as all else is */

/* 0: nothing has come; 1; or -errno. */
static int wait_for_events(const struct daemon *d)
{
    struct pollfd fds[1 + LISTENERS_MAX] = {{.fd = sd_event_get_fd(d->event), .events = POLLIN}};
    nfds_t count = d->seccomp ? seccomp_listeners(d->seccomp, fds + 1, LISTENERS_MAX) : 0;

    if (!count)
        return sd_event_wait(d->event, UINT64_MAX);
    if (poll(fds, 1 + count, -1) < 0 && errno != EINTR)
        return -errno;
    return sd_event_wait(d->event, 0);
}

/* 0 or -errno. */
static int run_once(const struct daemon *d)
{
    int rc = sd_event_prepare(d->event);

    if (rc == 0)
        rc = wait_for_events(d);
    if (rc > 0)
        rc = sd_event_dispatch(d->event);
    return rc < 0 ? rc : 0;
}

int daemon_loop(const struct daemon *d)
{
    int rc = 0;

    while (rc == 0 && sd_event_get_state(d->event) != SD_EVENT_FINISHED)
        rc = run_once(d);
    return rc;
}
