/* SPDX-License-Identifier: MIT */
/* apus events: uevents, and events of guests. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/value.h"

enum { OPT_FOLLOW = 'f', OPT_SINCE = 's', OPT_CTIME = 'T' };

static const struct cli_option options[] = {
    {OPT_SINCE, "since", "NUMBER", "only events with this number or a higher one"},
    {OPT_FOLLOW, "follow", NULL, "wait for new events, until interrupted"},
    {OPT_CTIME, "ctime", NULL, "with date and time of day in place of seconds"},
    {0}};

struct request {
    uint64_t since;
    bool has_since, follow, ctime;
};

/* The kernel's own APMASK and AQMASK end with a newline, and so do ours [uevents-variables]. */
static void print_variable(const char *key, const char *value)
{
    printf(" %s=%.*s", key, (int)strcspn(value, "\n"), value);
}

static void print_uevent(const json_t *data)
{
    const char *key;
    json_t *value;

    printf("%-8s %s (%s)", field_string(data, "ACTION", "?"), field_string(data, "DEVPATH", "?"),
           field_string(data, "SUBSYSTEM", "-"));
    json_object_foreach ((json_t *)data, key, value) {
        if (strcmp(key, "ACTION") && strcmp(key, "DEVPATH") && strcmp(key, "SUBSYSTEM"))
            print_variable(key, json_string_value(value));
    }
}

static void print_matrix(const json_t *data)
{
    text_auto adapters = {0}, domains = {0}, control = {0};

    field_ids(json_object_get(data, "adapters"), 2, &adapters);
    field_ids(json_object_get(data, "domains"), 4, &domains);
    field_ids(json_object_get(data, "control_domains"), 4, &control);
    printf("has adapters %s, domains %s, control domains %s", adapters.data, domains.data,
           control.data);
}

static void print_guest(const char *name, const json_t *data)
{
    printf("guest %s ", field_string(data, "guest", "?"));
    if (strcmp(name, "guest-matrix") == 0)
        print_matrix(data);
    else if (strcmp(name, "guest-notify") == 0)
        printf("was notified: %s", field_string(data, "reason", "?"));
    else if (strcmp(name, "guest-detached") == 0)
        printf("lost its mediated device");
    else
        printf("%s", strcmp(name, "guest-started") == 0 ? "started" : "stopped");
}

static void print_reset(const json_t *data)
{
    text_auto domains = {0}, zeroized = {0};

    field_ids(json_object_get(data, "domains"), 4, &domains);
    field_ids(json_object_get(data, "zeroized"), 4, &zeroized);
    printf("adapter %02llx: domains %s reset, of these %s zeroized", field_number(data, "adapter"),
           domains.data, zeroized.data);
}

static void print_machine(const char *name, const json_t *data)
{
    if (strcmp(name, "adapter") == 0)
        printf("adapter %02llx: %s", field_number(data, "adapter"),
               field_string(data, "state", "?"));
    else if (strcmp(name, "reset") == 0)
        print_reset(data);
    else if (strcmp(name, "requests-lost") == 0)
        printf("queue %s: %lld requests lost", field_string(data, "queue", "?"),
               field_number(data, "requests"));
    else if (strcmp(name, "fault") == 0)
        printf("queue %s: fault %lld (%s) applied", field_string(data, "queue", "?"),
               field_number(data, "number"), field_string(data, "rule", "?"));
    else
        printf("%s", name);
}

static void print_event(const json_t *event, bool ctime)
{
    const char *name = field_string(event, "event", "?");
    const json_t *data = json_object_get(event, "data");

    if (ctime)
        value_print_date(json_string_value(json_object_get(event, "date")));
    else
        printf("[%12.6f] ", json_number_value(json_object_get(event, "timestamp")));
    printf("%lld ", field_number(event, "number"));
    if (strcmp(name, "uevent") == 0)
        print_uevent(data);
    else if (strcmp(name, "log") == 0)
        printf("%s: %s", field_string(data, "level", "?"), field_string(data, "message", ""));
    else if (strncmp(name, "guest-", 6) == 0)
        print_guest(name, data);
    else
        print_machine(name, data);
    putchar('\n');
    fflush(stdout);
}

static void show(const struct request *r, const json_t *event)
{
    if (cli_json())
        ask_print(event);
    else
        print_event(event, r->ctime);
}

static json_t *since(const struct request *r)
{
    return r->has_since ? json_pack("{s:I}", "since", (json_int_t)r->since) : NULL;
}

static int follow(const struct request *r, struct connection *c)
{
    json_t *event = connection_call(c, "subscribe", since(r), -1);

    if (!event)
        return 1;
    json_decref(event);
    while (!ferror(stdout) && (event = connection_event(c))) {
        show(r, event);
        json_decref(event);
    }
    return 1;
}

static int recent(const struct request *r, struct connection *c)
{
    json_t *view = connection_call(c, "events", since(r), -1);
    const json_t *event;
    size_t i;

    if (!view)
        return 1;
    json_array_foreach (json_object_get(view, "events"), i, event)
        show(r, event);
    json_decref(view);
    return 0;
}

static int events_run(int argc, char **argv)
{
    connection_auto *c = NULL;
    struct request r = {0};
    const char *path;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        r.follow |= got == OPT_FOLLOW;
        r.ctime |= got == OPT_CTIME;
        if (got != OPT_SINCE)
            continue;
        r.has_since = true;
        if (value_record(optarg, "event", &r.since))
            return 2;
    }
    if (cli_machine_operand(argc, argv))
        return 2;
    path = cli_socket();
    if (!path || connection_open(path, &c) < 0)
        return 1;
    return r.follow ? follow(&r, c) : recent(&r, c);
}

const struct cli_command cmd_events = {
    .name = "events",
    .args = "[NAME]",
    .summary = "show uevents and events of guests",
    .run = events_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_LOOK,
    .help =
        "Prints the latest events, at most 1000, each with its number and seconds since the "
        "daemon\n"
        "started, or with --ctime the local date and time. --follow prints new events, until it "
        "is\n"
        "interrupted or the daemon ends, which is status 4; with --since it prints first those "
        "that\n"
        "are kept from that number on, and misses none: if some are not kept any more it fails.\n"
        "--json prints one object per line. On a machine with more than 4096 queues, uevents are\n"
        "kept from the first time on that somebody asks for events.\n"};
