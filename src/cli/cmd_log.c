/* SPDX-License-Identifier: MIT */
/* apus log: messages for the administrator. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "cli/value.h"
#include "map/map.h"

enum { OPT_SINCE = 's', OPT_FOLLOW = 'f', OPT_CTIME = 'T' };

static const struct cli_option options[] = {
    {OPT_SINCE, "since", "NUMBER", "only messages with this number or a higher one"},
    {OPT_FOLLOW, "follow", NULL, "wait for new messages, until interrupted"},
    {OPT_CTIME, "ctime", NULL, "with date and time of day in place of seconds"},
    {0}};

static bool ctime_wanted;

/* The object of a message, or the data of an event with time and date added. */
static void print_message(const json_t *m, double time)
{
    const char *level = field_string(m, "level", "");
    bool plain = strcmp(level, "info") == 0;
    const char *colour = !cli_color() || plain    ? ""
                         : strcmp(level, "error") ? "\033[33m"
                                                  : "\033[31m";
    text_auto message = {0};

    if (ctime_wanted)
        value_print_date(json_string_value(json_object_get(m, "date")));
    else
        printf("[%12.6f] ", time);
    printf("%s", colour);
    if (!plain)
        printf("%s", level);
    /* By which 'apus explain' finds it. */
    if (json_object_get(m, "write") || json_object_get(m, "command"))
        printf(" %lld", field_number(m, "number"));
    map_name(field_string(m, "message", ""), 0, &message);
    printf("%s%s%s\n", plain ? "" : ": ", message.len ? message.data : "",
           *colour ? value_plain() : "");
}

static int show_past(struct connection *c, uint64_t since)
{
    json_t *view = connection_call(c, "log", json_pack("{s:I}", "since", (json_int_t)since), -1);
    const json_t *message;
    size_t i;

    if (!view)
        return 1;
    json_array_foreach (json_object_get(view, "messages"), i, message) {
        if (cli_json())
            ask_print(message);
        else
            print_message(message, json_number_value(json_object_get(message, "time")));
    }
    json_decref(view);
    fflush(stdout);
    return 0;
}

static void show_event(const json_t *event)
{
    json_t *data = json_object_get(event, "data"), *time = json_object_get(event, "timestamp");

    json_object_set(data, "time", time);
    json_object_set(data, "date", json_object_get(event, "date"));
    if (cli_json())
        ask_print(data);
    else
        print_message(data, json_number_value(time));
    fflush(stdout);
}

/* Whatever comes before the answer to "log" is in that answer, too: no message is lost or shown
 * twice. */
static int follow(struct connection *c, uint64_t since)
{
    json_t *events = json_pack("{s:[s]}", "events", "log");
    json_t *answer = connection_call(c, "subscribe", events, -1), *event;

    json_decref(answer);
    if (!answer || show_past(c, since))
        return 1;
    connection_forget_events(c);
    while (!ferror(stdout) && (event = connection_event(c))) {
        show_event(event);
        json_decref(event);
    }
    return 1;
}

static int log_run(int argc, char **argv)
{
    connection_auto *c = NULL;
    const char *path;
    uint64_t since = 0;
    bool wait = false;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        if (got == OPT_SINCE && value_record(optarg, "message", &since))
            return 2;
        wait |= got == OPT_FOLLOW;
        ctime_wanted |= got == OPT_CTIME;
    }
    if (cli_machine_operand(argc, argv))
        return 2;
    path = cli_socket();
    if (!path || connection_open(path, &c) < 0)
        return 1;
    return wait ? follow(c, since) : show_past(c, since);
}

const struct cli_command cmd_log = {
    .name = "log",
    .args = "[NAME]",
    .summary = "show the messages for the administrator",
    .run = log_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_LOOK,
    .help = "Each refusal is logged with the rule, the queue and the mediated device. The latest\n"
            "1000 messages are kept. 'warning 12' is a refusal to which 'apus explain 12' knows\n"
            "alternatives. Times are in seconds since the daemon started, or with --ctime\n"
            "the local date and time. --json prints one object per line.\n"};
