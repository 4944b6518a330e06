/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "control/json.h"
#include "control/message.h"

/* Formats messages to a peer. */

static int append(const char *bytes, size_t len, void *out)
{
    text_add(out, bytes, len);
    return 0;
}

/* Takes ownership of message. NULL: out of memory. */
static void format(json_t *message, struct text *out)
{
    /* 12 digits give microseconds for eleven days; more would show rounding errors. */
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(12);

    if (!message || json_dump_callback(message, append, out, flags) < 0)
        abort();
    text_adds(out, "\n");
    json_decref(message);
}

void control_format_greeting(const char *abi, struct text *out)
{
    format(json_pack("{s:{s:s, s:i, s:s}}", "apus", "version", APUS_VERSION, "protocol",
                     CONTROL_PROTOCOL, "abi", abi),
           out);
}

static json_t *with_id(json_t *message, const json_t *id)
{
    if (message && id && json_object_set(message, "id", (json_t *)id) < 0)
        abort();
    return message;
}

void control_format_return(json_t *value, const json_t *id, struct text *out)
{
    format(with_id(json_pack("{s:o}", "return", value), id), out);
}

void control_format_error(const struct control_error *error, const json_t *id, struct text *out)
{
    const char *desc = error->desc.data ? error->desc.data : "";
    json_t *message =
        json_pack("{s:{s:s, s:o, s:s}}", "error", "class", error->class, "desc",
                  control_json_string(desc), "errno", control_errno_name(error->number));

    if (error->message)
        control_json_set(json_object_get(message, "error"), "message",
                         json_integer((json_int_t)error->message));
    format(with_id(message, id), out);
}

void control_format_event(const char *name, json_t *data, const struct event_stamp *stamp,
                          struct text *out)
{
    json_t *event = json_pack("{s:s, s:o, s:f, s:o}", "event", name, "data", data, "timestamp",
                              (double)stamp->time / 1e9, "date", control_json_date(&stamp->date));

    if (stamp->number)
        control_json_set(event, "number", json_integer((json_int_t)stamp->number));
    format(event, out);
}
