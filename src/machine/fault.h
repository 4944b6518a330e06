/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_FAULT_H
#define APUS_MACHINE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/apqn.h"
#include "base/text.h"

/*
 * Faults of queues are rules in an ordered list: which queues, how often, what. As text:
 *
 *     PATTERN COUNT KIND [PARAMETER] [SCHEDULE]        05.* 3 busy at 10s
 *
 * PATTERN is "*" or ADAPTER.DOMAIN as in the names of devices: two and four lower-case hexadecimal
 * digits, "*", or an ascending range: 05.0047, *.0004, 04-06.*. COUNT is 1 to 1000000000, or
 * "always". SCHEDULE, in any order:
 *
 *     at T        it begins that long after it was added
 *     for T       and ends that long after its beginning
 *     every N     applies to each N-th of the instructions or replies that it matches
 *     chance P%   applies to each of them with this probability; seed N: another sequence
 *     seen N      that many have been matched already (of every and chance)
 */
enum fault_kind {
    FAULT_DECONFIGURED, /* response code 03: an NQAP; with "always" each instruction */
    FAULT_CHECKSTOP,    /* response code 04, likewise */
    FAULT_BUSY,         /* response code 05: an NQAP, RAPQ or ZAPQ; with "always" TAPQ, too */
    FAULT_RESET,        /* T: an accepted RAPQ or ZAPQ takes that long */
    FAULT_FULL,         /* response code 10: an NQAP */
    FAULT_BAD_REPLY,    /* a reply: type, length, short, older, code=N, service=RC/RS */
    FAULT_DELAY,        /* T: a reply is delayed by that time */
};

/* How a bad reply is damaged. */
enum fault_damage {
    DAMAGE_TYPE,    /* its type byte is unknown */
    DAMAGE_LENGTH,  /* its last byte is missing, so its length fields are wrong */
    DAMAGE_SHORT,   /* it ends after its header; the length field of a type 80 agrees */
    DAMAGE_OLDER,   /* type 80 becomes type 84; in type 86 the CPRBX becomes a CPRB
                     * (message/older.h) */
    DAMAGE_CODE,    /* it is replaced by an error reply (type 82) with this code */
    DAMAGE_SERVICE, /* a CPRBX in type 86 gets this return and reason code; others stay */
};

#define FAULT_ALWAYS    UINT32_MAX
#define FAULT_COUNT_MAX 1000000000u
#define FAULT_TIME_MAX  UINT64_C(86400000000000) /* a day */
#define FAULT_CERTAIN   1000000u
#define FAULT_SEEN_MAX  (UINT64_MAX / 2)
#define FAULTS_MAX      1000u

struct fault {
    uint8_t first_apid, last_apid, first_apqi, last_apqi;
    uint32_t count; /* how often, or FAULT_ALWAYS */
    enum fault_kind kind;
    uint64_t time; /* FAULT_RESET, FAULT_DELAY: ns, a multiple of a microsecond */
    enum fault_damage damage;
    uint16_t code, reason; /* DAMAGE_CODE: code below 256; DAMAGE_SERVICE: both */
    uint64_t at, lasts;    /* ns, multiples of a microsecond; 0: at once, without end */
    uint32_t every;        /* 0: each */
    uint32_t chance;       /* of FAULT_CERTAIN; 0: always */
    uint64_t seed, seen;
};

/* A permanent rule of these kinds is a state of its queues. */
static inline bool fault_is_state(const struct fault *f)
{
    return f->count == FAULT_ALWAYS &&
           (f->kind == FAULT_DECONFIGURED || f->kind == FAULT_CHECKSTOP);
}

/* It looks at how many instructions or replies it has matched. */
static inline bool fault_counts(const struct fault *f)
{
    return f->every || f->chance;
}

/*
 * text need not be terminated. 0; -EINVAL: not a rule; -ERANGE: a number out of range. On error
 * *out is unchanged, and why, which may be NULL, gets a sentence about what is wrong and what would
 * be right.
 */
int fault_parse(const char *text, size_t len, struct fault *out, struct text *why);

/* The shortest text of the rule. */
void fault_format(const struct fault *f, struct text *out);

bool fault_equal(const struct fault *a, const struct fault *b);

static inline bool fault_matches(const struct fault *f, ap_qn qn)
{
    return AP_QN_APID(qn) >= f->first_apid && AP_QN_APID(qn) <= f->last_apid &&
           AP_QN_APQI(qn) >= f->first_apqi && AP_QN_APQI(qn) <= f->last_apqi;
}

/* Damages a reply of *len bytes as f->damage says; *len never grows. */
void fault_damage_reply(const struct fault *f, uint8_t *reply, size_t *len);

/* A rule in force. An exhausted rule stays in the list for its count of hits, without effect. */
enum fault_phase { FAULT_ACTIVE, FAULT_WAITS, FAULT_OVER };

struct fault_entry {
    struct fault rule;
    enum fault_phase phase;
    uint64_t next;   /* time of the next phase; 0: there is none */
    uint64_t seen;   /* of a rule that counts: what it has matched */
    uint32_t number; /* from 1, never reused */
    uint32_t left;   /* hits left, or FAULT_ALWAYS */
    uint64_t hits;
    bool changed; /* since it was last asked: its phase, or how many hits are left */
    bool met;     /* likewise; of a rule that applies always only the first time */
    ap_qn last;   /* the queue that met it last */
};

struct fault_list {
    struct fault_entry *v;
    unsigned count;
    uint32_t last_number;
    bool changed; /* a rule has since it was last asked */
    bool met;     /* a rule was met since it was last asked */
    uint64_t now;
};

void fault_list_done(struct fault_list *l);

/* 0, and *number is set; -ENOSPC: there are already FAULTS_MAX. */
int fault_list_add(struct fault_list *l, const struct fault *rule, uint32_t *number);

/* Time passes. A rule whose phase has changed, one after the other; NULL: there is none. next: the
 * time of the first such change; 0: none is to come. */
const struct fault_entry *fault_list_pass(struct fault_list *l, uint64_t now);
uint64_t fault_list_next(const struct fault_list *l);

/* The rule as it would be added now for what is left of it: one that is over has left 0. */
struct fault fault_rest(const struct fault_list *l, const struct fault_entry *e, uint32_t *left);

/* Replaces the list. Its times begin now. */
void fault_list_restore(struct fault_list *l, const struct fault_entry *v, unsigned count,
                        uint32_t last_number);
/* One more, behind the others. -EINVAL: there are too many, or its number is not the highest. */
int fault_list_restore_one(struct fault_list *l, const struct fault_entry *e);

/* NULL: there is no such rule. */
const struct fault_entry *fault_list_find(const struct fault_list *l, uint32_t number);

/* 0, and *out is the removed rule; -ENOENT. */
int fault_list_remove(struct fault_list *l, uint32_t number, struct fault *out);

/*
 * The first rule of one of kinds (bits) for the queue that is not exhausted; NULL: none.
 * fault_list_hit charges the rule with a hit. fault_list_state considers only rules with
 * FAULT_ALWAYS. fault_list_look does the same without a charge. Every instruction asks, and hardly
 * ever is there a rule.
 */
const struct fault *fault_list_find_hit(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_find_state(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_look(const struct fault_list *l, unsigned kinds, ap_qn qn);

static inline const struct fault *fault_list_hit(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return l->count ? fault_list_find_hit(l, kinds, qn) : NULL;
}

static inline const struct fault *fault_list_state(struct fault_list *l, unsigned kinds, ap_qn qn)
{
    return l->count ? fault_list_find_state(l, kinds, qn) : NULL;
}

#define FAULT_BIT(kind) (1u << (kind))

#endif
