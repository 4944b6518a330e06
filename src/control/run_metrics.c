/* SPDX-License-Identifier: MIT */
/* The command metrics: what queues and guests have counted, a page at a time. */
#include <stdio.h>

#include "control/command.h"
#include "control/json.h"
#include "core/query.h"

#define PAGE 1000u /* queues: more would take the event loop too long */

static void set(json_t *view, const char *name, uint64_t value)
{
    control_json_set(view, name, json_integer((json_int_t)value));
}

static json_t *view_responses(const struct ap_counts *c)
{
    json_t *list = json_array();
    char code[3];

    for (unsigned i = 0; i < AP_CODES; i++) {
        if (!c->codes[i])
            continue;
        snprintf(code, sizeof(code), "%02x", ap_codes[i]);
        control_json_append(
            list, json_pack("{s:s, s:I}", "code", code, "count", (json_int_t)c->codes[i]));
    }
    return list;
}

static json_t *view_counts(const char *key, const char *name, const struct ap_counts *c,
                           unsigned pending)
{
    json_t *view = json_object();

    control_json_set(view, key, control_json_string(name));
    set(view, "requests", c->requests);
    set(view, "replies", c->replies);
    set(view, "errors", c->errors);
    set(view, "resets", c->resets);
    set(view, "zeroizations", c->zeroized);
    set(view, "pending", pending);
    control_json_set(view, "responses", view_responses(c));
    return view;
}

static bool is_used(const struct ap_counts *counts)
{
    struct ap_counts used = *counts;

    used.resets = used.zeroized = 0;
    return ap_counts_any(&used);
}

/* From the queue *next on, which becomes that of the next page; AP_APQNS: there is none. */
static json_t *view_queues(const struct core *core, uint32_t *next)
{
    json_t *list = json_array(), *view;
    char name[AP_QN_TEXT];
    ap_qn qn;

    while (json_array_size(list) < PAGE && core_queue_next(core, next, &qn)) {
        struct ap_counts counts = core_queue_counts(core, qn);

        if (!is_used(&counts))
            continue;
        ap_qn_format(qn, name);
        view = view_counts("queue", name, &counts, core_queue_pending(core, qn));
        set(view, "lost", counts.lost);
        control_json_append(list, view);
    }
    return list;
}

static json_t *view_guests(const struct core *core)
{
    json_t *list = json_array();
    struct guest_info guest;
    uint32_t cursor = 0;

    while (core_guest_next(core, &cursor, &guest))
        control_json_append(list, view_counts("guest", guest.name, &guest.counts,
                                              core_guest_pending(core, &guest)));
    return list;
}

static json_t *view_mdevs(const struct core *core)
{
    json_t *list = json_array(), *view;
    struct mdev_queues queues;
    struct mdev_info mdev;
    char uuid[UUID_TEXT];
    uint32_t cursor = 0;

    while (core_mdev_next(core, &cursor, &mdev)) {
        queues = mdev_queues(&mdev);
        uuid_format(&mdev.uuid, uuid);
        view = json_pack("{s:s, s:i, s:i}", "uuid", uuid, "plugged", (int)queues.plugged,
                         "withheld", (int)queues.withheld);
        control_json_set(view, "guest", mdev.guest ? control_json_string(mdev.guest) : json_null());
        control_json_append(list, view);
    }
    return list;
}

static json_t *run_metrics(struct control_call *call, struct control_error *error)
{
    const struct argument_value *from = argument_get(call->arguments, "from");
    const struct control_ops *ops = call->state->ops;
    const struct core *core = call->state->door->core;
    uint32_t next = !from->given ? 0 : from->number >= AP_APQNS ? AP_APQNS : (uint32_t)from->number;
    json_t *view = json_object();

    control_json_set(view, "time", json_real((double)ops->now(ops->data) / 1e9));
    control_json_set(view, "queues", view_queues(core, &next));
    control_json_set(view, "next", next < AP_APQNS ? json_integer(next) : json_null());
    control_json_set(view, "guests", view_guests(core));
    control_json_set(view, "mdevs", view_mdevs(core));
    return view;
}

const struct control_command control_commands_metrics[] = {
    {.name = "metrics",
     .what = "What queues and guests have counted since the machine started, and how many queues "
             "mediated devices pass on. Counters only grow, while guest and machine run. Of queues "
             "those that were used, at most 1000 at a time: next is the argument from of the "
             "request for more. See docs/metrics.md.",
     .arguments = {{"from", ARGUMENT_COUNT, true, NULL, "the queue to begin with; default: 0"}},
     .returns =
         (const struct result[]){
             {"time", RESULT_NUMBER, 0, "seconds since the daemon started"},
             {"queues", RESULT_OBJECT, RESULT_LIST, "those that were used", &result_queue_counts},
             {"next", RESULT_INTEGER, RESULT_NULL,
              "where to go on; null: these were the last queues"},
             {"guests", RESULT_OBJECT, RESULT_LIST, "those that run", &result_guest_counts},
             {"mdevs", RESULT_OBJECT, RESULT_LIST, "mediated devices", &result_mdev_queues},
             {NULL}},
     .run = run_metrics},
    {.name = NULL}};
