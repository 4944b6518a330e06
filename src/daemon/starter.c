/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "socket/starter.h"

/* Nobody reads what we write any more, except the journal. */
static void let_go_of_terminal(const struct daemon *d)
{
    int null = d->journal ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

static void stop_watching(struct daemon *d)
{
    sd_event_source_set_enabled(d->starter, SD_EVENT_OFF);
}

static int on_starter(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct daemon *d = data;
    char word = 0;
    ssize_t n = recv(fd, &word, 1, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        stop_watching(d);
        return sd_event_exit(d->event, 0);
    }
    daemon_dev_nodes_update(d);
    service_ready(word == STARTER_LEAVES);
    if (word == STARTER_LEAVES) {
        stop_watching(d);
        let_go_of_terminal(d);
    }
    if (send(fd, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        errno = 0; /* it has gone meanwhile, which the next look tells */
    return 0;
}

int daemon_starter_watch(struct daemon *d)
{
    int fd = d->options->starter_fd;

    if (fd < 0)
        return 0;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return sd_event_add_io(d->event, &d->starter, fd, EPOLLIN, on_starter, d);
}
