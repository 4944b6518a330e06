/* SPDX-License-Identifier: MIT */
#ifndef APUS_THREAD_THREAD_H
#define APUS_THREAD_THREAD_H

#include <pthread.h>

/*
 * Starts a thread beside the event loop. It blocks all signals; the main thread handles them. It
 * has no capabilities but those for looking at other programs (rights/keep.h). name is what ps and
 * debuggers show, at most 15 characters. joinable NULL starts a detached thread. 0, or the -errno
 * of pthread_create(3).
 */
int thread_start(const char *name, void *(*work)(void *), void *data, pthread_t *joinable);

#endif
