/* SPDX-License-Identifier: MIT */
/* apus plan: from the present state to a wanted one. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/cpu_model.h"
#include "cli/map_output.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/world.h"
#include "control/json.h"
#include "control/view.h"
#include "plan/plan.h"
#include "store/setup.h"

enum { OPT_FROM = 256, OPT_FORMAT, OPT_HTML, OPT_UNDO, OPT_APPLY, OPT_INTERRUPT, OPT_NEAREST };

static const struct cli_option options[] = {
    {OPT_FROM, "from", "FILE", "start from a machine file instead of the running machine"},
    {OPT_FORMAT, "format", "FORMAT", "text, sh, mdevctl, virsh, se or json (default: text)"},
    {OPT_HTML, "html", "FILE", "write a page with the maps before and after; - is standard output"},
    {OPT_UNDO, "undo", NULL, "the way back: from the wanted state to the present one"},
    {OPT_APPLY, "apply", NULL, "do the steps on the running machine"},
    {OPT_INTERRUPT, "interrupt", NULL,
     "other guests, too, may be without their queues for a while"},
    {OPT_NEAREST, "nearest", "FILE",
     "if there is no plan, write the nearest state that can be had here"},
    {0}};

static const char *const formats[] = {"text", "sh", "mdevctl", "virsh", "se", "json", NULL};
enum { TEXT, SH, MDEVCTL, VIRSH, SE, JSON };

struct request {
    const char *from, *wanted, *html, *nearest;
    unsigned format;
    bool undo, apply, interrupt;
};

static void print_json(const struct plan *p)
{
    json_t *view = control_view_plan(p);

    ask_print(view);
    json_decref(view);
}

static void print_plan(const struct request *r, const struct plan *p, const struct core *from,
                       const struct core *to)
{
    text_auto out = {0};

    if (r->format == JSON) {
        print_json(p);
        return;
    }
    if (r->format == TEXT)
        plan_text(p, &out);
    else if (r->format == SE)
        plan_se(p, &out);
    else if (r->format == SH)
        plan_sh(p, from, &out);
    else
        (r->format == VIRSH ? plan_virsh : plan_mdevctl)(p, from, to, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void add_steps(const struct plan *p, struct text *out)
{
    for (size_t i = 0; i < p->count; i++)
        text_addf(out, "%s%s%s\n", p->steps[i].what.data, p->steps[i].effect.len ? ": " : "",
                  p->steps[i].effect.len ? p->steps[i].effect.data : "");
}

static int write_page(const struct request *r, const struct plan *p, const struct core *from,
                      const struct core *to)
{
    text_auto steps = {0};
    map_auto map = {0};

    add_steps(p, &steps);
    map_read(from, to, &map);
    return map_output(
        &(struct map_output){
            .html = r->html,
            .page = {.title = "A plan for AP queues",
                     .caption = {[MAP_BEFORE] = "Before", [MAP_NOW] = "After"},
                     .notes =
                         (const struct map_note[]){{"Who gains and loses", p->gains.data, false},
                                                   {"Steps", steps.data, true},
                                                   {"To know", p->notes.data, false},
                                                   {0}}}},
        &map);
}

static int send(const char *command, json_t *arguments)
{
    json_t *answer = NULL;
    int status = ask(command, arguments, &answer);

    json_decref(answer);
    return status;
}

/* A task at the Support Element, as commands. */
static int apply_se(const struct plan_step *s)
{
    static const char *const kinds[] = {[LPAR_ADAPTER] = "adapter",
                                        [LPAR_DOMAIN] = "domain",
                                        [LPAR_CONTROL_DOMAIN] = "control-domain"};
    int status = 0;

    mask256_for_each (id, &s->ids) {
        if (status == 0)
            status = send("se-adapter", json_pack("{s:i, s:s}", "adapter", (int)id, "state",
                                                  s->on ? "on" : "off"));
    }
    for (unsigned i = 0; i < PLAN_LPAR_ORDER && s->kind == PLAN_SE_LPAR; i++) {
        const struct plan_lpar_part *part = &plan_lpar_order[i];

        mask256_for_each (id, plan_lpar_ids(s, i)) {
            if (status == 0)
                status = send("se-lpar",
                              json_pack("{s:s, s:s, s:i}", "action", part->add ? "add" : "remove",
                                        "kind", kinds[part->what], "id", (int)id));
        }
    }
    return status;
}

/* The step as a command of the control protocol. */
static int apply_step(const struct plan_step *s)
{
    static const char *const commands[] = {"write", "guest-start", "guest-stop", "guest-attach",
                                           "guest-detach"};
    json_t *arguments;
    char uuid[UUID_TEXT];

    if (plan_is_se(s))
        return apply_se(s);
    arguments = json_object();

    uuid_format(&s->mdev, uuid);
    if (s->kind == PLAN_WRITE) {
        json_object_set_new(arguments, "path", control_json_string(s->path));
        json_object_set_new(arguments, "value", control_json_string(s->value));
    } else {
        json_object_set_new(arguments, "name", control_json_string(s->guest));
    }
    if (s->kind == PLAN_GUEST_ATTACH || (s->kind == PLAN_GUEST_START && s->has_mdev))
        json_object_set_new(arguments, "mdev", json_string(uuid));
    if (s->kind == PLAN_GUEST_START)
        json_object_set_new(arguments, "features", cpu_features_json(s->features));
    return send(commands[s->kind], arguments);
}

/* As --json has it in a plan. */
static void show_step(const struct plan *p, size_t i, bool as_json)
{
    json_t *view;

    if (as_json) {
        view = control_view_plan(p);
        ask_print(json_array_get(json_object_get(view, "steps"), i));
        json_decref(view);
        return;
    }
    printf("%3zu. %s\n", i + 1, p->steps[i].what.data);
    fflush(stdout);
}

static int apply(const struct plan *p, bool as_json)
{
    for (size_t i = 0; i < p->count; i++) {
        show_step(p, i, as_json);
        if (apply_step(&p->steps[i])) {
            cli_note("stopped at step %zu of %zu; those before are done", i + 1, p->count);
            return 1;
        }
    }
    return 0;
}

static int parse_format(const char *name, unsigned *out)
{
    for (*out = 0; formats[*out]; ++*out)
        if (strcmp(formats[*out], name) == 0)
            return 0;
    return cli_usage("--format takes text, sh, mdevctl, virsh, se or json, not '%s'", name);
}

static int parse_one(int option, struct request *r)
{
    if (option == OPT_FORMAT)
        return parse_format(optarg, &r->format);
    if (option == OPT_FROM)
        r->from = optarg;
    if (option == OPT_HTML)
        r->html = optarg;
    if (option == OPT_NEAREST)
        r->nearest = optarg;
    r->interrupt |= option == OPT_INTERRUPT;
    r->undo |= option == OPT_UNDO;
    r->apply |= option == OPT_APPLY;
    return 0;
}

static int parse_options(int argc, char **argv, struct request *r)
{
    int status = 0;

    for (int got; status == 0 && (got = cli_next(argc, argv)) != -1;)
        status = parse_one(got, r);
    if (status)
        return status;
    if (cli_json())
        r->format = JSON;
    if (optind + 1 != argc)
        return cli_usage("one operand is needed: the machine file of the wanted state");
    r->wanted = argv[optind];
    if (r->html && (r->apply || r->format != TEXT))
        return cli_usage("--html writes a page; --apply and --format do not go with it");
    if (r->apply && r->format != TEXT && r->format != JSON)
        return cli_usage("--apply executes the steps itself; it cannot be combined with a script");
    if (r->apply && (r->undo || r->from))
        return cli_usage("--apply goes from what is running; --undo and --from do not go with it");
    return 0;
}

static json_t *lines_json(const struct text *lines)
{
    json_t *list = json_array();

    for (const char *at = lines->data, *end; at && *at; at = end + 1) {
        text_auto line = {0};

        end = strchr(at, '\n');
        text_add(&line, at, (size_t)(end - at));
        json_array_append_new(list, control_json_string(line.data));
    }
    return list;
}

static json_t *nearest_json(const struct core *nearest, const struct plan *p,
                            const struct text *given_up)
{
    text_auto machine = {0};

    setup_format(nearest, &machine);
    return json_pack("{s:o, s:o, s:o}", "machine", control_json_string(machine.data), "given-up",
                     lines_json(given_up), "plan", control_view_plan(p));
}

/* JSON has all. */
#define GIVEN_UP_TOLD 10u

static void tell_nearest(const struct request *r, const struct plan *p, struct text *given_up)
{
    char *rest = given_up->data;
    unsigned given = 0;

    if (!p->count) {
        cli_note("the nearest state that can be had is the present one");
        return;
    }
    cli_note("the nearest state that can be had is the wanted one, but:");
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        if (given++ < GIVEN_UP_TOLD)
            cli_note("  %s", line);
    if (given > GIVEN_UP_TOLD)
        cli_note("  and %u more", given - GIVEN_UP_TOLD);
    cli_note("its plan has %zu step%s%s", p->count, p->count == 1 ? "" : "s",
             r->nearest ? "" : "; --nearest FILE writes it as a machine file");
}

/* Whether it is only the guests that are in the way. */
static bool would_interrupt(const struct request *r, const struct core *from, const struct core *to)
{
    struct plan plan = {0};
    text_auto why = {0};
    bool found = !r->interrupt && plan_make(from, to, true, &plan, &why) == 0;

    plan_done(&plan);
    return found;
}

static int write_nearest(const struct request *r, const struct core *nearest)
{
    text_auto machine = {0};

    setup_format(nearest, &machine);
    return output_write(r->nearest, &machine);
}

/* There is no plan: why, and what could be had instead. */
static int refuse(const struct request *r, const struct core *from, const struct core *to,
                  const char *why)
{
    struct core *nearest = NULL;
    struct plan plan;
    text_auto given_up = {0};
    int status = cli_error(EINVAL, "there is no plan: %s", why);
    bool found, interrupting;

    progress_begin("looking for the nearest state that can be had");
    found = plan_nearest(from, to, r->interrupt, &nearest, &plan, &given_up) == 0;
    interrupting = would_interrupt(r, from, to);
    progress_end();
    if (interrupting)
        cli_note("with --interrupt there is one: guests are without queues meanwhile");
    if (r->format == JSON) {
        json_t *view = json_pack("{s:o, s:o}", "refused", control_json_string(why), "nearest",
                                 found ? nearest_json(nearest, &plan, &given_up) : json_null());

        ask_print(view);
        json_decref(view);
    } else if (found) {
        tell_nearest(r, &plan, &given_up);
    }
    if (found && r->nearest)
        write_nearest(r, nearest);
    plan_done(&plan);
    core_free(nearest);
    return status;
}

static int make(const struct request *r, const struct core *from, const struct core *to)
{
    struct plan plan;
    text_auto why = {0};
    int status = 0, rc;

    progress_begin("making the plan");
    rc = plan_make(from, to, r->interrupt, &plan, &why);
    progress_end();
    if (rc < 0)
        status = refuse(r, from, to, why.data);
    else if (r->apply)
        status = apply(&plan, r->format == JSON);
    else if (r->html)
        status = write_page(r, &plan, from, to);
    else
        print_plan(r, &plan, from, to);
    plan_done(&plan);
    return status;
}

static int plan_run(int argc, char **argv)
{
    struct request r = {0};
    struct core *from = NULL, *to = NULL;
    int status = parse_options(argc, argv, &r);

    progress_begin("reading the two states");
    if (status == 0)
        status = world_load(r.wanted, &to);
    if (status == 0)
        status = world_load(r.from, &from);
    if (status == 0)
        status = r.undo ? make(&r, to, from) : make(&r, from, to);
    progress_end();
    core_free(from);
    core_free(to);
    return status;
}

const struct cli_command cmd_plan = {
    .name = "plan",
    .args = "FILE",
    .summary = "find the safe way to a wanted state",
    .run = plan_run,
    .options = options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_LOOK,
    .words = "@files",
    .help =
        "FILE is a machine file, see apus-machine(5), of the state that is wanted: what 'apus\n"
        "export' wrote, and edited. The plan says who gains and loses what, and the steps in an\n"
        "order in which each is allowed. No queue has on the way an owner that it has neither\n"
        "before nor after, and a guest that the change does not concern loses nothing (with\n"
        "--interrupt it may, for a while). Nothing is changed, unless --apply is given: the plan\n"
        "was tried on a copy. If there is no such order, it says which two demands exclude each\n"
        "other, and what the nearest state is that can be had; --nearest writes it.\n"
        "\n"
        "What the LPAR has (lpar, configured, domains and control-domains) changes at the Support\n"
        "Element, with all of its adapters configured off: the plan says what somebody does\n"
        "there, --format se just that, and --apply does it on the machine of the rehearsal.\n"
        "\n"
        "--format sh is a script for a real system: it checks that the present is what the plan\n"
        "started from, stops at the first difference, and writes a log. With --undo it leads "
        "back.\n"
        "mdevctl and virsh add the definitions for the next boot. --html is a page for those who\n"
        "have to agree: the queues before and after, who gains and loses what, and the steps.\n"
        "\n"
        "Examples:\n"
        "  apus export -o wanted.ini; $EDITOR wanted.ini\n"
        "  apus plan wanted.ini\n"
        "  apus plan wanted.ini --html plan.html\n"
        "  apus plan wanted.ini --format sh > tonight.sh\n"
        "  apus plan wanted.ini --format sh --undo > undo.sh\n"};
