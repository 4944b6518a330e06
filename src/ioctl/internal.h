/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_INTERNAL_H
#define APUS_IOCTL_INTERNAL_H

#include "ioctl/call.h"

#define IOCTL_BUCKETS 256
#define HABITS        64

/*
 * The addresses of the operands of a thread's last ioctl. A program that sends many requests
 * usually uses the same ones: then structure and operands are read by a single system call. If the
 * structure turns out to be different, they are read again. Without this a small request takes 4 to
 * 7 % longer.
 */
struct habit {
    pid_t thread;
    uint32_t number;
    uint64_t address;
    unsigned count;
    size_t len;
    struct zcrypt_piece in[ZCRYPT_PIECES];
};

struct ioctl_desk {
    struct door *door;
    sd_event *event;
    uint64_t next_token;
    pid_t unreachable; /* the last process named in the log; 0: of another namespace; -1: none */
    LIST_HEAD(, ioctl_call) waiting[IOCTL_BUCKETS]; /* by token */
    /* memory.c */
    struct copier *copier;
    uint64_t last_serial;
    struct caller_seen seen[CALLER_SEEN_SIZE]; /* pages known to be present */
    struct habit habits[HABITS];               /* by thread */
};

/* The call waits for something from now on; signals may come. */
void ioctl_call_wait(struct ioctl_call *c);
/* That is over. */
void ioctl_call_resume(struct ioctl_call *c);

#endif
