/* SPDX-License-Identifier: MIT */
/* apus guest list, apus guest show. */
#include <stdio.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/guests.h"
#include "cli/value.h"

static void join(const json_t *strings, struct text *out)
{
    const json_t *string;
    size_t i;

    if (!json_array_size(strings))
        text_adds(out, "-");
    json_array_foreach (strings, i, string)
        text_addf(out, "%s%s", i ? "," : "", json_string_value(string));
}

void guests_print(const json_t *guests, unsigned indent)
{
    static const char *const heading[] = {"NAME",     "KIND",    "MDEV",           "FEATURES",
                                          "ADAPTERS", "DOMAINS", "CONTROL DOMAINS"};
    struct table table = {.columns = 7};
    const json_t *g;
    size_t i;

    for (i = 0; i < table.columns; i++)
        table_add(&table, heading[i]);
    json_array_foreach (guests, i, g) {
        text_auto list = {0};

        join(json_object_get(g, "features"), &list);
        table_add(&table, field_string(g, "name", "?"));
        table_add(&table, field_string(g, "kind", "?"));
        table_add(&table, field_string(g, "mdev", "-"));
        table_add(&table, list.data);
        table_add_ids(&table, g, "adapters", 2);
        table_add_ids(&table, g, "domains", 4);
        table_add_ids(&table, g, "control_domains", 4);
    }
    table_print(&table, indent);
}

static int guest_list_run(int argc, char **argv)
{
    json_t *view = NULL, *guests;
    int status;

    cli_skip_options(argc, argv);
    if (cli_machine_operand(argc, argv))
        return 2;
    status = ask("guest-list", NULL, &view);
    guests = json_object_get(view, "guests");
    if (status == 0 && cli_json())
        ask_print(view);
    else if (status == 0 && json_array_size(guests))
        guests_print(guests, 0);
    json_decref(view);
    return status;
}

static void print_matrix(const json_t *matrix)
{
    const json_t *name;
    size_t i;

    json_array_foreach (matrix, i, name)
        printf("%s%s", i == 0 ? "" : i % 8 ? " " : "\n                  ", json_string_value(name));
    printf("%s\n", json_array_size(matrix) ? "" : "-");
}

static void print_guest(const json_t *view)
{
    text_auto list = {0}, control = {0};

    join(json_object_get(view, "features"), &list);
    field_ids(json_object_get(view, "control_domains"), 4, &control);
    printf("name              %s\n", field_string(view, "name", "?"));
    printf("kind              %s\n", field_string(view, "kind", "?"));
    printf("mediated device   %s\n", field_string(view, "mdev", "-"));
    printf("features          %s\n", list.data);
    printf("queues            ");
    print_matrix(json_object_get(view, "matrix"));
    printf("control domains   %s\n", control.data);
    printf("config changes    %lld\n", field_number(view, "config_changes"));
    printf("release requests  %lld\n", field_number(view, "release_requests"));
}

static int guest_show_run(int argc, char **argv)
{
    json_t *view = NULL;
    int status;

    cli_skip_options(argc, argv);
    if (argc - optind != 1)
        return cli_usage("expected the name of a guest");
    if (value_guest(argv[optind]))
        return 2;
    status = ask("guest-show", json_pack("{s:s}", "name", argv[optind]), &view);
    if (status == 0 && cli_json())
        ask_print(view);
    else if (status == 0)
        print_guest(view);
    json_decref(view);
    return status;
}

const struct cli_command cmd_guest_list = {
    .name = "guest list",
    .args = "[NAME]",
    .summary = "list the guests",
    .run = guest_list_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@machines",
    .group = CLI_GUESTS,
    .help =
        "Shows the adapters and domains that the guest can use now, in hexadecimal. A guest is\n"
        "real if it runs a kernel that executes AP instructions, otherwise light.\n"};

const struct cli_command cmd_guest_show = {.name = "guest show",
                                           .args = "NAME",
                                           .summary = "show a guest and the queues it can use",
                                           .run = guest_show_run,
                                           .flags = CLI_SOCKET | CLI_JSON,
                                           .group = CLI_GUESTS,
                                           .words = "@guests/"};
