/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_CORE_H
#define APUS_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/effects.h"
#include "base/text.h"
#include "base/uuid.h"
#include "machine/config.h"
#include "machine/guest.h"
#include "machine/instruction.h"
#include "machine/machine.h"
#include "sysfs/tree.h"
#include "zcrypt/zcrypt.h"

/*
 * The core owns all state. Everything that happens comes in as a command, which either changes
 * state or is refused, and produces effects. The core does no I/O, reads no clock and starts no
 * thread; one thread owns it.
 */
struct core;

/* Copies the configuration. effects receives the uevents and log messages of the start. Never
 * fails. */
struct core *core_new(const struct machine_config *config, struct effects *effects);
void core_free(struct core *c);

#define CORE_HOST_TREE 0 /* tree numbers: 0 is the host's /sys, n + 1 that of guest number n */

/* The tree, for reading. NULL: no such guest, or its tree is not built yet (CMD_GUEST_LOOK). */
const struct sysfs_tree *core_tree(const struct core *c, unsigned tree);

/* Parts of the host's tree will be mounted elsewhere (sysfs_tree.keeps_dirs). */
void core_keep_dirs(struct core *c);
/* It has the device nodes of VFIO, too (sysfs_tree.has_vfio_nodes). */
void core_show_vfio_nodes(struct core *c);

enum command_kind {
    CMD_STORE,      /* one write(2) to an attribute */
    CMD_OWNER,      /* a node gets another mode and owner: chmod(2), chown(2) */
    CMD_SE_ADAPTER, /* Support Element: configure an adapter on or off */
    CMD_SE_LPAR,    /* Change LPAR Cryptographic Controls */
    CMD_SCLP,       /* Configure / Deconfigure Adjunct Processor; reply.value = response code */
    CMD_CHECKSTOP,  /* fault: an adapter check-stops, or is repaired */
    CMD_FAULT_ADD,  /* adds a fault rule (machine/fault.h); reply.value = its number */
    CMD_FAULT_REMOVE,
    CMD_MACHINE_SET, /* changes the machine as a hardware event does; -EINVAL: a number is above the
                        machine's own highest one */
    CMD_GUEST_START,
    CMD_GUEST_STOP,
    CMD_GUEST_ATTACH,
    CMD_GUEST_DETACH,
    CMD_GUEST_MIGRATE,
    CMD_GUEST_LOOK,  /* builds a guest's tree, if it is not built yet */
    CMD_VFIO_OPEN,   /* a process opens a mediated device; reply.value = its guest's number */
    CMD_VFIO_CLOSE,  /* it has closed the device, or ended */
    CMD_VFIO_RESET,  /* VFIO_DEVICE_RESET: the queues of the device are zeroized */
    CMD_CPU_CONNECT, /* a client connects as the CPUs of a guest or of the LPAR, or disconnects */
    CMD_CPU_RESET,   /* system reset of a guest or of the LPAR: its queues are zeroized */
    CMD_BOOT,        /* the LPAR is reset, and its Linux starts anew */
    CMD_TIMER,
    CMD_INSN,     /* an AP instruction of a connected client's CPU; the result is in reply.insn */
    CMD_ZCRYPT,   /* a request through a device node; EFFECT_REPLY carries its reply
                     (zcrypt_reply_parse) */
    CMD_JOB_DONE, /* an adapter has computed the reply to a request */
    CMD_CANCEL,   /* nobody waits for token any more */
    COMMAND_KINDS
};

enum lpar_kind { LPAR_ADAPTER, LPAR_DOMAIN, LPAR_CONTROL_DOMAIN };

/* 1 to 63 bytes of UTF-8 without control characters and slash, not - or . first. */
#define CORE_GUEST_NAME 64
static inline bool core_guest_name_fits(const char *name)
{
    size_t len = strlen(name);

    return len && len < CORE_GUEST_NAME && !strchr(name, '/') && *name != '-' && *name != '.' &&
           text_is_printable(name, len);
}

struct command {
    enum command_kind kind;
    uint64_t now;   /* ns, from one monotonic clock; never runs backwards */
    uint64_t token; /* names the command for EFFECT_REPLY and CMD_CANCEL; 0 if it cannot wait */
    bool silent;    /* CMD_SE_ADAPTER, CMD_SE_LPAR, CMD_CHECKSTOP, CMD_MACHINE_SET: the machine
                     * presents no event, so the host notices with its next scan */
    bool happened;  /* CMD_GUEST_STOP, CMD_GUEST_DETACH: whoever was the guest has gone, and nobody
                     * can be told that it is not possible */
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
            bool with_connection; /* CMD_GUEST_START: it ends with who asks, and with the daemon */
        } guest; /* CMD_GUEST_START to CMD_GUEST_MIGRATE, CMD_VFIO_OPEN to CMD_VFIO_RESET */
        struct {
            unsigned guest; /* number */
        } look;
        struct {
            unsigned guest;   /* number, or CORE_LPAR */
            bool on;          /* CMD_CPU_CONNECT: false disconnects, which resets the queues */
            uint32_t process; /* CMD_CPU_CONNECT: that runs the CPUs; 0: unknown */
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
            uint32_t number; /* CMD_FAULT_REMOVE; 0: all rules */
        } fault;
    };
};

struct reply {
    int result;                 /* 0 or -errno; -EINPROGRESS: EFFECT_REPLY follows */
    int64_t value;              /* SCLP response code, guest number, fault number */
    struct ap_insn_result insn; /* CMD_INSN; reply_done frees its data */
    struct text why; /* a refusal in words: what, why, and the remedy; empty on success */
};

/* In place of a guest's number: the LPAR itself, which has all facilities. */
#define CORE_LPAR UINT32_MAX

/* Frees the memory of a reply. */
static inline void reply_done(struct reply *reply)
{
    text_done(&reply->why);
    text_done_private(&reply->insn.data); /* a reply can have a key */
}

/* Executes one command and appends its effects in order. The caller frees the reply with
 * reply_done. */
void core_execute(struct core *c, const struct command *cmd, struct effects *effects,
                  struct reply *reply);

/*
 * A request that its adapter is to compute (EFFECT_JOB), with the card, and the queue whose keys
 * apply. source is the sender, for fairness: 0 the host, n + 1 guest number n. The request's bytes
 * stay valid until the next command.
 */
struct core_job {
    uint64_t id;
    ap_qn qn;
    uint32_t source;
    uint64_t key_generation; /* changes with each zeroize of the queue */
    const struct adapter_config *card;
    unsigned domains; /* of the card */
    const uint8_t *request;
    size_t len;
};

/* 0, or -ESTALE: the queue was reset meanwhile. */
int core_job_get(const struct core *c, uint64_t id, struct core_job *out);

/* Sets what answers queries of an adapter's firmware (zcrypt/facts.h). */
void core_set_firmware(struct core *c, const struct machine_firmware *firmware);

/* The zcrypt of a tree, for the status of its nodes; NULL if it has none. */
const struct zcrypt *core_zcrypt(const struct core *c, unsigned tree);

/*
 * Opens a device node of zcrypt in a tree. *node is its handle for zcrypt_ioctl_allowed and
 * zcrypt_request. -ENODEV: destroyed, or not one of zcrypt's.
 */
int core_open(const struct core *c, unsigned tree, sysfs_ino ino, uint32_t *node);

/*
 * How front ends reach the core. execute runs the command and passes its effects to all front ends
 * before it returns: whoever receives the reply sees all effects of the command.
 */
struct door {
    struct core *core;
    void (*execute)(struct door *door, struct command *cmd, struct reply *reply); /* fills in now */
    /* A message of an adapter's own for the log; NULL: nobody reads it. */
    void (*log)(struct door *door, enum log_level level, const char *message);
};

#endif
