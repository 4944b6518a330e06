/* SPDX-License-Identifier: MIT */
/* apus sclp: the two SCLP commands for adapters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/value.h"
#include "cli/words.h"

/* Explains a response code that is a failure [se-sclp-response-codes]. */
static const char *meaning(const json_t *answer)
{
    const char *code = field_string(answer, "response_code", "?");

    return strcmp(code, "0x09f0") == 0 ? "the LPAR has no such adapter; see 'apus se show'" : code;
}

/* What the answer means: in words, and who has lost or gained what. */
static int report(const json_t *before, json_t *answer, const char *command, unsigned id)
{
    json_t *view = NULL;
    text_auto text = {0};
    int status;

    if (!json_is_true(json_object_get(answer, "success"))) {
        if (cli_json())
            ask_print(answer);
        else
            printf("response code %s\n", field_string(answer, "response_code", "?"));
        return cli_error(EIO, "the SCLP did not %s adapter 0x%02x: %s", command, id,
                         meaning(answer));
    }
    status = ask("se-show", NULL, &view);
    if (status)
        return status;
    words_adapter(view, id, strcmp(command, "configure") == 0, &text);
    json_decref(view);
    if (!cli_json())
        printf("response code %s\n", field_string(answer, "response_code", "?"));
    return words_after(before, answer, text.data);
}

static int sclp_run(int argc, char **argv)
{
    json_t *before = NULL, *answer = NULL;
    const char *command;
    unsigned id;
    int status;

    cli_skip_options(argc, argv);
    if (argc - optind != 2)
        return cli_usage("expected 'configure' or 'deconfigure' and an adapter");
    command = argv[optind];
    if (strcmp(command, "configure") && strcmp(command, "deconfigure"))
        return cli_usage("expected 'configure' or 'deconfigure', not '%s'", command);
    if (value_id(argv[optind + 1], "the adapter", &id))
        return 2;
    status = words_before(&before);
    if (status == 0)
        status =
            ask("sclp", json_pack("{s:s, s:i}", "command", command, "adapter", (int)id), &answer);
    if (status == 0)
        status = report(before, answer, command, id);
    json_decref(before);
    json_decref(answer);
    return status;
}

const struct cli_command cmd_sclp = {
    .name = "sclp",
    .args = "configure|deconfigure ADAPTER",
    .summary = "configure or deconfigure an adapter by SCLP",
    .run = sclp_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "configure deconfigure/@adapters",
    .help =
        "Executes Configure or Deconfigure Adjunct Processor, and prints the response code and\n"
        "what has changed. 0x0020: the adapter is now in that state, 0x0120: it already was.\n"
        "Other codes are failures, with exit status 1. The effect on the host and its guests is\n"
        "that of 'apus se adapter'.\n"
        "\n"
        "Example:\n"
        "  apus sclp deconfigure 5\n"};
