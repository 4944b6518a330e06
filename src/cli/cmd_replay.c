/* SPDX-License-Identifier: MIT */
/* apus replay: replay a recording. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "store/record.h"

enum { OPT_PRINT = 'p' };

static const struct cli_option options[] = {
    {OPT_PRINT, "print", NULL, "show each command and its outcome"}, {0}};

/* A recording is a regular file or a pipe; other files, such as a terminal, may never end. */
static FILE *open_recording(const char *path)
{
    FILE *in = fopen(path, "re");
    struct stat st = {0};

    if (!in)
        cli_error(errno, "cannot read %s: %s", path, error_text(errno));
    else if (fstat(fileno(in), &st) == 0 && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
        return in;
    else
        cli_error(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "cannot read %s: not a regular file",
                  path);
    if (in)
        fclose(in);
    return NULL;
}

/* Of a difference each side has a line, below each other. */
static void refuse(int err, const char *why)
{
    struct slice rest = {why, strlen(why)}, line = rest;

    if (!cli_json())
        slice_line(&rest, &line);
    cli_error(err, "%.*s", (int)line.len, line.at);
    while (!cli_json() && slice_line(&rest, &line))
        cli_note("%.*s", (int)line.len, line.at);
}

static void tell(const struct record_replayed *played, bool print)
{
    json_t *view;

    if (cli_json()) {
        view = json_pack("{s:I, s:I}", "commands", (json_int_t)played->commands, "keyless",
                         (json_int_t)played->keyless);
        ask_print(view);
        json_decref(view);
        return;
    }
    if (!print)
        printf("%" PRIu64 " commands replayed, all outcomes are the same\n", played->commands);
    if (played->keyless)
        printf("%" PRIu64 " of them cannot be computed again, as they were recorded without their "
               "private keys (--record-keys); lines%s\n",
               played->keyless, played->keyless_lines.data);
}

static int replay_run(int argc, char **argv)
{
    text_auto why = {0};
    bool print = false;
    struct record_replayed played;
    FILE *in;
    int rc;

    for (int got; (got = cli_next(argc, argv)) != -1;)
        print |= got == OPT_PRINT;
    if (print && cli_json())
        return cli_usage("--print is for people; it does not go with --json");
    if (optind + 1 != argc)
        return cli_usage("expected one recording, as written by 'apus run --record FILE'");
    in = open_recording(argv[optind]);
    if (!in)
        return 1;
    if (!print)
        progress_begin("executing the recorded commands again");
    rc = record_replay(in, argv[optind], print ? stdout : NULL, &played, &why);
    progress_end();
    fclose(in);
    cli_warnings(&played.warnings);
    text_done(&played.warnings);
    if (rc)
        refuse(rc < 0 ? -rc : EINVAL, why.data);
    else
        tell(&played, print);
    text_done(&played.keyless_lines);
    return rc ? 1 : 0;
}

const struct cli_command cmd_replay = {
    .name = "replay",
    .args = "FILE",
    .summary = "replay a recording and compare the outcomes",
    .run = replay_run,
    .options = options,
    .flags = CLI_JSON,
    .group = CLI_OTHER,
    .words = "@files",
    .help =
        "A recording contains the machine and every command that it executed. The commands are\n"
        "executed again, without a daemon, and each outcome must be the recorded one, byte for\n"
        "byte. The first that differs is shown, with its line, and the exit status is 1. If the\n"
        "last line is incomplete, because the daemon was killed, the commands before it are\n"
        "replayed, with a warning.\n"
        "\n"
        "Examples:\n"
        "  apus run --record /tmp/run.jsonl -- sh -c 'echo -5 > /sys/bus/ap/apmask'\n"
        "  apus replay /tmp/run.jsonl\n"
        "  apus replay --print /tmp/run.jsonl | less\n"};
