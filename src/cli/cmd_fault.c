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
#include "control/json.h"

/* The rule may be one operand or several. */
static int fault_add_run(int argc, char **argv)
{
    text_auto rule = {0};
    json_t *answer = NULL;
    int status;

    cli_skip_options(argc, argv);
    if (optind == argc)
        return cli_usage("expected a rule such as '05.* 3 busy'");
    for (int i = optind; i < argc; i++)
        text_addf(&rule, "%s%s", i > optind ? " " : "", argv[i]);
    status = ask("fault-add", json_pack("{s:o}", "rule", control_json_string(rule.data)), &answer);
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
        if (strcmp(field_string(f, "phase", "active"), "active") != 0)
            table_add(&table, field_string(f, "phase", "?"));
        else if (json_is_null(json_object_get(f, "left")))
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
    if (cli_machine_operand(argc, argv))
        return 2;
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
        return cli_usage("expected the number of a fault, or 'all'");
    if (strcmp(argv[optind], "all") == 0)
        return ask_quietly("fault-remove", json_pack("{s:b}", "all", 1));
    if (number_parse_u64(argv[optind], strlen(argv[optind]), 10, &number) < 0 || number > INT64_MAX)
        return cli_usage("expected the number of a fault or 'all', not '%s'", argv[optind]);
    return ask_quietly("fault-remove", json_pack("{s:I}", "number", (json_int_t)number));
}

const struct cli_command cmd_fault_add = {
    .name = "fault add",
    .args = "RULE",
    .summary = "make queues fail according to a rule",
    .run = fault_add_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words =
        "always deconfigured checkstop busy reset full bad-reply delay at for every chance seed",
    .help =
        "A rule consists of queues, a count and a kind of fault: '05.* 3 busy'. The queues are an\n"
        "adapter and a domain as in device names; either may be * or a range: 05.0047, 05.*,\n"
        "*.0004, 04-06.*, or * for all (quote it). The count is a number, or always. The kinds:\n"
        "\n"
        "  busy          a request or a reset gets response code 05\n"
        "  full          a request gets response code 10: it waits\n"
        "  deconfigured  a request gets response code 03; with 'always' the queue is in standby,\n"
        "                and its pending requests are lost\n"
        "  checkstop     the same with response code 04\n"
        "  reset T       a reset takes T; meanwhile the queue answers with response code 02, and\n"
        "                guests do not get the adapter\n"
        "  delay T       a reply is delayed by T\n"
        "  bad-reply W   a reply is damaged; W is type (an unknown type), length (a byte is\n"
        "                missing), short (the data is missing), older (the form of adapters "
        "before\n"
        "                CEX2), code=0x85 (an error reply) or service=8/66 (a coprocessor's "
        "return\n"
        "                and reason code)\n"
        "\n"
        "T is a number with s, ms or us. Behind the kind may stand, in any order:\n"
        "\n"
        "  at T          it begins that long after it was added\n"
        "  for T         it ends that long after its beginning\n"
        "  every N       it applies to each N-th request, reset or reply that it matches\n"
        "  chance P%     it applies with this probability, such as 2.5%; the same requests meet\n"
        "                the same faults again, and seed N chooses another sequence\n"
        "\n"
        "The first rule that matches is applied. A rule that is\n"
        "used up stays in the list until it is removed. The number of the rule is printed.\n"
        "\n"
        "Examples: reject three requests to adapter 5; delay replies; make a reset take long\n"
        "  apus fault add '05.* 3 busy'\n"
        "  apus fault add '06.0004 always delay 200ms'\n"
        "  apus fault add '04-06.* 1 reset 2s'\n"
        "An adapter that is gone for a while; a reply in a hundred, and about one in forty, "
        "damaged\n"
        "  apus fault add '05.* always deconfigured at 10s for 5s'\n"
        "  apus fault add '06.* always bad-reply short every 100'\n"
        "  apus fault add '06.* always bad-reply type chance 2.5% seed 7'\n"};

const struct cli_command cmd_fault_list = {
    .name = "fault list",
    .args = "[NAME]",
    .summary = "list the fault rules and how often they were applied",
    .run = fault_list_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_MACHINE,
    .help =
        "The rules are in the order in which they are matched. --json prints an object for each\n"
        "rule: number, rule, hits, left (null: always), and its phase: waits, active or over.\n"};

const struct cli_command cmd_fault_remove = {
    .name = "fault remove",
    .args = "NUMBER|all",
    .summary = "remove fault rules",
    .run = fault_remove_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "all",
    .help = "Requests and resets that wait because of the rule are retried at once. A reset that\n"
            "has started still takes its full time, and a delayed reply still arrives when it is "
            "due.\n"};
