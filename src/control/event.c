/* SPDX-License-Identifier: MIT */
#include "control/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "control/message.h"
#include "core/query.h"

/* Both lists are in the order of the bits of enum control_event. */
static const char *const reasons[] = {"config", "release", NULL};

#define GUEST                                                                                      \
    {                                                                                              \
        "guest", RESULT_STRING, RESULT_NULL, "its name"                                            \
    }

static const struct result log_data[] = {
    {"number", RESULT_INTEGER, 0, "the number of the message, as in the command log"},
    {"level", RESULT_CHOICE, 0, "how serious it is", NULL, control_levels},
    {"message", RESULT_STRING, 0, "a sentence"},
    {"write", RESULT_OBJECT, RESULT_OPTIONAL, "the write that was refused", &result_write},
    {"command", RESULT_STRING, RESULT_OPTIONAL, "the refused se-lpar, in the words of apus"},
    {NULL}};

static const struct result matrix_data[] = {GUEST, RESULT_MATRIX, {NULL}};

static const struct result notify_data[] = {
    GUEST,
    {"reason", RESULT_CHOICE, 0,
     "config: its configuration has changed; release: it is asked to release its mediated device",
     NULL, reasons},
    {NULL}};

static const struct result adapter_data[] = {
    {"adapter", RESULT_ID, 0, "the adapter"},
    {"state", RESULT_CHOICE, 0, "its state now", NULL, control_adapter_states},
    {NULL}};

static const struct result reset_data[] = {
    {"adapter", RESULT_ID, 0, "the adapter"},
    {"domains", RESULT_ID, RESULT_LIST, "of the queues"},
    {"zeroized", RESULT_ID, RESULT_LIST, "of those that were zeroized, too"},
    {NULL}};

static const struct result lost_data[] = {
    {"queue", RESULT_QUEUE, 0, "the queue"}, {"requests", RESULT_INTEGER, 0, "how many"}, {NULL}};

static const struct result fault_data[] = {
    {"number", RESULT_INTEGER, 0, "the number of the rule"},
    {"rule", RESULT_STRING, 0, "the rule"},
    {"queue", RESULT_QUEUE, 0, "the queue"},
    {"hits", RESULT_INTEGER, 0, "how many times it was applied"},
    {NULL}};

static const struct result guest_only[] = {GUEST, {NULL}};

const struct control_event_name control_event_names[] = {
    {.name = "uevent",
     .what = "A kernel uevent of the bus, a card, a queue or a mediated device. The data are its "
             "variables (ACTION, DEVPATH, SUBSYSTEM and others).",
     .words = true},
    {.name = "log", .what = "A message for the administrator.", .data = log_data},
    {.name = "guest-matrix",
     .what = "The adapters and domains of a guest have changed.",
     .data = matrix_data},
    {.name = "guest-notify", .what = "A guest was notified.", .data = notify_data},
    {.name = "guest-detached",
     .what = "The mediated device of a guest was detached.",
     .data = guest_only},
    {.name = "guest-started", .what = "A guest was started.", .data = guest_only},
    {.name = "guest-stopped", .what = "A guest was stopped.", .data = guest_only},
    {.name = "adapter",
     .what = "The state of an adapter has changed, also where Linux does not see it.",
     .data = adapter_data},
    {.name = "reset",
     .what = "Queues of an adapter were reset: by Linux, a guest or the machine.",
     .data = reset_data},
    {.name = "requests-lost",
     .what = "Requests in a queue are gone without a reply, by a reset or a fault.",
     .data = lost_data},
    {.name = "fault",
     .what = "A fault rule was applied. Of a rule that applies always only the first time, and of "
             "several times in one command only the last.",
     .data = fault_data},
    {.name = "state",
     .what =
         "Something of what export returns has changed. Sent once for a command, and neither by "
         "default nor kept."},
    {NULL}};

const char *const control_event_choices[] = {"uevent",
                                             "log",
                                             "guest-matrix",
                                             "guest-notify",
                                             "guest-detached",
                                             "guest-started",
                                             "guest-stopped",
                                             "adapter",
                                             "reset",
                                             "requests-lost",
                                             "fault",
                                             "state",
                                             NULL};

unsigned control_event_kind(const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_UEVENT:
        /* Uevents of a guest's bus belong to the guest. */
        return effect->tree == CORE_HOST_TREE ? CONTROL_EVENT_UEVENT : 0;
    case EFFECT_LOG:
        return CONTROL_EVENT_LOG;
    case EFFECT_APCB:
        return CONTROL_EVENT_GUEST_MATRIX;
    case EFFECT_GUEST_NOTIFY:
        /* Interrupts of queues are far too frequent, and concern only the guest. */
        return effect->value == NEWS_REPLY ? 0 : CONTROL_EVENT_GUEST_NOTIFY;
    case EFFECT_GUEST_DETACHED:
        return CONTROL_EVENT_GUEST_DETACHED;
    case EFFECT_GUEST_STARTED:
        return CONTROL_EVENT_GUEST_STARTED;
    case EFFECT_GUEST_STOPPED:
        return CONTROL_EVENT_GUEST_STOPPED;
    case EFFECT_ADAPTER:
        return CONTROL_EVENT_ADAPTER;
    case EFFECT_RESET:
        return CONTROL_EVENT_RESET;
    case EFFECT_REQUESTS_LOST:
        return CONTROL_EVENT_REQUESTS_LOST;
    case EFFECT_FAULT_MET:
        return CONTROL_EVENT_FAULT;
    default:
        return 0;
    }
}

const char *control_level_name(unsigned level)
{
    return control_levels[level < 3 ? level : 2];
}

/* env: "NAME=value" strings, each terminated by NUL. Writers to uevent choose names, too, so these
 * may contain any bytes. */
static json_t *uevent_data(const char *env, size_t len)
{
    json_t *data = json_object();
    text_auto name = {0};

    for (size_t at = 0, n; at < len; at += n + 1) {
        const char *equals;
        json_t *key;

        n = strnlen(env + at, len - at);
        equals = memchr(env + at, '=', n);
        if (!equals)
            continue;
        text_clear(&name);
        text_add(&name, env + at, (size_t)(equals - env) - at);
        key = control_json_string(name.data);
        control_json_set(data, json_string_value(key), control_json_string(equals + 1));
        json_decref(key);
    }
    return data;
}

/* If the same command has stopped the guest, only its name is left. */
static json_t *guest_data(struct core *core, const struct effect *effect)
{
    struct guest_info guest = {0};
    const char *name = core_guest_name(core, effect->id);
    json_t *data = json_object();

    core_guest_info(core, effect->id, &guest);
    control_json_set(data, "guest", name ? control_json_string(name) : json_null());
    if (effect->kind == EFFECT_APCB)
        control_json_matrix(data, &guest.apm, &guest.aqm, &guest.adm);
    else if (effect->kind == EFFECT_GUEST_NOTIFY)
        control_json_set(data, "reason",
                         json_string(effect->value == NEWS_RELEASE ? "release" : "config"));
    return data;
}

json_t *control_message_json(const struct ring_record *r)
{
    json_t *message = json_pack("{s:s, s:o, s:I}", "level", control_level_name(r->kind), "message",
                                control_json_string(r->text), "number", (json_int_t)r->number);

    if (r->path)
        control_json_set(message, "write",
                         json_pack("{s:o, s:o}", "path", control_json_string(r->path), "value",
                                   control_json_string(r->value)));
    if (r->command)
        control_json_set(message, "command", control_json_string(r->command));
    return message;
}

static json_t *queue_name(ap_qn qn)
{
    char name[AP_QN_TEXT];

    ap_qn_format(qn, name);
    return json_string(name);
}

/* In the order of enum adapter_news. */
static const char *adapter_state(int64_t state)
{
    static const char *const names[] = {"missing", "standby", "online", "checkstop"};

    return names[state];
}

static json_t *reset_json(const struct effect *effect, const char *bytes)
{
    struct mask256 masks[2];

    memcpy(masks, bytes, sizeof(masks));
    return json_pack("{s:i, s:o, s:o}", "adapter", (int)effect->id, "domains",
                     control_json_ids(&masks[0]), "zeroized", control_json_ids(&masks[1]));
}

static json_t *machine_data(const struct effect *effect, const char *text)
{
    switch (effect->kind) {
    case EFFECT_ADAPTER:
        return json_pack("{s:i, s:s}", "adapter", (int)effect->id, "state",
                         adapter_state(effect->value));
    case EFFECT_RESET:
        return reset_json(effect, text);
    case EFFECT_REQUESTS_LOST:
        return json_pack("{s:o, s:I}", "queue", queue_name((ap_qn)effect->id), "requests",
                         (json_int_t)effect->value);
    case EFFECT_FAULT_MET:
        return json_pack("{s:i, s:s, s:o, s:I}", "number", (int)effect->id, "rule", text, "queue",
                         queue_name((ap_qn)effect->node), "hits", (json_int_t)effect->value);
    default:
        return NULL;
    }
}

void control_event_format_log(const struct ring_record *r, const struct event_stamp *stamp,
                              struct text *out)
{
    control_format_event("log", control_message_json(r), stamp, out);
}

void control_event_format_state(uint64_t now, struct text *out)
{
    struct event_stamp stamp = {.time = now};

    clock_gettime(CLOCK_REALTIME, &stamp.date);
    control_format_event("state", json_object(), &stamp, out);
}

void control_event_format(struct core *core, const struct effects *effects,
                          const struct effect *effect, const struct event_stamp *stamp,
                          struct text *out)
{
    unsigned kind = control_event_kind(effect);
    const char *text = effect_text(effects, effect);
    json_t *data = machine_data(effect, text);

    if (kind == CONTROL_EVENT_UEVENT)
        data = uevent_data(text, effect->len);
    else if (!data)
        data = guest_data(core, effect);
    control_format_event(control_event_choices[__builtin_ctz(kind)], data, stamp, out);
}
