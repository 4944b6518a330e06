/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/seccomp.h>

#include "seccomp/internal.h"

/* Programs without a mount, and what src/nomount needs of them. */

void seccomp_serve_path(struct seccomp *n, int line, const struct seccomp_notif *request)
{
    const struct nomount_caller caller = {
        .thread = (pid_t)request->pid, .line = line, .id = request->id};

    if (n->nomount)
        nomount_serve(n->nomount, &caller, &request->data);
    else
        seccomp_let_kernel_go_on(line, request->id);
}

static void way_answer(const struct nomount_caller *c, int64_t result)
{
    seccomp_answer(c->line, c->id, result);
}

static void way_go_on(const struct nomount_caller *c)
{
    seccomp_let_kernel_go_on(c->line, c->id);
}

static int way_give(const struct nomount_caller *c, int fd, int at, bool cloexec)
{
    return seccomp_give(c->line, c->id, fd, at, cloexec);
}

int seccomp_serve_paths(struct seccomp *n, const char *shadow, const struct nomount_sync *sync,
                        struct text *why)
{
    const struct nomount_way way = {
        .waits = seccomp_waits, .answer = way_answer, .go_on = way_go_on, .give = way_give};

    return nomount_new(n->door, n->event, ioctl_desk_copier(n->desk), shadow, &way, sync,
                       &n->nomount, why);
}

int seccomp_badge(struct seccomp *n, unsigned tree, uint32_t *out)
{
    return n->nomount ? nomount_badge(n->nomount, tree, out) : -EOPNOTSUPP;
}
