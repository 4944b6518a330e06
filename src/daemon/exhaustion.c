/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/internal.h"

/*
 * Without memory nothing can be told to clients any more, and no rule promises what a command that
 * has been carried out in part would leave. So the daemon says why and ends, and its heir or guard
 * takes away what others would stumble over. Everything here gets along without memory, and may run
 * on any thread.
 */
static const struct daemon *dying;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static _Noreturn void end_without_memory(void)
{
    say(dying->journal ? SD_CRIT : "apus: ");
    say("there is no memory left, and the daemon ends; free some, or raise the limit (ulimit "
        "-v)\n");
    _exit(1);
}

void daemon_watch_memory(const struct daemon *d)
{
    dying = d;
    memory_on_exhaustion(end_without_memory);
    json_set_alloc_funcs(xmalloc, free);
}

void daemon_unwatch_memory(void)
{
    memory_on_exhaustion(NULL);
    dying = NULL;
}
