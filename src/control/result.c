/* SPDX-License-Identifier: MIT */
#include "control/result.h"

#include <stddef.h>

/* The objects that results have, as view.h makes them. */

const char *const control_guest_kinds[] = {"real", "light", NULL};
/* In the order of the bits GUEST_AP, GUEST_APFT, GUEST_APQCI, GUEST_APQI. */
const char *const control_guest_features[] = {"ap", "apft", "apqci", "apqi", NULL};
const char *const control_levels[] = {"info", "warning", "error", NULL};

const char *const control_adapter_states[] = {"online", "standby", "checkstop", "missing", NULL};
static const char *const fault_phases[] = {"waits", "active", "over", NULL};
static const char *const owners[] = {"zcrypt", "vfio_ap", NULL};
static const char *const conditions[] = {"online",  "withheld",   "fault",        "offline",
                                         "foreign", "driverless", "deconfigured", "checkstopped",
                                         "absent",  NULL};
static const char *const step_kinds[] = {
    "write",        "guest-start", "guest-stop", "guest-attach",
    "guest-detach", "se-adapter",  "se-lpar",    NULL};
static const char *const on_off[] = {"on", "off", NULL};
static const char *const entry_types[] = {"directory", "file", "link", "device", NULL};

const struct result_object result_adapter = {
    "adapter", "An adapter of the machine.",
    (const struct result[]){{"id", RESULT_ID, 0, "its number"},
                            {"type", RESULT_STRING, 0, "such as CEX7A"},
                            {"state", RESULT_CHOICE, 0, "its state", NULL, control_adapter_states},
                            {"serial", RESULT_STRING, 0, "its serial number; empty: it has none"},
                            {"in_lpar", RESULT_BOOL, 0, "the LPAR has it"},
                            {"online", RESULT_BOOL, 0, "it is configured on"},
                            {"checkstop", RESULT_BOOL, 0, "it is check-stopped"},
                            {"card", RESULT_BOOL, 0, "the host's bus has a device for it"},
                            {NULL}}};

const struct result_object result_lpar = {
    "lpar", "The cryptographic controls of the LPAR.",
    (const struct result[]){RESULT_MATRIX,
                            {"max_adapter", RESULT_ID, 0, "the highest adapter number"},
                            {"max_domain", RESULT_ID, 0, "the highest domain number"},
                            {NULL}}};

const struct result_object result_matrix = {"matrix", "Adapters and domains.",
                                            (const struct result[]){RESULT_MATRIX, {NULL}}};

const struct result_object result_queues = {
    "queues", "Numbers of queues that the host's bus has.",
    (const struct result[]){{"total", RESULT_INTEGER, 0, "all of them"},
                            {"zcrypt", RESULT_INTEGER, 0, "bound to a zcrypt driver"},
                            {"vfio_ap", RESULT_INTEGER, 0, "bound to vfio_ap"},
                            {"unbound", RESULT_INTEGER, 0, "bound to no driver"},
                            {"assigned", RESULT_INTEGER, 0,
                             "assigned to a mediated device, also of queues that do not exist"},
                            {"in_use", RESULT_INTEGER, 0, "a guest can use it now"},
                            {NULL}}};

const struct result_object result_mdev = {
    "mdev", "A mediated device, with what is assigned to it.",
    (const struct result[]){
        {"uuid", RESULT_UUID, 0, "its UUID"},
        {"guest", RESULT_STRING, RESULT_NULL, "the guest that has it"},
        RESULT_MATRIX,
        {"usable", RESULT_OBJECT, 0, "as much of it as a guest gets", &result_matrix},
        {NULL}}};

const struct result_object result_guest = {"guest", "A guest that runs.",
                                           (const struct result[]){RESULT_GUEST, {NULL}}};

const struct result_object result_fault = {
    "fault", "A fault rule.",
    (const struct result[]){
        {"number", RESULT_INTEGER, 0, "its number"},
        {"rule", RESULT_STRING, 0, "the rule, as in fault-add"},
        {"left", RESULT_INTEGER, RESULT_NULL,
         "how many times it will still be applied; null: always"},
        {"hits", RESULT_INTEGER, 0, "how many times it was applied"},
        {"phase", RESULT_CHOICE, 0, "whether it has begun, and ended", NULL, fault_phases},
        {NULL}}};

const struct result_object result_response = {
    "response", "How often instructions ended with a response code.",
    (const struct result[]){{"code", RESULT_STRING, 0, "two hexadecimal digits: \"05\""},
                            {"count", RESULT_INTEGER, 0, "how often"},
                            {NULL}}};

#define COUNTS                                                                                     \
    {"requests", RESULT_INTEGER, 0, "messages that were accepted"},                                \
        {"replies", RESULT_INTEGER, 0, "replies that were fetched"},                               \
        {"errors", RESULT_INTEGER, 0, "of these, error replies"},                                  \
        {"resets", RESULT_INTEGER, 0, "resets, with those that zeroize"},                          \
        {"zeroizations", RESULT_INTEGER, 0, "of these, those that zeroize"},                       \
        {"pending", RESULT_INTEGER, 0, "messages in the queue, or in the guest's queues, now"},    \
    {                                                                                              \
        "responses", RESULT_OBJECT, RESULT_LIST,                                                   \
            "instructions with a response code other than 00", &result_response                    \
    }

const struct result_object result_queue_counts = {
    "queue-counts", "What a queue has counted.",
    (const struct result[]){{"queue", RESULT_QUEUE, 0, "the queue"},
                            COUNTS,
                            {"lost", RESULT_INTEGER, 0, "messages that ended without a reply"},
                            {NULL}}};

const struct result_object result_guest_counts = {
    "guest-counts", "What the instructions of a guest have counted.",
    (const struct result[]){{"guest", RESULT_STRING, 0, "its name"}, COUNTS, {NULL}}};

const struct result_object result_mdev_queues = {
    "mdev-queues", "How many queues a mediated device passes on.",
    (const struct result[]){
        {"uuid", RESULT_UUID, 0, "its UUID"},
        {"guest", RESULT_STRING, RESULT_NULL, "the guest that has it"},
        {"plugged", RESULT_INTEGER, 0, "queues that the guest has"},
        {"withheld", RESULT_INTEGER, 0, "assigned queues that no guest gets as it is now"},
        {NULL}}};

const struct result_object result_write = {
    "write", "A write to an attribute of the host that was refused.",
    (const struct result[]){{"path", RESULT_STRING, 0, "the attribute, below /sys"},
                            {"value", RESULT_STRING, 0, "what was written"},
                            {NULL}}};

const struct result_object result_message = {
    "message", "A message for the administrator.",
    (const struct result[]){
        {"number", RESULT_INTEGER, 0, "its number, from 1 on"},
        {"time", RESULT_NUMBER, 0, "seconds since the daemon started"},
        {"date", RESULT_DATE, 0, "the time of day"},
        {"level", RESULT_CHOICE, 0, "how serious it is", NULL, control_levels},
        {"message", RESULT_STRING, 0, "a sentence"},
        {"write", RESULT_OBJECT, RESULT_OPTIONAL, "the write that was refused", &result_write},
        {"command", RESULT_STRING, RESULT_OPTIONAL, "the refused se-lpar, in the words of apus"},
        {NULL}}};

const struct result_object result_event = {
    "event", "An event, as it is sent to subscribers.",
    (const struct result[]){
        {"event", RESULT_STRING, 0, "which one, see Events"},
        {"data", RESULT_SCHEMA, 0, "what it tells, see Events"},
        {"timestamp", RESULT_NUMBER, 0, "seconds since the daemon started"},
        {"date", RESULT_DATE, 0, "the time of day"},
        {"number", RESULT_INTEGER, RESULT_OPTIONAL, "its number, from 1 on; state has none"},
        {NULL}}};

const struct result_object result_entry = {
    "entry", "What a directory has.",
    (const struct result[]){
        {"name", RESULT_STRING, 0, "its name"},
        {"type", RESULT_CHOICE, 0, "what it is", NULL, entry_types},
        {"mode", RESULT_STRING, 0, "its permissions, in octal: 0644"},
        {"target", RESULT_STRING, RESULT_OPTIONAL, "of a link: where it leads, as readlink(2)"},
        {NULL}}};

#define CELL                                                                                       \
    {"device", RESULT_BOOL, 0, "the host's bus has it"},                                           \
        {"owner", RESULT_CHOICE, RESULT_NULL, "the driver that it is bound to", NULL, owners},     \
        {"mdev", RESULT_UUID, RESULT_NULL, "the mediated device that it is assigned to"},          \
        {"guest", RESULT_STRING, RESULT_NULL, "the guest that has this device"},                   \
        {"in_use", RESULT_BOOL, 0, "the guest can use it now"},                                    \
        {"adapter_state",       RESULT_CHOICE, 0, "the state of its adapter", NULL,                \
         control_adapter_states},                                                                  \
    {                                                                                              \
        "condition", RESULT_CHOICE, 0, "what keeps it from work", NULL, conditions                 \
    }

const struct result_object result_cell = {"cell",
                                          "The owner of a queue in one state of the machine.",
                                          (const struct result[]){CELL, {NULL}}};

const struct result_object result_queue = {
    "queue", "Whose a queue is.",
    (const struct result[]){
        {"apqn", RESULT_QUEUE, 0, "the queue"},
        CELL,
        {"changed", RESULT_BOOL, RESULT_OPTIONAL, "of a comparison: it has changed"},
        {"before", RESULT_OBJECT, RESULT_OPTIONAL, "of a comparison: as it was", &result_cell},
        {NULL}}};

const struct result_object result_controls = {
    "controls", "Numbers of a change of the LPAR.",
    (const struct result[]){{"adapters", RESULT_ID, RESULT_LIST, "adapters"},
                            {"domains", RESULT_ID, RESULT_LIST, "usage domains"},
                            {"control-domains", RESULT_ID, RESULT_LIST, "control domains"},
                            {NULL}}};

const struct result_object result_step = {
    "step", "A step of a plan.",
    (const struct result[]){
        {"kind", RESULT_CHOICE, 0, "the command that does it", NULL, step_kinds},
        {"what", RESULT_STRING, 0, "a sentence"},
        {"effect", RESULT_STRING, 0, "what guests and zcrypt gain and lose by it"},
        {"path", RESULT_STRING, RESULT_OPTIONAL, "of write: the attribute, below /sys"},
        {"value", RESULT_STRING, RESULT_OPTIONAL, "of write: the value"},
        {"guest", RESULT_STRING, RESULT_OPTIONAL, "of the others: the guest"},
        {"mdev", RESULT_UUID, RESULT_OPTIONAL, "of guest-start and guest-attach: the device"},
        {"features", RESULT_CHOICE, RESULT_OPTIONAL | RESULT_LIST,
         "of guest-start: the guest's CPU features", NULL, control_guest_features},
        {"clicks", RESULT_STRING, RESULT_OPTIONAL,
         "of se-adapter and se-lpar: lines that say what somebody does there"},
        {"adapters", RESULT_ID, RESULT_OPTIONAL | RESULT_LIST, "of se-adapter: the adapters"},
        {"state", RESULT_CHOICE, RESULT_OPTIONAL, "of se-adapter: their new state", NULL, on_off},
        {"remove", RESULT_OBJECT, RESULT_OPTIONAL, "of se-lpar: what the LPAR loses",
         &result_controls},
        {"add", RESULT_OBJECT, RESULT_OPTIONAL, "of se-lpar: what it gets", &result_controls},
        {NULL}}};

const struct result_object result_alternative = {
    "alternative", "A way to have a refused write accepted.",
    (const struct result[]){{"steps", RESULT_OBJECT, RESULT_LIST,
                             "the last one is that write, or as much of it as is possible",
                             &result_step},
                            {"effects", RESULT_STRING, 0, "lines: who loses and gets what"},
                            {NULL}}};

const struct result_object *const result_objects[] = {
    &result_adapter,      &result_alternative, &result_cell,
    &result_controls,     &result_entry,       &result_event,
    &result_fault,        &result_guest,       &result_guest_counts,
    &result_lpar,         &result_matrix,      &result_mdev,
    &result_mdev_queues,  &result_message,     &result_queue,
    &result_queue_counts, &result_queues,      &result_response,
    &result_step,         &result_write,       NULL};

static const char *type_words(const struct result *r)
{
    static const char *const words[] = {
        [RESULT_BOOL] = "boolean",
        [RESULT_INTEGER] = "integer",
        [RESULT_NUMBER] = "number",
        [RESULT_STRING] = "string",
        [RESULT_ID] = "integer, 0 to 255",
        [RESULT_QUEUE] = "queue such as \"05.0004\"",
        [RESULT_UUID] = "UUID",
        [RESULT_MASK] = "\"0x\" and 64 hexadecimal digits",
        [RESULT_DATE] = "date as in RFC 3339, UTC",
        [RESULT_WORDS] = "object of strings",
        [RESULT_SCHEMA] = "object",
    };

    return words[r->type];
}

void result_describe(const struct result *r, struct text *out)
{
    if (r->flags & RESULT_LIST)
        text_adds(out, "array: ");
    if (r->type == RESULT_OBJECT)
        text_addf(out, "[%s](#%s)", r->object->name, r->object->name);
    else if (r->type == RESULT_CHOICE)
        for (unsigned i = 0; r->choices[i]; i++)
            text_addf(out, "%s\"%s\"", !i ? "" : r->choices[i + 1] ? ", " : " or ", r->choices[i]);
    else
        text_adds(out, type_words(r));
    if (r->flags & RESULT_NULL)
        text_adds(out, ", or null");
}
