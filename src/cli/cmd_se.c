/* SPDX-License-Identifier: MIT */
/* apus se adapter, apus se lpar, apus se show: the Support Element. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/value.h"
#include "cli/words.h"

enum { OPT_FORCE = 'f', OPT_ONLINE = 256 };
enum { ADAPTER, DOMAIN, CONTROL_DOMAIN, KINDS };

static const char *const kinds[KINDS] = {"adapter", "domain", "control-domain"};

static const struct cli_option force_option[] = {
    {OPT_FORCE, "force", NULL, "as a hardware event, without any checks"}, {0}};

static const struct cli_option lpar_options[] = {
    {OPT_FORCE, "force", NULL, "as a hardware event, without any checks"},
    {OPT_ONLINE, "online", NULL, "configure added adapters on, in place of standby"},
    {0}};

static int kind_of(const char *word)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (strcmp(word, kinds[kind]) == 0)
            return kind;
    return -1;
}

static int configure(const json_t *view, unsigned id, bool on, bool force)
{
    text_auto text = {0};

    words_adapter(view, id, on, &text);
    return words_ask("se-adapter",
                     json_pack("{s:i, s:s, s:b}", "adapter", (int)id, "state", on ? "on" : "off",
                               "force", force),
                     text.data);
}

/* Those that are not there come first: then nothing has changed when the daemon refuses. */
static int configure_all(const json_t *view, const struct mask256 *adapters, bool on, bool force)
{
    int status = 0;

    for (int wanted = 0; wanted < 2; wanted++)
        mask256_for_each (id, adapters) {
            if (status == 0 && (words_find_adapter(view, id) != NULL) == wanted)
                status = configure(view, id, on, force);
        }
    return status;
}

static bool parse_force(int argc, char **argv)
{
    bool force = false;

    for (int got; (got = cli_next(argc, argv)) != -1;)
        force |= got == OPT_FORCE;
    return force;
}

static int se_adapter_run(int argc, char **argv)
{
    bool force = parse_force(argc, argv), on;
    struct mask256 adapters = {0};
    json_t *view = NULL;
    int status;

    if (argc - optind < 2)
        return cli_usage("expected adapters, and 'on' or 'off'");
    if (value_on_off(argv[argc - 1], &on))
        return 2;
    for (int i = optind; i < argc - 1; i++)
        if (value_ids(argv[i], "the adapter", &adapters))
            return 2;
    status = ask("se-show", NULL, &view);
    if (status == 0)
        status = configure_all(view, &adapters, on, force);
    json_decref(view);
    return status;
}

struct lpar_change {
    bool add, force, online;
    struct mask256 ids[KINDS];
};

/* ADD KIND IDS... KIND IDS... */
static int parse_change(char **argv, struct lpar_change *out)
{
    int kind = -1;
    bool given = true;

    if (strcmp(*argv, "add") && strcmp(*argv, "remove"))
        return cli_usage("expected 'add' or 'remove', not '%s'", *argv);
    out->add = strcmp(*argv, "add") == 0;
    for (argv++; *argv; argv++) {
        int next = kind_of(*argv);

        if (next < 0 && kind < 0)
            return cli_usage("expected 'adapter', 'domain' or 'control-domain', not '%s'", *argv);
        if (next < 0 && value_ids(*argv, kinds[kind], &out->ids[kind]))
            return 2;
        if (next >= 0 && !given)
            break;
        given = next < 0;
        kind = next < 0 ? kind : next;
    }
    return given ? 0 : cli_usage("which %s?", kinds[kind]);
}

static bool has(const json_t *ids, unsigned id)
{
    const json_t *one;
    size_t i;

    json_array_foreach (ids, i, one)
        if (json_integer_value(one) == (json_int_t)id)
            return true;
    return false;
}

/* Whether the daemon would not refuse it: the machine can have it, and no control domain goes
 * whose usage domain stays. */
static bool is_possible(const json_t *view, const struct lpar_change *c, int kind, unsigned id)
{
    const json_t *lpar = json_object_get(view, "lpar");

    if (kind == ADAPTER)
        return words_find_adapter(view, id);
    if (kind == CONTROL_DOMAIN && !c->add && !c->force && !mask256_test(&c->ids[DOMAIN], id) &&
        has(json_object_get(lpar, "domains"), id))
        return false;
    return (long long)id <= field_number(lpar, "max_domain");
}

static int change_one(const struct lpar_change *c, int kind, unsigned id)
{
    text_auto text = {0};
    bool adapter = kind == ADAPTER;

    text_addf(&text, "%s %u (0x%02x) %s the LPAR", kinds[kind], id, id,
              c->add ? "is in" : "is no longer in");
    if (adapter && c->add && !c->online && !c->force)
        text_adds(&text, ", in standby");
    return words_ask("se-lpar",
                     json_pack("{s:s, s:s, s:i, s:b}", "action", c->add ? "add" : "remove", "kind",
                               kinds[kind], "id", (int)id, "force", c->force),
                     text.data);
}

/* Those that the daemon refuses come first: then nothing has changed. A control domain goes after
 * its usage domain. */
static int change_all(const json_t *view, const struct lpar_change *c)
{
    static const int order[KINDS] = {DOMAIN, CONTROL_DOMAIN, ADAPTER};
    int status = 0;

    for (int wanted = 0; wanted < 2; wanted++)
        for (int kind = 0; kind < KINDS; kind++) {
            int k = order[kind];

            mask256_for_each (id, &c->ids[k]) {
                if (status == 0 && is_possible(view, c, k, id) == wanted)
                    status = change_one(c, k, id);
            }
        }
    if (status == 0 && c->add && c->online)
        status = configure_all(view, &c->ids[ADAPTER], true, c->force);
    return status;
}

static int se_lpar_run(int argc, char **argv)
{
    struct lpar_change c = {0};
    json_t *view = NULL;
    int status;

    for (int got; (got = cli_next(argc, argv)) != -1;) {
        c.force |= got == OPT_FORCE;
        c.online |= got == OPT_ONLINE;
    }
    if (argc - optind < 3)
        return cli_usage("expected 'add' or 'remove', then adapters, domains or control domains");
    status = parse_change(argv + optind, &c);
    if (status)
        return status;
    status = ask("se-show", NULL, &view);
    if (status == 0)
        status = change_all(view, &c);
    json_decref(view);
    return status;
}

static void print_lpar(const char *label, const json_t *ids, int digits)
{
    text_auto list = {0};

    field_ids(ids, digits, &list);
    printf("  %-16s %s\n", label, list.data);
}

static void print_adapters(const json_t *adapters)
{
    struct table table = {.columns = 5};
    const json_t *a;
    size_t i;

    table_add(&table, "ADAPTER");
    table_add(&table, "TYPE");
    table_add(&table, "STATE");
    table_add(&table, "LPAR");
    table_add(&table, "SERIAL");
    json_array_foreach (adapters, i, a) {
        table_addf(&table, "%02llx", field_number(a, "id"));
        table_add(&table, field_string(a, "type", "-"));
        table_add(&table, field_string(a, "state", "-"));
        table_add(&table, json_is_true(json_object_get(a, "in_lpar")) ? "yes" : "no");
        table_add(&table, field_string(a, "serial", "-"));
    }
    table_print(&table, 2);
}

static int se_show_run(int argc, char **argv)
{
    json_t *view = NULL, *lpar;
    int status;

    cli_skip_options(argc, argv);
    if (cli_machine_operand(argc, argv))
        return 2;
    status = ask("se-show", NULL, &view);
    if (status == 0 && cli_json()) {
        ask_print(view);
    } else if (status == 0) {
        lpar = json_object_get(view, "lpar");
        printf("%sAdapters of the machine%s\n", value_bold(), value_plain());
        print_adapters(json_object_get(view, "adapters"));
        printf("%sThe LPAR%s\n", value_bold(), value_plain());
        print_lpar("adapters", json_object_get(lpar, "adapters"), 2);
        print_lpar("domains", json_object_get(lpar, "domains"), 4);
        print_lpar("control domains", json_object_get(lpar, "control_domains"), 4);
        printf("  %-16s adapter %02llx, domain %04llx\n", "highest numbers",
               field_number(lpar, "max_adapter"), field_number(lpar, "max_domain"));
    }
    json_decref(view);
    return status;
}

const struct cli_command cmd_se_adapter = {
    .name = "se adapter",
    .args = "ADAPTER... on|off",
    .summary = "configure adapters on or off",
    .run = se_adapter_run,
    .options = force_option,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "@adapters/on off",
    .help =
        "Configured on, an adapter is online; configured off, it is in standby. The host and all\n"
        "guests that have it see the change before the command ends. Assignments stay: when the\n"
        "adapter comes back, guests get it back. What has changed is printed.\n"
        "\n"
        "Numbers are decimal, hexadecimal with 0x, or as tables show them (0a, 1a); several\n"
        "may be given, also as 4-6 or 4,6.\n"
        "\n"
        "Examples:\n"
        "  apus se adapter 5 off\n"
        "  apus se adapter 4-6 0x1a on\n"};

const struct cli_command cmd_se_lpar = {
    .name = "se lpar",
    .args = "add|remove {adapter|domain|control-domain NUMBER...}...",
    .summary = "change the LPAR's cryptographic controls",
    .run = se_lpar_run,
    .options = lpar_options,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "add remove/adapter domain control-domain",
    .help =
        "Adds adapters, usage domains and control domains to the LPAR, or removes them, in one\n"
        "task. The LPAR's online adapters have to be configured off first; a refusal names\n"
        "them. With --force the change is a hardware event, without any checks.\n"
        "\n"
        "An adapter comes in standby, unless --online says otherwise. A usage domain is a\n"
        "control domain, too. Numbers are as in 'apus se adapter'.\n"
        "\n"
        "Example: give adapter 7 and domain 9 to an LPAR with the adapters 4 and 5\n"
        "  apus se adapter 4 5 off\n"
        "  apus se lpar add adapter 7 domain 9\n"
        "  apus se adapter 4 5 7 on\n"};

const struct cli_command cmd_se_show = {
    .name = "se show",
    .args = "[NAME]",
    .summary = "show the machine and the LPAR's controls",
    .run = se_show_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_MACHINE,
    .help = "Adapter and domain numbers are hexadecimal, as in the names of devices.\n"};
