/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuse/internal.h"

static void run_settled_callbacks(struct fuse_hub *hub)
{
    for (;;) {
        struct settled *s;

        pthread_mutex_lock(&hub->lock);
        s = STAILQ_FIRST(&hub->settled);
        if (s)
            STAILQ_REMOVE_HEAD(&hub->settled, link);
        pthread_mutex_unlock(&hub->lock);
        if (!s)
            return;
        s->done(s->data);
        free(s);
    }
}

/* Frees the closing mounts that the notifier no longer refers to. */
static void reap(struct fuse_hub *hub)
{
    struct fuse_mount *m = TAILQ_FIRST(&hub->mounts);

    while (m) {
        struct fuse_mount *next = TAILQ_NEXT(m, link);

        if (m->closing && !atomic_load_explicit(&m->notices, memory_order_acquire)) {
            TAILQ_REMOVE(&hub->mounts, m, link);
            session_destroy(m);
        }
        m = next;
    }
}

static int on_progress(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
    struct fuse_hub *hub = userdata;
    eventfd_t count;

    eventfd_read(fd, &count);
    notifier_progressed(hub);
    run_settled_callbacks(hub);
    reap(hub);
    return 0;
}

int fuse_hub_new(struct door *door, sd_event *event, struct fuse_hub **out)
{
    struct fuse_hub *hub = xcalloc(1, sizeof *hub);
    int rc;

    hub->door = door;
    hub->event = event;
    TAILQ_INIT(&hub->mounts);
    /* Tokens are unique among all front ends. FUSE uses the upper half of the range: the third
     * quarter for writes, the fourth for ioctls. */
    hub->next_token = UINT64_C(1) << 63;
    hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = hub->wake_fd < 0 ? -errno : 0;
    if (rc == 0)
        rc = sd_event_add_io(event, &hub->progressed, hub->wake_fd, EPOLLIN, on_progress, hub);
    if (rc >= 0)
        rc = ioctl_desk_new(door, event, UINT64_C(3) << 62, &hub->desk);
    if (rc >= 0)
        rc = notifier_start(hub);
    if (rc < 0) {
        ioctl_desk_free(hub->desk);
        sd_event_source_disable_unref(hub->progressed);
        if (hub->wake_fd >= 0)
            close(hub->wake_fd);
        free(hub);
        return rc;
    }
    *out = hub;
    return 0;
}

void fuse_hub_set_sync(struct fuse_hub *hub, const struct fuse_sync *sync)
{
    hub->sync = *sync;
}

static bool drained(const struct fuse_hub *hub)
{
    return TAILQ_EMPTY(&hub->mounts) &&
           atomic_load_explicit(&hub->finished, memory_order_acquire) == hub->queued;
}

/*
 * The notifier may be blocked on a directory that a client holds while it waits for a reply. So
 * requests are answered (with ENODEV) until the notifier has finished.
 */
static void drain(struct fuse_hub *hub, fuse_stuck_fn *stuck, void *data)
{
    struct pollfd *fds = NULL;

    while (reap(hub), !drained(hub)) {
        struct fuse_mount *m;
        eventfd_t count;
        nfds_t n = 1;

        TAILQ_FOREACH (m, &hub->mounts, link)
            n++;
        fds = xrealloc(fds, n * sizeof *fds);
        fds[0] = (struct pollfd){.fd = hub->wake_fd, .events = POLLIN};
        n = 1;
        TAILQ_FOREACH (m, &hub->mounts, link)
            fds[n++] = (struct pollfd){.fd = m->ended ? -1 : fuse_session_fd(m->session),
                                       .events = POLLIN};
        if (poll(fds, n, NOTIFIER_PATIENCE_US / 1000) == 0) {
            notifier_answer_without(hub);
            if (stuck)
                stuck(data);
            stuck = NULL;
        }
        eventfd_read(hub->wake_fd, &count);
        TAILQ_FOREACH (m, &hub->mounts, link)
            while (!m->ended && session_serve(m))
                ;
    }
    free(fds);
}

void fuse_hub_free(struct fuse_hub *hub, fuse_stuck_fn *stuck, void *data)
{
    struct fuse_mount *m;

    if (!hub)
        return;
    TAILQ_FOREACH (m, &hub->mounts, link)
        if (!m->closing)
            fuse_mount_free(m);
    drain(hub, stuck, data);
    run_settled_callbacks(hub);
    notifier_stop(hub);
    ioctl_desk_free(hub->desk);
    sd_event_source_disable_unref(hub->progressed);
    close(hub->wake_fd);
    free(hub);
}

static void apply_gone(struct fuse_hub *hub, const struct effects *effects,
                       const struct effect *one)
{
    struct fuse_mount *m;

    TAILQ_FOREACH (m, &hub->mounts, link)
        if (!m->closing && !m->ended && m->tree == one->tree)
            notifier_gone(m, one->node, effect_text(effects, one), one->len);
}

static void apply_owner(struct fuse_hub *hub, const struct effect *one)
{
    struct fuse_mount *m;

    /* As with poll, no lock of a directory is taken. Where the node is not cached nothing is done.
     */
    TAILQ_FOREACH (m, &hub->mounts, link)
        if (!m->closing && !m->ended && m->tree == one->tree)
            fuse_lowlevel_notify_inval_inode(m->session, one->node, -1, 0);
}

static void apply_reply(struct fuse_hub *hub, const struct effects *effects,
                        const struct effect *one)
{
    const char *text = effect_text(effects, one);

    if (!ioctl_desk_reply(hub->desk, one->node, (int)one->value, text, one->len))
        waiting_reply(hub, one->node, (int)one->value, text, one->len);
}

void fuse_hub_effects(struct fuse_hub *hub, const struct effects *effects)
{
    bool gone = false, replies = false;
    struct fuse_mount *m;

    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *one = &effects->v[i];

        if (one->kind == EFFECT_GONE) {
            apply_gone(hub, effects, one);
            gone = true;
        } else if (one->kind == EFFECT_OWNER) {
            apply_owner(hub, one);
        } else if (one->kind == EFFECT_REPLY) {
            replies = true;
        }
    }
    if (gone)
        TAILQ_FOREACH (m, &hub->mounts, link)
            file_notify_vanished(m);
    /* Late replies come last, so that they are queued after the invalidations of all mounts. */
    for (size_t i = 0; replies && i < effects->count; i++)
        if (effects->v[i].kind == EFFECT_REPLY)
            apply_reply(hub, effects, &effects->v[i]);
}

bool fuse_hub_settle(struct fuse_hub *hub, void (*done)(void *data), void *data)
{
    return notifier_settle(hub, done, data);
}

void fuse_hub_set_mounter(struct fuse_hub *hub, const struct fuse_mounter *mounter)
{
    hub->mounter = *mounter;
}
