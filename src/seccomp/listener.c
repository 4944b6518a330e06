/* SPDX-License-Identifier: MIT */
#include "seccomp/listener.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "ioctl/lender.h"
#include "ioctl/status.h"
#include "seccomp/internal.h"

/* Since Linux 6.6: the kernel switches from caller to daemon directly, on the same CPU, if the
 * daemon waits at the listener itself (seccomp_listeners). Older ones say EINVAL. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

#define SERVE_BATCH 32                  /* notifications before other event sources get a turn */
#define SWEEP_US    50000u              /* interval of the search for dead callers */
#define FIRST_TOKEN (UINT64_C(7) << 61) /* above the tokens of FUSE */

struct seccomp_call {
    struct ioctl_call call;        /* first */
    LIST_ENTRY(seccomp_call) link; /* in calls until answered */
};

/* Retries after EINTR, which the kernel returns if the daemon is stopped or traced while it waits
 * for the listener's lock. Otherwise an answer would be lost, or a caller be taken for dead. */
static void call_answer(struct ioctl_call *c, int result)
{
    LIST_REMOVE((struct seccomp_call *)c, link);
    seccomp_answer(c->line, c->id, result < 0 ? result : 0);
}

static void call_release(struct ioctl_call *c)
{
    free(c);
}

static const struct ioctl_way seccomp_way = {.answer = call_answer,
                                             .release = call_release,
                                             .fetch = ioctl_memory_fetch,
                                             .deliver = ioctl_memory_deliver,
                                             .waits = seccomp_waits};

/* There is no notification when a caller dies in its ioctl, so pending calls are checked
 * periodically. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *data)
{
    struct seccomp *n = data;
    struct seccomp_call *c = LIST_FIRST(&n->calls);

    while (c) {
        struct seccomp_call *next = LIST_NEXT(c, link);

        if (!seccomp_waits(c->call.line, c->call.id)) {
            ioctl_call_abandon(&c->call, -EINTR);
            next = LIST_FIRST(&n->calls); /* the cancellation may have completed others */
        }
        c = next;
    }
    if (!LIST_EMPTY(&n->calls)) {
        sd_event_source_set_time_relative(source, SWEEP_US);
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    }
    return 0;
}

static void sweep_later(struct seccomp *n)
{
    int enabled;

    if (LIST_EMPTY(&n->calls) || sd_event_source_get_enabled(n->sweep, &enabled) != 0)
        return;
    sd_event_source_set_time_relative(n->sweep, SWEEP_US);
    sd_event_source_set_enabled(n->sweep, SD_EVENT_ONESHOT);
}

static struct ioctl_call *call_new(struct seccomp *n, int line, const struct seccomp_notif *request,
                                   const struct seccomp_node *node, uid_t user)
{
    struct seccomp_call *c = xcalloc(1, sizeof *c);

    c->call.way = &seccomp_way;
    c->call.desk = n->desk;
    c->call.tree = node->tree;
    c->call.node = node->node;
    c->call.number = (uint32_t)request->data.args[1];
    c->call.narrow = !(request->data.arch & __AUDIT_ARCH_64BIT);
    c->call.address = request->data.args[2];
    c->call.thread = (pid_t)request->pid;
    c->call.uid = user;
    c->call.line = line;
    c->call.id = request->id;
    LIST_INSERT_HEAD(&n->calls, c, link);
    return &c->call;
}

/*
 * The node that the ioctl is for; NULL with 0: none, the kernel continues the system call.
 * -EOPNOTSUPP: the caller is in an unrelated PID namespace; -EBADF: no such descriptor, or it is
 * opened with O_PATH (the kernel must not continue, as it might find a new descriptor by then);
 * -EACCES: no permission to look; -ENOTCONN: its guest has stopped; others: the daemon lacks
 * resources.
 */
static int find_node(const struct seccomp *n, const struct seccomp_notif *request,
                     struct seccomp_node *opened, const struct seccomp_node **out)
{
    pid_t thread = (pid_t)request->pid;
    int fd = (int)request->data.args[0];
    const struct seccomp_node *node;
    struct nomount_node without;
    struct descriptor file;
    int rc;

    *out = NULL;
    if (thread == 0)
        return -EOPNOTSUPP;
    rc = descriptor_look(thread, fd, &file);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    rc = n->nomount ? nomount_node(n->nomount, file.device, file.ino, &without) : 0;
    if (rc > 0) {
        *opened =
            (struct seccomp_node){.tree = without.tree, .ino = without.ino, .node = without.handle};
        *out = opened;
    }
    if (rc)
        return rc < 0 ? rc : 0;
    node = seccomp_node_find(n, &file);
    if (node && !descriptor_can_ioctl(thread, fd))
        return -EBADF;
    *out = node;
    return 0;
}

/* It is not known of nodes in /dev: they are opened without the daemon's knowledge. */
static int open_count(const struct seccomp *n, unsigned tree)
{
    return n->nomount ? (int)nomount_nodes_open(n->nomount, tree) : -EOPNOTSUPP;
}

static void serve_on(struct seccomp *n, int line, const struct seccomp_notif *request,
                     const struct seccomp_node *node, const struct zcrypt *z, uid_t user)
{
    uint32_t number = (uint32_t)request->data.args[1];
    uint8_t status[IOCTL_STATUS_MAX], *data;
    size_t len;
    int rc;

    if (zcrypt_abi_struct_len(number, false)) {
        ioctl_call_work(call_new(n, line, request, node, user));
        return;
    }
    if (ioctl_is_matrix(number)) {
        data = ioctl_matrix(z, number, &len);
        ioctl_call_give(call_new(n, line, request, node, user), data, len);
        return;
    }
    rc = ioctl_status(z, number, open_count(n, node->tree), status);
    if (rc < 0) {
        seccomp_answer(line, request->id, rc);
        return;
    }
    len = ioctl_status_len(number);
    data = xcalloc(1, len);
    memcpy(data, status, len);
    ioctl_call_give(call_new(n, line, request, node, user), data, len);
}

/* What was looked up belongs to the caller only if it still waits afterwards. That is checked
 * before its memory is accessed, and a caller that no longer waits gets no answer. */
static void serve_zcrypt(struct seccomp *n, int line, const struct seccomp_notif *request)
{
    uint32_t number = (uint32_t)request->data.args[1];
    struct seccomp_node opened = {0};
    const struct seccomp_node *node;
    const struct zcrypt *z = NULL;
    uid_t user = 0;
    int rc = find_node(n, request, &opened, &node);

    if (rc == 0 && (!node || node->is_vfio || !n->zcrypt)) {
        seccomp_let_kernel_go_on(line, request->id);
        return;
    }
    if (rc == 0)
        z = core_zcrypt(n->door->core, node->tree);
    if (rc == 0)
        rc = seccomp_node_lives(n, node) && z ? 0 : -ENODEV;
    if (rc == 0)
        rc = zcrypt_ioctl_allowed(z, node->node, number & 0xff);
    if (rc == 0)
        rc = descriptor_user((pid_t)request->pid, &user);
    if (rc < 0) {
        ioctl_desk_unreachable(n->desk, (pid_t)request->pid, rc);
        seccomp_answer(line, request->id, rc);
        return;
    }
    serve_on(n, line, request, node, z, user);
}

static void serve_vfio(struct seccomp *n, int line, const struct seccomp_notif *request)
{
    struct vfio_target target = {0};
    uid_t user = 0;
    int rc = -EOPNOTSUPP; /* the caller is in a PID namespace beside ours */

    if (request->pid)
        rc = seccomp_vfio_look(n, (pid_t)request->pid, (int)request->data.args[0], &target);
    if (rc == -ENOENT || (rc == 0 && !target.known)) {
        seccomp_let_kernel_go_on(line, request->id);
        return;
    }
    if (rc == 0)
        rc = descriptor_user((pid_t)request->pid, &user);
    if (rc < 0) {
        ioctl_desk_unreachable(n->desk, (pid_t)request->pid, rc);
        seccomp_answer(line, request->id, rc);
        return;
    }
    seccomp_vfio_serve(n, line, request, &target, user);
}

/* The number of ioctl(2) of 32-bit programs is the same everywhere. */
static bool is_ioctl(const struct seccomp_data *data)
{
    return data->nr == (data->arch & __AUDIT_ARCH_64BIT ? SYS_ioctl : 54);
}

static void serve(struct seccomp *n, int line, const struct seccomp_notif *request)
{
    if (!is_ioctl(&request->data))
        seccomp_serve_path(n, line, request);
    else if ((request->data.args[1] >> 8 & 0xff) == ';')
        serve_vfio(n, line, request);
    else
        serve_zcrypt(n, line, request);
}

/*
 * Reads a notification. False: there is none. seen: the listener was readable; otherwise it is
 * polled first, since reading blocks without a notification. The daemon is the only reader, so
 * after that it does not block: if the caller has died in the meantime, the kernel returns ENOENT.
 */
static bool receive(int listener, bool seen, struct seccomp_notif *out)
{
    struct pollfd fd = {.fd = listener, .events = POLLIN};

    while (seen || (poll(&fd, 1, 0) == 1 && fd.revents & POLLIN)) {
        memset(out, 0, sizeof *out);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, out) == 0)
            return true;
        if (errno != ENOENT && errno != EINTR)
            return false;
        seen = false;
    }
    return false;
}

static void line_free(struct seccomp_line *l)
{
    LIST_REMOVE(l, link);
    sd_event_source_disable_unref(l->source);
    lender_drop(l->fd);
    close(l->fd);
    free(l);
}

/* Its callers are dead. */
static void abandon(struct seccomp *n, int line)
{
    struct seccomp_call *c = LIST_FIRST(&n->calls);

    while (c) {
        struct seccomp_call *next = LIST_NEXT(c, link);

        if (c->call.line == line) {
            ioctl_call_abandon(&c->call, -EINTR);
            next = LIST_FIRST(&n->calls); /* the cancellation may have completed others */
        }
        c = next;
    }
}

/* Serves the notifications that are there. Returns how many, at most as many as wanted. */
static unsigned serve_line(struct seccomp_line *l, bool seen, unsigned wanted)
{
    struct seccomp_notif request;
    unsigned served = 0;

    for (; served < wanted && receive(l->fd, seen, &request); served++, seen = false)
        serve(l->owner, l->fd, &request);
    lookout_served(&l->lookout, lookout_now());
    return served;
}

/* Looks for a notification for a moment. Returns whether one came; it is served. */
static bool await(struct seccomp_line *l)
{
    uint64_t end = l->lookout.answered + LOOKOUT_NS;
    struct seccomp_notif request;
    bool came;

    do
        came = receive(l->fd, false, &request);
    while (!came && lookout_now() < end);
    if (came)
        serve(l->owner, l->fd, &request);
    lookout_tell(&l->lookout, came);
    return came;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct seccomp_line *l = data;
    struct seccomp *n = l->owner;
    unsigned served;

    lookout_arrived(&l->lookout, lookout_now());
    served = serve_line(l, events & EPOLLIN, SERVE_BATCH);
    while (!l->direct && served < SERVE_BATCH && lookout_pays(&l->lookout) && await(l))
        served += 1 + serve_line(l, false, SERVE_BATCH - served - 1);
    sweep_later(n);
    if (n->nomount)
        nomount_served(n->nomount);
    if (events & EPOLLHUP) {
        abandon(n, fd);
        if (n->nomount)
            nomount_abandon(n->nomount, fd);
        line_free(l);
    }
    return 0;
}

size_t seccomp_listeners(const struct seccomp *n, struct pollfd *out, size_t max)
{
    const struct seccomp_line *l;
    size_t count = 0;

    if (!n->nomount)
        return 0; /* ioctls are rarer, and most are answered by other threads */
    LIST_FOREACH (l, &n->lines, link)
        if (count < max)
            out[count++] = (struct pollfd){.fd = l->fd, .events = POLLIN};
    return count;
}

static void add_first_node(struct seccomp *n)
{
    const struct sysfs_tree *tree = core_tree(n->door->core, CORE_HOST_TREE);
    sysfs_ino ino;

    /* If this fails, ioctls on z90crypt reach the device itself and return ENOTTY. */
    if (sysfs_resolve(tree, "dev/z90crypt", &ino) == 0)
        seccomp_add_node(n, "z90crypt", ino);
}

/* When the first program comes: what it will look at is laid out then. */
static void place_nodes(struct seccomp *n)
{
    if (n->placed || n->nomount)
        return;
    n->placed = true;
    if (n->zcrypt)
        add_first_node(n);
    seccomp_vfio_place(n);
}

int seccomp_listen(struct seccomp *n, int listener, int lender)
{
    struct seccomp_line *l;
    int rc = ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);

    if (rc < 0 && errno == ENOTTY)
        return -ENOTTY;
    l = xcalloc(1, sizeof *l);
    *l = (struct seccomp_line){.owner = n, .fd = listener, .direct = rc == 0 && n->nomount};
    rc = sd_event_add_io(n->event, &l->source, listener, EPOLLIN, on_readable, l);
    if (rc < 0) {
        free(l);
        return rc;
    }
    LIST_INSERT_HEAD(&n->lines, l, link);
    if (lender >= 0)
        lender_set(listener, lender);
    place_nodes(n);
    return 0;
}

static int open_sources(struct seccomp *n)
{
    int rc = ioctl_desk_new(n->door, n->event, FIRST_TOKEN, &n->desk);

    if (rc < 0)
        return rc;
    seccomp_vfio_new(n);
    rc = sd_event_add_time_relative(n->event, &n->sweep, CLOCK_MONOTONIC, SWEEP_US, 0, on_sweep, n);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(n->sweep, SD_EVENT_OFF);
    return rc;
}

int seccomp_new(struct door *door, sd_event *event, const char *dev, bool zcrypt,
                struct seccomp **out, struct text *why)
{
    struct seccomp *n = xcalloc(1, sizeof *n);
    int rc;

    n->door = door;
    n->event = sd_event_ref(event);
    n->dev = dev;
    n->zcrypt = zcrypt;
    rc = open_sources(n);
    if (rc < 0) {
        seccomp_free(n);
        text_addf(why, "cannot set up the seccomp listener: %s", error_text(-rc));
        return rc;
    }
    *out = n;
    return 0;
}

void seccomp_free(struct seccomp *n)
{
    struct seccomp_notif request;
    struct seccomp_line *l;

    if (!n)
        return;
    while (!LIST_EMPTY(&n->calls))
        ioctl_call_abandon(&LIST_FIRST(&n->calls)->call, -ENODEV);
    vfio_free(n->vfio);
    nomount_free(n->nomount);
    while ((l = LIST_FIRST(&n->lines))) {
        while (receive(l->fd, false, &request))
            seccomp_answer(l->fd, request.id, -ENODEV);
        line_free(l);
    }
    sd_event_source_disable_unref(n->sweep);
    ioctl_desk_free(n->desk);
    sd_event_unref(n->event);
    free(n->nodes);
    free(n);
}

void seccomp_effects(struct seccomp *n, const struct effects *effects)
{
    seccomp_vfio_effects(n, effects);
    if (n->nomount)
        nomount_effects(n->nomount, effects);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *one = &effects->v[i];

        if (one->kind == EFFECT_REPLY)
            ioctl_desk_reply(n->desk, one->node, (int)one->value, effect_text(effects, one),
                             one->len);
    }
}
