/* SPDX-License-Identifier: MIT */
/* apus status: an overview. */
#include <stdio.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/guests.h"
#include "cli/value.h"

static void title(const char *text)
{
    printf("\n%s%s%s\n", value_bold(), text, value_plain());
}

static void print_adapters(const json_t *adapters)
{
    static const char *const heading[] = {"ADAPTER", "TYPE", "STATE", "LPAR", "CARD", "SERIAL"};
    struct table table = {.columns = 6};
    const json_t *a;
    size_t i;

    for (i = 0; i < table.columns; i++)
        table_add(&table, heading[i]);
    json_array_foreach (adapters, i, a) {
        long long id = field_number(a, "id");

        table_addf(&table, "%02llx", id);
        table_add(&table, field_string(a, "type", "-"));
        table_add(&table, field_string(a, "state", "-"));
        table_add(&table, json_is_true(json_object_get(a, "in_lpar")) ? "yes" : "no");
        if (json_is_true(json_object_get(a, "card")))
            table_addf(&table, "card%02llx", id);
        else
            table_add(&table, "-");
        table_add(&table, field_string(a, "serial", "-"));
    }
    table_print(&table, 2);
}

static void print_mdevs(const json_t *mdevs)
{
    static const char *const heading[] = {"UUID", "GUEST", "ADAPTERS", "DOMAINS",
                                          "CONTROL DOMAINS"};
    struct table table = {.columns = 5};
    const json_t *m;
    size_t i;

    for (i = 0; i < table.columns; i++)
        table_add(&table, heading[i]);
    json_array_foreach (mdevs, i, m) {
        table_add(&table, field_string(m, "uuid", "?"));
        table_add(&table, field_string(m, "guest", "-"));
        table_add_ids(&table, m, "adapters", 2);
        table_add_ids(&table, m, "domains", 4);
        table_add_ids(&table, m, "control_domains", 4);
    }
    table_print(&table, 2);
}

static void print_host(const json_t *view)
{
    const json_t *lpar = json_object_get(view, "lpar"), *queues = json_object_get(view, "queues");
    text_auto usage = {0}, control = {0};

    field_ids(json_object_get(lpar, "domains"), 4, &usage);
    field_ids(json_object_get(lpar, "control_domains"), 4, &control);
    title("Domains");
    printf("  usage     %s\n  control   %s\n", usage.data, control.data);
    title("Masks (zcrypt owns a queue if both bits are set)");
    printf("  apmask    %s\n  aqmask    %s\n", field_string(view, "apmask", "?"),
           field_string(view, "aqmask", "?"));
    title("Queues");
    printf("  %lld in total: zcrypt %lld, vfio_ap %lld, no driver %lld\n",
           field_number(queues, "total"), field_number(queues, "zcrypt"),
           field_number(queues, "vfio_ap"), field_number(queues, "unbound"));
    printf("  %lld assigned to mediated devices, %lld in use by guests\n",
           field_number(queues, "assigned"), field_number(queues, "in_use"));
}

static void print_status(const json_t *view)
{
    const json_t *mdevs = json_object_get(view, "mdevs"), *guests = json_object_get(view, "guests");

    printf("Apus %s, ABI profile %s, %s clock at %.3f s, %lld scan%s of the bus\n",
           field_string(view, "version", "?"), field_string(view, "abi", "?"),
           field_string(view, "clock", "?"), json_number_value(json_object_get(view, "time")),
           field_number(view, "scans"), field_number(view, "scans") == 1 ? "" : "s");
    title("Adapters");
    print_adapters(json_object_get(view, "adapters"));
    print_host(view);
    title("Mediated devices");
    if (json_array_size(mdevs))
        print_mdevs(mdevs);
    else
        puts("  none");
    title("Guests");
    if (json_array_size(guests))
        guests_print(guests, 2);
    else
        puts("  none");
}

static int status_run(int argc, char **argv)
{
    json_t *view = NULL;
    int status;

    cli_skip_options(argc, argv);
    if (cli_machine_operand(argc, argv))
        return 2;
    status = ask("status", NULL, &view);
    if (status == 0 && cli_json())
        ask_print(view);
    else if (status == 0)
        print_status(view);
    json_decref(view);
    return status;
}

const struct cli_command cmd_status = {
    .name = "status",
    .args = "[NAME]",
    .summary = "show machine, masks, mediated devices and guests",
    .run = status_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_LOOK,
    .help =
        "Adapter and domain numbers are hexadecimal, as in device names. For mediated devices the\n"
        "assigned adapters and domains are shown, for guests those that they can use now. 'apus\n"
        "map' shows the owner of each queue.\n"};
