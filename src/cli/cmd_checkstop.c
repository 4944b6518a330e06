/* SPDX-License-Identifier: MIT */
/* apus checkstop: check-stops an adapter, or repairs it. */
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/value.h"
#include "cli/words.h"

static int checkstop_run(int argc, char **argv)
{
    text_auto text = {0};
    unsigned id;
    bool on;

    cli_skip_options(argc, argv);
    if (argc - optind != 2)
        return cli_usage("expected an adapter and 'on' or 'off'");
    if (value_id(argv[optind], "the adapter", &id) || value_on_off(argv[optind + 1], &on))
        return 2;
    text_addf(&text, "adapter %u (0x%02x) is %s", id, id, on ? "check-stopped" : "repaired");
    return words_ask("checkstop",
                     json_pack("{s:i, s:s}", "adapter", (int)id, "state", on ? "on" : "off"),
                     text.data);
}

const struct cli_command cmd_checkstop = {
    .name = "checkstop",
    .args = "ADAPTER on|off",
    .summary = "check-stop an adapter, or repair it",
    .run = checkstop_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "@adapters/on off",
    .help = "A check-stopped adapter answers every AP instruction with response code 04. Its\n"
            "devices remain, with chkstop 1; requests go to other adapters or fail.\n"
            "\n"
            "Examples:\n"
            "  apus checkstop 5 on\n"
            "  apus checkstop 5 off\n"};
