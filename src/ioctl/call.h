/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_CALL_H
#define APUS_IOCTL_CALL_H

#include <sys/queue.h>

#include "core/core.h"
#include "ioctl/caller.h"
#include "ioctl/transfer.h"
#include "ioctl/zcrypt_abi.h"

/*
 * The conversation with a program that waits in an ioctl on a device node, whichever way it has
 * come (FUSE, seccomp): reads structure and operands out of the caller's memory, sends CMD_ZCRYPT,
 * waits for EFFECT_REPLY, writes the answer back. Memory is copied at once where that cannot take
 * time, else by the copier, so that no caller holds up another one. All functions are for the
 * thread of the event loop.
 */
struct ioctl_desk;
struct ioctl_call;

/* As zcrypt answers a signal: with a handler of SA_RESTART the kernel makes the call again, else it
 * returns EINTR to the program. The kernel's own number, which no program sees. */
#define IOCTL_RESTART 512

/* What the way of an ioctl has to give. */
struct ioctl_way {
    /*
     * Answers the caller: 0, -errno, or after an interrupt -IOCTL_RESTART. Called exactly once;
     * from here on the call may only be freed.
     */
    void (*answer)(struct ioctl_call *c, int result);
    /* Frees the object; not before answer, perhaps much later, when the rest may be gone. */
    void (*release)(struct ioctl_call *c);
    /*
     * listen: from now on ioctl_call_interrupt and ioctl_call_abandon are welcome; may call them at
     * once. unlisten: no more. May be NULL.
     */
    void (*listen)(struct ioctl_call *c);
    void (*unlisten)(struct ioctl_call *c);
    caller_guard waits; /* the caller, as line and id tell */
};

enum ioctl_stage { IOCTL_READING, IOCTL_SENT, IOCTL_WRITING };

/* Embedded in the way's object, zero but for what is named first. */
struct ioctl_call {
    const struct ioctl_way *way;
    struct ioctl_desk *desk;
    unsigned tree;
    uint32_t node, number;
    bool narrow;      /* by a 32-bit program */
    uint64_t address; /* the ioctl's argument */
    pid_t thread;     /* the caller */
    uid_t uid;
    int line;    /* what the guard looks at; open until answer */
    uint64_t id; /* the guard's, too */

    /* The rest is the conversation's. */
    LIST_ENTRY(ioctl_call) link; /* in the desk's table in stage SENT */
    uint64_t serial;
    uint64_t token;
    struct transfer transfer; /* to or from the caller's memory */
    enum ioctl_stage stage;
    sd_event_source *impatient; /* there was a signal */
    struct zcrypt_work work;
    uint8_t *data; /* operands, later the answer */
    size_t data_len;
    struct zcrypt_answer reply;
    int final_result; /* of the ioctl, when the reply is written */
};

/* Tokens of its commands count up from first_token. 0 or -errno of the system. */
int ioctl_desk_new(struct door *door, sd_event *event, uint64_t first_token,
                   struct ioctl_desk **out);
/* The log says so if the memory of programs cannot be reached. */
void ioctl_desk_probe(struct ioctl_desk *d);
/* All its calls are answered. NULL is allowed. */
void ioctl_desk_free(struct ioctl_desk *d);

/* For every EFFECT_REPLY. False: the token is none of the desk's. */
bool ioctl_desk_reply(struct ioctl_desk *d, uint64_t token, int result, const char *text,
                      size_t len);

/* Whether the caller's user could stop the daemon anyway: need not be kept from letting it wait. */
bool ioctl_call_trusted(const struct ioctl_call *c);

/* Serves a request: zcrypt_abi_struct_len knows the number. */
void ioctl_call_work(struct ioctl_call *c);

/* The log says why an ioctl of this thread gets EACCES, once for a process. */
void ioctl_desk_forbidden(struct ioctl_desk *d, pid_t thread);

/* Writes data, which it takes and frees, to the ioctl's argument, and answers 0. */
void ioctl_call_give(struct ioctl_call *c, uint8_t *data, size_t len);

/*
 * A signal for a caller that listens. If the request does not end very soon it is cancelled, and
 * the call ends with -IOCTL_RESTART: a program with a timer of some milliseconds would not get on
 * if each tick made it begin anew. A write that has begun is waited for longer: after its ioctl has
 * returned, nothing may be written into a program that goes on.
 */
void ioctl_call_interrupt(struct ioctl_call *c);

/* Answers a call that listens, whatever it is at; its command is cancelled. */
void ioctl_call_abandon(struct ioctl_call *c, int result);

#endif
