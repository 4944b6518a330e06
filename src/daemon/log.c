/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/internal.h"

void daemon_print(const struct daemon *d, unsigned level, const char *message)
{
    static const char *const prefix[] = {"", "warning: ", "error: "};
    static const char *const journal_level[] = {SD_INFO, SD_WARNING, SD_ERR};
    text_auto line = {0};

    if (level > LOG_LEVEL_ERROR)
        level = LOG_LEVEL_ERROR;
    if (d->options->quiet && level != LOG_LEVEL_ERROR)
        return;
    text_add_line(&line, message);
    if (d->journal)
        fprintf(stderr, "%s%s\n", journal_level[level], line.data);
    else
        fprintf(stderr, "apus: %s%s\n", prefix[level], line.data);
}

/* The level as a byte, and the message with its NUL. */
static void keep_early(struct daemon *d, enum log_level level, const char *message)
{
    const char byte = (char)level;

    text_add(&d->early, &byte, 1);
    text_add(&d->early, message, strlen(message) + 1);
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
    else
        keep_early(d, level, message.data);
}

void daemon_log_early(struct daemon *d)
{
    const char *message;

    for (size_t at = 0; at < d->early.len; at += strlen(message) + 2) {
        message = d->early.data + at + 1;
        control_server_log(d->control, (enum log_level)d->early.data[at], message);
    }
    text_done(&d->early);
}

void daemon_door_log(struct door *door, enum log_level level, const char *message)
{
    daemon_log((struct daemon *)door, level, "%s", message);
}
