/* SPDX-License-Identifier: MIT */
/* Commands that are answered from a copy of the core: map, plan, explain. */
#include <errno.h>
#include <inttypes.h>

#include "control/command.h"
#include "control/study.h"

/* In the order of enum study_format, without the first. */
static const char *const formats[] = {"text", "sh", "mdevctl", "virsh", "se", NULL};

static json_t *study(struct control_call *call, const struct study_request *request,
                     struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    text_auto why = {0};
    int rc = ops->study(ops->data, request, call->peer->number, &why);

    if (rc < 0)
        control_error_set(error, CONTROL_REFUSED, -rc, "%s", why.data);
    else
        call->late = true;
    return NULL;
}

static const struct mask256 *mask_or_null(const struct argument_value *v)
{
    return v->given ? &v->ids : NULL;
}

static json_t *run_map(struct control_call *call, struct control_error *error)
{
    const struct argument_values *a = call->arguments;
    struct study_request request = {.kind = STUDY_MAP,
                                    .machine = argument_get(a, "after")->string,
                                    .adapters = mask_or_null(argument_get(a, "adapters")),
                                    .domains = mask_or_null(argument_get(a, "domains")),
                                    .guest = argument_get(a, "guest")->string};

    return study(call, &request, error);
}

static json_t *run_plan(struct control_call *call, struct control_error *error)
{
    const struct argument_value *format = argument_get(call->arguments, "format");
    struct study_request request = {.kind = STUDY_PLAN,
                                    .machine = argument_get(call->arguments, "machine")->string,
                                    .interrupt = argument_get(call->arguments, "interrupt")->on,
                                    .undo = argument_get(call->arguments, "undo")->on,
                                    .format = format->given ? STUDY_TEXT + (unsigned)format->number
                                                            : STUDY_NO_TEXT};

    return study(call, &request, error);
}

/* The refusal of that number, or with 0 the last one; NULL: there is none. */
static const struct ring_record *find_refusal(const struct ring *log, uint64_t number)
{
    const struct ring_record *found = NULL;

    for (const struct ring_record *r = ring_from(log, number); r; r = ring_from(log, r->number + 1))
        if ((r->path || r->command) && (!number || r->number == number))
            found = r;
    return found;
}

static json_t *explain_refusal(struct control_call *call, uint64_t number,
                               struct control_error *error)
{
    const struct ring_record *r = find_refusal(&call->state->log, number);
    struct study_request request = {.kind = STUDY_REFUSAL};

    if (!r && number)
        control_error_set(error, CONTROL_REFUSED, ENOENT,
                          "message %" PRIu64 " is not about a refusal, or is no longer kept; "
                          "'apus log' shows their numbers",
                          number);
    else if (!r)
        control_error_set(error, CONTROL_REFUSED, ENOENT,
                          "nothing was refused, as far as the log goes back");
    if (!r)
        return NULL;
    request.path = r->path;
    request.value = r->value;
    request.command = r->command;
    request.message = r->text;
    return study(call, &request, error);
}

static json_t *run_explain(struct control_call *call, struct control_error *error)
{
    const struct argument_value *what = argument_get(call->arguments, "what");
    const struct argument_value *refusal = argument_get(call->arguments, "refusal");
    struct study_request request = {.kind = STUDY_EXPLAIN, .object = what->string};

    if (what->given == refusal->given) {
        control_error_set(error, CONTROL_ARGUMENT, EINVAL, "expected either 'what' or 'refusal'");
        return NULL;
    }
    return refusal->given ? explain_refusal(call, refusal->number, error)
                          : study(call, &request, error);
}

const struct control_command control_commands_study[] = {
    {.name = "map",
     .what = "The owner of each queue that the LPAR has or that is assigned, adapter by "
             "adapter, and there domain by domain.",
     .arguments = {{"adapters", ARGUMENT_IDS, true, NULL, "only these; default: all"},
                   {"domains", ARGUMENT_IDS, true, NULL, "only these; default: all"},
                   {"guest", ARGUMENT_NAME, true, NULL,
                    "only the adapters and domains of this guest's mediated device"},
                   {"after", ARGUMENT_FILE, true, NULL,
                    "a state to compare with, see apus-machine(5): before is what runs"}},
     .returns =
         (const struct result[]){
             {"queues", RESULT_OBJECT, RESULT_LIST, "the queues", &result_queue}, {NULL}},
     .run = run_map},
    {.name = "plan",
     .what = "The safe way from the present state to a wanted one: steps in an order in which each "
             "is allowed. It was tried on a copy, and nothing is changed. A step's kind is the "
             "command that does it, and its other members are arguments of that.",
     .arguments = {{"machine", ARGUMENT_FILE, false, NULL,
                    "the wanted state, see apus-machine(5) and export"},
                   {"undo", ARGUMENT_BOOL, true, NULL, "true: the way back; default: false"},
                   {"interrupt", ARGUMENT_BOOL, true, NULL,
                    "true: guests that the change does not concern may be without their queues for "
                    "a while; default: false"},
                   {"format", ARGUMENT_CHOICE, true, formats,
                    "the plan also as text for people, or as a script"}},
     .returns =
         (const struct result[]){
             {"steps", RESULT_OBJECT, RESULT_LIST, "the steps", &result_step},
             {"gains", RESULT_STRING, 0, "lines: what each guest and the host gain and lose"},
             {"notes", RESULT_STRING, 0, "lines: what the plan leaves as it is, and what to know"},
             {"fewest", RESULT_BOOL, 0, "no order has fewer steps"},
             {"text", RESULT_STRING, RESULT_OPTIONAL, "the plan in the format"},
             {NULL}},
     .run = run_plan},
    {.name = "explain",
     .what = "Why it is so. Of a queue, a guest or a mediated device: what decides, in its order. "
             "Of a refused write: what would be accepted in its place; each way was tried on a "
             "copy of the machine. Either argument must be given.",
     .arguments = {{"what", ARGUMENT_TEXT, true, NULL,
                    "a queue such as \"05.0004\", a guest, or the UUID of a mediated device"},
                   {"refusal", ARGUMENT_COUNT, true, NULL,
                    "the number of a refusal in the log; 0: the last one"}},
     .returns =
         (const struct result[]){{"text", RESULT_STRING, 0, "lines, for people"},
                                 {"accepted", RESULT_BOOL, RESULT_OPTIONAL,
                                  "of a refusal: the same would be accepted now"},
                                 {"malformed", RESULT_STRING, RESULT_OPTIONAL,
                                  "of a refusal: what is wrong with it whatever the state is"},
                                 {"alternatives", RESULT_OBJECT, RESULT_OPTIONAL | RESULT_LIST,
                                  "of a refusal: the one that changes least first",
                                  &result_alternative},
                                 {NULL}},
     .run = run_explain},
    {.name = NULL}};
