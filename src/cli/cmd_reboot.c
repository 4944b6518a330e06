/* SPDX-License-Identifier: MIT */
/* apus reboot: is it still so after the machine's Linux has started anew? */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/cpu_model.h"
#include "cli/progress.h"
#include "cli/visit.h"
#include "cli/world.h"
#include "control/json.h"
#include "plan/plan.h"

/* Why a part of the start did not take place, for people and in --json. */
struct notes {
    json_t *list;
};

__attribute__((format(printf, 2, 3))) static void note(struct notes *n, const char *format, ...)
{
    text_auto text = {0};
    va_list args;

    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    json_array_append_new(n->list, control_json_string(text.data));
}

static int order(const char *command, json_t *arguments)
{
    json_t *answer = NULL;
    int status = ask(command, arguments, &answer);

    json_decref(answer);
    return status;
}

/* The rules of the machine's /etc only: the computer's own would act on the computer's devices. The
 * last status: it runs already. */
#define UDEV_RUNS 9
static const char udev_start[] =
    "udevadm control --ping > /dev/null 2>&1 && exit 9\n"
    "for udevd in /lib/systemd/systemd-udevd /usr/lib/systemd/systemd-udevd; do\n"
    "    [ -x \"$udevd\" ] && break\n"
    "done\n"
    "mkdir -p /run/udev /run/apus-no-rules || exit 1\n"
    "exec unshare --mount sh -c 'mount --bind /run/apus-no-rules /usr/lib/udev/rules.d &&\n"
    "    exec \"$0\" --daemon' \"$udevd\" > /dev/null 2>&1\n";

static const char udev_end[] = "udevadm settle --timeout=60; udevadm control --exit\n";
static const char udev_settle[] = "udevadm settle --timeout=60\n";

/* As its udev rule does when vfio_ap is there. */
static const char mdevctl_start[] = "[ -d /etc/mdevctl.d/matrix ] || exit 0\n"
                                    "command -v mdevctl > /dev/null || exit 9\n"
                                    "exec mdevctl start-parent-mdevs matrix > /dev/null\n";

static int run_script(const struct runtime_machine *m, const char *script)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};

    return visit_run(m, argv);
}

/* Whether udevd of ours, or another one, listens. */
static int start_udev(const struct runtime_machine *m, struct notes *n)
{
    int status;

    if (!*m->info.uevents) {
        note(n, "udev's rules did not run: the machine was started without --uevents");
        return -1;
    }
    status = run_script(m, udev_start);
    if (status != 0 && status != UDEV_RUNS)
        note(n, "udev's rules did not run: systemd-udevd cannot be started");
    return status;
}

static void start_devices(const struct runtime_machine *m, struct notes *n)
{
    int status = run_script(m, mdevctl_start);

    if (status == UDEV_RUNS)
        note(n, "mdevctl's definitions were not started: mdevctl is not installed");
    else if (status)
        note(n, "mdevctl could not start every device that is defined");
}

/* What the machine's own /etc brings back. */
static int boot(const struct runtime_machine *m, struct notes *n)
{
    int udev = m ? start_udev(m, n) : -1;
    int status = order("reboot", NULL);

    if (udev == 0)
        run_script(m, udev_end);
    else if (udev == UDEV_RUNS)
        run_script(m, udev_settle);
    if (status == 0 && m)
        start_devices(m, n);
    if (!m)
        note(n, "udev's rules and mdevctl did not run: the daemon has no machine for programs");
    return status;
}

static json_t *start_arguments(const struct guest_info *g)
{
    json_t *arguments =
        json_pack("{s:s, s:o}", "name", g->name, "features", cpu_features_json(g->features));
    char uuid[UUID_TEXT];

    uuid_format(&g->mdev, uuid);
    if (g->attached)
        json_object_set_new(arguments, "mdev", json_string(uuid));
    return arguments;
}

static bool has_device(const struct core *core, const struct uuid *uuid)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(core, &cursor, &m))
        if (uuid_equal(&m.uuid, uuid))
            return true;
    return false;
}

/* The guests that ran before, if there is still their device. */
static int start_guests(const struct core *before, struct notes *n)
{
    struct core *now = NULL;
    struct guest_info g;
    uint32_t cursor = 0;
    int status = world_load(NULL, &now);

    while (status == 0 && core_guest_next(before, &cursor, &g)) {
        char uuid[UUID_TEXT];

        uuid_format(&g.mdev, uuid);
        if (g.connected || g.opened)
            note(n, "guest %s was not started: it is a program of somebody else", g.name);
        else if (g.attached && !has_device(now, &g.mdev))
            note(n, "guest %s was not started: its mediated device %s did not come back", g.name,
                 uuid);
        else
            status = order("guest-start", start_arguments(&g));
    }
    core_free(now);
    return status;
}

/* What is otherwise than before. */
struct difference {
    struct text sections, gains; /* lines; gains: of queues */
};

static void compare(const struct core *before, const struct core *after, struct difference *out)
{
    struct plan plan;
    text_auto why = {0};

    plan_differences(before, after, &out->sections);
    if (plan_make(before, after, true, &plan, &why) == 0 && plan.gains.len)
        text_adds(&out->gains, plan.gains.data);
    plan_done(&plan);
}

static void show(const struct difference *d, const struct notes *n)
{
    const char *sections = d->sections.data ? d->sections.data : "",
               *gains = d->gains.data ? d->gains.data : "";
    size_t i;
    const json_t *one;

    if (cli_json()) {
        json_t *view = json_pack("{s:b, s:o, s:o, s:O}", "same", !*sections, "sections",
                                 control_json_string(sections), "gains", control_json_string(gains),
                                 "notes", n->list);

        ask_print(view);
        json_decref(view);
        return;
    }
    json_array_foreach (n->list, i, one)
        cli_note("%s", json_string_value(one));
    if (*sections)
        printf("After the reboot:\n%s%s", sections, gains);
    else
        printf("After the reboot everything is as before.\n");
}

static int reboot_machine(const char *socket, struct notes *n)
{
    struct core *before = NULL, *after = NULL;
    struct difference d = {0};
    struct runtime_machine m;
    bool has_machine = runtime_of(socket, &m) == 0;
    int status = world_load(NULL, &before);

    progress_begin("Linux starts");
    if (status == 0)
        status = boot(has_machine ? &m : NULL, n);
    if (status == 0)
        status = start_guests(before, n);
    progress_end();
    if (status == 0)
        status = world_load(NULL, &after);
    if (status == 0) {
        compare(before, after, &d);
        show(&d, n);
    }
    core_free(before);
    core_free(after);
    text_done(&d.sections);
    text_done(&d.gains);
    return status;
}

static int reboot_run(int argc, char **argv)
{
    struct notes n = {0};
    const char *socket;
    int status;

    cli_skip_options(argc, argv);
    status = cli_machine_operand(argc, argv);
    socket = status ? NULL : cli_socket();
    if (!socket)
        return status ? status : 1;
    n.list = json_array();
    status = reboot_machine(socket, &n);
    json_decref(n.list);
    return status;
}

const struct cli_command cmd_reboot = {
    .name = "reboot",
    .args = "[NAME]",
    .summary = "restart Linux, and show what has changed",
    .run = reboot_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "@machines",
    .help =
        "The LPAR is reset, and its Linux starts with the masks of its command line: without\n"
        "guests, mediated devices, nodes, overrides, and what was bound or set offline by hand.\n"
        "The hardware stays as it is. Then the real udev applies the rules of the machine's\n"
        "/etc/udev/rules.d, such as those of chzdev (it needs a machine with --uevents), and\n"
        "mdevctl starts what /etc/mdevctl.d defines for it. Guests that ran before are started\n"
        "again if their device is back. Programs in the machine go on.\n"
        "\n"
        "What differs was not made persistent.\n"
        "\n"
        "Example:\n"
        "  apus up lab -m lab.ini --uevents; apus reboot lab\n"};
