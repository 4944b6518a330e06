/* SPDX-License-Identifier: MIT */
#include "ioctl/copier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define THREADS_MAX 32u
#define PER_USER    8u
#define PATIENCE_NS 200000000L /* at the end, for copies that are under way */

TAILQ_HEAD(copy_list, copy);

struct copier {
    int fd; /* readable while finished is not empty */
    sd_event_source *source;
    pthread_mutex_t lock;
    pthread_cond_t work, ended;
    /* All below under lock. */
    struct copy_list waiting, finished;
    struct copy *running[THREADS_MAX];
    unsigned threads, idle, waiting_count;
    bool quit;
};

static unsigned running_of(const struct copier *c, uid_t uid)
{
    unsigned count = 0;

    for (unsigned i = 0; i < THREADS_MAX; i++)
        count += c->running[i] && c->running[i]->uid == uid;
    return count;
}

/* The oldest copy whose user does not occupy too many threads, or NULL. */
static struct copy *take(struct copier *c)
{
    struct copy *copy;

    TAILQ_FOREACH(copy, &c->waiting, link)
    if (running_of(c, copy->uid) < PER_USER)
        break;
    if (copy) {
        TAILQ_REMOVE(&c->waiting, copy, link);
        c->waiting_count--;
        copy->waiting = false;
        copy->begin(copy);
    }
    return copy;
}

static void run(struct copier *c, struct copy *copy)
{
    unsigned slot = 0;

    while (c->running[slot])
        slot++;
    c->running[slot] = copy;
    pthread_mutex_unlock(&c->lock);
    copy->work(copy);
    pthread_mutex_lock(&c->lock);
    c->running[slot] = NULL;
    if (TAILQ_EMPTY(&c->finished))
        eventfd_write(c->fd, 1);
    TAILQ_INSERT_TAIL(&c->finished, copy, link);
}

static void copier_destroy(struct copier *c)
{
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->ended);
    close(c->fd);
    free(c);
}

static void *copier_main(void *data)
{
    struct copier *c = data;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct copy *copy = take(c);

        if (copy) {
            run(c, copy);
            continue;
        }
        if (c->quit)
            break;
        c->idle++;
        pthread_cond_wait(&c->work, &c->lock);
        c->idle--;
    }
    c->threads--;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Called with the lock held. Without a thread the copy waits for one that is busy, or for a later
 * attempt. */
static void start_thread(struct copier *c)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &attr, copier_main, c) == 0)
        c->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
}

void copier_submit(struct copier *c, struct copy *copy)
{
    pthread_mutex_lock(&c->lock);
    TAILQ_INSERT_TAIL(&c->waiting, copy, link);
    copy->waiting = true;
    if (++c->waiting_count > c->idle && c->threads < THREADS_MAX)
        start_thread(c);
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
}

bool copier_cancel(struct copier *c, struct copy *copy)
{
    bool waiting;

    pthread_mutex_lock(&c->lock);
    waiting = copy->waiting;
    if (waiting) {
        TAILQ_REMOVE(&c->waiting, copy, link);
        c->waiting_count--;
        copy->waiting = false;
    }
    pthread_mutex_unlock(&c->lock);
    return waiting;
}

static void call_done(struct copier *c)
{
    struct copy_list finished = TAILQ_HEAD_INITIALIZER(finished);
    struct copy *copy;
    eventfd_t count;

    pthread_mutex_lock(&c->lock);
    eventfd_read(c->fd, &count);
    TAILQ_CONCAT(&finished, &c->finished, link);
    pthread_mutex_unlock(&c->lock);
    while ((copy = TAILQ_FIRST(&finished))) {
        TAILQ_REMOVE(&finished, copy, link);
        copy->done(copy);
    }
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *data)
{
    call_done(data);
    return 0;
}

int copier_new(sd_event *event, struct copier **out)
{
    struct copier *c = xcalloc(1, sizeof *c);
    int rc;

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    pthread_cond_init(&c->ended, NULL);
    TAILQ_INIT(&c->waiting);
    TAILQ_INIT(&c->finished);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = c->fd < 0 ? -errno : 0;
    if (rc == 0)
        rc = sd_event_add_io(event, &c->source, c->fd, EPOLLIN, on_finished, c);
    if (rc < 0) {
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* True when no thread is left. */
static bool wait_for_threads(struct copier *c)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += PATIENCE_NS;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    while (c->threads && pthread_cond_timedwait(&c->ended, &c->lock, &end) == 0)
        ;
    return c->threads == 0;
}

void copier_free(struct copier *c)
{
    if (!c)
        return;
    sd_event_source_disable_unref(c->source);
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->work);
    if (wait_for_threads(c)) {
        pthread_mutex_unlock(&c->lock);
        call_done(c);
        pthread_mutex_lock(&c->lock);
        copier_destroy(c);
    } else {
        /* A thread sleeps in somebody's memory and may still come back to c. */
        pthread_mutex_unlock(&c->lock);
        call_done(c);
    }
}
