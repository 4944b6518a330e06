/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/guest_resume.h"

static void add_name(void *data, const char *name)
{
    json_array_append_new(data, json_string(name));
}

static int guest_resume_run(int argc, char **argv)
{
    json_t *names = json_array();
    const char *socket;
    int status;

    cli_skip_options(argc, argv);
    status = cli_machine_operand(argc, argv);
    socket = status ? NULL : cli_socket();
    if (socket)
        status = guest_resume(socket, add_name, names);
    else if (status == 0)
        status = 1;
    if (status == 0 && cli_json()) {
        json_t *answer = json_pack("{s:O}", "guests", names);

        ask_print(answer);
        json_decref(answer);
    }
    json_decref(names);
    return status;
}

const struct cli_command cmd_guest_resume = {
    .name = "guest resume",
    .args = "[NAME]",
    .summary = "start the real guests of a kept machine again",
    .run = guest_resume_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "@machines",
    .help = "A machine with --state remembers the options of 'guest start --linux' of each guest.\n"
            "Guests end with the machine; this command boots them again, each with the mediated\n"
            "device that it had last, and does not wait until they answer. Those that run stay as\n"
            "they are. 'apus up --state' does the same by itself, and the unit apus-guests@NAME.\n"
            "A guest that was stopped by 'apus guest stop' is not booted again.\n"
            "\n"
            "With --json it lists the guests that run then.\n"};
