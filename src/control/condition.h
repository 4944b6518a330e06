/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_CONDITION_H
#define APUS_CONTROL_CONDITION_H

#include <jansson.h>

#include "control/error.h"
#include "core/query.h"

/*
 * What somebody waits for, in words:
 *
 *   [not] guest NAME runs | has QUEUE
 *   [not] queue QUEUE exists | bound [DRIVER]
 *   [not] mdev UUID exists | has QUEUE
 *   [not] adapter NUMBER online | standby | checkstop | missing
 *   event WORD...
 *
 * DRIVER is the name of a driver, or zcrypt for any of those. Each WORD of an event must fit: it is
 * the name of the event, KEY=VALUE of its data, or the value of ACTION or guest there, or the last
 * part of DEVPATH. A word with blanks is in quotes, "so" or 'so', in which a backslash takes the
 * next character as it is.
 */
#define CONDITION_WORDS_MAX 16

enum condition_kind {
    CONDITION_GUEST_RUNS,
    CONDITION_GUEST_HAS,
    CONDITION_QUEUE_EXISTS,
    CONDITION_QUEUE_BOUND,
    CONDITION_MDEV_EXISTS,
    CONDITION_MDEV_HAS,
    CONDITION_ADAPTER,
    CONDITION_EVENT,
};

struct condition {
    enum condition_kind kind;
    bool negated;
    char *text;                             /* words point into it */
    const char *words[CONDITION_WORDS_MAX]; /* of an event; ends with NULL */
    const char *name;                       /* of a guest, a driver or a state; NULL: any driver */
    ap_qn qn;
    unsigned apid;
    struct uuid uuid;
};

/* 0: to be freed with condition_done. -EINVAL with *error set. */
int condition_parse(const char *text, struct condition *out, struct control_error *error);
void condition_done(struct condition *c);

/* Whether it holds now; false for an event. */
bool condition_holds(const struct condition *c, const struct core *core);

/* Whether it is this event, as control_format_event makes them. */
bool condition_is_event(const struct condition *c, const json_t *event);

#endif
