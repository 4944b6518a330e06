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
 *     PATTERN COUNT KIND [PARAMETER]        05.* 3 busy
 *
 * PATTERN is "*" or ADAPTER.DOMAIN as in the names of devices: two and four lower-case hexadecimal
 * digits, "*", or an ascending range: 05.0047, *.0004, 04-06.*. COUNT is 1 to 1000000000, or
 * "always".
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
#define FAULTS_MAX      1000u

struct fault {
    uint8_t first_apid, last_apid, first_apqi, last_apqi;
    uint32_t count; /* how often, or FAULT_ALWAYS */
    enum fault_kind kind;
    uint64_t time; /* FAULT_RESET, FAULT_DELAY: ns, a multiple of a microsecond */
    enum fault_damage damage;
    uint16_t code, reason; /* DAMAGE_CODE: code below 256; DAMAGE_SERVICE: both */
};

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
struct fault_entry {
    struct fault rule;
    uint32_t number; /* from 1, never reused */
    uint32_t left;   /* hits left, or FAULT_ALWAYS */
    uint64_t hits;
    bool met;   /* since it was last asked; of a rule that applies always only the first time */
    ap_qn last; /* the queue that met it last */
};

struct fault_list {
    struct fault_entry *v;
    unsigned count;
    uint32_t last_number;
    bool changed; /* since it was last asked: rules, or how many hits are left */
    bool met;     /* a rule was met since it was last asked */
};

void fault_list_done(struct fault_list *l);

/* 0, and *number is set; -ENOSPC: there are already FAULTS_MAX. */
int fault_list_add(struct fault_list *l, const struct fault *rule, uint32_t *number);

/* Replaces the list. */
void fault_list_restore(struct fault_list *l, const struct fault_entry *v, unsigned count,
                        uint32_t last_number);

/* 0, and *out is the removed rule; -ENOENT. */
int fault_list_remove(struct fault_list *l, uint32_t number, struct fault *out);

/*
 * The first rule of one of kinds (bits) for the queue that is not exhausted; NULL: none.
 * fault_list_hit charges the rule with a hit. fault_list_state considers only rules with
 * FAULT_ALWAYS. fault_list_look does the same without a charge.
 */
const struct fault *fault_list_hit(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_state(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_look(const struct fault_list *l, unsigned kinds, ap_qn qn);

#define FAULT_BIT(kind) (1u << (kind))

#endif
