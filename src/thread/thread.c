/* SPDX-License-Identifier: MIT */
#include "thread/thread.h"

#include <signal.h>
#include <stdlib.h>

#include "base/text.h"
#include "rights/keep.h"

struct start {
    const char *name;
    void *(*work)(void *);
    void *data;
};

/*
 * The thread sets its own name: a detached one may have ended before its creator could. It may have
 * been started while the daemon still had all its capabilities (daemon/confine.c), which each
 * thread has for itself. What cannot be given up is what it has not.
 */
static void *run(void *data)
{
    struct start start = *(struct start *)data;

    free(data);
    pthread_setname_np(pthread_self(), start.name);
    rights_keep(rights_for_callers());
    return start.work(start.data);
}

int thread_start(const char *name, void *(*work)(void *), void *data, pthread_t *joinable)
{
    struct start *start = xcalloc(1, sizeof *start);
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t detached;
    int rc;

    *start = (struct start){name, work, data};
    pthread_attr_init(&attributes);
    if (!joinable)
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(joinable ? joinable : &detached, &attributes, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc)
        free(start);
    return -rc;
}
