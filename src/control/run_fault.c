/* SPDX-License-Identifier: MIT */
/* Commands for faults of queues. */
#include <errno.h>
#include <string.h>

#include "control/command.h"
#include "control/json.h"
#include "core/query.h"

static const char *const phases[] = {
    [FAULT_WAITS] = "waits", [FAULT_ACTIVE] = "active", [FAULT_OVER] = "over"};

static json_t *view_fault(const struct fault_entry *entry)
{
    json_t *view = json_object();
    text_auto rule = {0};

    fault_format(&entry->rule, &rule);
    control_json_set(view, "number", json_integer(entry->number));
    control_json_set(view, "rule", control_json_string(rule.data));
    control_json_set(view, "left",
                     entry->left == FAULT_ALWAYS ? json_null() : json_integer(entry->left));
    control_json_set(view, "hits", json_integer((json_int_t)entry->hits));
    control_json_set(view, "phase", json_string(phases[entry->phase]));
    return view;
}

static json_t *run_fault_list(struct control_call *call, struct control_error *error)
{
    const struct fault_list *faults = core_faults(call->state->door->core);
    json_t *list = json_array(), *view = json_object();

    for (unsigned i = 0; i < faults->count; i++)
        control_json_append(list, view_fault(&faults->v[i]));
    control_json_set(view, "faults", list);
    return view;
}

static json_t *run_fault_remove(struct control_call *call, struct control_error *error)
{
    const struct argument_value *number = argument_get(call->arguments, "number");
    bool all = argument_get(call->arguments, "all")->on;
    struct command command = {.kind = CMD_FAULT_REMOVE};

    if (number->given == all) {
        control_error_set(error, CONTROL_ARGUMENT, EINVAL, "expected either 'number' or 'all'");
        return NULL;
    }
    if (number->given && (number->number == 0 || number->number > UINT32_MAX)) {
        control_error_set(error, CONTROL_REFUSED, ENOENT,
                          "there is no fault %llu; faults are numbered from 1",
                          (unsigned long long)number->number);
        return NULL;
    }
    command.fault.number = number->given ? (uint32_t)number->number : 0;
    return control_execute(call, &command, NULL, error) < 0 ? NULL : json_object();
}

/* A rule that no machine takes is an argument of a wrong form, as a malformed name is, and not a
 * refusal of this machine. */
static json_t *run_fault_add(struct control_call *call, struct control_error *error)
{
    const char *rule = argument_get(call->arguments, "rule")->string;
    struct command command = {.kind = CMD_FAULT_ADD, .fault = {.text = rule, .len = strlen(rule)}};
    text_auto why = {0};
    struct fault parsed;
    int64_t number;

    if (fault_parse(rule, strlen(rule), &parsed, &why) < 0) {
        control_error_set(error, CONTROL_ARGUMENT, EINVAL, "%s", why.data);
        return NULL;
    }
    if (control_execute(call, &command, &number, error) < 0)
        return NULL;
    return json_pack("{s:I}", "number", (json_int_t)number);
}

const struct control_command control_commands_fault[] = {
    {.name = "fault-add",
     .what =
         "Adds a fault rule at the end of the list: PATTERN COUNT KIND [PARAMETER], for example "
         "'05.* 3 busy'. PATTERN: * or ADAPTER.DOMAIN in the two and four hexadecimal digits "
         "of device names; either part may be * or a range (05.0047, *.0004, 04-06.*). COUNT: 1 "
         "to 1000000000, or always. KIND: deconfigured or checkstop (response code 03 or 04 for "
         "NQAP; with always for every instruction, and pending messages are lost); busy (05 for "
         "NQAP, RAPQ and ZAPQ; with always also for TAPQ); full (10 for NQAP); reset T (a RAPQ or "
         "ZAPQ takes that time); delay T (a reply is delayed by that time); bad-reply with type, "
         "length, short, older, code=N or service=RC/RS (a reply is damaged). T: a number with s, "
         "ms or us. Behind that may stand a schedule: at T (it begins that long after it was "
         "added), for T (it ends that long after its beginning), every N (it applies to each N-th "
         "that it matches), chance P% (it applies with this probability) and seed N (another "
         "sequence of chances; the same seed gives the same one). The first rule that matches an "
         "instruction or a reply is applied and counted. "
         "At most 1000 rules.",
     .arguments = {{"rule", ARGUMENT_TEXT, false, NULL, "the rule"}},
     .returns = (const struct result[]){{"number", RESULT_INTEGER, 0,
                                         "the number of the rule, counted from 1 and never reused"},
                                        {NULL}},
     .run = run_fault_add},
    {.name = "fault-list",
     .what = "The fault rules in the order in which they are matched, including those that are "
             "used up.",
     .returns =
         (const struct result[]){{"faults", RESULT_OBJECT, RESULT_LIST, "the rules", &result_fault},
                                 {NULL}},
     .run = run_fault_list},
    {.name = "fault-remove",
     .what =
         "Removes a fault rule, or all of them; either argument must be given. Whatever waits for "
         "a queue because of the rule is retried. A reset that has started still takes its full "
         "time, "
         "and a delayed reply still arrives when it is due.",
     .arguments = {{"number", ARGUMENT_COUNT, true, NULL, "the number of the rule"},
                   {"all", ARGUMENT_BOOL, true, NULL, "true: all rules"}},
     .run = run_fault_remove},
    {.name = NULL}};
