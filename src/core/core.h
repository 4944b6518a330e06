/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_CORE_H
#define APUS_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/effects.h"
#include "base/uuid.h"
#include "machine/config.h"
#include "machine/guest.h"
#include "machine/instruction.h"
#include "machine/machine.h"
#include "sysfs/tree.h"
#include "zcrypt/zcrypt.h"

/*
 * The door: everything that happens comes in as a command, changes state or is refused, and leaves
 * effects. The core does no I/O, reads no clock, starts no thread; one thread owns it.
 */
struct core;

/* Takes a copy of the configuration. effects gets what starting up did (uevents, log). Never fails.
 */
struct core *core_new(const struct machine_config *config, struct effects *effects);
void core_free(struct core *c);

#define CORE_HOST_TREE 0 /* tree numbers: 0 is the host's /sys, n + 1 that of guest number n */

/* The tree for reading. NULL: there is no such guest, or it has no tree yet (CMD_GUEST_LOOK). */
const struct sysfs_tree *core_tree(const struct core *c, unsigned tree);

enum command_kind {
    CMD_STORE,      /* one write(2) to an attribute */
    CMD_OWNER,      /* a node gets another mode and owner: chmod(2), chown(2) */
    CMD_SE_ADAPTER, /* Support Element: configure an adapter on or off */
    CMD_SE_LPAR,    /* Change LPAR Cryptographic Controls */
    CMD_SCLP,       /* Configure / Deconfigure Adjunct Processor; reply.value = response code */
    CMD_CHECKSTOP,  /* fault: an adapter check-stops, or is repaired */
    CMD_FAULT_ADD,  /* a rule of faults (machine/fault.h); reply.value = its number */
    CMD_FAULT_REMOVE,
    CMD_MACHINE_SET, /* the machine changes as a hardware event; -EINVAL: its numbers are above
                        its own highest ones */
    CMD_GUEST_START,
    CMD_GUEST_STOP,
    CMD_GUEST_ATTACH,
    CMD_GUEST_DETACH,
    CMD_GUEST_MIGRATE,
    CMD_GUEST_LOOK,  /* somebody is going to look at a guest's tree: it is built, once */
    CMD_VFIO_OPEN,   /* a process opens a mediated device; reply.value = its guest's number */
    CMD_VFIO_CLOSE,  /* it has closed the device, or ended */
    CMD_VFIO_RESET,  /* VFIO_DEVICE_RESET: the queues of the device are zeroized */
    CMD_CPU_CONNECT, /* somebody becomes the CPUs of a guest or of the LPAR, or leaves: CMD_INSN */
    CMD_CPU_RESET,   /* the system of a guest or of the LPAR was reset: its queues are zeroized */
    CMD_TIMER,
    CMD_INSN,   /* an AP instruction of a guest's CPU, or of a Linux that is the LPAR; the answer is
                   in reply.insn */
    CMD_ZCRYPT, /* a request through a device node; EFFECT_REPLY carries its reply
                   (zcrypt_reply_parse) */
    CMD_JOB_DONE, /* an adapter has computed the answer to a request */
    CMD_CANCEL,   /* whoever waits for token has gone away */
    COMMAND_KINDS
};

enum lpar_kind { LPAR_ADAPTER, LPAR_DOMAIN, LPAR_CONTROL_DOMAIN };

#define CORE_GUEST_NAME 64

struct command {
    enum command_kind kind;
    uint64_t now;   /* ns, from one monotonic clock; never runs backwards */
    uint64_t token; /* names the command for EFFECT_REPLY and CMD_CANCEL; 0 if it cannot wait */
    bool silent;    /* CMD_SE_ADAPTER, CMD_SE_LPAR, CMD_CHECKSTOP, CMD_MACHINE_SET: the machine
                     * presents no event, so the host notices with its next scan */
    union {
        struct {
            unsigned tree;
            sysfs_ino ino;
            const char *data;
            size_t len;
        } store;
        struct {
            unsigned tree; /* tree and ino lie as in store */
            sysfs_ino ino;
            struct sysfs_owner to;
        } owner;
        struct {
            unsigned apid;
            bool on, force;
        } adapter; /* CMD_SE_ADAPTER, CMD_CHECKSTOP (on: checkstopped) */
        struct {
            enum lpar_kind what;
            unsigned id;
            bool add, force;
        } lpar;
        struct {
            uint32_t word;
        } sclp;
        struct {
            const struct machine_config *config; /* adapters, domains and highest numbers count */
            struct mask256 checkstopped;
        } machine;
        struct {
            const char *name;
            unsigned features;
            bool has_mdev;
            struct uuid mdev;
            uint32_t
                process; /* CMD_VFIO_*; name is that of the guest if the process has none yet */
        } guest;         /* CMD_GUEST_START to CMD_GUEST_MIGRATE, CMD_VFIO_OPEN to CMD_VFIO_RESET */
        struct {
            unsigned guest; /* number */
        } look;
        struct {
            unsigned guest;   /* number, or CORE_LPAR */
            bool on;          /* CMD_CPU_CONNECT: comes; otherwise goes, which resets the queues */
            uint32_t process; /* CMD_CPU_CONNECT: that runs the CPUs; 0: not known */
        } cpu;
        struct {
            uint32_t id; /* enum timer_id */
        } timer;
        struct {
            unsigned guest; /* number, or CORE_LPAR */
            struct ap_insn insn;
        } insn;
        struct {
            unsigned tree;
            struct zcrypt_request request;
        } zcrypt;
        struct {
            uint64_t id;
            const uint8_t *data;
            size_t len;
        } job;
        struct {
            const char *text;
            size_t len;
            uint32_t number; /* CMD_FAULT_REMOVE: which; 0: all of them */
        } fault;
    };
};

struct reply {
    int result;                 /* 0 or -errno; -EINPROGRESS: EFFECT_REPLY follows */
    int64_t value;              /* SCLP response code, guest number, fault number */
    struct ap_insn_result insn; /* CMD_INSN; reply_done frees its data */
    struct text why; /* a sentence for a refusal: what, why, and what to do; empty on success */
};

#define CORE_LPAR                                                                                  \
    UINT32_MAX /* the issuer of an instruction is the LPAR itself, with all facilities */

/* Frees what a reply holds. */
static inline void reply_done(struct reply *reply)
{
    text_done(&reply->why);
    text_done(&reply->insn.data);
}

/* Executes one command; the effects are appended in order. The reply is to be freed with
 * reply_done. */
void core_execute(struct core *c, const struct command *cmd, struct effects *effects,
                  struct reply *reply);

/*
 * A request that waits for its adapter (EFFECT_JOB): what to compute, on which card, with the keys
 * of which queue. source names who sent it, for fairness: 0 the host, n + 1 guest number n.
 * -ESTALE: it was reset meanwhile. The bytes stay valid until the next command.
 */
struct core_job {
    uint64_t id;
    ap_qn qn;
    uint32_t source;
    uint64_t key_generation; /* another number for each zeroize of the queue */
    const struct adapter_config *card;
    unsigned domains; /* of the card */
    const uint8_t *request;
    size_t len;
};

int core_job_get(const struct core *c, uint64_t id, struct core_job *out);

/* Who answers when the system shows what an adapter's firmware tells (zcrypt/facts.h). */
void core_set_firmware(struct core *c, const struct machine_firmware *firmware);

/* zcrypt of a tree, for the status of its nodes; NULL where there is none. */
const struct zcrypt *core_zcrypt(const struct core *c, unsigned tree);

/*
 * Opening a device node of a tree (sysfs_entry.device): *node names it for zcrypt_ioctl_allowed and
 * zcrypt_request. -ENODEV: it has been destroyed, or it is none.
 */
int core_open(const struct core *c, unsigned tree, sysfs_ino ino, uint32_t *node);

/*
 * How adapters reach the core. execute runs the command and hands its effects to all adapters
 * before it returns, so that whoever sees the reply sees a world in which the command has happened.
 */
struct door {
    struct core *core;
    void (*execute)(struct door *door, struct command *cmd, struct reply *reply); /* fills in now */
    /* A message of an adapter's own for the log; NULL: nobody reads it. */
    void (*log)(struct door *door, enum log_level level, const char *message);
};

#endif
