/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_CALL_H
#define APUS_IOCTL_CALL_H

#include <sys/queue.h>

#include "core/core.h"
#include "ioctl/caller.h"
#include "ioctl/transfer.h"
#include "ioctl/zcrypt_abi.h"

/*
 * An ioctl call on a device node, from FUSE or from seccomp. Reads structure and operands from the
 * caller's memory, sends CMD_ZCRYPT, waits for EFFECT_REPLY, and writes the answer back:
 *
 *   READING --CMD_ZCRYPT--> SENT --EFFECT_REPLY--> WRITING --> answer
 *
 * Memory is copied at once if that cannot block, otherwise by the copier, so that no caller delays
 * another. All functions must be called on the thread of the event loop.
 */
struct ioctl_desk;
struct ioctl_call;

/* The answer of zcrypt to a signal (the kernel's ERESTARTSYS, which no program sees): with an
 * SA_RESTART handler the kernel restarts the system call, otherwise it returns EINTR. */
#define IOCTL_RESTART 512

/* The functions of a front end: the way by which the ioctl comes. */
struct ioctl_way {
    /* Answers the caller: 0, -errno, or after an interrupt -IOCTL_RESTART. Called exactly once;
     * afterwards the call is only freed. */
    void (*answer)(struct ioctl_call *c, int result);
    /* Frees the object. Called after answer, possibly much later, when the front end is gone. */
    void (*release)(struct ioctl_call *c);
    /*
     * listen: from now on ioctl_call_interrupt and ioctl_call_abandon may be called, even from
     * within listen. unlisten: no longer. Both may be NULL.
     */
    void (*listen)(struct ioctl_call *c);
    void (*unlisten)(struct ioctl_call *c);
    caller_guard waits; /* whether the caller is still waiting; gets line and id */
};

enum ioctl_stage { IOCTL_READING, IOCTL_SENT, IOCTL_WRITING };

/* Embedded in the front end's object, which sets the first part; the rest must be zero. */
struct ioctl_call {
    const struct ioctl_way *way;
    struct ioctl_desk *desk;
    unsigned tree;
    uint32_t node, number;
    bool narrow;      /* from a 32-bit program */
    uint64_t address; /* the ioctl's argument */
    pid_t thread;     /* the caller */
    uid_t uid;
    int line;    /* descriptor for the guard; open until answer */
    uint64_t id; /* for the guard */

    /* The rest is private to call.c. */
    LIST_ENTRY(ioctl_call) link; /* stage SENT: in the desk's table */
    uint64_t serial;
    uint64_t token;
    struct transfer transfer; /* to or from the caller's memory */
    enum ioctl_stage stage;
    sd_event_source *impatient; /* there was a signal */
    struct zcrypt_work work;
    uint8_t *data; /* the operands, later the answer */
    size_t data_len;
    struct zcrypt_answer reply;
    int final_result; /* of the ioctl, once the answer is written */
};

/* The tokens of its commands count up from first_token. 0 or -errno. */
int ioctl_desk_new(struct door *door, sd_event *event, uint64_t first_token,
                   struct ioctl_desk **out);
/* Its copier, for other ioctls; until the desk is freed. */
struct copier *ioctl_desk_copier(struct ioctl_desk *d);
/* Logs if the memory of programs cannot be accessed. */
void ioctl_desk_probe(struct ioctl_desk *d);
/* All its calls must have been answered. NULL is allowed. */
void ioctl_desk_free(struct ioctl_desk *d);

/* Must be called for every EFFECT_REPLY. False: the token does not belong to this desk. */
bool ioctl_desk_reply(struct ioctl_desk *d, uint64_t token, int result, const char *text,
                      size_t len);

/* Serves a request. zcrypt_abi_struct_len of its number must not be 0. */
void ioctl_call_work(struct ioctl_call *c);

/* If rc is -EACCES or -EOPNOTSUPP: logs why an ioctl of this thread gets it, not twice in a row for
 * a process. */
void ioctl_desk_unreachable(struct ioctl_desk *d, pid_t thread, int rc);

/* Writes data to the ioctl's argument and answers 0. Takes ownership of data. */
void ioctl_call_give(struct ioctl_call *c, uint8_t *data, size_t len);

/*
 * The caller, whose call listens, has a signal. If the request does not end very soon, it is
 * cancelled, and the call ends with -IOCTL_RESTART. (Without that delay a program with a timer of a
 * few milliseconds would make no progress, as each tick would restart the request.) A write to the
 * caller's memory that has begun is given more time, because nothing may be written after the ioctl
 * has returned.
 */
void ioctl_call_interrupt(struct ioctl_call *c);

/* Answers a call that listens, in any stage, and cancels its command. */
void ioctl_call_abandon(struct ioctl_call *c, int result);

#endif
