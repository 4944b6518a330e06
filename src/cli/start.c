/* SPDX-License-Identifier: MIT */
#include "cli/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/linux.h"
#include "cli/machine.h"
#include "cli/part.h"
#include "cli/value.h"
#include "run/emulator.h"
#include "run/namespace.h"
#include "uevent/uevent.h"

static int parse_way(const char *way, struct start *s)
{
    s->notify = strcmp(way, "notify") == 0;
    if (!s->notify && strcmp(way, "fuse") != 0)
        return cli_usage("--ioctl takes 'fuse' or 'notify', not '%s'", way);
    s->how.ioctl = way;
    return 0;
}

static int parse_abi(const char *name, struct start *s)
{
    enum abi_profile profile;

    s->how.abi = name;
    return value_profile(name, &profile);
}

static int parse_seccomp(const char *action, struct start *s)
{
    enum filter_action known;

    s->how.seccomp = action;
    return value_seccomp(action, &known);
}

static int parse_metrics(const char *where, struct start *s)
{
    s->metrics_off = strcmp(where, "off") == 0;
    s->how.metrics = NULL;
    return s->metrics_off ? 0 : value_metrics(where, &s->how.metrics);
}

static int parse_nodes(const char *kind, struct start *s)
{
    const char *prefix;

    s->how.nodes = kind;
    return value_nodes(kind, &prefix);
}

/* Options that are taken as they are. */
static void parse_plain(int option, const char *value, struct start *s)
{
    switch (option) {
    case 'm':
        s->how.machine = value;
        return;
    case 'v':
        s->how.verbose = true;
        return;
    case START_STATE:
        s->how.state = value;
        return;
    case START_SYNC:
        s->how.sync = true;
        return;
    case START_RECORD:
        s->how.record = value;
        return;
    case START_APPEND:
        s->how.append = true;
        return;
    case START_FORCE:
        s->how.force = true;
        return;
    case START_UEVENTS:
        s->uevents = true;
        return;
    case START_NO_GUESTS:
        s->no_guests = true;
        return;
    case START_NO_MOUNT:
        s->no_mount = true;
        return;
    case START_NO_TOOLS:
        s->no_tools = true;
        return;
    default: /* START_HOST_ETC */
        s->host_etc = true;
    }
}

/* Programs have the computer's namespaces, and all ioctls come by the same way as the rest. */
static int check_no_mount(struct start *s)
{
    if (s->uevents)
        return cli_usage("--no-mount and --uevents exclude each other: uevents need a network "
                         "namespace");
    if (s->how.nodes)
        return cli_usage("--no-mount and --nodes=cuse exclude each other: devices are for /dev");
    if (s->how.ioctl && strcmp(s->how.ioctl, "fuse") == 0)
        return cli_usage("--no-mount and --ioctl=fuse exclude each other");
    s->how.ioctl = "notify";
    return 0;
}

int start_parse(int argc, char **argv, struct start *s)
{
    int status = 0;

    for (int option; status == 0 && (option = cli_next(argc, argv)) != -1;) {
        if (option == START_IOCTL)
            status = parse_way(optarg, s);
        else if (option == START_ABI)
            status = parse_abi(optarg, s);
        else if (option == START_NODES)
            status = parse_nodes(optarg, s);
        else if (option == START_SECCOMP)
            status = parse_seccomp(optarg, s);
        else if (option == START_METRICS)
            status = parse_metrics(optarg, s);
        else if (option == START_RECORD_KEYS)
            status = value_yes_no("record-keys", optarg, &s->how.record_keys);
        else
            parse_plain(option, optarg, s);
    }
    if (status == 0 && s->no_mount)
        status = check_no_mount(s);
    if (status)
        return status;
    if (s->how.nodes && s->notify)
        return cli_usage("--nodes=cuse and --ioctl=notify exclude each other: a node is served in "
                         "one way");
    s->mounts = s->uevents || s->host_etc || s->how.ioctl || s->how.nodes;
    if (!s->how.ioctl)
        s->how.ioctl = "fuse";
    if (s->how.append && s->how.force)
        return cli_usage("--append and --force are mutually exclusive");
    if ((s->how.append || s->how.force || s->how.record_keys) && !s->how.record)
        return cli_usage("--append, --force and --record-keys require --record");
    if (s->how.state && s->how.record)
        return cli_usage("--state and --record exclude each other: a recording begins with a new "
                         "machine");
    if (s->how.sync && !s->how.state)
        return cli_usage("--sync requires --state");
    return 0;
}

/* NULL: nothing forbids it. */
static const char *no_mount_reason(void)
{
    if (access("/dev/fuse", F_OK) < 0)
        return "/dev/fuse is missing";
    if (access("/dev/fuse", R_OK | W_OK) < 0)
        return "there is no permission to open /dev/fuse";
    return namespace_is_possible() ? NULL : "namespaces, or mounts in them, are forbidden";
}

void start_choose(struct start *s)
{
    const char *reason = s->no_mount || s->mounts ? NULL : no_mount_reason();

    if (!reason)
        return;
    cli_note(
        "%s here, so programs see the machine without a mount (--no-mount; --ioctl=fuse insists "
        "on one)",
        reason);
    s->no_mount = true;
    s->how.ioctl = "notify";
}

int start_prepare(struct start *s, const char *program, const char *name)
{
    struct machine_config machine;
    int status;

    program_extend_path();
    if (linux_emulator_find(&s->qemu))
        program_prefer_dir(s->qemu.bin.data);
    status = program ? program_check(program) : 0;
    if (status == 0)
        status = machine_load(&s->how, &machine);
    if (status)
        return status;
    if (!part_find("daemon", &s->program))
        return PROGRAM_FAILED;
    s->how.program = s->program.data;
    if (runtime_base(s->base) < 0 || runtime_create(&s->runtime, name, linux_guests_end) < 0)
        return PROGRAM_FAILED;
    setenv("APUS_RUNTIME_DIR", s->base, 1);
    s->how.socket = s->runtime.socket;
    return 0;
}

void start_done(struct start *s)
{
    linux_emulator_done(&s->qemu);
    text_done(&s->program);
}

/* Enters the namespaces and opens the descriptors for the daemon. */
static int open_machine(struct start *s, const char *source, struct compose *compose)
{
    text_auto why = {0};
    int ret = s->uevents ? uevent_netns_get(&s->how.outside) : 0;

    if (ret < 0)
        return cli_error(-ret, "cannot read /proc/self/ns/net: %s", error_text(-ret)), ret;
    ret = namespace_enter(s->uevents);
    if (ret < 0)
        return ret;
    if (s->uevents) {
        s->how.uevents = uevent_socket_open(s->how.outside, &why);
        if (s->how.uevents < 0)
            return cli_error(-s->how.uevents, "%s", why.data), s->how.uevents;
    }
    s->how.fuse = compose_prepare(source, compose);
    return s->how.fuse < 0 ? s->how.fuse : 0;
}

/* Only the daemon keeps the file system alive. While it starts, what does not come from its tree
 * is laid out: on two CPUs that takes a third off the start of a machine. */
static int start_daemon(struct start *s, struct compose *compose)
{
    int ret = daemon_start(&s->how, &s->daemon);

    close(s->how.fuse);
    if (s->how.uevents >= 0)
        close(s->how.uevents);
    if (ret < 0)
        return ret;
    ret = compose_cover(compose);
    if (ret < 0)
        daemon_end(&s->daemon);
    else
        ret = daemon_await(&s->daemon);
    return ret;
}

/* What the machine makes persistent lasts as long as its state. */
static int keep_etc(const struct start *s, struct text *out)
{
    int err;

    if (!s->how.state || s->host_etc)
        return 0;
    text_addf(out, "%s/etc", s->how.state);
    if (mkdir(out->data, 0700) == 0 || errno == EEXIST)
        return 0;
    err = errno;
    return cli_error(err, "cannot create %s: %s", out->data, error_text(err)), -err;
}

/* Composes /sys and /dev. */
static int lay_out(struct start *s, struct compose *compose)
{
    struct emulator emulator = {.socket = s->how.socket,
                                .plugin = s->qemu.plugin.data,
                                .qemu = s->qemu.qemu.len ? s->qemu.qemu.data : NULL,
                                .bin = s->qemu.bin.data};
    text_auto etc = {0};
    int ret = keep_etc(s, &etc);

    compose->z90crypt = s->how.nodes ? DEV_DAEMONS : s->notify ? DEV_OWN_NODE : DEV_OF_TREE;
    compose->host_etc = s->host_etc;
    compose->keep_etc = etc.len ? etc.data : NULL;
    if (ret == 0)
        ret = compose_finish(compose);
    return ret == 0 && emulator.bin ? emulator_place(&emulator) : ret;
}

/* An `apus run` can do without. */
static int tell_others(const struct start *s, const char *source, bool needed)
{
    struct run_info info = {0};
    int ret;

    snprintf(info.source, sizeof info.source, "%s", source);
    snprintf(info.ioctl, sizeof info.ioctl, "%s", s->how.ioctl);
    snprintf(info.uevents, sizeof info.uevents, "%s", s->uevents ? "yes" : "");
    snprintf(info.mount, sizeof info.mount, "%s", s->no_mount ? "no" : "");
    snprintf(info.machine, sizeof info.machine, "%s", s->how.machine ? s->how.machine : "");
    /* For those with another working directory. */
    if (s->how.state && !realpath(s->how.state, info.state)) {
        ret = -errno;
        return cli_error(-ret, "cannot find %s: %s", s->how.state, error_text(-ret)), ret;
    }
    ret = run_info_write(s->runtime.dir, &info);
    if (ret == 0 || !needed)
        return 0;
    cli_error(-ret, "cannot write to %s: %s", s->runtime.dir, error_text(-ret));
    return ret;
}

/* Without a mount: nothing is laid out, the daemon makes directories in its own. */
static int start_without(struct start *s)
{
    char source[32];

    if (runtime_make_shadow(&s->runtime, s->shadow) < 0)
        return PROGRAM_FAILED;
    s->how.shadow = s->shadow;
    if (daemon_start(&s->how, &s->daemon) < 0 || daemon_await(&s->daemon) < 0)
        return PROGRAM_FAILED;
    run_info_source(source);
    tell_others(s, source, false);
    if (daemon_settle(&s->daemon, false) == 0)
        return 0;
    daemon_end(&s->daemon);
    return PROGRAM_FAILED;
}

/* Those of a machine in the background are there for whoever asks, if they can be had. */
static void choose_metrics(struct start *s)
{
    if (s->how.metrics || s->metrics_off)
        return;
    if ((size_t)snprintf(s->metrics, sizeof s->metrics, "%s/metrics", s->runtime.dir) <
        sizeof s->metrics)
        s->how.metrics = s->metrics;
    s->how.metrics_if_possible = true;
}

int start_machine(struct start *s, bool leave)
{
    const int keep[] = {s->runtime.lock, s->runtime.guarded, -1};
    struct compose compose;
    char source[32];

    /* Without a mount it changes files of the directory that the guard removes. */
    s->how.keep = leave || s->no_mount ? keep : NULL;
    if (s->no_mount)
        return start_without(s);
    run_info_source(source);
    if (leave)
        choose_metrics(s);
    if (open_machine(s, source, &compose) < 0 || start_daemon(s, &compose) < 0)
        return PROGRAM_FAILED;
    if (lay_out(s, &compose) == 0 && tell_others(s, source, leave) == 0 &&
        daemon_settle(&s->daemon, leave) == 0)
        return 0;
    daemon_end(&s->daemon);
    return PROGRAM_FAILED;
}

bool start_end(struct start *s)
{
    bool lived = daemon_end(&s->daemon);

    runtime_remove(&s->runtime);
    return lived;
}
