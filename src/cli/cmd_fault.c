/* SPDX-License-Identifier: MIT */
/* apus fault add, apus fault list, apus fault remove. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/value.h"

/* The rule may be one word for the shell or several. */
static int fault_add_run(int argc, char **argv)
{
    text_auto rule = {0};
    json_t *answer = NULL;
    int status;

    cli_skip_options(argc, argv);
    if (optind == argc)
        return cli_usage("which queues, how often, and what? For instance '05.* 3 busy'");
    for (int i = optind; i < argc; i++)
        text_addf(&rule, "%s%s", i > optind ? " " : "", argv[i]);
    status = ask("fault-add", json_pack("{s:s%}", "rule", rule.data, rule.len), &answer);
    if (status == 0 && cli_json())
        ask_print(answer);
    else if (status == 0)
        printf("fault %lld\n", field_number(answer, "number"));
    json_decref(answer);
    return status;
}

static void print_faults(const json_t *faults)
{
    struct table table = {.columns = 4};
    const json_t *f;
    size_t i;

    table_add(&table, "NUMBER");
    table_add(&table, "HITS");
    table_add(&table, "LEFT");
    table_add(&table, "RULE");
    json_array_foreach (faults, i, f) {
        table_addf(&table, "%lld", field_number(f, "number"));
        table_addf(&table, "%lld", field_number(f, "hits"));
        if (json_is_null(json_object_get(f, "left")))
            table_add(&table, "always");
        else
            table_addf(&table, "%lld", field_number(f, "left"));
        table_add(&table, field_string(f, "rule", "?"));
    }
    table_print(&table, 0);
}

static int fault_list_run(int argc, char **argv)
{
    json_t *view = NULL, *faults, *f;
    int status;
    size_t i;

    cli_skip_options(argc, argv);
    if (optind != argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
    status = ask("fault-list", NULL, &view);
    faults = json_object_get(view, "faults");
    if (status == 0 && cli_json())
        json_array_foreach (faults, i, f)
            ask_print(f);
    else if (status == 0)
        print_faults(faults);
    json_decref(view);
    return status;
}

static int fault_remove_run(int argc, char **argv)
{
    uint64_t number;

    cli_skip_options(argc, argv);
    if (argc - optind != 1)
        return cli_usage("which fault? Its number, or 'all'");
    if (strcmp(argv[optind], "all") == 0)
        return ask_quietly("fault-remove", json_pack("{s:b}", "all", 1));
    if (number_parse_u64(argv[optind], strlen(argv[optind]), 10, &number) < 0 || number > INT64_MAX)
        return cli_usage("'%s' is neither a fault's number nor 'all'", argv[optind]);
    return ask_quietly("fault-remove", json_pack("{s:I}", "number", (json_int_t)number));
}

const struct cli_command cmd_fault_add = {
    .name = "fault add",
    .args = "RULE",
    .summary = "let queues fail by a rule",
    .run = fault_add_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "always deconfigured checkstop busy reset full bad-reply delay",
    .help =
        "A rule says which queues, how often, and what: '05.* 3 busy'. The queues are an adapter\n"
        "and a domain as in the names of devices, each also * or a range: 05.0047, 05.*, *.0004,\n"
        "04-06.*, or * for all (quote it). How often is a number, or always. What happens:\n"
        "\n"
        "  busy          a request or a reset is answered with response code 05\n"
        "  full          a request is answered with response code 10: it waits\n"
        "  deconfigured  a request is answered with response code 03; with 'always' the queue is\n"
        "                in standby, and what was inside is lost\n"
        "  checkstop     the same with response code 04\n"
        "  reset T       a reset takes T; until then the queue answers with response code 02, and\n"
        "                guests do not get its adapter\n"
        "  delay T       a reply is held back for T\n"
        "  bad-reply W   a reply is damaged: W is type (nobody knows it), length (a byte is\n"
        "                missing), short (the data are missing), older (as adapters before CEX2\n"
        "                had it), code=0x85 (an error reply) or service=8/66 (a coprocessor's\n"
        "                return and reason code)\n"
        "\n"
        "T is a number with s, ms or us. The first rule that fits is met. One that is used up "
        "stays\n"
        "in the list until it is removed. The rule's number is printed.\n"
        "\n"
        "Examples: three requests to adapter 5 are refused; replies come late; a reset takes long\n"
        "  apus fault add '05.* 3 busy'\n"
        "  apus fault add '06.0004 always delay 200ms'\n"
        "  apus fault add '04-06.* 1 reset 2s'\n"};

const struct cli_command cmd_fault_list = {
    .name = "fault list",
    .args = "",
    .summary = "list the rules of faults, and how often they were met",
    .run = fault_list_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .help = "In the order in which they are looked at. With --json there is an object for each, "
            "with\n"
            "number, rule, hits and left (null: always).\n"};

const struct cli_command cmd_fault_remove = {
    .name = "fault remove",
    .args = "NUMBER|all",
    .summary = "take rules of faults away",
    .run = fault_remove_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "all",
    .help = "Requests and resets that a fault holds up try again at once. A reset that has begun\n"
            "still takes its time, and a reply that is held back comes when it was to come.\n"};
