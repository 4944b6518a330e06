/* SPDX-License-Identifier: MIT */
/* apus wait: until something is so, or happens. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/value.h"
#include "control/json.h"

enum { OPT_TIMEOUT = 't', OPT_SINCE = 's' };

static const struct cli_option options[] = {
    {OPT_TIMEOUT, "timeout", "SECONDS", "give up after that time, with exit status 5"},
    {OPT_SINCE, "since", "NUMBER", "of an event: also those kept from this number on"},
    {0}};

struct request {
    struct text condition;
    double timeout;
    uint64_t since;
    bool has_since;
};

static int parse_timeout(const char *word, double *out)
{
    char *end;

    *out = strtod(word, &end);
    if (end == word || *end || !(*out > 0) || *out > 1e6)
        return cli_usage("--timeout takes a number of seconds above 0, up to 1000000, not '%s'",
                         word);
    return 0;
}

/* The first word may be the whole condition, or its beginning. */
static void add_word(struct text *condition, const char *word, bool first)
{
    text_adds(condition, condition->len ? " " : "");
    if (first || !strpbrk(word, " \t\n\"'\\")) {
        text_adds(condition, word);
        return;
    }
    text_adds(condition, "\"");
    for (; *word; word++)
        text_addf(condition, "%s%c", *word == '"' || *word == '\\' ? "\\" : "", *word);
    text_adds(condition, "\"");
}

static int parse(int argc, char **argv, struct request *r)
{
    int status = 0;

    for (int got; status == 0 && (got = cli_next(argc, argv)) != -1;) {
        if (got == OPT_TIMEOUT)
            status = parse_timeout(optarg, &r->timeout);
        if (got != OPT_SINCE)
            continue;
        r->has_since = true;
        status = value_record(optarg, "event", &r->since);
    }
    if (status == 0 && optind == argc)
        return cli_usage("expected a condition such as 'guest Guest1 has 05.0004'");
    for (int i = optind; i < argc; i++)
        add_word(&r->condition, argv[i], i == optind);
    return status;
}

/* What is wrong with a condition only the daemon knows, but that is wrong usage, too. */
static int wait_for(const struct request *r, struct connection *c)
{
    json_t *arguments = json_pack("{s:o}", "condition", control_json_string(r->condition.data));
    json_t *answer;

    if (r->has_since)
        control_json_set(arguments, "since", json_integer((json_int_t)r->since));
    if (r->timeout > 0)
        connection_timeout(c, r->timeout);
    answer = connection_call(c, "wait", arguments, -1);
    if (answer && cli_json())
        ask_print(answer);
    json_decref(answer);
    return answer ? 0 : 1;
}

static int wait_run(int argc, char **argv)
{
    connection_auto *c = NULL;
    struct request r = {0};
    const char *path;
    int status = parse(argc, argv, &r);

    if (status == 0) {
        path = cli_socket();
        status = path && connection_open(path, &c) == 0 ? wait_for(&r, c) : 1;
    }
    text_done(&r.condition);
    return status;
}

const struct cli_command cmd_wait = {
    .name = "wait",
    .args = "CONDITION",
    .summary = "wait for a state or an event",
    .run = wait_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_LOOK,
    .words = "guest queue mdev adapter event not/@guests @mdevs @adapters/has runs exists bound",
    .help =
        "CONDITION is, in one word or several (in one, a name with blanks is in quotes),\n"
        "  [not] guest NAME runs | has QUEUE\n"
        "  [not] queue QUEUE exists | bound [DRIVER]     DRIVER may be zcrypt, for any of its own\n"
        "  [not] mdev UUID exists | has QUEUE            has: it is assigned\n"
        "  [not] adapter NUMBER online | standby | checkstop | missing\n"
        "  event WORD...\n"
        "Returns at once if a state holds already. Only new events count, or with --since those\n"
        "from that number on ('apus events' shows them). Each WORD of an event must match: its "
        "name,\n"
        "KEY=VALUE of its data, the ACTION or the guest there, or the last part of DEVPATH.\n"
        "--json prints the event, and the number that the next one will have.\n"
        "\n"
        "Exit status: 5 if the time is over.\n"
        "\n"
        "Examples:\n"
        "  apus wait guest Guest1 has 05.0004\n"
        "  apus wait 'queue 05.0004 bound vfio_ap' --timeout 10\n"
        "  apus wait event CONFIG=0 card05\n"};
