/* SPDX-License-Identifier: MIT */
/* apus import: a machine file of a real machine. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/import_command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "control/json.h"
#include "core/core.h"
#include "import/import.h"
#include "map/map.h"
#include "store/setup.h"

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
        else if (got == IMPORT_PARTITION)
            k->partition = optarg;
        else if (abi_parse(optarg, &r->abi) < 0)
            return cli_usage("--abi takes proposal or upstream, not '%s'", optarg);
    }
    if (optind == argc)
        return cli_usage("a source is needed: a copy of /sys, or others that 'apus import --help' "
                         "lists");
    return 0;
}

static void show_progress(uint64_t files)
{
    progress_count(files, "files");
}

static int read_sources(int argc, char **argv, struct known *k)
{
    k->progress = show_progress;
    for (int i = optind; i < argc; i++) {
        text_auto what = {0}, why = {0};
        int rc;

        text_addf(&what, "reading %s", argv[i]);
        progress_begin(what.data);
        rc = import_source(k, argv[i], &why);
        progress_end();
        if (rc < 0) {
            print_notes(k);
            return cli_error(-rc, "%s", why.data);
        }
    }
    return 0;
}

static int write_machine(const struct request *r, struct known *k)
{
    struct core *core = NULL;
    text_auto why = {0}, machine = {0};
    int rc;

    progress_begin("making the machine");
    rc = import_build(k, r->abi, &core, &why);
    if (rc == 0)
        setup_format(core, &machine);
    core_free(core);
    progress_end();
    if (!cli_json() || rc < 0)
        print_notes(k);
    if (rc < 0)
        return cli_error(-rc, "%s", why.data);
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

int import_command(int argc, char **argv)
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
