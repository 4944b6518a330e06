/* SPDX-License-Identifier: MIT */
/* apus guest start, stop, attach, detach, migrate. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/cpu_model.h"
#include "cli/guest_linux.h"
#include "cli/kept_guests.h"
#include "cli/linux.h"
#include "cli/linux_boot.h"
#include "cli/qmp.h"
#include "cli/value.h"

enum { OPT_CPU = 'c', OPT_LINUX = 256, OPT_CONSOLE, OPT_DETACH };

static const struct cli_option start_options[] = {
    {OPT_CPU, "cpu", "MODEL",
     "CPU model and features, e.g. host,ap=on,apqci=off (default: all on)"},
    {OPT_LINUX, "linux", NULL, "boot a real Linux under QEMU (see 'apus linux fetch')"},
    {OPT_CONSOLE, "console", NULL, "its console in this terminal, until it ends (Ctrl-a x)"},
    {OPT_DETACH, "detach", NULL, "do not wait until it answers"},
    LINUX_OPTIONS,
    {0}};

static int check_uuid(const char *word, struct uuid *out)
{
    if (uuid_parse(word, strlen(word), out) == 0)
        return 0;
    return cli_usage("'%s' is not a UUID; 'apus status' lists the mediated devices", word);
}

/* The options of `guest start`. */
struct start {
    struct cpu_model cpu;
    bool cpu_given, is_linux, linux_option, detach;
    struct linux_boot boot;
};

static int start_option(int option, struct start *s)
{
    switch (option) {
    case OPT_CPU:
        s->cpu_given = true;
        return cpu_model_parse(optarg, &s->cpu);
    case OPT_LINUX:
        s->is_linux = true;
        return 0;
    case OPT_CONSOLE:
        s->boot.console = true;
        break;
    case OPT_DETACH:
        s->detach = true;
        break;
    default:
        linux_boot_option(option, &s->boot);
    }
    s->linux_option = true;
    return 0;
}

static void note_model(const struct cpu_model *cpu)
{
    if (cpu->name)
        cli_note("of the CPU model %s only the AP features count", cpu->name);
}

static int start_linux(struct start *s, const char *name, const char *uuid)
{
    const char *socket;
    text_auto cpu = {0};

    if (!s->cpu.on[CPU_FEATURE_AP])
        return cli_usage("without ap a real Linux is no guest of this machine");
    if (s->boot.console && s->detach)
        return cli_usage("--console and --detach are mutually exclusive");
    socket = cli_socket();
    if (!socket)
        return 1;
    note_model(&s->cpu);
    if (s->cpu_given)
        cpu_model_format(&s->cpu, &cpu);
    s->boot.name = name;
    s->boot.mdev = uuid;
    s->boot.cpu = cpu.data;
    return guest_linux_start(socket, &s->boot, !s->detach && !s->boot.foreign);
}

static int start_light(const struct start *s, const char *name, const char *uuid)
{
    json_t *names;

    if (s->linux_option)
        return cli_usage("only --cpu goes without --linux");
    if (value_guest(name))
        return 2;
    note_model(&s->cpu);
    names = json_array();
    for (size_t i = 0; i < CPU_FEATURES; i++)
        if (s->cpu.on[i])
            json_array_append_new(names, json_string(cpu_feature_names[i]));
    return ask_quietly("guest-start", json_pack("{s:s, s:s*, s:o}", "name", name, "mdev", uuid,
                                                "features", names));
}

static int start_either(struct start *s, int argc, char **argv)
{
    char text[UUID_TEXT];
    const char *mdev = argc == 2 ? text : NULL;
    struct uuid uuid;

    if (argc < 1 || argc > 2)
        return cli_usage("expected a name for the guest and the UUID of a mediated device");
    if (mdev && check_uuid(argv[1], &uuid))
        return 2;
    if (mdev)
        uuid_format(&uuid, text);
    return s->is_linux ? start_linux(s, argv[0], mdev) : start_light(s, argv[0], mdev);
}

static int guest_start_run(int argc, char **argv)
{
    struct start s = {.cpu = {.on = {true, true, true, true}}};
    int status = 0;

    for (int got; status == 0 && (got = cli_next(argc, argv)) != -1;)
        status = start_option(got, &s);
    if (status == 0)
        status = start_either(&s, argc - optind, argv + optind);
    linux_boot_done(&s.boot);
    return status;
}

/* A guest that the command line names, its machine, and the device for it. */
struct named {
    const char *socket, *name, *mdev;
    struct uuid uuid;
};

/* 0, or the exit status after a message. */
static int take_named(int argc, char **argv, bool with_mdev, struct named *out)
{
    cli_skip_options(argc, argv);
    if (argc - optind != 1 + with_mdev)
        return cli_usage(with_mdev
                             ? "expected the name of a guest and the UUID of a mediated device"
                             : "expected the name of a guest");
    out->name = argv[optind];
    if (value_guest(out->name))
        return 2;
    out->mdev = with_mdev ? argv[optind + 1] : NULL;
    if (with_mdev && check_uuid(out->mdev, &out->uuid))
        return 2;
    out->socket = cli_socket();
    return out->socket ? 0 : 1;
}

/* QEMU may still run although the daemon no longer knows the guest, or has ended. kept: there may
 * also be no more of it than what it would be started with again. */
static int stop(const char *socket, const char *name, bool kept)
{
    json_t *list = NULL;
    int status = 0;

    if (!guest_linux_answers(socket) && guest_linux_stop(socket, name))
        return 0;
    if (guest_linux_list(socket, &list) < 0)
        return 1;
    if (guest_linux_find(list, name) || !(guest_linux_stop(socket, name) || kept))
        status = ask_quietly("guest-stop", json_pack("{s:s}", "name", name));
    if (status == 0)
        guest_linux_stop(socket, name);
    json_decref(list);
    return status;
}

static int guest_stop_run(int argc, char **argv)
{
    struct named g;
    int status = take_named(argc, argv, false, &g);
    bool kept;

    if (status)
        return status;
    kept = kept_guests_has(g.socket, g.name);
    status = stop(g.socket, g.name, kept);
    return status == 0 && kept ? kept_guests_remove(g.socket, g.name) : status;
}

/* A real guest has another device, or none. Ends as ask_quietly does. */
static int plugged(int status, const struct named *g, const char *mdev)
{
    if (status == 0)
        status = kept_guests_set_mdev(g->socket, g->name, mdev);
    if (status == 0 && cli_json())
        puts("{}");
    return status;
}

static int guest_detach_run(int argc, char **argv)
{
    struct named g;
    text_auto dir = {0};
    int status = take_named(argc, argv, false, &g);

    if (status)
        return status;
    if (linux_guest_find(g.socket, g.name, &dir))
        return plugged(qmp_unplug(dir.data, g.name), &g, NULL);
    return ask_quietly("guest-detach", json_pack("{s:s}", "name", g.name));
}

static int guest_migrate_run(int argc, char **argv)
{
    json_t *answer = NULL;
    const char *note;
    int status;

    cli_skip_options(argc, argv);
    if (argc - optind != 1)
        return cli_usage("which guest?");
    if (value_guest(argv[optind]))
        return 2;
    status = ask("guest-migrate", json_pack("{s:s}", "name", argv[optind]), &answer);
    note = json_string_value(json_object_get(answer, "note"));
    if (answer && cli_json())
        ask_print(answer);
    else if (note)
        printf("guest %s: %s\n", argv[optind], note);
    json_decref(answer);
    return status;
}

static int guest_attach_run(int argc, char **argv)
{
    struct named g;
    char text[UUID_TEXT];
    text_auto dir = {0};
    int status = take_named(argc, argv, true, &g);

    if (status)
        return status;
    uuid_format(&g.uuid, text);
    if (linux_guest_find(g.socket, g.name, &dir))
        return plugged(qmp_plug(dir.data, g.name, &g.uuid), &g, text);
    return ask_quietly("guest-attach", json_pack("{s:s, s:s}", "name", g.name, "mdev", g.mdev));
}

const struct cli_command cmd_guest_start = {
    .name = "guest start",
    .args = "NAME [UUID]",
    .summary = "start a guest, with or without a mediated device",
    .run = guest_start_run,
    .options = start_options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "/@mdevs",
    .help =
        "The guest gets the mediated device as a KVM guest does with -device vfio-ap. It has\n"
        "no process of its own and runs until 'apus guest stop'; 'apus guest exec' runs\n"
        "programs in it. Its CPU features: without ap it has no AP instructions, without apft\n"
        "it finds no queues, without apqci it probes for queues one by one, without apqi it\n"
        "has no AP interrupts. --cpu accepts what QEMU's -cpu accepts, for example\n"
        "host,ap=on,apqci=on,apft=on; only the AP features of the model are used.\n"
        "\n"
        "With --linux a real s390x kernel runs under QEMU, and finds what the mediated device\n"
        "passes through. It is ready in half a second, as a copy of one that has booted\n"
        "before; with options that a copy cannot have it boots in seconds (--verbose says why).\n"
        "The other commands are the same for both kinds; a real guest whose QEMU ends is\n"
        "stopped. A kernel of your own boots with the fetched initramfs if the drivers are\n"
        "built in. With an initramfs of your own there is no 'apus guest exec', and 'guest start'\n"
        "does not wait for the boot.\n"
        "\n"
        "Examples:\n"
        "  apus guest start Guest1 $uuid1\n"
        "  apus guest start Guest2 $uuid2 --linux\n"
        "  apus guest start Mine $uuid2 --linux --kernel-image bzImage --qemu -s\n"
        "  apus guest start Old $uuid3 --cpu apqci=off,apqi=off\n"};

const struct cli_command cmd_guest_stop = {
    .name = "guest stop",
    .args = "NAME",
    .summary = "stop a guest",
    .run = guest_stop_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "@guests/",
    .help =
        "Its queues are reset and zeroized; the mediated device keeps its assignments. QEMU is\n"
        "ended if the guest is a real one.\n"};

const struct cli_command cmd_guest_attach = {
    .name = "guest attach",
    .args = "NAME UUID",
    .summary = "plug a mediated device into a running guest",
    .run = guest_attach_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "@guests/@mdevs",
    .help =
        "Like QEMU's device_add. A guest has at most one mediated device, and a mediated device\n"
        "has at most one guest.\n"};

const struct cli_command cmd_guest_detach = {
    .name = "guest detach",
    .args = "NAME",
    .summary = "unplug the mediated device from a running guest",
    .run = guest_detach_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "@guests/",
    .help =
        "Like QEMU's device_del. To unplug single adapters and domains, unassign them from the\n"
        "mediated device.\n"};

const struct cli_command cmd_guest_migrate = {
    .name = "guest migrate",
    .args = "NAME",
    .summary = "ask whether a guest could be migrated",
    .run = guest_migrate_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_GUESTS,
    .words = "@guests/",
    .help = "Live migration is refused as long as anything is assigned to the guest's mediated\n"
            "device. The refusal lists what the guest can use, and separately what is only\n"
            "assigned. Unassign it, or unplug the device with 'apus guest detach'. QEMU refuses\n"
            "as long as the device itself is plugged.\n"};
