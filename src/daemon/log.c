/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "daemon/internal.h"

void daemon_print(const struct daemon *d, unsigned level, const char *message)
{
    static const char *const prefix[] = {"", "warning: ", "error: "};
    static const char *const journal_level[] = {SD_INFO, SD_WARNING, SD_ERR};

    if (level > LOG_LEVEL_ERROR)
        level = LOG_LEVEL_ERROR;
    if (d->options->quiet && level != LOG_LEVEL_ERROR)
        return;
    if (d->journal)
        fprintf(stderr, "%s%s\n", journal_level[level], message);
    else
        fprintf(stderr, "apus: %s%s\n", prefix[level], message);
}

void daemon_log(struct daemon *d, enum log_level level, const char *format, ...)
{
    text_auto message = {0};
    va_list args;

    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    daemon_print(d, level, message.data);
    if (d->control)
        control_server_log(d->control, level, message.data);
}

void daemon_door_log(struct door *door, enum log_level level, const char *message)
{
    daemon_log((struct daemon *)door, level, "%s", message);
}
