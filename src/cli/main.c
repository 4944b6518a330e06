/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/standard.h"

#define CLI_ENTRY(name) &cmd_##name,
static const struct cli_command *const table[] = {CLI_COMMANDS(CLI_ENTRY) NULL};

/* Whether argv begins with the command's name. *used: the number of its words. */
static bool matches(const struct cli_command *c, int argc, char **argv, int *used)
{
    const char *blank = strchr(c->name, ' ');
    size_t first = blank ? (size_t)(blank - c->name) : strlen(c->name);

    if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], c->name, first) != 0)
        return false;
    if (blank && (argc < 2 || strcmp(argv[1], blank + 1) != 0))
        return false;
    *used = blank ? 2 : 1;
    return true;
}

static bool is_family(const char *word)
{
    size_t len = strlen(word);

    for (int i = 0; table[i]; i++) {
        if (strncmp(table[i]->name, word, len) == 0 && table[i]->name[len] == ' ')
            return true;
    }
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int wrong_command(int argc, char **argv)
{
    if (argv[0][0] == '-')
        fprintf(stderr, "apus: unknown option '%s'\n", argv[0]);
    else if (is_family(argv[0]) && argc > 1)
        fprintf(stderr, "apus: unknown command '%s %s'\nTry 'apus %s --help'.\n", argv[0], argv[1],
                argv[0]);
    else if (is_family(argv[0]))
        fprintf(stderr, "apus: 'apus %s' requires a subcommand\nTry 'apus %s --help'.\n", argv[0],
                argv[0]);
    else
        fprintf(stderr, "apus: unknown command '%s'\n", argv[0]);
    if (!is_family(argv[0]))
        fputs("Try 'apus --help'.\n", stderr);
    return 2;
}

static int dispatch(int argc, char **argv)
{
    for (int i = 0; table[i]; i++) {
        int used;

        if (!matches(table[i], argc, argv, &used))
            continue;
        if (argc > used && is_help(argv[used])) {
            cli_help_command(table[i]);
            return 0;
        }
        return cli_run(table[i], argc - used + 1, argv + used - 1);
    }
    if (argc == 2 && is_family(argv[0]) && is_help(argv[1])) {
        cli_help_family(table, argv[0]);
        return 0;
    }
    return wrong_command(argc, argv);
}

static int help_run(int argc, char **argv)
{
    char name[64];
    bool family = false;

    cli_skip_options(argc, argv);
    if (argc == 1) {
        cli_help_all(table);
        return 0;
    }
    if (argc > 3)
        return cli_usage("'help' takes the name of one command");
    snprintf(name, sizeof(name), "%s%s%s", argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    for (const struct cli_command *const *c = table; *c; c++) {
        size_t len = strlen(name);

        if (strcmp((*c)->name, name) == 0) {
            cli_help_command(*c);
            return 0;
        }
        family |= strncmp((*c)->name, name, len) == 0 && (*c)->name[len] == ' ';
    }
    if (!family)
        return cli_usage("unknown command '%s'", name);
    cli_help_family(table, name);
    return 0;
}

const struct cli_command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "explain a command",
    .run = help_run,
    .group = CLI_OTHER,
};

/* -n NAME may be before the command as behind it, in each of its forms. How many words it has. */
static int select_machine(int argc, char **argv)
{
    const char *word = argv[0];
    bool is_long = strncmp(word, "--name", 6) == 0;
    const char *rest = word + (is_long ? 6 : 2);

    if (!is_long && strncmp(word, "-n", 2) != 0)
        return 0;
    if (is_long && *rest && *rest++ != '=')
        return 0;
    if (!*rest && word[strlen(word) - 1] != '=' && argc > 1) {
        cli_select(argv[1]);
        return 2;
    }
    if (*rest)
        cli_select(rest);
    return 1;
}

static int start(int argc, char **argv)
{
    int used;

    if (argc < 2) {
        fputs("apus: no command given\nTry 'apus --help'.\n", stderr);
        return 2;
    }
    if (is_help(argv[1])) {
        cli_help_all(table);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("apus " APUS_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--complete") == 0)
        return cli_complete(table, argc - 2, argv + 2);
    used = select_machine(argc - 1, argv + 1);
    if (used == argc - 1) {
        fprintf(stderr, "apus: no command follows '%s'\nTry 'apus --help'.\n", argv[1]);
        return 2;
    }
    return dispatch(argc - 1 - used, argv + 1 + used);
}

int main(int argc, char **argv)
{
    signal(SIGCHLD, SIG_DFL); /* it may be ignored by whoever started us: we wait for children */
    standard_occupy();
    standard_watch();
    return cli_exit_status(standard_finish(start(argc, argv)));
}
