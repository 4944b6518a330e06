/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/linux.h"
#include "control/json.h"
#include "run/members.h"
#include "run/runtime.h"

struct machine_view {
    const struct runtime_machine *machine;
    pid_t daemon;
    json_t *programs; /* objects with pid and command */
};

/* The command line of a process, with blanks between its words. */
static json_t *command_of(pid_t pid)
{
    char path[64], words[4096];
    FILE *file;
    size_t len = 0;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    file = fopen(path, "re");
    if (file) {
        len = fread(words, 1, sizeof words - 1, file);
        fclose(file);
    }
    while (len && !words[len - 1])
        len--;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)words[i] < ' ')
            words[i] = ' ';
    words[len] = '\0';
    return control_json_string(words);
}

/* Those that serve the machine are none of its programs. */
static void add_program(void *data, pid_t pid)
{
    struct machine_view *v = data;
    json_t *command;

    if (pid == v->daemon || pid == atoi(v->machine->name))
        return;
    command = command_of(pid);
    if (command)
        json_array_append_new(v->programs,
                              json_pack("{s:i, s:o}", "pid", (int)pid, "command", command));
}

static double age_of(const struct run_info *info)
{
    struct timespec now;

    if (!*info->source)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_sec - info->started.tv_sec) +
           (double)(now.tv_nsec - info->started.tv_nsec) / 1e9;
}

static json_t *text_or_null(const char *text)
{
    return *text ? control_json_string(text) : json_null();
}

static void print_json(const struct machine_view *v)
{
    const struct runtime_machine *m = v->machine;
    json_t *view =
        json_pack("{s:s, s:i, s:f, s:b, s:s, s:s, s:o, s:o, s:O}", "name", m->name, "pid",
                  (int)v->daemon, "age", age_of(&m->info), "ready", *m->info.source != 0, "socket",
                  m->socket, "ioctl", m->info.ioctl, "machine", text_or_null(m->info.machine),
                  "state", text_or_null(m->info.state), "programs", v->programs);

    ask_print(view);
    json_decref(view);
}

static void age_format(double seconds, char out[32])
{
    unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

    if (s < 60)
        snprintf(out, 32, "%lus", s);
    else if (s < 3600)
        snprintf(out, 32, "%lum%02lus", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%luh%02lum", s / 3600, s / 60 % 60);
    else
        snprintf(out, 32, "%lud%02luh", s / 86400, s / 3600 % 24);
}

/* One program by its command line, several by their number. */
static void programs_format(const struct machine_view *v, struct text *out)
{
    size_t count = json_array_size(v->programs);

    if (!*v->machine->info.source)
        text_adds(out, "(starting)");
    else if (!count)
        text_adds(out, "-");
    else
        text_adds(out,
                  json_string_value(json_object_get(json_array_get(v->programs, 0), "command")));
    if (count > 1)
        text_addf(out, " (and %zu more)", count - 1);
}

static void print_line(const struct machine_view *v)
{
    text_auto programs = {0};
    char age[32];

    age_format(age_of(&v->machine->info), age);
    programs_format(v, &programs);
    printf("%-16s %8s %8d  %s\n", v->machine->name, age, (int)v->daemon, programs.data);
}

static void show(void *data, const struct runtime_machine *m)
{
    struct machine_view v = {m, runtime_daemon(m), json_array()};
    bool *has_head = data;

    if (*m->info.source)
        members_each(m->info.source, add_program, &v);
    if (!cli_json() && !*has_head)
        printf("%-16s %8s %8s  %s\n", "NAME", "AGE", "PID", "PROGRAMS");
    *has_head = true;
    if (cli_json())
        print_json(&v);
    else
        print_line(&v);
    json_decref(v.programs);
}

static int list_run(int argc, char **argv)
{
    bool has_head = false;

    cli_skip_options(argc, argv);
    if (optind != argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
    runtime_sweep(linux_guests_end);
    if (runtime_each(show, &has_head) < 0)
        return 1;
    if (!has_head && !cli_json())
        puts("no machine is running");
    return 0;
}

const struct cli_command cmd_list = {
    .name = "list",
    .args = "",
    .summary = "list the machines that run, and their programs",
    .run = list_run,
    .help = "PID is the daemon's. The name of a machine of 'apus run' is the process id of that\n"
            "command. What machines that were killed have left behind is removed.\n"
            "\n"
            "Example:\n"
            "  apus list --json | jq .programs\n",
    .flags = CLI_JSON,
    .group = CLI_RUN,
};
