/* SPDX-License-Identifier: MIT */
/* apus log: messages for the administrator. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/value.h"

enum { OPT_SINCE = 's' };

static const struct cli_option options[] = {
    {OPT_SINCE, "since", "NUMBER", "only messages with this number or a higher one"}, {0}};

static void print_message(const json_t *m)
{
    const char *level = field_string(m, "level", "");
    bool plain = strcmp(level, "info") == 0;
    const char *colour = !cli_color() || plain    ? ""
                         : strcmp(level, "error") ? "\033[33m"
                                                  : "\033[31m";

    printf("[%12.6f] %s%s%s%s%s\n", json_number_value(json_object_get(m, "time")), colour,
           plain ? "" : level, plain ? "" : ": ", field_string(m, "message", ""),
           *colour ? value_plain() : "");
}

static int log_run(int argc, char **argv)
{
    json_t *view = NULL;
    const json_t *message;
    uint64_t since = 0;
    int status;
    size_t i;

    for (int got; (got = cli_next(argc, argv)) != -1;)
        if (got == OPT_SINCE &&
            (number_parse_u64(optarg, strlen(optarg), 0, &since) < 0 || since > INT64_MAX))
            return cli_usage("--since takes the number of a message, not '%s'", optarg);
    if (optind != argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
    status = ask("log", json_pack("{s:I}", "since", (json_int_t)since), &view);
    json_array_foreach(json_object_get(view, "messages"), i, message)
    {
        if (cli_json())
            ask_print(message);
        else
            print_message(message);
    }
    json_decref(view);
    return status;
}

const struct cli_command cmd_log = {
    .name = "log",
    .args = "",
    .summary = "show the messages for the administrator",
    .run = log_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_LOOK,
    .help =
        "Every refusal leaves a message that says which rule, which queue and which mediated\n"
        "device. The latest 1000 are kept. The time is in seconds since the daemon started. With\n"
        "--json there is one object per line, with its number.\n"};
