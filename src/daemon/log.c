/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/internal.h"

/* A pipe that is ready has room for PIPE_BUF bytes. False: not all could be written. */
static bool say(const char *data, size_t len)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    while (len) {
        size_t part = len < PIPE_BUF ? len : PIPE_BUF;
        ssize_t written = poll(&fd, 1, 0) == 1 ? write(fd.fd, data, part) : 0;

        if (written <= 0)
            return false;
        data += written;
        len -= (size_t)written;
    }
    return true;
}

static bool say_lost(const struct daemon *d, const char *level)
{
    text_auto line = {0};

    text_addf(&line,
              "%s%u messages were lost, since nobody read standard error; 'apus log' has "
              "the last ones\n",
              level, d->unsaid);
    return say(line.data, line.len);
}

void daemon_print(struct daemon *d, unsigned level, const char *message)
{
    static const char *const prefix[] = {"apus: ", "apus: warning: ", "apus: error: "};
    static const char *const journal_level[] = {SD_INFO, SD_WARNING, SD_ERR};
    const char *const *levels = d->journal ? journal_level : prefix;
    text_auto line = {0};

    if (level > LOG_LEVEL_ERROR)
        level = LOG_LEVEL_ERROR;
    if (d->options->quiet && level != LOG_LEVEL_ERROR)
        return;
    if (d->unsaid && say_lost(d, levels[LOG_LEVEL_WARNING]))
        d->unsaid = 0;
    text_adds(&line, levels[level]);
    text_add_line(&line, message);
    text_adds(&line, "\n");
    d->unsaid += d->unsaid || !say(line.data, line.len);
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
