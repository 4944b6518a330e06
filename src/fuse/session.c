/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "fuse/internal.h"

/* Each close(2) is a background request of FUSE. The kernel sends only as many as allowed at a
 * time; further ones are queued in its memory for as long as programs open files faster than that.
 */
#define BACKGROUND_MAX 65535

#define SERVE_BATCH 32 /* requests served before other event sources get a turn */
#define REQUEST_MAX                                                                                \
    131072 /* bytes; above WRITE_MAX, so that long writes are cut there, not split */

static void do_init(void *userdata, struct fuse_conn_info *conn)
{
    /* Splicing does not pay for small attributes; links must not be cached, as they change. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                              FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_WRITEBACK_CACHE);
    conn->max_write = REQUEST_MAX;
    conn->max_readahead = 0;
    conn->max_background = BACKGROUND_MAX;
}

/* There will be no more requests. The owner is told once. */
static void session_ended(struct fuse_mount *m)
{
    m->ended = true;
    sd_event_source_set_enabled(m->readable, SD_EVENT_OFF);
    if (!m->closing && m->ended_fn)
        m->ended_fn(m->ended_data);
}

bool session_serve(struct fuse_mount *m)
{
    int n = fuse_session_receive_buf(m->session, &m->buffer);

    if (n == -EINTR)
        return true;
    if (n == -EAGAIN)
        return false;
    if (n <= 0) {
        session_ended(m);
        return false;
    }
    fuse_session_process_buf(m->session, &m->buffer);
    return true;
}

/* Serves the requests that are there. Returns how many, at most as many as wanted. */
static unsigned serve(struct fuse_mount *m, unsigned wanted)
{
    unsigned served = 0;

    while (served < wanted && session_serve(m))
        served++;
    lookout_served(&m->lookout, lookout_now());
    return served;
}

/* Looks for a request for a moment. Returns whether one came; it is served. */
static bool await(struct fuse_mount *m)
{
    uint64_t end = m->lookout.answered + LOOKOUT_NS;
    bool came;

    do
        came = session_serve(m);
    while (!came && !m->ended && lookout_now() < end);
    lookout_tell(&m->lookout, came);
    return came;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
    struct fuse_mount *m = userdata;
    unsigned served;

    lookout_arrived(&m->lookout, lookout_now());
    served = serve(m, SERVE_BATCH);
    while (served < SERVE_BATCH && !m->ended && lookout_pays(&m->lookout) && await(m))
        served += 1 + serve(m, SERVE_BATCH - served - 1);
    return 0;
}

/* What fails is said by us, in words of our own, and not in spite of --quiet. */
static void libfuse_says(enum fuse_log_level level, const char *format, va_list args)
{
}

static struct fuse_session *session_new(struct fuse_mount *m)
{
    char *argv[] = {"apus", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_lowlevel_ops ops = {.init = do_init};
    struct fuse_session *session;

    node_handlers(&ops);
    file_handlers(&ops);
    ioctl_handlers(&ops);
    fuse_set_log_func(libfuse_says);
    session = fuse_session_new(&args, &ops, sizeof ops, m);
    fuse_opt_free_args(&args);
    return session;
}

/* The kernel reports POLLERR for a /dev/fuse on which nothing is mounted, or no longer. */
static bool is_unmounted(int fd)
{
    struct pollfd state = {.fd = fd};

    return poll(&state, 1, 0) == 1 && state.revents & POLLERR;
}

/* On success fd belongs to the session. */
static int session_take_fd(struct fuse_mount *m, int fd)
{
    char path[32];
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    if (is_unmounted(fd))
        return -ENOTCONN;
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    return fuse_session_mount(m->session, path) < 0 ? -EIO : 0;
}

static int session_start(struct fuse_mount *m, int fd, struct text *why)
{
    int rc;

    m->session = session_new(m);
    rc = m->session ? session_take_fd(m, fd) : -ENOMEM;
    if (rc < 0) {
        close(fd);
    } else {
        rc = sd_event_add_io(m->hub->event, &m->readable, fd, EPOLLIN, on_readable, m);
        if (rc >= 0)
            return 0;
    }
    if (rc == -ENOTCONN)
        text_adds(why,
                  "nothing is mounted with this /dev/fuse; mount a FUSE file system with it first");
    else
        text_addf(why, "cannot start the FUSE session: %s", error_text(-rc));
    return rc;
}

void session_destroy(struct fuse_mount *m)
{
    sd_event_source_disable_unref(m->readable);
    file_free_all(m);
    if (m->session)
        fuse_session_destroy(m->session);
    free(m->buffer.mem);
    free(m->listing);
    free(m);
}

int fuse_mount_new(struct fuse_hub *hub, unsigned tree, const char *mountpoint, int fd,
                   fuse_ended_fn *ended, void *data, struct text *why, struct fuse_mount **out)
{
    struct fuse_mount *m = xcalloc(1, sizeof *m);
    int rc = 0;

    m->hub = hub;
    m->tree = tree;
    m->ended_fn = ended;
    m->ended_data = data;
    clock_gettime(CLOCK_REALTIME, &m->born);
    if (fd < 0)
        rc = fd = mount_attach(hub, mountpoint, &m->point, why);
    if (rc >= 0)
        rc = session_start(m, fd, why);
    if (rc < 0) {
        mount_detach(hub, &m->point, false);
        session_destroy(m);
        return rc;
    }
    /* The tree belongs to root of the mounting user namespace; with the helper, to this user. */
    if (m->point.by_helper) {
        m->uid = getuid();
        m->gid = getgid();
    }
    if (TAILQ_EMPTY(&hub->mounts))
        ioctl_desk_probe(hub->desk);
    TAILQ_INSERT_TAIL(&hub->mounts, m, link);
    /* What was asked for in the reply to the first request counts only while we may do all. */
    session_serve(m);
    *out = m;
    return 0;
}

void fuse_mount_free(struct fuse_mount *m)
{
    if (!m)
        return;
    waiting_abandon(m);
    ioctl_abandon(m);
    m->closing = true;
    mount_detach(m->hub, &m->point, m->ended);
    eventfd_write(m->hub->wake_fd, 1);
}
