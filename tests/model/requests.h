/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_REQUESTS_H
#define APUS_TESTS_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "zcrypt/zcrypt.h"

struct play;

/*
 * An independent account of the contents of queues, written from [ap-function-codes] to
 * [ap-control-domains] and [zcrypt-retries]: messages with their owners, replies, notifications,
 * and zcrypt's requests with their callers. Each message carries a tag with its owner and a number,
 * and so does its reply, so that a reply that reaches another owner is detected. The actions of a
 * client are predicted. What our own zcrypts and vfio_ap do inside a command is observed through
 * jobs and counters, and checked.
 */

#define TAG_BYTES   16u
#define OWNER_LPAR  1u
#define OWNER_GUEST 2u      /* plus the guest's serial */
#define TOKEN_FIRST 100000u /* smaller ones belong to removals */
#define INSIDE_MAX  64
#define CALLS_MAX   512
#define STALE_MAX   16

enum inside_state { COMPUTING, HELD, READY };

struct inside {
    enum inside_state state;
    unsigned owner;
    uint32_t number; /* of the tag */
    bool zcrypt;
    bool orphan; /* its request moved on when the queue was set offline; nobody waits for it */
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
    uint64_t generation; /* of the keys that a job got */
    unsigned told;       /* notifications that a step must bring */
    bool usable;         /* according to the LPAR's last TAPQ */
    uint8_t rc;
    uint32_t apqsw;
    bool seen_notifying; /* according to the last status; a busy queue does not report it */
    uint8_t driver;      /* 0 none, 1 zcrypt, 2 vfio_ap */
};

/* The owner of a message is a client, which is notified of its reply; our own system is not. */
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
    uint64_t stale[STALE_MAX]; /* jobs that have ended */
    unsigned stale_count;
    uint32_t numbers; /* tags used so far */
    uint32_t sent;    /* number of the message that this step enqueued */
    uint64_t replied; /* token and value of the last reply in this step */
    int64_t reply_value;
    bool faulty; /* the play has faults: what drivers meet is not predicted */
    bool resets_take, replies_damaged, flush_observed;
    uint64_t accepted, ended_by_reply, ended_by_reset, calls_made;
};

/* requests.c */
void requests_init(struct play *p);
/* After a command: its effects on queues, jobs and waiting requests. */
bool requests_follow(struct play *p, const struct step *s, int result);
/* At the end of a play, without faults and given enough time, everything ends. */
bool requests_drain(struct play *p);
void queue_flushed(struct requests *r, unsigned ai, unsigned di);
struct inside *inside_add(struct inside_queue *q);
void inside_remove(struct inside_queue *q, struct inside *m);
const struct seen_guest *guest_seen(const struct requests *r, unsigned owner);
/* The owner's zcrypt can reach the contents of the queue. */
bool owner_reaches(const struct requests *r, unsigned owner, unsigned ai, unsigned di);
/* A modelled guest, or the host itself, serves the queue with a zcrypt of its own. */
bool zcrypt_cares(struct play *p, unsigned ai, unsigned di);

/* answer.c: replies of adapters */
int execute_job(struct play *p, const struct step *s);
bool answer_now(struct play *p, uint64_t job);
void tag_put(uint8_t *at, unsigned owner, uint32_t number);
/* Finds the first tag in data; false: none. */
bool tag_find(const uint8_t *data, size_t len, unsigned *owner, uint32_t *number);
void reply_fill(uint8_t *at, unsigned owner, uint32_t number, size_t len);

/* insn.c */
int execute_insn(struct play *p, const struct step *s);
struct ap_insn_result insn_tapq(struct play *p, unsigned apid, unsigned apqi);

/* The faults of the core that would apply now; 0: none. */
struct fault_entry;
const struct fault_entry *fault_first(struct play *p, unsigned kinds, unsigned ai, unsigned di,
                                      bool always);

/* calls.c */
int execute_zcrypt(struct play *p, const struct step *s);
struct call *call_by_number(struct requests *r, uint32_t number);
bool call_replied(struct play *p, uint64_t token, int64_t value, const char *text, size_t len);
/* A queue or card was set offline: its contents stay, and zcrypt tries elsewhere. */
void calls_orphan(struct play *p, const struct step *s, int result);
bool calls_count(struct play *p);
bool calls_idle(struct play *p);
/* The caller of one of the requests cancels it. */
void calls_cancel(struct play *p, uint64_t pick, uint64_t *token);

#endif
