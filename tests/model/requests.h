/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_REQUESTS_H
#define APUS_TESTS_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "zcrypt/zcrypt.h"

struct play;

/*
 * The second account of what is inside queues, written from [ap-function-codes] to
 * [ap-control-domains] and [zcrypt-retries]: messages with their owners, replies, notifications,
 * and zcrypt's requests with whoever waits for them. Each message carries a tag with its owner and
 * a number, and so does its reply: nobody may ever be handed another one's.
 *
 * What a real client of a guest or of the LPAR does is foretold. What the system's own zcrypts and
 * vfio_ap do inside a command is observed, through the jobs and the counters, and judged.
 */

#define TAG_BYTES   16u
#define OWNER_LPAR  1u
#define OWNER_GUEST 2u      /* and up: plus the guest's serial */
#define TOKEN_FIRST 100000u /* smaller ones are those of removals */
#define INSIDE_MAX  64
#define CALLS_MAX   512
#define STALE_MAX   16

enum inside_state { COMPUTING, HELD, READY };

struct inside {
    enum inside_state state;
    unsigned owner;
    uint32_t number; /* of the tag */
    bool zcrypt;
    bool
        orphan; /* its request went elsewhere when the queue was set offline; nobody waits for it */
    uint64_t psmid, job, due;
    uint32_t len, delivered; /* of the reply */
};

enum notifying { NOTIFY_OFF, NOTIFY_ON, NOTIFY_UNKNOWN };

struct inside_queue {
    struct inside v[INSIDE_MAX];
    unsigned count;
    enum notifying notify;
    uint32_t zeroized;
    bool has_generation, rekeyed;
    uint64_t generation; /* of the keys that a job was given */
    unsigned told;       /* notifications that a step has to bring */
    bool usable;         /* what the LPAR's last TAPQ said */
    uint8_t rc;
    uint32_t apqsw;
    bool seen_notifying; /* what the last status said, which a busy queue does not give */
    uint8_t driver;      /* 0 none, 1 zcrypt, 2 vfio_ap */
};

/* Whether the owner of a message hears of its reply: not our own system. */
static inline bool is_told(const struct inside_queue *q, const struct inside *m)
{
    bool seen = q->notify == NOTIFY_UNKNOWN && q->seen_notifying;

    return m->owner >= OWNER_LPAR && (q->notify == NOTIFY_ON || (m->owner == OWNER_LPAR && seen));
}

struct call {
    uint64_t token;
    unsigned tree, owner;
    uint32_t number;
    enum m_kind want;
};

struct seen_guest {
    bool exists, attached, connected;
    unsigned number, serial, features;
    struct m_set apcb;
};

struct seen_adapter {
    bool in_lpar, online, checkstopped;
    uint8_t type, mode;
};

struct requests {
    struct inside_queue queue[APIDS][APQIS];
    struct seen_guest guest[GUESTS];
    struct seen_adapter adapter[APIDS];
    struct mask256 usage, control;
    struct call calls[CALLS_MAX];
    unsigned call_count;
    uint64_t stale[STALE_MAX]; /* jobs that are over */
    unsigned stale_count;
    uint32_t numbers; /* tags so far */
    uint32_t sent;    /* number of the message that this step put in */
    uint64_t replied; /* token and value of the last reply in this step */
    int64_t reply_value;
    bool faulty; /* the play has faults: what drivers meet is not foretold */
    bool resets_take, replies_damaged, flush_observed;
    uint64_t accepted, ended_by_reply, ended_by_reset, calls_made;
};

/* requests.c */
void requests_init(struct play *p);
/* After a command: what it did to queues, jobs and waiting requests. */
bool requests_follow(struct play *p, const struct step *s, int result);
/* At the end of a play, without faults and with all the time of the world, everything ends. */
bool requests_drain(struct play *p);
void queue_flushed(struct requests *r, unsigned ai, unsigned di);
struct inside *inside_add(struct inside_queue *q);
void inside_remove(struct inside_queue *q, struct inside *m);
const struct seen_guest *guest_seen(const struct requests *r, unsigned owner);
/* Whether the owner's zcrypt gets at what is inside the queue. */
bool owner_reaches(const struct requests *r, unsigned owner, unsigned ai, unsigned di);
/* Whether a light guest, or the host itself, looks after the queue with a zcrypt of its own. */
bool zcrypt_cares(struct play *p, unsigned ai, unsigned di);

/* answer.c: adapters that answer */
int execute_job(struct play *p, const struct step *s);
bool answer_now(struct play *p, uint64_t job);
void tag_put(uint8_t *at, unsigned owner, uint32_t number);
/* The first tag in data; false: there is none. */
bool tag_find(const uint8_t *data, size_t len, unsigned *owner, uint32_t *number);
void reply_fill(uint8_t *at, unsigned owner, uint32_t number, size_t len);

/* insn.c */
int execute_insn(struct play *p, const struct step *s);
struct ap_insn_result insn_tapq(struct play *p, unsigned apid, unsigned apqi);

/* faults of the core that would hit now; 0: none */
struct fault_entry;
const struct fault_entry *fault_first(struct play *p, unsigned kinds, unsigned ai, unsigned di,
                                      bool always);

/* calls.c */
int execute_zcrypt(struct play *p, const struct step *s);
struct call *call_by_number(struct requests *r, uint32_t number);
bool call_replied(struct play *p, uint64_t token, int64_t value, const char *text, size_t len);
/* A queue or card was set offline: what is inside stays there, and zcrypt tries elsewhere. */
void calls_orphan(struct play *p, const struct step *s, int result);
bool calls_count(struct play *p);
bool calls_idle(struct play *p);
/* Whoever made one of the requests goes away. */
void calls_cancel(struct play *p, uint64_t pick, uint64_t *token);

#endif
