/* SPDX-License-Identifier: MIT */
#include "socket/closer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "thread/thread.h"

/* Each thread may block in close(2). While all do, descriptors queue up. */
#define THREADS_MAX 16

/* Threads exist only while there is something to close. */
struct closer {
    pthread_mutex_t lock;
    int *fds;
    unsigned count, capacity, threads;
    bool over; /* the last thread frees the closer */
};

static void destroy(struct closer *c)
{
    pthread_mutex_destroy(&c->lock);
    free(c->fds);
    free(c);
}

static void *work(void *data)
{
    struct closer *c = data;
    bool last;

    pthread_mutex_lock(&c->lock);
    while (c->count) {
        int fd = c->fds[--c->count];

        pthread_mutex_unlock(&c->lock);
        close(fd);
        pthread_mutex_lock(&c->lock);
    }
    last = --c->threads == 0 && c->over;
    pthread_mutex_unlock(&c->lock);
    if (last)
        destroy(c);
    return NULL;
}

struct closer *closer_new(void)
{
    struct closer *c = xcalloc(1, sizeof *c);

    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void closer_free(struct closer *c)
{
    bool last;

    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->over = true;
    last = c->threads == 0;
    pthread_mutex_unlock(&c->lock);
    if (last)
        destroy(c);
}

void closer_close(struct closer *c, int fd)
{
    pthread_mutex_lock(&c->lock);
    if (c->count == c->capacity) {
        c->capacity = c->capacity ? c->capacity * 2 : 16;
        c->fds = xrealloc(c->fds, c->capacity * sizeof *c->fds);
    }
    c->fds[c->count++] = fd;
    /* If no thread can be started, the descriptor waits for the next one. */
    if (c->threads < THREADS_MAX && thread_start("apus-close", work, c, NULL) == 0)
        c->threads++;
    pthread_mutex_unlock(&c->lock);
}
