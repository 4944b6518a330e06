/* SPDX-License-Identifier: MIT */
/* apus map: who owns each queue. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/map.h"

static unsigned terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return size.ws_col;
    if (columns && atoi(columns) > 0)
        return (unsigned)atoi(columns);
    return 80;
}

static int print_json(const json_t *view)
{
    json_t *flat = map_flatten(view);

    if (!flat)
        return cli_error("the daemon sent a map in an unknown format");
    ask_print(flat);
    json_decref(flat);
    return 0;
}

static int print_map(const json_t *view)
{
    text_auto picture = {0};

    if (map_draw(view, terminal_width(), cli_color(), &picture) < 0)
        return cli_error("the daemon sent a map in an unknown format");
    fwrite(picture.data, 1, picture.len, stdout);
    return 0;
}

static int map_run(int argc, char **argv)
{
    json_t *view = NULL;
    int status;

    cli_skip_options(argc, argv);
    if (cli_machine_operand(argc, argv))
        return 2;
    status = ask("map", NULL, &view);
    if (status == 0)
        status = cli_json() ? print_json(view) : print_map(view);
    json_decref(view);
    return status;
}

const struct cli_command cmd_map = {
    .name = "map",
    .args = "[NAME]",
    .summary = "draw who owns each queue",
    .run = map_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_LOOK,
    .help =
        "Columns are adapters, rows are domains, both in hexadecimal. A cell shows (card,domain)\n"
        "and the owner; the legend explains the symbols. The map shows all queues that the LPAR\n"
        "has or that are assigned to a mediated device. If it is too wide, cells show only the\n"
        "owner, and equal neighbours are merged. --json prints a list of queues with apqn, device\n"
        "(it exists), owner (zcrypt, vfio_ap or null), mdev, guest, in_use and adapter_state.\n"};
