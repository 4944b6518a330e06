/* SPDX-License-Identifier: MIT */
#ifndef APUS_THREAD_THREAD_H
#define APUS_THREAD_THREAD_H

#include <pthread.h>

/*
 * Starts a thread beside the event loop. Signals are delivered to the thread that called main, and
 * never to this one. name: what ps and debuggers show, at most 15 characters. joinable: NULL starts
 * a detached thread. 0, or -errno if the system gives no thread.
 */
int thread_start(const char *name, void *(*work)(void *), void *data, pthread_t *joinable);

#endif
