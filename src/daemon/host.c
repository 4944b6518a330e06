/* SPDX-License-Identifier: MIT */
/* What the control commands need besides the core. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/internal.h"

#define FUSE_MAJOR 10
#define FUSE_MINOR 229

static uint64_t host_now(void *data)
{
    const struct daemon *d = data;

    return clock_now(&d->clock);
}

static int host_mount_guest(void *data, unsigned guest, int fd, struct text *why)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
        st.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR)) {
        close(fd);
        text_adds(why, "the descriptor that came with the request is none of /dev/fuse");
        return -EINVAL;
    }
    return daemon_mount_new(data, guest + 1, NULL, fd, why);
}

static int host_advance(void *data, uint64_t ns, struct text *why)
{
    struct daemon *d = data;
    int rc = clock_advance(&d->clock, ns);

    if (rc < 0)
        text_addf(why, "more than %u timers fired on the way; the clock stopped there",
                  CLOCK_FIRES_MAX);
    return rc;
}

static void host_quit(void *data)
{
    struct daemon *d = data;

    sd_event_exit(d->event, 0);
}

static bool host_settle(void *data, void (*done)(void *argument), void *argument)
{
    struct daemon *d = data;

    return !d->hub || fuse_hub_settle(d->hub, done, argument);
}

void daemon_host_init(struct daemon *d)
{
    d->host = (struct control_host){
        .data = d,
        .virtual_clock = d->clock.is_virtual,
        .now = host_now,
        .mount_guest = host_mount_guest,
        .advance = host_advance,
        .quit = host_quit,
        .settle = host_settle,
    };
}
