/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COMMAND_H
#define APUS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * A subcommand is a file cmd_<name>.c that defines `const struct cli_command cmd_<name>`, and a
 * line in commands.h. Help, usage errors and completion are derived from this description.
 *
 * Conventions:
 * - Exit status 0: success. Else one of enum cli_status, after an error message. `run` and `guest
 *   exec` exit with the status of their program; see cmd_run.c.
 * - Output for people goes to standard output, aligned, in colour only on terminals (cli_color).
 *   --json prints one JSON value per line and nothing else. On standard error it has an object for
 *   each error, as in the control protocol, and for each note.
 * - An error has an errno, and a message that says what is wrong and where, then what to do:
 *   cli_error(ENOENT, "there is no guest 'x'; 'apus guest list' lists the running guests"). No full
 *   stop: cli_error adds only "apus: " and a newline.
 */

/* Sections of `apus --help`, in this order. */
enum cli_group { CLI_RUN, CLI_LOOK, CLI_GUESTS, CLI_MACHINE, CLI_OTHER, CLI_GROUPS };

/* Flags: options that many commands share, and what may follow the options. */
#define CLI_SOCKET  1u /* --socket PATH, -n NAME; see cli_socket() */
#define CLI_JSON    2u /* --json; see cli_json() */
#define CLI_PROGRAM 4u /* a command line follows: options end at the first operand */

struct cli_option {
    int letter;       /* the option's letter, or a value above 255 if it has none */
    const char *name; /* long name; NULL ends the table */
    const char *arg;  /* placeholder of its value in the help; NULL: it takes none */
    const char *text; /* help, one line */
};

struct cli_command {
    const char *name;                  /* "run", or two words: "guest exec" */
    const char *args;                  /* operands for the usage line: "NAME [UUID]"; "": none */
    const char *summary;               /* lower case, no full stop, below 60 characters */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status */
    const char *help;                  /* paragraphs and examples after the options; or NULL */
    const struct cli_option *options;  /* NULL: none of its own */
    unsigned flags;
    enum cli_group group;
    /* Operands for completion, separated by blanks: words, @files, @guests, @mdevs, @adapters. A
     * slash separates the words of one operand from those of the next; without a slash they apply
     * to all operands. NULL: none. */
    const char *words;
};

/*
 * The next option of the command: its letter or value, with optarg as in getopt(3); -1 at the end,
 * with optind at the first operand. Handles the shared options itself. Exits with status 2 on a
 * wrong option.
 */
int cli_next(int argc, char **argv);
/* Handles all options of a command that has none of its own. */
void cli_skip_options(int argc, char **argv);

/* Whether --json was given. */
bool cli_json(void);

/* The path of the control socket (see run/runtime.h), or NULL after an error message. */
const char *cli_socket(void);

/* The machine that cli_socket() is to find, as with -n. */
void cli_select(const char *name);
/* The operand [NAME] of a command that has no other one says the same. An exit status. */
int cli_machine_operand(int argc, char **argv);

/* Whether standard output is a terminal with colours, and NO_COLOR is not set. */
bool cli_color(void);

/* What is in apus(1), EXIT STATUS. */
enum cli_status {
    CLI_FAILED = 1, /* refused by the machine, or another failure */
    CLI_WRONG_USAGE = 2,
    CLI_NO_MACHINE = 3, /* none runs, none of that name, or one must be chosen */
    CLI_LOST = 4,       /* the daemon ended, or its answer makes no sense */
    CLI_TIMED_OUT = 5,
};

/* Prints the message as cli_error does. If the command then fails with 1, status is its exit status
 * instead. Returns 1. */
int cli_error_as(enum cli_status status, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same without a message: somebody else prints it. */
void cli_fails_as(enum cli_status status);

/* The exit status of a command that returned this one. */
int cli_exit_status(int status);

/* Prints "apus: " and the message to standard error; err is the errno, and positive. Returns 1, the
 * exit status for failure. */
int cli_error(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what is no failure: a warning, or more about an error that was printed. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A note for each line. */
void cli_warnings(const struct text *lines);

/* Prints "apus COMMAND: ", the message and a hint about --help to standard error. Returns 2. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs the command with argv[0] as its name. */
int cli_run(const struct cli_command *command, int argc, char **argv);

/* `apus --help`, `apus guest --help` (all commands whose first word is family), `apus COMMAND
 * --help`: to standard output. commands is terminated by NULL. */
void cli_help_all(const struct cli_command *const *commands);
void cli_help_family(const struct cli_command *const *commands, const char *family);
void cli_help_command(const struct cli_command *command);

#endif
