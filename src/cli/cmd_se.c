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

enum { OPT_FORCE = 'f' };

static const struct cli_option force_option[] = {
    {OPT_FORCE, "force", NULL, "a hardware event: nobody is asked first"}, {0}};

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
    unsigned id;

    if (argc - optind != 2)
        return cli_usage("which adapter, and 'on' or 'off'?");
    if (value_id(argv[optind], "the adapter", &id) || value_on_off(argv[optind + 1], &on))
        return 2;
    return ask_quietly("se-adapter", json_pack("{s:i, s:s, s:b}", "adapter", (int)id, "state",
                                               on ? "on" : "off", "force", force));
}

static int se_lpar_run(int argc, char **argv)
{
    bool force = parse_force(argc, argv);
    const char *action, *kind;
    unsigned id;

    if (argc - optind != 3)
        return cli_usage("what to do ('add' or 'remove'), with what, and its number?");
    action = argv[optind];
    kind = argv[optind + 1];
    if (strcmp(action, "add") && strcmp(action, "remove"))
        return cli_usage("one can 'add' or 'remove', not '%s'", action);
    if (strcmp(kind, "adapter") && strcmp(kind, "domain") && strcmp(kind, "control-domain"))
        return cli_usage("an LPAR has an 'adapter', a 'domain' or a 'control-domain', no '%s'",
                         kind);
    if (value_id(argv[optind + 2], kind, &id))
        return 2;
    return ask_quietly("se-lpar", json_pack("{s:s, s:s, s:i, s:b}", "action", action, "kind", kind,
                                            "id", (int)id, "force", force));
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
    if (optind != argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
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
    .args = "ADAPTER on|off",
    .summary = "configure an adapter on or off",
    .run = se_adapter_run,
    .options = force_option,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "@adapters/on off",
    .help =
        "Configured on, an adapter is online; configured off, it is in standby. The host and all\n"
        "guests that have it see the change before the command ends. Assignments stay: when the\n"
        "adapter comes back, guests get it back.\n"
        "\n"
        "Examples:\n"
        "  apus se adapter 5 off\n"
        "  apus se adapter 0x1a on\n"};

const struct cli_command cmd_se_lpar = {
    .name = "se lpar",
    .args = "add|remove adapter|domain|control-domain NUMBER",
    .summary = "change the LPAR's cryptographic controls",
    .run = se_lpar_run,
    .options = force_option,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .words = "add remove/adapter domain control-domain",
    .help = "Adds an adapter, a usage domain or a control domain to the LPAR, or removes it. The\n"
            "LPAR's online adapters have to be configured off first; a refusal names them. With\n"
            "--force the change comes as a hardware event that asks nobody.\n"
            "\n"
            "Example: give domain 9 to an LPAR with the adapters 4 and 5\n"
            "  apus se adapter 4 off;  apus se adapter 5 off\n"
            "  apus se lpar add domain 9\n"
            "  apus se adapter 4 on;   apus se adapter 5 on\n"};

const struct cli_command cmd_se_show = {
    .name = "se show",
    .args = "",
    .summary = "show the machine and the LPAR's controls",
    .run = se_show_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .group = CLI_MACHINE,
    .help = "Adapter and domain numbers are hexadecimal, as in the names of devices.\n"};
