/* SPDX-License-Identifier: MIT */
#include "store/record_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/own_file.h"
#include "thread/thread.h"

struct record_writer {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, room;
    /* All below under lock. */
    struct text queued;
    int error; /* -errno; nothing is written any more */
    bool quit;
};

static void cleanse(struct text *t)
{
    if (t->data)
        explicit_bzero(t->data, t->len);
    text_clear(t);
}

static void *writer_main(void *data)
{
    struct record_writer *w = data;
    struct text writing = {0};

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct text empty = writing;
        int rc;

        while (!w->queued.len && !w->quit)
            pthread_cond_wait(&w->work, &w->lock);
        if (!w->queued.len)
            break;
        writing = w->queued;
        w->queued = empty;
        pthread_cond_signal(&w->room);
        pthread_mutex_unlock(&w->lock);
        rc = own_file_stream(w->fd, writing.data, writing.len);
        cleanse(&writing);
        pthread_mutex_lock(&w->lock);
        if (!w->error)
            w->error = rc;
        if (w->error)
            cleanse(&w->queued);
    }
    pthread_mutex_unlock(&w->lock);
    text_done(&writing);
    return NULL;
}

int record_writer_new(int fd, struct record_writer **out)
{
    struct record_writer *w = xcalloc(1, sizeof *w);
    int rc;

    w->fd = fd;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->room, NULL);
    rc = thread_start("apus-record", writer_main, w, &w->thread);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *out = w;
    return 0;
}

int record_writer_put(struct record_writer *w, const char *line, size_t len)
{
    int rc;

    pthread_mutex_lock(&w->lock);
    while (w->queued.len > RECORD_BEHIND_MAX && !w->error)
        pthread_cond_wait(&w->room, &w->lock);
    rc = w->error;
    if (rc == 0) {
        if (!w->queued.len)
            pthread_cond_signal(&w->work);
        text_add_private(&w->queued, line, len);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

int record_writer_free(struct record_writer *w)
{
    int rc;

    if (!w)
        return 0;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    rc = w->error;
    text_done(&w->queued);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->room);
    free(w);
    return rc;
}
