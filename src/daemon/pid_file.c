/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/internal.h"

#define CONTENT_MAX  16 /* bytes; what is longer is no PID file, and stays */
#define BUSY_TRIES   20
#define BUSY_WAIT_US 5000

/* A number, or nothing yet. */
static bool is_pid_file(const struct own_file *file)
{
    char text[CONTENT_MAX + 1];
    ssize_t n = pread(file->fd, text, sizeof text, 0);
    size_t len = n > 0 && text[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n;

    for (size_t i = 0; n > 0 && i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return n >= 0 && n <= CONTENT_MAX;
}

/* The heir of a daemon that was just killed has it for a moment. */
static int open_patiently(const char *path, struct own_file *out, struct text *why)
{
    int rc = own_file_open(AT_FDCWD, path, out, why);

    for (int i = 0; rc == -EBUSY && i < BUSY_TRIES; i++) {
        usleep(BUSY_WAIT_US);
        text_clear(why);
        rc = own_file_open(AT_FDCWD, path, out, why);
    }
    return rc;
}

int daemon_pid_file_open(struct daemon *d, struct text *why)
{
    const char *path = d->options->pid_file;
    int rc = path ? open_patiently(path, &d->pid_file, why) : 0;

    if (!path || rc < 0)
        return rc;
    if (is_pid_file(&d->pid_file))
        return 0;
    own_file_close(&d->pid_file);
    text_addf(why,
              "%s is no PID file, there is something else in it than a number; name another file",
              path);
    return -EEXIST;
}

int daemon_pid_file_write(struct daemon *d, struct text *why)
{
    char text[CONTENT_MAX];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int rc;

    if (!d->pid_file.path)
        return 0;
    rc = own_file_secure(&d->pid_file, why);
    if (rc == 0)
        rc = own_file_replace(&d->pid_file, 0, text, (size_t)len, why);
    d->pid_written = rc == 0;
    return rc;
}

/* Whoever wrote it holds no lock any more, so it has ended. */
void daemon_pid_file_remove(const char *path)
{
    struct own_file file = {0};
    text_auto why = {0};

    if (path && own_file_open(AT_FDCWD, path, &file, &why) == 0) {
        if (is_pid_file(&file))
            own_file_remove(&file);
        else
            own_file_discard(&file);
    }
}

void daemon_pid_file_close(struct daemon *d)
{
    if (d->pid_written)
        own_file_remove(&d->pid_file);
    else
        own_file_discard(&d->pid_file);
}
