/* SPDX-License-Identifier: MIT */
/* apus export: the present state, written down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/world.h"
#include "control/json.h"
#include "plan/plan.h"
#include "store/export.h"
#include "store/setup.h"

enum { OPT_FROM = 256, OPT_FORMAT };

static const struct cli_option options[] = {
    {'o', "output", "PATH", "write here (a directory for mdevctl and libvirt)"},
    {OPT_FROM, "from", "FILE", "of a machine file instead of the running machine"},
    {OPT_FORMAT, "format", "FORMAT", "ini, sh, mdevctl or libvirt (default: ini)"},
    {0}};

struct request {
    const char *output, *from, *uuid;
    const struct format *format;
};

struct format {
    const char *name;
    /* An exit status; NULL: a document for each device. */
    int (*whole)(const struct core *core, struct text *out);
    void (*device)(const struct mdev_info *m, struct text *out);
    const char *ending; /* of a device's file */
};

static int format_ini(const struct core *core, struct text *out)
{
    setup_format(core, out);
    return 0;
}

/* The machine as it is after its start, with nothing on it. */
static struct core *fresh_of(const struct core *core)
{
    text_auto text = {0}, why = {0};
    struct effects unheard = {0};
    struct core *fresh = NULL;
    setup_auto setup = {0};

    setup_format(core, &text);
    if (setup_parse("export", text.data, text.len, &setup, &why) == 0) {
        struct setup bare = {.machine = setup.machine, .name = setup.name};

        setup_core(&bare, &fresh, &unheard, &why);
        effects_done(&unheard);
    }
    if (!fresh)
        cli_error(EINVAL, "%s", why.data);
    return fresh;
}

/* A plan from there to the present state. */
static int format_sh(const struct core *core, struct text *out)
{
    struct core *fresh = fresh_of(core);
    struct plan plan = {0};
    text_auto why = {0};
    int rc = fresh ? plan_make(fresh, core, true, &plan, &why) : -EINVAL;

    if (rc == 0)
        plan_sh(&plan, fresh, out);
    else if (fresh)
        cli_error(-rc, "%s", why.data);
    if (rc == 0 && plan.notes.len)
        cli_note("%.*s", (int)plan.notes.len - 1, plan.notes.data);
    plan_done(&plan);
    core_free(fresh);
    return rc == 0 ? 0 : 1;
}

static const struct format formats[] = {{"ini", .whole = format_ini},
                                        {"sh", .whole = format_sh},
                                        {"mdevctl", .device = export_mdevctl, .ending = "json"},
                                        {"libvirt", .device = export_libvirt, .ending = "xml"},
                                        {0}};

static void add(json_t *view, const char *name, const char *value)
{
    if (value)
        control_json_set(view, name, control_json_string(value));
}

/* A document: to the file of that path, else to standard output. uuid: of its device, or NULL. */
static int put(const struct request *r, const char *uuid, const char *path, const struct text *text)
{
    json_t *view;
    int status;

    if (path && strcmp(path, "-") == 0)
        path = NULL;
    status = path || !cli_json() ? output_write(path, text) : 0;
    if (status || !cli_json())
        return status;
    view = json_object();
    add(view, "format", r->format->name);
    add(view, "uuid", uuid);
    add(view, "path", path);
    add(view, "text", path ? NULL : text->data ? text->data : "");
    ask_print(view);
    json_decref(view);
    return 0;
}

static int write_whole(const struct request *r, const struct core *core)
{
    text_auto text = {0};
    int status = r->format->whole(core, &text);

    return status ? status : put(r, NULL, r->output, &text);
}

static int write_device(const struct request *r, const struct mdev_info *m, const char *uuid)
{
    text_auto text = {0}, path = {0};

    r->format->device(m, &text);
    if (r->output && strcmp(r->output, "-") != 0)
        text_addf(&path, "%s/%s.%s", r->output, uuid, r->format->ending);
    return put(r, uuid, path.data, &text);
}

static int write_devices(const struct request *r, const struct core *core)
{
    struct mdev_info m;
    uint32_t cursor = 0;
    unsigned found = 0;
    int status = 0;

    if (r->output && strcmp(r->output, "-") != 0 && mkdir(r->output, 0755) < 0 && errno != EEXIST)
        return cli_error(errno, "cannot create the directory %s: %s", r->output, error_text(errno));
    while (status == 0 && core_mdev_next(core, &cursor, &m)) {
        char uuid[UUID_TEXT];

        uuid_format(&m.uuid, uuid);
        if (r->uuid && strcasecmp(r->uuid, uuid) != 0)
            continue;
        found++;
        status = write_device(r, &m, uuid);
    }
    if (r->uuid && !found)
        return cli_error(ENOENT,
                         "there is no mediated device %s; 'apus status' lists the existing ones",
                         r->uuid);
    return status;
}

static int parse_format(const char *name, const struct format **out)
{
    for (const struct format *f = formats; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            *out = f;
            return 0;
        }
    }
    return cli_usage("--format takes ini, sh, mdevctl or libvirt, not '%s'", name);
}

static int parse_options(int argc, char **argv, struct request *r)
{
    int status = 0;

    for (int got; status == 0 && (got = cli_next(argc, argv)) != -1;) {
        if (got == 'o' && !*optarg)
            return cli_usage("-o takes the name of a file or directory, and an empty one is none");
        if (got == 'o')
            r->output = optarg;
        else if (got == OPT_FROM)
            r->from = optarg;
        else
            status = parse_format(optarg, &r->format);
    }
    if (status)
        return status;
    if (optind < argc)
        r->uuid = argv[optind++];
    if (optind < argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
    if (r->uuid && !r->format->device)
        return cli_usage("a UUID goes with --format mdevctl or libvirt");
    if (r->format->device && !r->uuid && !r->output && !cli_json())
        return cli_usage("--format %s makes a file for each device; name a directory with -o, or "
                         "one device by its UUID",
                         r->format->name);
    return 0;
}

static int export_run(int argc, char **argv)
{
    struct request r = {.format = &formats[0]};
    struct core *core = NULL;
    int status = parse_options(argc, argv, &r);

    if (status == 0)
        status = world_load(r.from, &core);
    if (status == 0)
        status = r.format->device ? write_devices(&r, core) : write_whole(&r, core);
    core_free(core);
    return status;
}

const struct cli_command cmd_export = {
    .name = "export",
    .args = "[UUID]",
    .summary = "write down the present state",
    .run = export_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_LOOK,
    .words = "@mdevs",
    .help =
        "Writes a machine file, see apus-machine(5), with which a machine starts in the state "
        "that\n"
        "this one has now: masks, mediated devices, guests, queues bound by hand, overrides, and\n"
        "what is offline. Not in it are counters, requests under way and the adapters' keys.\n"
        "\n"
        "--format sh makes a script that brings a machine that has just started into this state.\n"
        "--format mdevctl makes a file for each mediated device as 'mdevctl define --jsonfile'\n"
        "reads it, --format libvirt one as 'virsh nodedev-define' reads it. --json prints an "
        "object\n"
        "for each of these, with its text, or with the path of the file that -o has written.\n"
        "\n"
        "Examples:\n"
        "  apus export -o now.ini\n"
        "  apus run -m now.ini -- lszcrypt\n"
        "  apus export --format mdevctl -o devices\n"};
