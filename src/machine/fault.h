/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_FAULT_H
#define APUS_MACHINE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/apqn.h"
#include "base/text.h"

/*
 * Faults of queues, as rules in an ordered list: which queues, how often, what. As text:
 *
 *     PATTERN COUNT KIND [PARAMETER]        05.* 3 busy
 *
 * PATTERN is "*" or ADAPTER.DOMAIN as in the names of devices: two and four lower-case hexadecimal
 * digits, "*", or a rising range: 05.0047, *.0004, 04-06.*. COUNT is 1 to 1000000000, or "always".
 */
enum fault_kind {
    FAULT_DECONFIGURED, /* response code 03: an NQAP; with "always" each instruction */
    FAULT_CHECKSTOP,    /* response code 04, likewise */
    FAULT_BUSY,         /* response code 05: an NQAP, RAPQ or ZAPQ; with "always" TAPQ, too */
    FAULT_RESET,        /* T: a RAPQ or ZAPQ that is accepted takes so long */
    FAULT_FULL,         /* response code 10: an NQAP */
    FAULT_BAD_REPLY,    /* a reply: type, length, short, older, code=N, service=RC/RS */
    FAULT_DELAY,        /* T: a reply that is held back */
};

/* What is wrong with a bad reply. */
enum fault_damage {
    DAMAGE_TYPE,    /* its type byte is one that nobody knows */
    DAMAGE_LENGTH,  /* its last byte is missing, so its lengths are not what arrives */
    DAMAGE_SHORT,   /* it ends after its header; the length in a type 80 says so */
    DAMAGE_OLDER,   /* a type 80 is a type 84, a CPRBX of type 86 a CPRB (message/older.h) */
    DAMAGE_CODE,    /* it is an error reply (type 82) with this code */
    DAMAGE_SERVICE, /* a CPRBX of type 86 says return code and reason code; others stay */
};

#define FAULT_ALWAYS    UINT32_MAX
#define FAULT_COUNT_MAX 1000000000u
#define FAULT_TIME_MAX  UINT64_C(86400000000000) /* a day */
#define FAULTS_MAX      1000u

struct fault {
    uint8_t first_apid, last_apid, first_apqi, last_apqi;
    uint32_t count; /* FAULT_ALWAYS, or how often */
    enum fault_kind kind;
    uint64_t time; /* FAULT_RESET, FAULT_DELAY: ns, a multiple of a microsecond */
    enum fault_damage damage;
    uint16_t code, reason; /* DAMAGE_CODE: code below 256; DAMAGE_SERVICE: both */
};

/*
 * text need not be terminated. 0; -EINVAL for anything else than a rule; -ERANGE for a number that
 * is too small or too big. *out is untouched then, and why, which may be NULL, gets a sentence that
 * names what is wrong and what would be right.
 */
int fault_parse(const char *text, size_t len, struct fault *out, struct text *why);

/* The shortest text that gives the same rule. */
void fault_format(const struct fault *f, struct text *out);

bool fault_equal(const struct fault *a, const struct fault *b);

static inline bool fault_matches(const struct fault *f, ap_qn qn)
{
    return AP_QN_APID(qn) >= f->first_apid && AP_QN_APID(qn) <= f->last_apid &&
           AP_QN_APQI(qn) >= f->first_apqi && AP_QN_APQI(qn) <= f->last_apqi;
}

/* Overwrites a reply of *len bytes as f->damage says; *len never grows. */
void fault_damage_reply(const struct fault *f, uint8_t *reply, size_t *len);

/* A rule in force. One that is used up stays in the list, for its count of hits, and does nothing.
 */
struct fault_entry {
    struct fault rule;
    uint32_t number; /* counted from 1, never used twice */
    uint32_t left;   /* FAULT_ALWAYS, or how often it will still hit */
    uint64_t hits;
};

struct fault_list {
    struct fault_entry *v;
    unsigned count;
    uint32_t last_number;
};

void fault_list_done(struct fault_list *l);

/* 0, with the rule's number; -ENOSPC: there are FAULTS_MAX. */
int fault_list_add(struct fault_list *l, const struct fault *rule, uint32_t *number);

/* 0, with the rule that was taken out; -ENOENT. */
int fault_list_remove(struct fault_list *l, uint32_t number, struct fault *out);

/*
 * The first rule of one of kinds (bits) for the queue that is not used up, which is charged with a
 * hit; NULL: there is none. fault_list_state sees only the rules that hold always, and
 * fault_list_look finds the same without a charge.
 */
const struct fault *fault_list_hit(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_state(struct fault_list *l, unsigned kinds, ap_qn qn);
const struct fault *fault_list_look(const struct fault_list *l, unsigned kinds, ap_qn qn);

#define FAULT_BIT(kind) (1u << (kind))

#endif
