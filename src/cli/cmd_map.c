/* SPDX-License-Identifier: MIT */
/* apus map: who owns each queue. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/map_output.h"
#include "cli/value.h"
#include "cli/world.h"
#include "map/map.h"

enum {
    OPT_ADAPTER = 256,
    OPT_DOMAIN,
    OPT_GUEST,
    OPT_CHANGED,
    OPT_COMPACT,
    OPT_FROM,
    OPT_DIFF,
    OPT_SVG,
    OPT_HTML,
    OPT_WATCH
};

static const struct cli_option options[] = {
    {OPT_ADAPTER, "adapter", "LIST", "only these adapters, such as 4-6,0x1a"},
    {OPT_DOMAIN, "domain", "LIST", "only these domains"},
    {OPT_GUEST, "guest", "NAME", "only the adapters and domains of this guest"},
    {OPT_CHANGED, "changed", NULL, "only where something changes; with --diff or --watch"},
    {OPT_COMPACT, "compact", NULL, "only a sign for each queue"},
    {OPT_FROM, "from", "FILE", "of a machine file instead of the running machine"},
    {OPT_DIFF, "diff", NULL, "compare: FILE with FILE, or the running machine with FILE"},
    {OPT_SVG, "svg", "FILE", "write a picture; - is standard output"},
    {OPT_HTML, "html", "FILE", "write a page; - is standard output"},
    {OPT_WATCH, "watch", NULL, "draw anew when something changes, until interrupted"},
    {0}};

struct request {
    struct map_filter filter;
    struct mask256 adapters, domains;
    struct map_output output;
    const char *from, *files[MAP_STATES]; /* files: before and after; NULL: the running machine */
    bool compare, watch;
};

static int parse_list(int option, struct request *r)
{
    bool adapter = option == OPT_ADAPTER;
    struct mask256 *mask = adapter ? &r->adapters : &r->domains;

    if (adapter)
        r->filter.adapters = mask;
    else
        r->filter.domains = mask;
    return value_ids(optarg, adapter ? "adapter" : "domain", mask);
}

static int parse_one(int option, struct request *r)
{
    switch (option) {
    case OPT_ADAPTER:
    case OPT_DOMAIN:
        return parse_list(option, r);
    case OPT_GUEST:
        r->filter.guest = optarg;
        break;
    case OPT_FROM:
        r->from = optarg;
        break;
    case OPT_SVG:
        r->output.svg = optarg;
        break;
    case OPT_HTML:
        r->output.html = optarg;
        break;
    }
    r->filter.changed |= option == OPT_CHANGED;
    r->output.compact |= option == OPT_COMPACT;
    r->compare |= option == OPT_DIFF;
    r->watch |= option == OPT_WATCH;
    return 0;
}

static int parse_operands(int argc, char **argv, struct request *r)
{
    if (r->from && optind < argc)
        return cli_usage("--from draws a file; '%s', a machine, does not go with it", argv[optind]);
    if (!r->compare)
        return cli_machine_operand(argc, argv);
    if (argc - optind < 1 || argc - optind > 2)
        return cli_usage("--diff takes the machine file of the state after the change, or two of "
                         "before and after");
    if (argc - optind == 2)
        r->files[MAP_BEFORE] = argv[optind++];
    r->files[MAP_NOW] = argv[optind];
    return 0;
}

static int parse(int argc, char **argv, struct request *r)
{
    int status = 0;

    for (int got; status == 0 && (got = cli_next(argc, argv)) != -1;)
        status = parse_one(got, r);
    if (status == 0)
        status = parse_operands(argc, argv, r);
    if (status)
        return status;
    if (cli_json() && (r->output.svg || r->output.html))
        return cli_usage("--json prints a list; --svg and --html, which draw, do not go with it");
    if (r->filter.changed && !r->compare && !r->watch)
        return cli_usage("--changed goes with --diff or --watch");
    if (r->from && r->compare)
        return cli_usage("--diff names its files itself; --from does not go with it");
    if (r->watch && (r->compare || r->from))
        return cli_usage("--watch follows the running machine; --diff and --from do not go with "
                         "it");
    if (!r->compare)
        r->files[MAP_NOW] = r->from;
    return 0;
}

static void add_caption(const char *when, const char *file, struct text *out)
{
    text_addf(out, "%s: %s", when, file ? file : "the running machine");
}

static int draw_comparison(const struct request *r, const struct map *map)
{
    text_auto changes = {0}, before = {0}, now = {0};
    struct map_output output = r->output;
    struct map_note notes[2] = {{.title = "What changes"}};

    map_changes(map, &changes);
    notes[0].lines = changes.data;
    add_caption("Before", r->files[MAP_BEFORE], &before);
    add_caption("After", r->files[MAP_NOW], &now);
    output.page = (struct map_page){
        .title = "A change of AP queues", .caption = {now.data, before.data}, .notes = notes};
    return map_output(&output, map);
}

static int draw(const struct request *r, const struct core *before, const struct core *now)
{
    map_auto map = {0};

    map_read(before, now, &map);
    if (map_filter(&map, &r->filter) < 0)
        return cli_error(ENOENT,
                         "no guest '%s' has a mediated device; 'apus guest list' lists the running "
                         "guests",
                         r->filter.guest);
    return before ? draw_comparison(r, &map) : map_output(&r->output, &map);
}

static int draw_files(const struct request *r)
{
    struct core *before = NULL, *now = NULL;
    int status = r->compare ? world_load(r->files[MAP_BEFORE], &before) : 0;

    if (status == 0)
        status = world_load(r->files[MAP_NOW], &now);
    if (status == 0)
        status = draw(r, before, now);
    core_free(before);
    core_free(now);
    return status;
}

/* With --changed, first everything, then what has changed since the last drawing. Takes over now.
 */
static int draw_again(const struct request *r, struct core **last, struct core *now)
{
    struct request this = *r;
    int status;

    this.filter.changed &= *last != NULL;
    if (cli_color())
        fputs("\033[H\033[2J", stdout);
    status = draw(&this, this.filter.changed ? *last : NULL, now);
    fflush(stdout);
    core_free(*last);
    *last = now;
    return status;
}

/* What happens in the meantime, and what the export tells already, is not drawn again. */
static int draw_running(const struct request *r, struct connection *c, struct core **last)
{
    json_t *answer = connection_call(c, "export", NULL, -1);
    struct core *now = NULL;
    int status = answer ? world_build(answer, &now) : 1;

    json_decref(answer);
    connection_forget_events(c);
    return status ? status : draw_again(r, last, now);
}

static int watch(const struct request *r)
{
    const struct timespec together = {.tv_nsec = 100000000};
    const char *path = cli_socket();
    connection_auto *c = NULL;
    struct core *last = NULL;
    json_t *event;
    int status;

    if (!path || connection_open(path, &c) < 0)
        return 1;
    event = connection_call(c, "subscribe", json_pack("{s:[s]}", "events", "state"), -1);
    status = event ? draw_running(r, c, &last) : 1;
    json_decref(event);
    while (status == 0 && !ferror(stdout) && (event = connection_event(c))) {
        json_decref(event);
        nanosleep(&together, NULL);
        status = draw_running(r, c, &last);
    }
    core_free(last);
    return event ? status : 1;
}

static int map_run(int argc, char **argv)
{
    struct request r = {.output.page.title = "AP queues"};
    int status = parse(argc, argv, &r);

    if (status)
        return status;
    return r.watch ? watch(&r) : draw_files(&r);
}

const struct cli_command cmd_map = {
    .name = "map",
    .args = "[NAME] | --diff [BEFORE] AFTER",
    .summary = "draw who owns each queue",
    .run = map_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines @files",
    .group = CLI_LOOK,
    .help =
        "Columns are adapters, rows are domains, both in hexadecimal: all queues that the LPAR\n"
        "has or that are assigned to a mediated device. A cell shows (card,domain), the owner, "
        "and\n"
        "what prevents the queue from working. Letters and digits are mediated devices, and the "
        "legend\n"
        "explains all signs. What is too wide, or --compact, shows only the owner, merges equal\n"
        "neighbours, and has adapters as rows if that fits the terminal better.\n"
        "\n"
        "--diff compares two machine files, or the running machine with one: '1>2' is a queue "
        "that\n"
        "goes from one device to another. --svg and --html write one file that needs no other and\n"
        "no script, with both states next to each other.\n"
        "\n"
        "--json prints a list of queues with apqn, device (it exists), owner (zcrypt, vfio_ap or\n"
        "null), mdev, guest, in_use, adapter_state and condition (online, withheld, fault,\n"
        "offline, foreign, driverless, deconfigured, checkstopped or absent); with --diff also\n"
        "changed, and before with the same members.\n"
        "\n"
        "Examples:\n"
        "  apus map --guest Guest1\n"
        "  apus map --diff wanted.ini --changed\n"
        "  apus map --diff before.ini after.ini --html change.html\n"};
