/* SPDX-License-Identifier: MIT */
/* apus explain: why it is so. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/progress.h"
#include "cli/world.h"
#include "control/json.h"
#include "control/view.h"
#include "map/map.h"
#include "plan/explain.h"
#include "plan/refusal.h"

enum { OPT_FROM = 256, OPT_LAST };

static const struct cli_option options[] = {
    {OPT_FROM, "from", "FILE", "of a machine file instead of the running machine"},
    {OPT_LAST, "last", NULL, "the last write, or change of the LPAR, that was refused"},
    {0}};

/* With --json as the control command of this name has it. Takes ownership of view, whose member
 * text is added. */
static void print(json_t *view, const struct text *text)
{
    if (cli_json()) {
        control_json_set(view, "text", control_json_string(text->data));
        ask_print(view);
    } else {
        fwrite(text->data, 1, text->len, stdout);
    }
    json_decref(view);
}

static int explain(const struct core *core, const char *what)
{
    text_auto out = {0};

    if (explain_object(core, what, &out) < 0)
        return cli_error(ENOENT,
                         "'%s' is no queue such as 05.0004, no guest that runs, and no mediated "
                         "device; 'apus status' lists them",
                         what);
    print(json_object(), &out);
    return 0;
}

/* The refusal of that number, or with 0 the last one; NULL: there is none. */
static const json_t *find_refusal(const json_t *log, uint64_t number)
{
    const json_t *message, *found = NULL;
    size_t i;

    json_array_foreach (json_object_get(log, "messages"), i, message) {
        bool named = !number || (uint64_t)field_number(message, "number") == number;
        bool told = json_object_get(message, "write") || json_object_get(message, "command");

        if (named && told)
            found = message;
    }
    return found;
}

static int explain_refused(const json_t *message)
{
    const char *command = field_string(message, "command", NULL);
    const json_t *write = json_object_get(message, "write");
    struct alternatives alternatives;
    struct core *core = NULL;
    text_auto out = {0};

    if (world_load(NULL, &core))
        return 1;
    map_name(field_string(message, "message", ""), 0, &out);
    text_adds(&out, "\n");
    progress_begin("trying what would be accepted");
    if (command)
        alternatives_to_task(core, command, &alternatives);
    else
        alternatives_find(core, field_string(write, "path", ""), field_string(write, "value", ""),
                          &alternatives);
    progress_end();
    alternatives_text(&alternatives, &out);
    print(control_view_alternatives(&alternatives), &out);
    alternatives_done(&alternatives);
    core_free(core);
    return 0;
}

static int explain_refusal(uint64_t number)
{
    json_t *log = NULL;
    int status = ask("log", NULL, &log);
    const json_t *message = status ? NULL : find_refusal(log, number);

    if (message)
        status = explain_refused(message);
    else if (status == 0 && number)
        status = cli_error(ENOENT,
                           "message %" PRIu64 " is not about a refusal, or is no longer kept; "
                           "'apus log' shows their numbers",
                           number);
    else if (status == 0)
        status = cli_error(ENOENT, "nothing was refused, as far as the log goes back");
    json_decref(log);
    return status;
}

/* Whether it is the number of a message, and no guest's name. */
static bool is_number(const char *word, uint64_t *out)
{
    return number_parse_u64(word, strlen(word), 10, out) == 0 && *out;
}

static int explain_run(int argc, char **argv)
{
    const char *from = NULL;
    struct core *core = NULL;
    struct guest_info guest;
    uint64_t number = 0;
    bool last = false;
    int status;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        if (got == OPT_FROM)
            from = optarg;
        last |= got == OPT_LAST;
    }
    if (optind + !last != argc)
        return cli_usage("one operand is needed: a queue, a guest, a mediated device or the number "
                         "of a refusal; or --last");
    if (last && from)
        return cli_usage("a machine file has no refusals; --from does not go with --last");
    if (last)
        return explain_refusal(0);
    status = world_load(from, &core);
    if (status == 0 && !from && is_number(argv[optind], &number) &&
        core_guest_find(core, argv[optind], &guest) < 0)
        status = explain_refusal(number);
    else if (status == 0)
        status = explain(core, argv[optind]);
    core_free(core);
    return status;
}

const struct cli_command cmd_explain = {
    .name = "explain",
    .args = "QUEUE|GUEST|UUID|NUMBER",
    .summary = "say why it is so",
    .run = explain_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_LOOK,
    .words = "@guests @mdevs",
    .help =
        "Of a queue: the hardware, the masks, the driver, the mediated device and the guest, in\n"
        "the order in which they decide. Of a guest or a mediated device: what is assigned,\n"
        "what the guest has of it, and for each thing that is missing why.\n"
        "\n"
        "Of a refusal, by the number in 'apus log' or with --last: the rule, and what would be\n"
        "accepted, with what else it changes, the way that changes least first, or what is wrong\n"
        "with the value itself. Each was tried on a copy of the running machine as it is now.\n"
        "\n"
        "Examples:\n"
        "  apus explain 05.0047\n"
        "  apus explain Guest1\n"
        "  apus explain --last\n"};
