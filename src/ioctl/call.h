/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_CALL_H
#define APUS_IOCTL_CALL_H

#include <sys/queue.h>

#include "core/core.h"
#include "ioctl/caller.h"
#include "ioctl/transfer.h"
#include "ioctl/zcrypt_abi.h"

/*
 * An ioctl call on a device node, from FUSE, from seccomp or from CUSE. Structure and operands come
 * from the caller's memory, CMD_ZCRYPT is sent, EFFECT_REPLY awaited, and the answer goes back:
 *
 *   READING --CMD_ZCRYPT--> SENT --EFFECT_REPLY--> WRITING --> answer
 *
 * How the bytes come and go is the front end's choice: the daemon copies them itself (memory.c),
 * at once if that cannot block, otherwise by the copier, so that no caller delays another; or the
 * kernel does (src/cuse). All functions must be called on the thread of the event loop.
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
    /*
     * fetch gets the structure, which is parsed into work, and the operands, which go to
     * ioctl_call_room; then ioctl_call_fetched follows. Each is read once. deliver writes reply,
     * then ioctl_call_delivered follows. ioctl_memory_* serve where the daemon may access the
     * caller's memory, and need waits.
     */
    void (*fetch)(struct ioctl_call *c);
    void (*deliver)(struct ioctl_call *c);
    caller_guard waits; /* whether the caller is still waiting; gets line and id */
};

void ioctl_memory_fetch(struct ioctl_call *c);
void ioctl_memory_deliver(struct ioctl_call *c);

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

    /* For fetch and deliver. */
    struct zcrypt_work work;
    uint8_t *data; /* the operands, later the answer */
    size_t data_len;
    struct zcrypt_answer reply;
    int final_result; /* of the ioctl, once the answer is written */

    /* The rest is private to call.c and memory.c. */
    LIST_ENTRY(ioctl_call) link; /* stage SENT: in the desk's table */
    uint64_t serial;
    uint64_t token;
    struct transfer transfer; /* to or from the caller's memory */
    enum ioctl_stage stage;
    sd_event_source *impatient; /* there was a signal */
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

/* What fetch and deliver end with. rc: 0 or -errno, which is the answer then. */
void ioctl_call_fetched(struct ioctl_call *c, int rc);
void ioctl_call_delivered(struct ioctl_call *c, int rc);
/* Memory for operands of that many bytes, in place of what data was. */
uint8_t *ioctl_call_room(struct ioctl_call *c, size_t len);
/* Frees a call without an answer: its caller will not hear of it, and it is not SENT. */
void ioctl_call_drop(struct ioctl_call *c);

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
