/* SPDX-License-Identifier: MIT */
/* What the control socket needs besides the core: clock, mounts, the end of the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "socket/fds.h"

#define FUSE_MAJOR 10
#define FUSE_MINOR 229

static uint64_t ops_now(void *data)
{
    const struct daemon *d = data;

    return clock_now(&d->clock);
}

/* AT_STATX_DONT_SYNC: the descriptor may be a file on our own FUSE mount, and a request to it would
 * deadlock. */
static bool is_fuse(int fd)
{
    struct statx st;

    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) == 0 &&
           S_ISCHR(st.stx_mode) && st.stx_rdev_major == FUSE_MAJOR &&
           st.stx_rdev_minor == FUSE_MINOR;
}

static int ops_mount_guest(void *data, unsigned guest, int fd, struct text *why)
{
    struct command look = {.kind = CMD_GUEST_LOOK, .look = {.guest = guest}};
    struct daemon *d = data;
    struct reply reply = {0};
    int own;

    if (!is_fuse(fd)) {
        text_adds(why, "the descriptor sent with the request is not an open /dev/fuse");
        return -EINVAL;
    }
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        own = -errno;
        text_addf(why, "cannot mount the guest's tree: %s", error_text(errno));
        return own;
    }
    d->door.execute(&d->door, &look, &reply);
    reply_done(&reply);
    return daemon_mount_new(d, guest + 1, NULL, own, why);
}

/* The name is the kernel's; whatever else is asked of a descriptor may come back to us. */
static bool is_listener(int fd)
{
    static const char right[] = "anon_inode:seccomp notify";
    char path[32], name[sizeof right] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, name, sizeof name) == (ssize_t)strlen(right) &&
           memcmp(name, right, strlen(right)) == 0;
}

static int listen_to(struct daemon *d, int listener, int lender, struct text *why)
{
    int rc;

    if (!is_listener(listener)) {
        text_adds(why, "the descriptor sent with the request is not the listener of a seccomp "
                       "filter");
        return -EINVAL;
    }
    rc = seccomp_listen(d->seccomp, listener, lender);
    if (rc < 0)
        text_addf(why, "cannot serve the program's ioctls: %s", error_text(-rc));
    return rc;
}

/* What is sent is the listener, or a lender's socket that has the listener in its first message. */
static int ops_listen(void *data, int fd, struct text *why)
{
    struct daemon *d = data;
    int own, listener, rc;

    if (!d->seccomp) {
        text_adds(why, "this daemon has no device nodes (--ioctl, --dev-links)");
        return -ENOTSUP;
    }
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        rc = -errno;
        text_addf(why, "cannot serve the program's ioctls: %s", error_text(-rc));
        return rc;
    }
    listener = is_listener(own) ? own : fds_receive_one(own, MSG_DONTWAIT);
    rc = listen_to(d, listener, listener == own ? -1 : own, why);
    if (rc < 0)
        close(own);
    if (rc < 0 && listener != own && listener >= 0)
        close(listener);
    return rc;
}

static int ops_badge(void *data, unsigned tree, int64_t *out, struct text *why)
{
    struct command look = {.kind = CMD_GUEST_LOOK, .look = {.guest = tree - 1}};
    struct daemon *d = data;
    struct reply reply = {0};
    uint32_t badge;
    int rc;

    *out = -1;
    if (!d->options->shadow)
        return 0;
    if (tree != CORE_HOST_TREE)
        d->door.execute(&d->door, &look, &reply);
    reply_done(&reply);
    rc = seccomp_badge(d->seccomp, tree, &badge);
    if (rc == 0)
        *out = badge;
    else
        text_addf(why, "cannot show the tree: %s", error_text(-rc));
    return rc;
}

static int ops_advance(void *data, uint64_t ns, struct text *why)
{
    struct daemon *d = data;
    int rc = clock_advance(&d->clock, ns);

    if (rc < 0)
        text_addf(why, "more than %u timers fired; the clock stopped at the last one",
                  CLOCK_FIRES_MAX);
    return rc;
}

static void ops_export(void *data, struct text *out)
{
    const struct daemon *d = data;

    setup_format(d->door.core, out);
}

static void ops_quit(void *data)
{
    struct daemon *d = data;

    sd_event_exit(d->event, 0);
}

static bool ops_settle(void *data, void (*done)(void *argument), void *argument)
{
    struct daemon *d = data;

    return !d->hub || fuse_hub_settle(d->hub, done, argument);
}

void daemon_control_ops_init(struct daemon *d)
{
    d->control_ops = (struct control_ops){
        .data = d,
        .virtual_clock = d->clock.is_virtual,
        .now = ops_now,
        .mount_guest = ops_mount_guest,
        .listen = ops_listen,
        .badge = ops_badge,
        .advance = ops_advance,
        .export = ops_export,
        .study = daemon_study,
        .abandon = daemon_study_abandon,
        .quit = ops_quit,
        .settle = ops_settle,
    };
}
