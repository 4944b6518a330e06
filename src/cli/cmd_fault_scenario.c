/* SPDX-License-Identifier: MIT */
/* apus fault scenario: the rules of a scenario in a file, all or none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/field.h"
#include "control/json.h"
#include "machine/fault.h"
#include "store/ini_file.h"
#include "store/machine_file.h"

#define PREFIX "scenario "

static const char *name_of(const struct ini_section *s)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a file with a count has sections */
    return strncmp(s->name, PREFIX, strlen(PREFIX)) == 0 ? s->name + strlen(PREFIX) : NULL;
}

/* Everything in the file, also what is not wanted now. 0, or 1 after a message. */
static int check_section(const char *file, const struct ini_section *s)
{
    if (!name_of(s))
        return cli_error(EINVAL, "%s:%u: [%s] is no section of a scenario; write [scenario NAME]",
                         file, s->line, s->name);
    if (!s->count)
        return cli_error(EINVAL,
                         "%s:%u: the scenario has no rule; write fault = 05.* 3 busy at 10s", file,
                         s->line);
    for (size_t i = 0; i < s->count; i++) {
        const struct ini_entry *e = &s->entries[i];
        struct fault rule;
        text_auto why = {0};

        if (strcmp(e->key, "fault") != 0)
            return cli_error(EINVAL, "%s:%u: a scenario has no key '%s'; write fault = RULE", file,
                             e->line, e->key);
        if (fault_parse(e->value, strlen(e->value), &rule, &why) < 0)
            return cli_error(EINVAL, "%s:%u: %s", file, e->line, why.data);
    }
    return 0;
}

static int no_such(const char *file, const struct ini_file *all, const char *name)
{
    text_auto names = {0};

    for (size_t i = 0; i < all->count; i++)
        text_addf(&names, "%s%s", i ? ", " : "", name_of(&all->sections[i]));
    if (!all->count)
        return cli_error(ENOENT, "%s has no scenario; write [scenario NAME] and lines fault = RULE",
                         file);
    if (name)
        return cli_error(ENOENT, "%s has no scenario '%s'; it has %s", file, name, names.data);
    return cli_error(EINVAL, "%s has several scenarios; name one of %s", file, names.data);
}

/* The section of the scenario; NULL after a message. */
static const struct ini_section *choose(const char *file, const struct ini_file *all,
                                        const char *name)
{
    const struct ini_section *found = NULL;

    for (size_t i = 0; i < all->count; i++)
        if (check_section(file, &all->sections[i]))
            return NULL;
    for (size_t i = 0; i < all->count && !found; i++)
        if (name ? strcmp(name_of(&all->sections[i]), name) == 0 : all->count == 1)
            found = &all->sections[i];
    if (!found)
        no_such(file, all, name);
    return found;
}

static void take_back(struct connection *c, const json_t *numbers)
{
    const json_t *number;
    size_t i;

    json_array_foreach (numbers, i, number)
        json_decref(
            connection_call(c, "fault-remove", json_pack("{s:O}", "number", (json_t *)number), -1));
}

static int add_all(const struct ini_section *s, json_t *numbers)
{
    connection_auto *c = NULL;
    const char *path = cli_socket();

    if (!path || connection_open(path, &c) < 0)
        return 1;
    for (size_t i = 0; i < s->count; i++) {
        json_t *arguments = json_pack("{s:o}", "rule", control_json_string(s->entries[i].value));
        json_t *answer = connection_call(c, "fault-add", arguments, -1);

        if (!answer) {
            take_back(c, numbers);
            return 1;
        }
        control_json_append(numbers, json_incref(json_object_get(answer, "number")));
        json_decref(answer);
    }
    return 0;
}

static void print(const struct ini_section *s, const json_t *numbers)
{
    json_t *view;

    if (cli_json()) {
        view = json_pack("{s:O}", "numbers", (json_t *)numbers);
        ask_print(view);
        json_decref(view);
        return;
    }
    for (size_t i = 0; i < s->count; i++)
        printf("fault %lld: %s\n", (long long)json_integer_value(json_array_get(numbers, i)),
               s->entries[i].value);
}

static int play(const char *file, const char *name)
{
    const struct ini_section *section;
    ini_file_auto all = {0};
    text_auto data = {0}, why = {0};
    json_t *numbers;
    int status = machine_file_read(file, &data, &why);

    if (status == 0)
        status = ini_file_parse(machine_file_name(file), data.data ? data.data : "", data.len, &all,
                                &why);
    if (status < 0)
        return cli_error(-status, "%s", why.data);
    section = choose(machine_file_name(file), &all, name);
    if (!section)
        return 1;
    numbers = json_array();
    status = add_all(section, numbers);
    if (status == 0)
        print(section, numbers);
    json_decref(numbers);
    return status;
}

static int fault_scenario_run(int argc, char **argv)
{
    cli_skip_options(argc, argv);
    if (optind == argc)
        return cli_usage("expected the file of the scenario");
    if (argc - optind > 2)
        return cli_usage("unexpected operand '%s'", argv[optind + 2]);
    return play(argv[optind], optind + 1 < argc ? argv[optind + 1] : NULL);
}

const struct cli_command cmd_fault_scenario = {
    .name = "fault scenario",
    .args = "FILE [NAME]",
    .summary = "add the fault rules of a scenario",
    .run = fault_scenario_run,
    .flags = CLI_SOCKET | CLI_JSON,
    .words = "@files",
    .group = CLI_MACHINE,
    .help =
        "FILE has sections [scenario NAME] with lines 'fault = RULE'; the rules are those of\n"
        "'apus fault add', and their times begin now. NAME may be left out if there is only one.\n"
        "All rules are added, or none; their numbers are printed.\n"
        "\n"
        "An adapter that is lossy at first, gone after ten seconds, and back after twenty:\n"
        "  [scenario bad day]\n"
        "  fault = 05.* always bad-reply type every 100\n"
        "  fault = 05.* always deconfigured at 10s for 10s\n"
        "\n"
        "Examples:\n"
        "  apus fault scenario bad-day.ini\n"
        "  apus fault scenario faults.ini 'bad day'\n"};
