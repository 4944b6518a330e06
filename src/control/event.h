/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_EVENT_H
#define APUS_CONTROL_EVENT_H

#include <jansson.h>
#include <stdbool.h>

#include "control/message.h"
#include "control/result.h"
#include "control/ring.h"
#include "core/core.h"

/*
 * Effects that clients can subscribe to. The kinds are bits in the order of
 * control_event_names.
 */
enum control_event {
    CONTROL_EVENT_UEVENT = 1,
    CONTROL_EVENT_LOG = 2,
    CONTROL_EVENT_GUEST_MATRIX = 4,
    CONTROL_EVENT_GUEST_NOTIFY = 8,
    CONTROL_EVENT_GUEST_DETACHED = 16,
    CONTROL_EVENT_GUEST_STARTED = 32,
    CONTROL_EVENT_GUEST_STOPPED = 64,
    CONTROL_EVENT_ADAPTER = 128,
    CONTROL_EVENT_RESET = 256,
    CONTROL_EVENT_REQUESTS_LOST = 512,
    CONTROL_EVENT_FAULT = 1024,
    CONTROL_EVENT_STATE = 2048, /* of no effect: see control_event_format_state */
};
/* What is sent unless a client says what it wants: STATE would only repeat that there was one. */
#define CONTROL_EVENTS_DEFAULT (CONTROL_EVENT_STATE - 1u)

struct control_event_name {
    const char *name, *what;
    const struct result *data; /* NULL: nothing, or if words is set, an object of strings */
    bool words;
};

extern const struct control_event_name control_event_names[]; /* terminated by a NULL name */
extern const char *const control_event_choices[];             /* only the names */

/* The kind of event that an effect causes, or 0 if none. */
unsigned control_event_kind(const struct effect *effect);

/* Appends the event of an effect whose kind is not 0 nor that of a message, as a line with newline.
 */
void control_event_format(struct core *core, const struct effects *effects,
                          const struct effect *effect, const struct event_stamp *stamp,
                          struct text *out);

/* The event of a message. */
void control_event_format_log(const struct ring_record *r, const struct event_stamp *stamp,
                              struct text *out);

/* The members of a message that the log and its event share: level, message, number, and write. */
json_t *control_message_json(const struct ring_record *r);

/* The event of a command that has changed what can be exported. */
void control_event_format_state(uint64_t now, struct text *out);

const char *control_level_name(unsigned level);

#endif
