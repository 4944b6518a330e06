/* SPDX-License-Identifier: MIT */
/* apus import: a machine file of a real machine. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/json.h"
#include "core/core.h"
#include "import/import.h"
#include "map/map.h"
#include "store/setup.h"

enum { OPT_ABI = 256, OPT_PARTITION };

static const struct cli_option options[] = {
    {'o', "output", "FILE", "write the machine file here (default: standard output)"},
    {OPT_PARTITION, "partition", "NAME", "the partition of a CPC that is the LPAR"},
    {OPT_ABI, "abi", "PROFILE", "the interface, proposal or upstream (default: upstream)"},
    {0}};

struct request {
    const char *output;
    enum abi_profile abi;
};

static json_t *note_json(const struct known *k, const struct known_note *n)
{
    const char *source = known_name(k, n->from);

    return json_pack("{s:s, s:o, s:o}", "kind", known_note_name(n->kind), "text",
                     control_json_string(n->text), "source",
                     source ? control_json_string(source) : json_null());
}

/* The machine is in it unless it goes to a file. */
static int print_json(const struct request *r, const struct known *k, const struct text *machine)
{
    json_t *notes = json_array(), *view;

    for (size_t i = 0; i < k->note_count; i++)
        json_array_append_new(notes, note_json(k, &k->notes[i]));
    view = json_pack("{s:o, s:I}", "notes", notes, "left-out", (json_int_t)k->notes_dropped);
    if (!r->output)
        json_object_set_new(view, "machine", control_json_string(machine->data));
    ask_print(view);
    json_decref(view);
    return r->output ? output_write(r->output, machine) : 0;
}

/* Names in it come from the sources, and from whoever wrote these. */
static void print_note(const struct known *k, const struct known_note *n)
{
    text_auto shown = {0};

    map_name(n->text, 0, &shown);
    if (n->from && !strstr(n->text, known_name(k, n->from))) {
        text_adds(&shown, " (");
        map_name(known_name(k, n->from), 0, &shown);
        text_adds(&shown, ")");
    }
    fprintf(stderr, "apus: %s: %s\n", known_note_name(n->kind), shown.data);
}

static void print_notes(const struct known *k)
{
    for (size_t i = 0; i < k->note_count; i++)
        print_note(k, &k->notes[i]);
    if (k->notes_dropped)
        fprintf(stderr, "apus: %zu more of these\n", k->notes_dropped);
}

static int parse_options(int argc, char **argv, struct request *r, struct known *k)
{
    for (int got; (got = cli_next(argc, argv)) != -1;) {
        if (got == 'o' && !*optarg)
            return cli_usage("-o takes the name of a file, and an empty one is none");
        if (got == 'o')
            r->output = optarg;
        else if (got == OPT_PARTITION)
            k->partition = optarg;
        else if (abi_parse(optarg, &r->abi) < 0)
            return cli_usage("--abi takes proposal or upstream, not '%s'", optarg);
    }
    if (optind == argc)
        return cli_usage("a source is needed: a copy of /sys, or others that 'apus import --help' "
                         "lists");
    return 0;
}

/* From the first second on, each second on a terminal, else each ten. */
static void show_progress(const char *source, uint64_t files)
{
    static time_t start, shown;
    bool terminal = isatty(STDERR_FILENO);
    struct timespec now;
    text_auto name = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    start = start ? start : now.tv_sec;
    if (now.tv_sec - start < 2 || now.tv_sec - shown < (terminal ? 1 : 10))
        return;
    shown = now.tv_sec;
    map_name(source, 60, &name);
    fprintf(stderr,
            terminal ? "\rapus: reading %s: %" PRIu64 " files, %lld s \033[K"
                     : "apus: reading %s: %" PRIu64 " files, %lld s\n",
            name.data, files, (long long)(now.tv_sec - start));
}

static void end_progress(const struct known *k)
{
    if (k->files >= 256 && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static int read_sources(int argc, char **argv, struct known *k)
{
    for (int i = optind; i < argc; i++) {
        text_auto why = {0};

        k->progress = show_progress;
        if (import_source(k, argv[i], &why) < 0) {
            end_progress(k);
            print_notes(k);
            return cli_error("%s", why.data);
        }
    }
    end_progress(k);
    return 0;
}

static int write_machine(const struct request *r, struct known *k)
{
    struct core *core = NULL;
    text_auto why = {0}, machine = {0};
    int rc = import_build(k, r->abi, &core, &why);

    if (rc == 0)
        setup_format(core, &machine);
    core_free(core);
    if (!cli_json() || rc < 0)
        print_notes(k);
    if (rc < 0)
        return cli_error("%s", why.data);
    return cli_json() ? print_json(r, k, &machine) : output_write(r->output, &machine);
}

/* What was collected may be the only copy. */
static int check_output(const char *output, int argc, char **argv)
{
    struct stat source, target;

    for (int i = optind; output && i < argc; i++)
        if (stat(argv[i], &source) == 0 && stat(output, &target) == 0 &&
            source.st_dev == target.st_dev && source.st_ino == target.st_ino)
            return cli_usage("-o '%s' is one of the sources; name another file", output);
    return 0;
}

static int import_run(int argc, char **argv)
{
    struct request r = {.abi = ABI_UPSTREAM};
    struct known *k = known_new();
    int status = parse_options(argc, argv, &r, k);

    if (status == 0)
        status = check_output(r.output, argc, argv);
    if (status == 0)
        status = read_sources(argc, argv, k);
    if (status == 0 && k->partition && !k->has_cpc)
        status = cli_usage("--partition '%s' names a partition of a CPC, and no source describes "
                           "a CPC",
                           k->partition);
    if (status == 0)
        status = write_machine(&r, k);
    known_free(k);
    return status;
}

const struct cli_command cmd_import = {
    .name = "import",
    .args = "SOURCE...",
    .summary = "make a machine file of a real machine",
    .run = import_run,
    .options = options,
    .flags = CLI_JSON,
    .group = CLI_LOOK,
    .words = "@files",
    .help =
        "Reads what describes a machine, and writes a machine file, see apus-machine(5), with\n"
        "which a machine starts in the same state. A source is recognised by its content; several\n"
        "are combined:\n"
        "  /sys, a copy of it as a directory or tar archive, the results of dbginfo.sh and\n"
        "  sosreport (files that are missing or could not be read do not matter);\n"
        "  the output of lszcrypt, lszcrypt -V, -b, -d;\n"
        "  the output of mdevctl list --dumpjson, files of /etc/mdevctl.d;\n"
        "  libvirt's XML of domains and node devices, the output of virsh list --all;\n"
        "  a kernel command line, as in /proc/cmdline;\n"
        "  the DPM export of a CPC, the dump of an HMC by zhmcclient.\n"
        "- is standard input. Standard error lists what contradicts, what is missing, and what\n"
        "was assumed. Nothing is executed or unpacked.\n"
        "\n"
        "Examples:\n"
        "  apus import sysfs.tgz mdevctl.json guest*.xml -o lab.ini\n"
        "  ssh lpar lszcrypt -V | apus import - -o lab.ini\n"
        "  apus import cpc.json --partition PROD1 -o lab.ini\n"};
