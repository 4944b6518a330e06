/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest/client.h"
#include "guest/protocol.h"

enum {
    ANSWER_MS = 5000, /* a server that takes longer for anything counts as gone */
    RETRY_MS = 200,
    RETRY_SLOW_MS = 10000, /* after a server that was there but did not answer */
    DETACHED_MS = 1000,    /* after the server asked us to leave */
    WATCH_MS = 50,
};

static struct {
    pthread_mutex_t lock;
    const char *path;
    struct guest_hello hello;
    struct guest_client *client; /* NULL: not connected */
    int64_t next_try;            /* ms of the monotonic clock */
    bool features_fixed;
    uint32_t features;
    char said[GUEST_ERROR_MAX]; /* last complaint, so that each is printed once */
    const char *rescan;         /* pipe that makes the kernel look again, or NULL */
    bool stopped;               /* by the administrator: QEMU is about to end */
    bool was_connected;         /* as the watcher saw it last */
} lnk = {.lock = PTHREAD_MUTEX_INITIALIZER};

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

static void gone(int error, const char *text)
{
    guest_client_close(lnk.client);
    lnk.client = NULL;
    /* Whoever stops the guest wants its machine to end; QEMU takes this as a request to quit. */
    if (error == -ESHUTDOWN) {
        lnk.stopped = true;
        kill(getpid(), SIGTERM);
    }
    lnk.next_try = now_ms() + (error == -ETIMEDOUT ? RETRY_SLOW_MS : RETRY_MS);
    say(text);
}

/* True when connected. Called with the lock held. */
static bool connected(void)
{
    char error[GUEST_ERROR_MAX];
    int r;

    if (lnk.client)
        return true;
    if (lnk.stopped || now_ms() < lnk.next_try)
        return false;
    r = guest_client_open(lnk.path, &lnk.hello, ANSWER_MS, &lnk.client, error);
    if (r < 0) {
        gone(r, error);
        return false;
    }
    if (!lnk.features_fixed)
        lnk.features = guest_client_features(lnk.client);
    say("connected");
    return true;
}

/* A request failed: true if it is worth sending again because a new server took over. */
static bool lost(int error)
{
    char text[GUEST_ERROR_MAX];

    snprintf(text, sizeof(text), "%s", guest_client_error(lnk.client));
    gone(error, text);
    if (error == -ETIMEDOUT)
        return false;
    lnk.next_try = 0;
    return connected();
}

int link_init(const char *path, const struct guest_hello *hello)
{
    struct guest_frame frame = {.type = GUEST_HELLO, .hello = *hello};
    uint8_t bytes[256];
    const char *why;
    size_t len;
    int r = guest_frame_format(&frame, bytes, sizeof(bytes), &len, &why);

    if (r < 0) {
        fprintf(stderr, "apus: %s\n", why);
        return r;
    }
    pthread_mutex_lock(&lnk.lock);
    lnk.path = path;
    lnk.hello = *hello;
    lnk.features = hello->features;
    connected();
    pthread_mutex_unlock(&lnk.lock);
    return 0;
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

static bool execute_connected(const struct guest_insn *insn, struct guest_insn_reply *reply)
{
    int r;

    if (!connected())
        return false;
    r = guest_client_execute(lnk.client, insn, reply);
    if (r < 0 && lost(r))
        r = guest_client_execute(lnk.client, insn, reply);
    return r == 0;
}

void link_execute(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                  struct guest_insn_reply *reply)
{
    struct guest_insn_reply r;
    bool done;

    pthread_mutex_lock(&lnk.lock);
    done = execute_connected(insn, &r);
    if (done && r.data_len) {
        memcpy(buffer, r.data, r.data_len);
        r.data = buffer;
    }
    pthread_mutex_unlock(&lnk.lock);
    if (!done)
        guest_reply_absent(insn, buffer, &r);
    *reply = r;
}

int link_servc(uint32_t command, uint16_t *response)
{
    int r = -ENOTCONN;

    pthread_mutex_lock(&lnk.lock);
    if (connected()) {
        r = guest_client_servc(lnk.client, command, response);
        if (r < 0 && lost(r))
            r = guest_client_servc(lnk.client, command, response);
    }
    pthread_mutex_unlock(&lnk.lock);
    return r;
}

void link_reset(void)
{
    int r;

    pthread_mutex_lock(&lnk.lock);
    if (connected()) {
        r = guest_client_reset(lnk.client);
        /* Without a connection there is nothing to reset: the server did it when we left. */
        if (r < 0)
            lost(r);
    }
    pthread_mutex_unlock(&lnk.lock);
}

/* Takes what the server has notified of. True: the kernel should look at its adapters. */
static bool take_notifications(void)
{
    struct guest_notify notify;
    bool changed = false;
    int r;

    while ((r = guest_client_notify(lnk.client, 0, &notify)) == 0) {
        if (notify.kind == GUEST_NOTIFY_DETACH) {
            gone(0, "the server wants its mediated device back: adapters are away");
            lnk.next_try = now_ms() + DETACHED_MS;
            return true;
        }
        changed |= notify.kind == GUEST_NOTIFY_CONFIG;
    }
    if (r != -EAGAIN) {
        char text[GUEST_ERROR_MAX];

        snprintf(text, sizeof(text), "%s", guest_client_error(lnk.client));
        gone(r, text);
    }
    return changed;
}

static bool look(void)
{
    bool changed = false;

    pthread_mutex_lock(&lnk.lock);
    if (connected())
        changed = take_notifications();
    if (lnk.was_connected != (lnk.client != NULL))
        changed = true;
    lnk.was_connected = lnk.client != NULL;
    pthread_mutex_unlock(&lnk.lock);
    return changed;
}

static void knock(void)
{
    int fd = lnk.rescan ? open(lnk.rescan, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    /* A full pipe means that many knocks wait already. */
    if (write(fd, "\n", 1) < 0 && errno != EAGAIN)
        perror("apus: cannot ask for a rescan");
    close(fd);
}

/* A thread that polls: waiting on the socket would wake it with each answer of an instruction. */
static void *watch(void *data)
{
    const struct timespec pause = {0, WATCH_MS * 1000000L};

    for (;;) {
        nanosleep(&pause, NULL);
        if (look())
            knock();
    }
    return NULL;
}

void link_watch(const char *rescan)
{
    sigset_t all, old;
    pthread_t thread;

    /* QEMU directs its signals at its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&lnk.lock);
    lnk.rescan = rescan;
    lnk.was_connected = lnk.client != NULL;
    pthread_mutex_unlock(&lnk.lock);
    if (pthread_create(&thread, NULL, watch, NULL) == 0)
        pthread_detach(thread);
    else
        fprintf(stderr, "apus: no thread for notifications: the kernel finds changes late\n");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}
