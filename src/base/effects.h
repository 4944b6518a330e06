/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_EFFECTS_H
#define APUS_BASE_EFFECTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * What a command did, in order, for the front ends to carry out. The pure layers append; the daemon
 * passes the list to each front end before the command is answered. Strings are in one pool, by
 * offset, so rebinding 65,536 queues costs two growing arrays and no allocation per record.
 */
enum effect_kind {
    /* A directory has vanished; parent and name (in the pool) are those of its entry. Cached
     * entries must be dropped. */
    EFFECT_GONE,
    /* node has another mode or owner. Cached ones must be dropped. */
    EFFECT_OWNER,
    /* A kernel uevent: the pool holds "ACTION=add\0DEVPATH=/devices/...\0SUBSYSTEM=ap\0..." of
     * length len. */
    EFFECT_UEVENT,
    /* A message for the administrator: level and pool text. */
    EFFECT_LOG,
    /* The APCB of guest number id was replaced; read the new masks from the core. */
    EFFECT_APCB,
    /* Guest id (or CORE_LPAR) is notified; value is an enum guest_news. */
    EFFECT_GUEST_NOTIFY,
    /* Guest id has lost its mediated device; the process that runs it is told. */
    EFFECT_GUEST_DETACHED,
    /* The command that returned -EINPROGRESS for token has finished; value is the result. */
    EFFECT_REPLY,
    /* Timer id (enum timer_id) is set to time (ns), replacing an earlier setting; time 0 cancels
     * it. */
    EFFECT_TIMER,
    /* A request is to be computed; core_job_get(node) returns it. */
    EFFECT_JOB,
    /* Guest id has been stopped; a later guest may get its number. */
    EFFECT_GUEST_STOPPED,
    EFFECTS_RECORDED,
    /* The device nodes of IOMMU group id have changed: value is an enum vfio_nodes. */
    EFFECT_VFIO_NODES = EFFECTS_RECORDED,
    EFFECTS_NEWS,
    /* News for whoever only watches; what they tell follows from the rest. Adapter id is now in the
     * state value, an enum adapter_news. */
    EFFECT_ADAPTER = EFFECTS_NEWS,
    /* Queues of adapter id were reset; the pool has two struct mask256: all of them, and those that
     * were zeroized, too. */
    EFFECT_RESET,
    /* Queue id has lost value messages without a reply. */
    EFFECT_REQUESTS_LOST,
    /* Fault rule id was applied to the APQN in node, for the value-th time. The pool has the rule
     * as text. */
    EFFECT_FAULT_MET,
    /* Guest id was started. */
    EFFECT_GUEST_STARTED,
};

enum guest_news {
    NEWS_CONFIG,  /* its AP configuration has changed */
    NEWS_RELEASE, /* it should release its device */
    NEWS_REPLY,   /* the queue in node, for which it enabled interrupts, has a reply */
};

enum adapter_news {
    ADAPTER_NEWS_MISSING,
    ADAPTER_NEWS_STANDBY,
    ADAPTER_NEWS_ONLINE,
    ADAPTER_NEWS_CHECKSTOP
};

enum vfio_nodes {
    VFIO_NODES_NONE,
    VFIO_NODES_GROUP, /* the device is being removed: its group alone */
    VFIO_NODES_ALL,
};

enum timer_id {
    TIMER_ASK = 1,  /* ask guests again to release devices that are being removed */
    TIMER_SCAN,     /* periodic scan of the host's bus */
    TIMER_ALARM,    /* the state of a queue changes */
    TIMER_REQUESTS, /* check for queues that do not reply */
};

/*
 * What outlives the daemon, by objects (core/saved.h describes each). A command that changed one of
 * them names it here; its value is then read from the core.
 */
enum state_kind {
    STATE_MACHINE,  /* adapters, domains, maxima */
    STATE_BUS,      /* masks and settings of a tree's bus */
    STATE_OVERRIDE, /* driver_override of a queue; id: APQN */
    STATE_CARD,     /* what is bound by hand or offline on a card; id: APID */
    STATE_NODE,     /* a zcrypt node; id: minor */
    STATE_OWNER,    /* mode and owner of a node of the tree that somebody changed; id: number */
    STATE_MDEV,     /* a mediated device; id: slot */
    STATE_GUEST,    /* id: number */
    STATE_ADAPTER,  /* zeroized and to be zeroized queues, checkstop; id: APID */
    STATE_FAULTS,   /* the number that a rule had last */
    STATE_FAULT,    /* a rule; id: number */
    STATE_KINDS
};

struct change {
    uint8_t kind;  /* enum state_kind */
    uint16_t tree; /* STATE_BUS to STATE_OWNER; else 0 */
    uint32_t id;
};

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct effect {
    uint8_t kind;
    uint8_t level;      /* EFFECT_LOG */
    uint16_t tree;      /* of node: 0 the host's, else guest number + 1 */
    uint32_t id;        /* guest, timer or job */
    int64_t value;      /* result of a reply, reason of a notification, time of a timer */
    uint64_t node;      /* parent inode: EFFECT_GONE; inode: EFFECT_OWNER; token: EFFECT_REPLY; job:
                           EFFECT_JOB; APQN:      NEWS_REPLY */
    uint32_t text, len; /* in the pool */
};

struct effects {
    struct effect *v;
    size_t count, capacity;
    struct text pool;
    uint16_t tree;     /* tree of the effects that are appended */
    bool want_uevents; /* false: uevents are not even formatted */
    bool is_private;   /* pool has a reply, which may have a key: wiped by effects_clear */
    uint64_t now;      /* the command's time, ns */
    uint64_t token;    /* the command's own token, for a late reply */
    const char *guest; /* name for refusals in a guest's tree; NULL: the host's */
    /* The write to an attribute of the host that was refused, of which the last effect tells: its
     * path below /sys. Empty: the command was none, or its value is not text of a usual length. */
    struct text refused_path, refused_value;
    /* Likewise a refused command of the Support Element: "se lpar add domain 0x09". */
    struct text refused_command;
    /* Objects that were changed, some of them more than once. Empty unless want_changes. */
    struct change *changes;
    size_t change_count, change_capacity;
    bool want_changes;
};

void effects_clear(struct effects *e);
void effects_done(struct effects *e);

static inline const char *effect_text(const struct effects *e, const struct effect *one)
{
    return e->pool.data + one->text;
}

struct effect *effects_add(struct effects *e, enum effect_kind kind);
void effects_gone(struct effects *e, uint64_t parent, const char *name);
void effects_reply(struct effects *e, uint64_t token, int64_t value);
struct effect *effects_guest_notify(struct effects *e, uint32_t guest, enum guest_news news);
void effects_timer(struct effects *e, enum timer_id id, uint64_t at);
/* The object, of e->tree if its kind has one, may have changed, appeared or gone. */
void effects_note_change(struct effects *e, enum state_kind kind, uint32_t id);

static inline void effects_changed(struct effects *e, enum state_kind kind, uint32_t id)
{
    if (e->want_changes)
        effects_note_change(e, kind, id);
}

/* Appends an effect whose bytes are in the pool. */
struct effect *effects_add_bytes(struct effects *e, enum effect_kind kind, const void *bytes,
                                 size_t len);
void effects_log(struct effects *e, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * Logs the refusal of a write as "WHAT refused (ERRNO): why", in a guest's tree with the prefix
 * "guest NAME: ". what names the object and file; err is negative. Returns err.
 */
int effects_refuse(struct effects *e, int err, const char *what, const char *why, ...)
    __attribute__((format(printf, 4, 5)));
/* The same; what is the format. */
int effects_refuse_at(struct effects *e, int err, const char *why, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Appends a uevent. devpath has no leading slash; subsystem may be NULL; then follow NAME=value
 * strings, terminated by NULL. No effect unless want_uevents. Usage: effects_uevent(e, "change",
 * path, "ap", "CONFIG=1", NULL).
 */
void effects_uevent(struct effects *e, const char *action, const char *devpath,
                    const char *subsystem, ...) __attribute__((sentinel));

/*
 * The same in steps: begin appends the effect with ACTION, DEVPATH and SUBSYSTEM; the other
 * functions add variables to it, as long as it is the last effect. If begin returns false uevents
 * are not wanted, and nothing may be added. vars: strings, each with its terminator. lines: lines
 * as shown by an attribute "uevent"; as in the kernel MODALIAS is left out of an unbind event.
 */
bool effects_uevent_begin(struct effects *e, const char *action, const char *devpath,
                          const char *subsystem);
void effects_uevent_vars(struct effects *e, const char *vars, size_t len);
void effects_uevent_lines(struct effects *e, const char *lines);

#endif
