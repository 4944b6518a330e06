/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"
#include "cli/progress.h"
#include "control/error.h"
#include "control/json.h"
#include "run/error.h"
#include "run/runtime.h"

#define OPTIONS_MAX 32
#define OPT_SOCKET  1000
#define OPT_JSON    1001

static const struct cli_command *current;
static bool json, json_errors;
static enum cli_status failure = CLI_FAILED;
static const char *socket_given, *name_given;
static struct option longs[OPTIONS_MAX + 1];
static char shorts[2 * OPTIONS_MAX + 6];

bool cli_json(void)
{
    return json;
}

const char *cli_socket(void)
{
    static char path[RUNTIME_PATH_MAX];
    const char *set = getenv("APUS_SOCKET");

    if (socket_given)
        return socket_given;
    if (!name_given && set && *set)
        return set;
    failure = CLI_NO_MACHINE;
    if (runtime_find_socket(name_given, path) < 0)
        return NULL;
    failure = CLI_FAILED;
    return path;
}

void cli_select(const char *name)
{
    name_given = name;
}

int cli_machine_operand(int argc, char **argv)
{
    if (optind < argc && (name_given || socket_given))
        return cli_usage("'%s' and %s name a machine each; give one of them", argv[optind],
                         name_given ? "-n" : "--socket");
    if (optind < argc)
        name_given = argv[optind++];
    return optind < argc ? cli_usage("unexpected operand '%s'", argv[optind]) : 0;
}

bool cli_color(void)
{
    const char *term = getenv("TERM");
    const char *no = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && !(no && *no);
}

int cli_error(int err, const char *format, ...)
{
    va_list args;

    progress_end();
    va_start(args, format);
    run_error_v(err, format, args);
    va_end(args);
    return 1;
}

int cli_error_as(enum cli_status status, int err, const char *format, ...)
{
    va_list args;

    failure = status;
    progress_end();
    va_start(args, format);
    run_error_v(err, format, args);
    va_end(args);
    return 1;
}

void cli_fails_as(enum cli_status status)
{
    failure = status;
}

int cli_exit_status(int status)
{
    return status == CLI_FAILED ? (int)failure : status;
}

/* Takes ownership of line. */
static void print_json(json_t *line)
{
    json_dumpf(line, stderr, JSON_COMPACT);
    fputc('\n', stderr);
    json_decref(line);
}

/* As the control protocol has errors, with classes of our own. */
static void print_error_json(enum cli_status status, int err, const char *message)
{
    static const char *const classes[] = {[CLI_FAILED] = "Failed",
                                          [CLI_WRONG_USAGE] = "Usage",
                                          [CLI_NO_MACHINE] = "NoMachine",
                                          [CLI_LOST] = "ConnectionLost",
                                          [CLI_TIMED_OUT] = "TimedOut"};

    print_json(json_pack("{s:{s:s, s:o, s:s}}", "error", "class", classes[status], "desc",
                         control_json_string(message), "errno", control_errno_name(err)));
}

static void print_error(int err, const char *message)
{
    text_auto line = {0};

    if (json_errors) {
        print_error_json(failure, err, message);
        return;
    }
    text_add_line(&line, message);
    fprintf(stderr, "apus: %s\n", line.data);
}

void cli_note(const char *format, ...)
{
    text_auto note = {0}, line = {0};
    va_list args;

    progress_end();
    va_start(args, format);
    text_addv(&note, format, args);
    va_end(args);
    text_add_line(&line, note.data);
    if (json_errors)
        print_json(json_pack("{s:o}", "note", control_json_string(note.data)));
    else
        fprintf(stderr, "apus: %s\n", line.data);
}

void cli_warnings(const struct text *lines)
{
    struct slice rest = {lines->data, lines->len}, line;

    while (slice_line(&rest, &line))
        cli_note("warning: %.*s", (int)line.len, line.at);
}

int cli_usage(const char *format, ...)
{
    text_auto message = {0}, line = {0};
    va_list args;

    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    text_add_line(&line, message.data);
    if (json_errors)
        print_error_json(CLI_WRONG_USAGE, EINVAL, message.data);
    else
        fprintf(stderr, "apus %s: %s\nTry 'apus %s --help'.\n", current->name, line.data,
                current->name);
    return CLI_WRONG_USAGE;
}

static void add_long(size_t *n, const char *name, bool has_arg, int value)
{
    if (*n == OPTIONS_MAX)
        abort();
    longs[(*n)++] = (struct option){.name = name, .has_arg = has_arg, .val = value};
}

/* Builds getopt's tables. "+" stops at the first operand; ":" makes getopt report a missing value
 * as
 * ':' instead of '?'. */
static void set_options(const struct cli_command *c)
{
    char *s = shorts;
    size_t n = 0;

    memset(longs, 0, sizeof(longs));
    if (c->flags & CLI_PROGRAM)
        *s++ = '+';
    *s++ = ':';
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        add_long(&n, o->name, o->arg != NULL, o->letter);
        if (o->letter < 256) {
            *s++ = (char)o->letter;
            if (o->arg)
                *s++ = ':';
        }
    }
    if (c->flags & CLI_SOCKET) {
        add_long(&n, "socket", true, OPT_SOCKET);
        add_long(&n, "name", true, 'n');
        *s++ = 'n';
        *s++ = ':';
    }
    if (c->flags & CLI_JSON)
        add_long(&n, "json", false, OPT_JSON);
    *s = '\0';
}

/* Another option may be wrong before it is this one's turn. */
static bool has_json(char **argv)
{
    while (*argv && strcmp(*argv, "--") != 0)
        if (strcmp(*argv++, "--json") == 0)
            return true;
    return false;
}

int cli_run(const struct cli_command *command, int argc, char **argv)
{
    current = command;
    json_errors = command->flags & CLI_JSON && has_json(argv);
    run_error_print_with(print_error);
    if (name_given && !(command->flags & CLI_SOCKET))
        return cli_usage("-n %s: this command takes no such option", name_given);
    set_options(command);
    optind = 0;
    opterr = 0;
    return command->run(argc, argv);
}

/* Reports a wrong option as it was typed. word: the argument that getopt has just processed. */
static _Noreturn void refuse_option(int got, const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0;
    char name[64];

    if (is_long)
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    else
        snprintf(name, sizeof(name), "-%c", optopt);
    if (got == ':')
        exit(cli_usage("option '%s' needs a value", name));
    if (is_long && optopt)
        exit(cli_usage("option '%s' takes no value", name));
    exit(cli_usage("unknown option '%s'", name));
}

int cli_next(int argc, char **argv)
{
    for (;;) {
        int got = getopt_long(argc, argv, shorts, longs, NULL);

        switch (got) {
        case OPT_SOCKET:
            socket_given = optarg;
            break;
        case 'n':
            if (!(current->flags & CLI_SOCKET))
                return got;
            if (name_given)
                exit(cli_usage("-n %s and -n %s: give one of them", name_given, optarg));
            name_given = optarg;
            break;
        case -1:
            if (name_given && socket_given)
                exit(cli_usage("--socket and -n name a machine each; give one of them"));
            return got;
        case OPT_JSON:
            json = json_errors = true;
            break;
        case ':':
        case '?':
            refuse_option(got, argv[optind - 1]);
        default:
            return got;
        }
    }
}

void cli_skip_options(int argc, char **argv)
{
    while (cli_next(argc, argv) != -1)
        ;
}
