/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_COPIER_H
#define APUS_IOCTL_COPIER_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/*
 * Threads for copies that may wait for the caller (ioctl/caller.h). They start when there is
 * something to do. A caller can make a copy wait for ever. So one process can occupy at most 8 of
 * them and one user at most 128; and beyond the first 32, up to 512, they are for processes that
 * have none.
 */
struct copier;
struct customer;

/* Embedded in the owner's object, which must live until done. */
struct copy {
    TAILQ_ENTRY(copy) link;
    uid_t uid;
    pid_t process;
    bool trusted; /* may hold up the event loop */
    /* The copier's: */
    struct customer *customer;
    bool waiting;  /* no thread has it yet */
    bool given_up; /* done is called without work: no thread could be had */
    /* Right before work, and never when copier_cancel has returned; the copier is locked. */
    void (*begin)(struct copy *copy);
    void (*work)(struct copy *copy); /* on one of the threads */
    void (*done)(struct copy *copy); /* on the event loop */
};

/* A thread is wanted and the system gives none; called once until one could be started again. On
 * the event loop. */
typedef void copier_no_thread(void *data, int error);

/* 0 or -errno of the system. */
int copier_new(sd_event *event, copier_no_thread *no_thread, void *data, struct copier **out);

/*
 * done will be called exactly once, unless the copier is freed before, or the copy cancelled. If no
 * thread can be started it is tried again, and given up after a second. False: there is no thread
 * at all, and the copy is trusted: the caller is to do the work, nothing of it will be called.
 */
bool copier_submit(struct copier *c, struct copy *copy);

/* True: the copy had not begun, and is forgotten. False: it is done, or under way. */
bool copier_cancel(struct copier *c, struct copy *copy);

/*
 * Waits a moment for copies to end and calls done for those; those that wait for ever are left
 * behind, they end with the process. NULL is allowed.
 */
void copier_free(struct copier *c);

#endif
