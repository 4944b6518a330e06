/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_COPIER_H
#define APUS_IOCTL_COPIER_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/*
 * Threads for copies that may block on the caller's memory (ioctl/caller.h), started on demand. A
 * caller can make a copy block forever. So a process can occupy at most 8 threads and a user at
 * most 128, and of 512 threads all but the first 32 are for processes that have none.
 */
struct copier;
struct customer;

/* Embedded in the owner's object, which must live until done. */
struct copy {
    TAILQ_ENTRY(copy) link;
    uid_t uid;
    pid_t process;
    bool trusted; /* may block the event loop */
    /* Private to the copier: */
    struct customer *customer;
    bool waiting;  /* no thread has it yet */
    bool given_up; /* done is called without work: no thread could be started */
    /* Called right before work, but not after copier_cancel has returned; the copier is locked. */
    void (*begin)(struct copy *copy);
    void (*work)(struct copy *copy); /* called on one of the threads */
    void (*done)(struct copy *copy); /* called on the event loop */
};

/* A thread is needed, but cannot be started. Called once until one can be started again, on the
 * event loop. */
typedef void copier_no_thread(void *data, int error);

/* 0 or -errno. */
int copier_new(sd_event *event, copier_no_thread *no_thread, void *data, struct copier **out);

/*
 * done will be called exactly once, unless the copy is cancelled or the copier is freed first. If
 * no thread can be started, that is retried for a second, then the copy is given up. False: there
 * is no thread at all, and the copy is trusted: the caller must do the work itself, and no function
 * of the copy is called.
 */
bool copier_submit(struct copier *c, struct copy *copy);

/* True: the copy had not begun and is cancelled. False: it is under way or done. */
bool copier_cancel(struct copier *c, struct copy *copy);

/*
 * Waits a short time for copies to end, and calls their done. Threads that still block are left
 * running until the process ends. NULL is allowed.
 */
void copier_free(struct copier *c);

#endif
