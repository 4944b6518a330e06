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

enum { OPT_FOLLOW = 'f' };

static const struct cli_option options[] = {
    {OPT_FOLLOW, "follow", NULL, "wait for new events, until interrupted"}, {0}};

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

static void print_event(const json_t *event)
{
    const char *name = field_string(event, "event", "?");
    const json_t *data = json_object_get(event, "data");

    printf("[%12.6f] ", json_number_value(json_object_get(event, "timestamp")));
    if (strcmp(name, "uevent") == 0) {
        print_uevent(data);
    } else if (strcmp(name, "log") == 0) {
        printf("%s: %s", field_string(data, "level", "?"), field_string(data, "message", ""));
    } else {
        printf("guest %s ", field_string(data, "guest", "?"));
        if (strcmp(name, "guest-matrix") == 0)
            print_matrix(data);
        else if (strcmp(name, "guest-notify") == 0)
            printf("was notified: %s", field_string(data, "reason", "?"));
        else
            printf("lost its mediated device");
    }
    putchar('\n');
    fflush(stdout);
}

static void show(const json_t *event)
{
    if (cli_json())
        ask_print(event);
    else
        print_event(event);
}

static int follow(struct connection *c)
{
    json_t *event = connection_call(c, "subscribe", NULL, -1);

    if (!event)
        return 1;
    json_decref(event);
    while (!ferror(stdout) && (event = connection_event(c))) {
        show(event);
        json_decref(event);
    }
    return 0;
}

static int recent(struct connection *c)
{
    json_t *view = connection_call(c, "events", NULL, -1);
    const json_t *event;
    size_t i;

    if (!view)
        return 1;
    json_array_foreach (json_object_get(view, "events"), i, event)
        show(event);
    json_decref(view);
    return 0;
}

static int events_run(int argc, char **argv)
{
    connection_auto *c = NULL;
    const char *path;
    bool wait = false;

    for (int got; (got = cli_next(argc, argv)) != -1;)
        wait |= got == OPT_FOLLOW;
    if (cli_machine_operand(argc, argv))
        return 2;
    path = cli_socket();
    if (!path || connection_open(path, &c) < 0)
        return 1;
    return wait ? follow(c) : recent(c);
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
        "Prints the latest events, at most 1000; with --follow new events, until it is "
        "interrupted\n"
        "or the daemon ends. --json prints one object per line. On a machine with more than 4096\n"
        "queues, uevents are shown only with --follow.\n"};
