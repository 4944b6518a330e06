/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/internal.h"

#define CONTENT_MAX 16 /* bytes; what is longer is no PID file, and stays */

int daemon_pid_file_open(struct daemon *d, struct text *why)
{
    const char *path = d->options->pid_file;
    struct stat st;
    int rc = path ? own_file_open(AT_FDCWD, path, &d->pid_file, why) : 0;

    if (!path || rc < 0)
        return rc;
    if (fstat(d->pid_file.fd, &st) == 0 && st.st_size <= CONTENT_MAX)
        return 0;
    own_file_close(&d->pid_file);
    text_addf(why, "%s is no PID file, there is more in it than a number; name another file", path);
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

void daemon_pid_file_close(struct daemon *d)
{
    if (d->pid_written)
        own_file_remove(&d->pid_file);
    else
        own_file_discard(&d->pid_file);
}
