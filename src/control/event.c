/* SPDX-License-Identifier: MIT */
#include "control/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/json.h"
#include "control/message.h"
#include "core/query.h"

/* Both lists are in the order of the bits of enum control_event. */
const struct control_event_name control_event_names[] = {
    {"uevent", "A kernel uevent of the bus, a card, a queue or a mediated device. data: its "
               "variables (ACTION, DEVPATH, SUBSYSTEM and others)."},
    {"log",
     "A message for the administrator. data: level (info, warning, error), message, number, and "
     "write as in the command log."},
    {"guest-matrix", "The matrix of a guest has changed. data: guest, and its current adapters, "
                     "domains and control_domains."},
    {"guest-notify", "A guest was notified. data: guest, reason (config: its configuration has "
                     "changed; release: it is asked to release its mediated device)."},
    {"guest-detached", "The mediated device of a guest was detached. data: guest."},
    {"state", "Something of what export returns has changed. Sent once for a command, and neither "
              "by default nor kept. data: nothing."},
    {NULL, NULL}};

const char *const control_event_choices[] = {
    "uevent", "log", "guest-matrix", "guest-notify", "guest-detached", "state", NULL};

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
    default:
        return 0;
    }
}

const char *control_level_name(unsigned level)
{
    static const char *const names[] = {"info", "warning", "error"};

    return level < 3 ? names[level] : "error";
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

void control_event_format_log(const struct ring_record *r, struct text *out)
{
    control_format_event("log", control_message_json(r), r->time, out);
}

void control_event_format_state(uint64_t now, struct text *out)
{
    control_format_event("state", json_object(), now, out);
}

void control_event_format(struct core *core, const struct effects *effects,
                          const struct effect *effect, struct text *out)
{
    unsigned kind = control_event_kind(effect);
    const char *text = effect_text(effects, effect);
    json_t *data;

    if (kind == CONTROL_EVENT_UEVENT)
        data = uevent_data(text, effect->len);
    else
        data = guest_data(core, effect);
    control_format_event(control_event_choices[__builtin_ctz(kind)], data, effects->now, out);
}
