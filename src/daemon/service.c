/* SPDX-License-Identifier: MIT */
#include "daemon/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"

#define GUEST_NAME "guest"

static int take(int fd, const char *name, struct service_sockets *out, struct text *why)
{
    int *place = strcmp(name, GUEST_NAME) == 0 ? &out->guest : &out->control;
    int flags = fcntl(fd, F_GETFL);

    if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0) {
        text_addf(why, "descriptor %d (%s) of the service manager is no listening Unix socket", fd,
                  name);
        return -EINVAL;
    }
    if (*place >= 0) {
        text_addf(why,
                  "the service manager has passed two sockets for %s; name the one for real guests "
                  "with FileDescriptorName=" GUEST_NAME,
                  place == &out->guest ? "guests" : "control");
        return -EEXIST;
    }
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    *place = fd;
    return 0;
}

int service_sockets(struct service_sockets *out, struct text *why)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names), rc = count < 0 ? count : 0;

    *out = (struct service_sockets){-1, -1};
    if (rc < 0)
        text_addf(why,
                  "the sockets of the service manager cannot be taken ($LISTEN_FDS, $LISTEN_PID, "
                  "$LISTEN_FDNAMES): %s",
                  error_text(-rc));
    for (int i = 0; rc == 0 && i < count; i++)
        rc = take(SD_LISTEN_FDS_START + i, names[i], out, why);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return rc;
}

int service_watchdog(sd_event *event, struct text *why)
{
    int rc = sd_event_set_watchdog(event, true);

    if (rc < 0)
        text_addf(why,
                  "the service manager's watchdog cannot be served ($WATCHDOG_USEC, "
                  "$WATCHDOG_PID): %s",
                  error_text(-rc));
    return rc;
}

void service_ready(bool is_main)
{
    if (is_main)
        sd_notifyf(0, "MAINPID=%d\nREADY=1", (int)getpid());
    else
        sd_notify(0, "READY=1");
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

bool service_has_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof own, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, own) == 0;
}
