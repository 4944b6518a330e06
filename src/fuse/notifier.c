/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuse/internal.h"
#include "thread/thread.h"

static void batch_add(struct batch *b, const struct notice *notice)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 16;
        b->v = xrealloc(b->v, b->capacity * sizeof *b->v);
    }
    b->v[b->count++] = *notice;
}

static void batch_done(struct batch *b)
{
    free(b->v);
    text_done(&b->names);
}

static void send_written(fuse_req_t req, int result)
{
    if (result < 0)
        fuse_reply_err(req, -result);
    else
        fuse_reply_write(req, (size_t)result);
}

static void send_controlled(fuse_req_t req, int result)
{
    if (result < 0 && result != -IOCTL_RESTART)
        fuse_reply_err(req, -result);
    else
        fuse_reply_ioctl(req, result, NULL, 0);
}

static void run_settled(struct fuse_hub *hub, const struct notice *notice)
{
    struct settled *s = xcalloc(1, sizeof *s);

    s->done = notice->settled.done;
    s->data = notice->settled.data;
    pthread_mutex_lock(&hub->lock);
    STAILQ_INSERT_TAIL(&hub->settled, s, link);
    pthread_mutex_unlock(&hub->lock);
}

static void deliver(struct fuse_hub *hub, const struct notice *notice, const char *names)
{
    switch (notice->kind) {
    case NOTICE_GONE:
        /* Errors are ignored: the kernel may not have cached the name, or the mount has ended. */
        fuse_lowlevel_notify_inval_entry(notice->mount->session, notice->gone.parent,
                                         names + notice->gone.name, notice->gone.len);
        break;
    case NOTICE_WRITTEN:
        send_written(notice->written.req, notice->written.result);
        break;
    case NOTICE_CONTROLLED:
        send_controlled(notice->written.req, notice->written.result);
        break;
    case NOTICE_SETTLED:
        run_settled(hub, notice);
        break;
    case NOTICE_TAKEN:
        break;
    }
    if (notice->mount)
        atomic_fetch_sub_explicit(&notice->mount->notices, 1, memory_order_release);
    atomic_fetch_add_explicit(&hub->finished, 1, memory_order_release);
}

/* What was executed so far, and what the replies that are queued now are about, is on the medium.
 */
static void sync_state(struct fuse_hub *hub)
{
    if (hub->sync.sync)
        hub->sync.sync(hub->sync.data);
}

/* Replaces the finished batch by the queued one, waiting for notices. False: the hub is being
 * freed. Called with the lock held. */
static bool take_batch(struct fuse_hub *hub)
{
    struct batch empty = hub->running;

    empty.count = empty.next = 0;
    text_clear(&empty.names);
    hub->running = empty;
    while (!hub->batch.count && !hub->quit)
        pthread_cond_wait(&hub->work, &hub->lock);
    hub->running = hub->batch;
    hub->batch = empty;
    return hub->running.count > 0;
}

static void *notifier_main(void *data)
{
    struct fuse_hub *hub = data;
    struct batch *running = &hub->running;

    pthread_mutex_lock(&hub->lock);
    while (take_batch(hub)) {
        pthread_mutex_unlock(&hub->lock);
        sync_state(hub);
        pthread_mutex_lock(&hub->lock);
        while (running->next < running->count) {
            struct notice notice = running->v[running->next++];

            pthread_mutex_unlock(&hub->lock);
            deliver(hub, &notice, running->names.data);
            pthread_mutex_lock(&hub->lock);
        }
        eventfd_write(hub->wake_fd, 1);
    }
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

static void take_replies(struct batch *from, struct batch *out)
{
    for (size_t i = from->next; i < from->count; i++) {
        if (from->v[i].kind == NOTICE_GONE)
            continue;
        batch_add(out, &from->v[i]);
        from->v[i].kind = NOTICE_TAKEN;
    }
}

void notifier_answer_without(struct fuse_hub *hub)
{
    struct batch replies = {0};

    pthread_mutex_lock(&hub->lock);
    take_replies(&hub->running, &replies);
    take_replies(&hub->batch, &replies);
    pthread_mutex_unlock(&hub->lock);
    if (replies.count)
        sync_state(hub);
    for (size_t i = 0; i < replies.count; i++) {
        const struct notice *notice = &replies.v[i];

        if (notice->kind == NOTICE_WRITTEN)
            send_written(notice->written.req, notice->written.result);
        else if (notice->kind == NOTICE_CONTROLLED)
            send_controlled(notice->written.req, notice->written.result);
        else if (notice->kind == NOTICE_SETTLED)
            notice->settled.done(notice->settled.data);
    }
    batch_done(&replies);
}

static bool idle(struct fuse_hub *hub)
{
    return atomic_load_explicit(&hub->finished, memory_order_acquire) == hub->queued;
}

/* Nothing is queued that a reply would have to wait for. Behind a notifier that is stuck it does
 * not wait, but what it acknowledges is kept. */
static bool may_reply(struct fuse_hub *hub)
{
    if (hub->stuck)
        sync_state(hub);
    return hub->stuck || (idle(hub) && !(hub->sync.unsynced && hub->sync.unsynced(hub->sync.data)));
}

static void be_patient(struct fuse_hub *hub)
{
    hub->progress = atomic_load_explicit(&hub->finished, memory_order_relaxed);
    sd_event_source_set_time_relative(hub->patience, NOTIFIER_PATIENCE_US);
    sd_event_source_set_enabled(hub->patience, SD_EVENT_ONESHOT);
}

static int on_impatient(sd_event_source *source, uint64_t usec, void *data)
{
    struct fuse_hub *hub = data;

    if (idle(hub))
        return 0;
    if (atomic_load_explicit(&hub->finished, memory_order_relaxed) != hub->progress) {
        be_patient(hub);
        return 0;
    }
    hub->stuck = true;
    notifier_answer_without(hub);
    return 0;
}

void notifier_progressed(struct fuse_hub *hub)
{
    hub->stuck = false;
    if (idle(hub))
        sd_event_source_set_enabled(hub->patience, SD_EVENT_OFF);
}

int notifier_start(struct fuse_hub *hub)
{
    int rc;

    rc = sd_event_add_time_relative(hub->event, &hub->patience, CLOCK_MONOTONIC, 0, 0, on_impatient,
                                    hub);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(hub->patience, SD_EVENT_OFF);
    if (rc < 0) {
        hub->patience = sd_event_source_disable_unref(hub->patience);
        return rc;
    }
    pthread_mutex_init(&hub->lock, NULL);
    pthread_cond_init(&hub->work, NULL);
    STAILQ_INIT(&hub->settled);
    rc = thread_start("apus-fuse", notifier_main, hub, &hub->notifier);
    if (rc)
        hub->patience = sd_event_source_disable_unref(hub->patience);
    return rc;
}

void notifier_stop(struct fuse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->quit = true;
    pthread_cond_signal(&hub->work);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->notifier, NULL);
    sd_event_source_disable_unref(hub->patience);
    batch_done(&hub->batch);
    batch_done(&hub->running);
    pthread_cond_destroy(&hub->work);
    pthread_mutex_destroy(&hub->lock);
}

static void queue(struct fuse_hub *hub, struct notice *notice, const char *name, size_t len)
{
    if (notice->kind != NOTICE_GONE && !sd_event_source_get_enabled(hub->patience, NULL))
        be_patient(hub);
    hub->queued++;
    if (notice->mount)
        atomic_fetch_add_explicit(&notice->mount->notices, 1, memory_order_relaxed);
    pthread_mutex_lock(&hub->lock);
    if (notice->kind == NOTICE_GONE) {
        notice->gone.name = (uint32_t)hub->batch.names.len;
        notice->gone.len = (uint32_t)len;
        text_add(&hub->batch.names, name, len + 1);
    }
    batch_add(&hub->batch, notice);
    if (hub->batch.count == 1)
        pthread_cond_signal(&hub->work);
    pthread_mutex_unlock(&hub->lock);
}

void notifier_gone(struct fuse_mount *m, sysfs_ino parent, const char *name, size_t len)
{
    struct notice notice = {.kind = NOTICE_GONE, .mount = m, .gone.parent = parent};

    queue(m->hub, &notice, name, len);
}

void notifier_written(struct fuse_mount *m, fuse_req_t req, int result)
{
    struct notice notice = {.kind = NOTICE_WRITTEN, .mount = m, .written = {req, result}};

    if (may_reply(m->hub))
        send_written(req, result);
    else
        queue(m->hub, &notice, NULL, 0);
}

void notifier_controlled(struct fuse_mount *m, fuse_req_t req, int result)
{
    struct notice notice = {.kind = NOTICE_CONTROLLED, .mount = m, .written = {req, result}};

    if (may_reply(m->hub))
        send_controlled(req, result);
    else
        queue(m->hub, &notice, NULL, 0);
}

bool notifier_settle(struct fuse_hub *hub, void (*done)(void *data), void *data)
{
    struct notice notice = {.kind = NOTICE_SETTLED, .settled = {done, data}};

    if (may_reply(hub))
        return true;
    queue(hub, &notice, NULL, 0);
    return false;
}
