/* SPDX-License-Identifier: MIT */
#include "ioctl/lender.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "socket/fds.h"

#define LOOK_MS 50 /* interval in which it is looked whether the caller still waits */

struct lender {
    LIST_ENTRY(lender) link;
    int line, socket;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, lender) lenders = LIST_HEAD_INITIALIZER(lenders); /* under lock */
static atomic_uint count;

void lender_set(int line, int socket)
{
    struct lender *l = xcalloc(1, sizeof *l);

    *l = (struct lender){.line = line, .socket = socket};
    pthread_mutex_lock(&lock);
    LIST_INSERT_HEAD(&lenders, l, link);
    pthread_mutex_unlock(&lock);
    atomic_fetch_add(&count, 1);
}

void lender_drop(int line)
{
    struct lender *l, *next;

    pthread_mutex_lock(&lock);
    for (l = LIST_FIRST(&lenders); l; l = next) {
        next = LIST_NEXT(l, link);
        if (l->line != line)
            continue;
        LIST_REMOVE(l, link);
        close(l->socket);
        free(l);
        atomic_fetch_sub(&count, 1);
    }
    pthread_mutex_unlock(&lock);
}

bool lender_exists(void)
{
    return atomic_load(&count);
}

/* -EAGAIN: it has too many questions already. */
static int ask(int line, pid_t thread, int answer)
{
    const int32_t number = thread;
    struct lender *l;
    int rc = -EACCES;

    pthread_mutex_lock(&lock);
    LIST_FOREACH (l, &lenders, link)
        if (l->line == line)
            break;
    if (l)
        rc = fds_send(l->socket, &number, sizeof number, answer) < 0 ? -errno : 0;
    pthread_mutex_unlock(&lock);
    return rc == 0 || rc == -EAGAIN ? rc : -EACCES;
}

/* The end of file says that the other process has gone, or forbids it. */
static int receive(int answer)
{
    int fd = fds_receive_one(answer, MSG_DONTWAIT);

    return fd < 0 ? -EACCES : fd;
}

int lender_open(int line, pid_t thread, lender_guard *waits, const void *data)
{
    struct pollfd answer;
    int ends[2], rc;

    if (!lender_exists())
        return -EACCES;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    answer = (struct pollfd){.fd = ends[0], .events = POLLIN};
    while ((rc = ask(line, thread, ends[1])) == -EAGAIN && waits(data))
        poll(NULL, 0, LOOK_MS);
    close(ends[1]);
    if (rc == 0) {
        while ((rc = poll(&answer, 1, LOOK_MS)) <= 0 && waits(data))
            ;
        rc = rc > 0 ? receive(ends[0]) : -ENODEV;
    }
    close(ends[0]);
    return rc == -EAGAIN ? -ENODEV : rc;
}
