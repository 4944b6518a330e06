/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "guest/client.h"
#include "guest/protocol.h"
#include "internals.h"

enum {
    ANSWER_MS = 5000, /* a server that takes longer to answer is regarded as lost */
    RETRY_MS = 200,
    RETRY_SLOW_MS = 10000, /* after a server that accepted but did not answer */
    DETACHED_MS = 1000,    /* after the server asked us to disconnect */
};

static struct {
    pthread_mutex_t lock;
    const char *path;
    struct guest_hello hello;
    struct link_limits limits;
    struct guest_client *client; /* NULL: not connected */
    int64_t next_try;            /* ms of the monotonic clock */
    bool started;                /* by link_start */
    bool exact;                  /* the CPUs have the features in HELLO, whoever serves */
    bool features_fixed;
    uint32_t features;
    char said[GUEST_ERROR_MAX]; /* the last message, so that it is not repeated */
    const char *rescan;         /* pipe that makes the kernel rescan, or NULL */
    bool stopped;               /* by the administrator: QEMU is about to end */
    bool changed;               /* the kernel still has to be told to rescan */
    int epoll;                  /* the watcher waits for the socket while it is connected, */
    int wake;                   /* and for this, which wakes it for anything else */
} lnk = {.lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .wake = -1};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void say(const char *text)
{
    if (!strcmp(lnk.said, text))
        return;
    snprintf(lnk.said, sizeof(lnk.said), "%s", text);
    fprintf(stderr, "apus: %s\n", text);
}

static void wake_watcher(void)
{
    lnk.changed = true;
    eventfd_write(lnk.wake, 1);
}

static void gone(int error, const char *text)
{
    guest_client_close(lnk.client);
    lnk.client = NULL;
    /* Stopping the guest is to end its virtual machine; QEMU takes SIGTERM as a request to quit. */
    if (error == -ESHUTDOWN) {
        lnk.stopped = true;
        kill(getpid(), SIGTERM);
    }
    lnk.next_try = now_ms() + (error == -ETIMEDOUT ? RETRY_SLOW_MS : RETRY_MS);
    say(text);
    wake_watcher();
}

/* The kernel would panic at an AQIC that is no instruction. */
static bool is_enough(void)
{
    uint32_t lacking = lnk.hello.features & ~guest_client_features(lnk.client);

    if (!lnk.exact || !lacking)
        return true;
    gone(0, lacking & GUEST_FEATURE_APQI
                ? "the machine has no AP interrupts: start QEMU with apqi=off in -cpu"
                : "the machine lacks AP features that the guest's CPUs have");
    return false;
}

/* True when connected. Called with the lock held. */
static bool connected(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    char error[GUEST_ERROR_MAX];
    int r;

    if (lnk.client)
        return true;
    if (lnk.stopped || !lnk.started || now_ms() < lnk.next_try)
        return false;
    r = guest_client_open(lnk.path, &lnk.hello, ANSWER_MS, &lnk.client, error);
    if (r < 0) {
        gone(r, error);
        return false;
    }
    if (!is_enough())
        return false;
    if (!lnk.features_fixed)
        lnk.features = guest_client_features(lnk.client);
    epoll_ctl(lnk.epoll, EPOLL_CTL_ADD, guest_client_fd(lnk.client), &event);
    if (*lnk.said)
        say("connected");
    wake_watcher();
    return true;
}

/* The connection failed. */
static void break_off(int error)
{
    char text[GUEST_ERROR_MAX];

    snprintf(text, sizeof(text), "%s", guest_client_error(lnk.client));
    gone(error, text);
}

/* A request failed: true if it is worth sending again because a new server took over. */
static bool lost(int error)
{
    break_off(error);
    if (error == -ETIMEDOUT)
        return false;
    lnk.next_try = 0;
    return connected();
}

static void take(const struct guest_notify *notify)
{
    switch (notify->kind) {
    case GUEST_NOTIFY_INTERRUPT:
        internals_interrupt(notify->nib, notify->isc);
        break;
    case GUEST_NOTIFY_DETACH:
        gone(0, "the server wants its mediated device back: adapters are away");
        lnk.next_try = now_ms() + DETACHED_MS;
        break;
    default:
        wake_watcher();
    }
}

static void take_notifications(void)
{
    struct guest_notify notify;
    int r = 0;

    while (lnk.client && (r = guest_client_notify(lnk.client, 0, &notify)) == 0)
        take(&notify);
    if (lnk.client && r != -EAGAIN)
        break_off(r);
}

/* Whether input on the socket wakes the watcher. */
static void set_watched(bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0};

    if (lnk.client)
        epoll_ctl(lnk.epoll, EPOLL_CTL_MOD, guest_client_fd(lnk.client), &event);
}

/*
 * Around a request: end must follow. Replies do not wake the watcher, which would only wait for the
 * lock; notifications that came before a reply have been read with it. False: not connected.
 */
static bool begin(void)
{
    pthread_mutex_lock(&lnk.lock);
    if (!connected())
        return false;
    set_watched(false);
    return true;
}

static void end(void)
{
    take_notifications();
    set_watched(true);
    pthread_mutex_unlock(&lnk.lock);
}

int link_init(const char *path, const struct guest_hello *hello, const struct link_limits *limits)
{
    struct guest_frame frame = {.type = GUEST_HELLO, .hello = *hello};
    struct epoll_event event = {.events = EPOLLIN};
    uint8_t bytes[256];
    const char *why;
    size_t len;
    int r = guest_frame_format(&frame, bytes, sizeof(bytes), &len, &why);

    if (r < 0) {
        fprintf(stderr, "apus: %s\n", why);
        return r;
    }
    lnk.path = path;
    lnk.hello = *hello;
    lnk.limits = *limits;
    lnk.epoll = epoll_create1(EPOLL_CLOEXEC);
    lnk.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lnk.wake < 0 || epoll_ctl(lnk.epoll, EPOLL_CTL_ADD, lnk.wake, &event) < 0) {
        perror("apus: no notifications");
        return -errno;
    }
    return 0;
}

uint32_t link_ask_features(void)
{
    struct guest_hello hello = {.version = GUEST_PROTOCOL_VERSION,
                                .role = GUEST_ROLE_NONE,
                                .features = GUEST_FEATURE_ALL,
                                .name = ""};
    struct guest_client *client;
    char error[GUEST_ERROR_MAX];
    uint32_t features = GUEST_FEATURE_ALL;

    if (guest_client_open(lnk.path, &hello, ANSWER_MS, &client, error) == 0) {
        features = guest_client_features(client);
        guest_client_close(client);
    }
    return features;
}

uint32_t link_features(void)
{
    uint32_t features;

    pthread_mutex_lock(&lnk.lock);
    lnk.features_fixed = true;
    features = lnk.features;
    pthread_mutex_unlock(&lnk.lock);
    return features;
}

/* As a machine without adapters answers, but with its own limits. Only QCI has data. */
static void reply_absent(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                         struct guest_insn_reply *reply)
{
    uint32_t flags = GUINT32_TO_BE(lnk.limits.flags);

    guest_reply_absent(insn, buffer, reply);
    if (!reply->data_len)
        return;
    memcpy(buffer, &flags, sizeof(flags));
    buffer[4] = lnk.limits.max_adapter;
    buffer[5] = lnk.limits.max_domain;
}

void link_execute(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                  struct guest_insn_reply *reply)
{
    int r = -ENOTCONN;

    if (begin()) {
        r = guest_client_execute(lnk.client, insn, reply);
        if (r < 0 && lost(r))
            r = guest_client_execute(lnk.client, insn, reply);
    }
    if (r == 0 && reply->data_len) {
        memcpy(buffer, reply->data, reply->data_len);
        reply->data = buffer;
    }
    end();
    if (r < 0)
        reply_absent(insn, buffer, reply);
}

int link_servc(uint32_t command, uint16_t *response)
{
    int r = -ENOTCONN;

    if (begin()) {
        r = guest_client_servc(lnk.client, command, response);
        if (r < 0 && lost(r))
            r = guest_client_servc(lnk.client, command, response);
    }
    end();
    return r;
}

void link_reset(void)
{
    int r = begin() ? guest_client_reset(lnk.client) : 0;

    /* Without a connection there is nothing to reset: the server did it when we
     * disconnected. */
    if (r < 0)
        lost(r);
    end();
}

static void knock(void)
{
    int fd = lnk.rescan ? open(lnk.rescan, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    /* A full pipe means that rescans are already pending. */
    if (write(fd, "\n", 1) < 0 && errno != EAGAIN)
        perror("apus: cannot ask for a rescan");
    close(fd);
}

/* Milliseconds until the next attempt to connect; -1: wait for events only. */
static int patience(void)
{
    int64_t left = lnk.next_try - now_ms();

    if (lnk.client || lnk.stopped)
        return -1;
    return left > 0 ? (int)left + 1 : 1;
}

/* Maintains the connection. True: the kernel should rescan its adapters. */
static bool look(int *wait_ms)
{
    eventfd_t ignored;
    bool changed;

    pthread_mutex_lock(&lnk.lock);
    if (connected())
        take_notifications();
    eventfd_read(lnk.wake, &ignored);
    changed = lnk.changed;
    lnk.changed = false;
    *wait_ms = patience();
    pthread_mutex_unlock(&lnk.lock);
    return changed;
}

static void *watch(void *data)
{
    struct epoll_event event;
    int wait_ms = 0;

    for (;;) {
        epoll_wait(lnk.epoll, &event, 1, wait_ms);
        if (look(&wait_ms))
            knock();
    }
    return NULL;
}

static void start_watcher(void)
{
    sigset_t all, old;
    pthread_t thread;

    /* QEMU expects its signals on its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, NULL, watch, NULL) == 0)
        pthread_detach(thread);
    else
        fprintf(stderr, "apus: no thread for notifications: the kernel notices changes late\n");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void link_start(uint32_t features, bool exact, const char *rescan)
{
    pthread_mutex_lock(&lnk.lock);
    lnk.started = true;
    lnk.rescan = rescan;
    lnk.exact = exact;
    lnk.hello.features = lnk.features = features;
    connected();
    lnk.changed = false;
    pthread_mutex_unlock(&lnk.lock);
    start_watcher();
}
