/* SPDX-License-Identifier: MIT */
#include "run/members.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "run/layout.h"

#define STEP_MS 10
#define KILL_MS 5000

/* The field before the source of a mount in /proc/PID/mountinfo. */
#define TYPE " fuse.apus "

static bool is_member(pid_t pid, const char *source)
{
    char path[64], *line = NULL;
    size_t size = 0, len = strlen(source);
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)pid);
    file = fopen(path, "re");
    while (file && !found && getline(&line, &size, file) > 0) {
        const char *type = strstr(line, TYPE);
        const char *at = type ? type + strlen(TYPE) : "";

        found = strncmp(at, source, len) == 0 && at[len] == ' ';
    }
    if (file)
        fclose(file);
    free(line);
    return found;
}

void members_each(const char *source, void (*each)(void *data, pid_t pid), void *data)
{
    dir_auto *all = opendir("/proc");
    const char *name;

    while (all && (name = layout_next_name(all))) {
        pid_t pid = (pid_t)atoi(name);

        if (pid > 0 && is_member(pid, source))
            each(data, pid);
    }
}

struct end {
    const char *source;
    pid_t spare;
    bool kill;      /* at once */
    unsigned found; /* how many there were */
};

static void end_one(void *data, pid_t pid)
{
    struct end *e = data;
    fd_auto process = pid == e->spare || pid == getpid() ? -1 : pidfd_open(pid, 0);

    /* Looked at again: the number may have become another's in between. */
    if (process < 0 || !is_member(pid, e->source))
        return;
    e->found++;
    if (e->kill) {
        pidfd_send_signal(process, SIGKILL, NULL, 0);
        return;
    }
    pidfd_send_signal(process, SIGHUP, NULL, 0);
    pidfd_send_signal(process, SIGTERM, NULL, 0);
    pidfd_send_signal(process, SIGCONT, NULL, 0);
}

static void count_one(void *data, pid_t pid)
{
    struct end *e = data;

    e->found += pid != e->spare && pid != getpid();
}

/* Whether there is none left. */
static bool round_of(struct end *e, void (*each)(void *data, pid_t pid))
{
    e->found = 0;
    members_each(e->source, each, e);
    return !e->found;
}

static void wait_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000}, NULL);
}

void members_end(const char *source, pid_t spare, unsigned grace)
{
    struct end e = {.source = source, .spare = spare};

    if (round_of(&e, end_one))
        return;
    for (unsigned waited = 0; waited < grace; waited += STEP_MS) {
        wait_a_moment();
        if (round_of(&e, count_one))
            return;
    }
    /* Again and again: they may have had children meanwhile. */
    e.kill = true;
    for (unsigned waited = 0; waited < KILL_MS && !round_of(&e, end_one); waited += STEP_MS)
        wait_a_moment();
}
