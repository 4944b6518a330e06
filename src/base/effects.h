/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_EFFECTS_H
#define APUS_BASE_EFFECTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * What a command did, in order, for the adapters to carry out. The pure layers append; the daemon
 * hands the list to each adapter before the command's reply leaves. Strings live in one pool and
 * are named by offset, so that a rebind of 65,536 queues costs two growing arrays and no allocation
 * per record.
 */
enum effect_kind {
    /* A directory has vanished: parent and name (pool) were its entry. Cached entries are to be
       dropped. */
    EFFECT_GONE,
    /* A kernel uevent: pool holds "ACTION=add\0DEVPATH=/devices/...\0SUBSYSTEM=ap\0..." of length
       len. */
    EFFECT_UEVENT,
    /* A message for the administrator: level and pool text. */
    EFFECT_LOG,
    /* The APCB of guest number id was replaced: its masks are to be read from the core. */
    EFFECT_APCB,
    /* Guest id (or CORE_LPAR) is told something: value is an enum guest_news. */
    EFFECT_GUEST_NOTIFY,
    /* Guest id: what is attached to it has been taken away; a process that embodies it is told. */
    EFFECT_GUEST_DETACHED,
    /* A command that answered -EINPROGRESS under token is finished with result value. */
    EFFECT_REPLY,
    /* Timer id (enum timer_id) is to be fired at time (ns), replacing an earlier one of the same
       id; time 0 cancels it. */
    EFFECT_TIMER,
    /* A request waits for its adapter: core_job_get(node) gives it. */
    EFFECT_JOB,
    /* Guest id has been stopped; a later guest may get its number. */
    EFFECT_GUEST_STOPPED,
};

enum guest_news {
    NEWS_CONFIG,  /* its AP configuration has changed */
    NEWS_RELEASE, /* it is asked to release its device */
    NEWS_REPLY,   /* the queue in node, for which it enabled interruptions, has a reply */
};

enum timer_id {
    TIMER_ASK = 1,  /* guests are asked again to release devices that are being removed */
    TIMER_SCAN,     /* the host's bus looks at the machine */
    TIMER_ALARM,    /* something changes in a queue by itself */
    TIMER_REQUESTS, /* a queue may have been silent for too long */
};

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct effect {
    uint8_t kind;
    uint8_t level; /* EFFECT_LOG */
    uint16_t tree; /* which tree node and parent belong to: 0 the host's, else guest number + 1 */
    uint32_t id;   /* guest, timer or job */
    int64_t value; /* result of a reply, reason of a notification, time of a timer */
    uint64_t node; /* parent inode: EFFECT_GONE; token: EFFECT_REPLY; job: EFFECT_JOB; APQN:
                      NEWS_REPLY */
    uint32_t text, len; /* in the pool */
};

struct effects {
    struct effect *v;
    size_t count, capacity;
    struct text pool;
    uint16_t tree;     /* stamped on what is appended */
    bool want_uevents; /* somebody listens; otherwise uevents are not even formatted */
    uint64_t now;      /* the command's time, ns */
    uint64_t token;    /* the command's own token, for a late reply */
    const char *guest; /* whose tree a refusal is about; NULL: the host's */
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
void effects_log(struct effects *e, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * How every refusal of an attribute reads in the log: "WHAT refused (ERRNO): why", in a guest's
 * tree with "guest NAME: " in front. what names the file and whose it is, err is negative. Returns
 * err.
 */
int effects_refuse(struct effects *e, int err, const char *what, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * A uevent. devpath has no leading slash; subsystem may be NULL; then NAME=value strings, ended by
 * NULL. Nothing happens unless want_uevents. Usage: effects_uevent(e, "change", path, "ap",
 * "CONFIG=1", NULL).
 */
void effects_uevent(struct effects *e, const char *action, const char *devpath,
                    const char *subsystem, ...) __attribute__((sentinel));

/*
 * The same in pieces: begin appends the effect with ACTION, DEVPATH and SUBSYSTEM, and the others
 * add variables to it as long as it is the last one. begin returns false when nobody listens;
 * nothing is to be added then. vars: a block of strings, each with its terminator. lines: a string
 * of lines, as an attribute "uevent" shows them; of these an unbind event leaves MODALIAS out, as
 * the kernel does.
 */
bool effects_uevent_begin(struct effects *e, const char *action, const char *devpath,
                          const char *subsystem);
void effects_uevent_vars(struct effects *e, const char *vars, size_t len);
void effects_uevent_lines(struct effects *e, const char *lines);

#endif
