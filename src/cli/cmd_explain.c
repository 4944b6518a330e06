/* SPDX-License-Identifier: MIT */
/* apus explain: why it is so. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/world.h"
#include "plan/explain.h"

enum { OPT_FROM = 256 };

static const struct cli_option options[] = {
    {OPT_FROM, "from", "FILE", "of a machine file instead of the running machine"}, {0}};

static bool find_mdev(const struct core *core, const char *text, struct mdev_info *out)
{
    uint32_t cursor = 0;
    struct uuid uuid;

    if (uuid_parse(text, strlen(text), &uuid) < 0)
        return false;
    while (core_mdev_next(core, &cursor, out))
        if (uuid_equal(&out->uuid, &uuid))
            return true;
    return false;
}

static int explain(const struct core *core, const char *what)
{
    text_auto out = {0};
    struct guest_info guest;
    struct mdev_info mdev;
    ap_qn qn;

    if (core_guest_find(core, what, &guest) == 0)
        explain_guest(core, &guest, &out);
    else if (find_mdev(core, what, &mdev))
        explain_mdev(core, &mdev, &out);
    else if (ap_qn_parse(what, &qn) == 0)
        explain_queue(core, qn, &out);
    else
        return cli_error("'%s' is no queue such as 05.0004, no guest that runs, and no mediated "
                         "device; 'apus status' lists them",
                         what);
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}

static int explain_run(int argc, char **argv)
{
    const char *from = NULL;
    struct core *core = NULL;
    int status;

    while (cli_next(argc, argv) != -1)
        from = optarg;
    if (optind + 1 != argc)
        return cli_usage("one operand is needed: a queue, a guest or a mediated device");
    status = world_load(from, &core);
    if (status == 0)
        status = explain(core, argv[optind]);
    core_free(core);
    return status;
}

const struct cli_command cmd_explain = {
    .name = "explain",
    .args = "QUEUE|GUEST|UUID",
    .summary = "say why it is so",
    .run = explain_run,
    .options = options,
    .flags = CLI_SOCKET,
    .group = CLI_LOOK,
    .words = "@guests @mdevs",
    .help =
        "Of a queue: the hardware, the masks, the driver, the mediated device and the guest, in\n"
        "the order in which they decide. Of a guest or a mediated device: what is assigned,\n"
        "what the guest has of it, and for each thing that is missing why.\n"
        "\n"
        "Examples:\n"
        "  apus explain 05.0047\n"
        "  apus explain Guest1\n"};
