/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COMMAND_H
#define APUS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One subcommand: one file cmd_<name>.c that defines `const struct cli_command cmd_<name>`, and one
 * line in commands.h. Help, usage errors and completion all come from this description.
 *
 * Conventions:
 * - Exit 0: done. 1: it failed, one sentence on standard error. 2: wrong usage, one sentence and a
 *   hint. `run` and `guest exec` exit with what their program exits with; see cmd_run.c.
 * - Output for people goes to standard output, aligned, coloured on terminals alone (cli_color).
 *   --json prints one JSON value per line and nothing else.
 * - Errors name what is wrong and where, then what to do: cli_error("guest 'x' is not there; 'apus
 *   guest list' shows those that are"). No full stop: cli_error adds nothing but "apus: " and a
 *   newline.
 */

/* Headings of `apus --help`, in this order. */
enum cli_group { CLI_RUN, CLI_LOOK, CLI_GUESTS, CLI_MACHINE, CLI_OTHER, CLI_GROUPS };

/* Flags: options that many commands share, and what may follow the options. */
#define CLI_SOCKET  1u /* --socket PATH; use cli_socket() afterwards */
#define CLI_JSON    2u /* --json; ask cli_json() afterwards */
#define CLI_PROGRAM 4u /* a command line follows: options end at the first operand */

struct cli_option {
    int letter;       /* the option's letter; or a value above 255 for one without a letter */
    const char *name; /* long name; NULL ends the table */
    const char *arg;  /* what its value is called in the help, or NULL if it has none */
    const char *text; /* help, one line */
};

struct cli_command {
    const char *name;    /* "run", or two words: "guest exec" */
    const char *args;    /* operands for the usage line: "NAME [UUID]"; "" if it has none */
    const char *summary; /* lower case, no full stop, below 60 characters */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status */
    const char *help;                  /* paragraphs and examples after the options; may be NULL */
    const struct cli_option *options;  /* NULL if it has none of its own */
    unsigned flags;
    enum cli_group group;
    const char *words; /* what completion offers as operands, separated by blanks: words, @files,
                          @guests, @mdevs, @adapters. A slash goes on to
                          the next operand; without one they are offered for all. NULL: nothing */
};

/*
 * The next option of the running command: its letter or value, with optarg as in getopt(3); -1 at
 * the end, with optind at the first operand. Options shared by flags are taken care of. A wrong
 * option exits with status 2.
 */
int cli_next(int argc, char **argv);
/* All of them, for a command that has none of its own. */
void cli_skip_options(int argc, char **argv);

/* What --json was set to; the control socket's path (see runtime.h), or NULL after an error was
 * printed. */
bool cli_json(void);
const char *cli_socket(void);

/* Standard output is a terminal that shows colours, and NO_COLOR is not set. */
bool cli_color(void);

/* "apus: " and the sentence on standard error. Returns 1, the exit status for a failure. */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "apus COMMAND: ", the sentence, and a hint at --help, on standard error. Returns 2. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes the command the current one and runs it with argv[0] as its name. */
int cli_run(const struct cli_command *command, int argc, char **argv);

/* `apus --help`, `apus guest --help` (all commands whose first word is family), `apus COMMAND
 * --help`: on standard output. commands is ended by NULL. */
void cli_help_all(const struct cli_command *const *commands);
void cli_help_family(const struct cli_command *const *commands, const char *family);
void cli_help_command(const struct cli_command *command);

#endif
