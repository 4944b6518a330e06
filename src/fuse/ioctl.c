/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuse/internal.h"
#include "ioctl/status.h"

/*
 * ioctl(2) on device nodes [zcrypt-gate] [zcrypt-ioctls]. If the number contains the length of the
 * data, the reply contains the data, and the kernel delivers it. Otherwise there is only a pointer,
 * and the caller's memory is read and written from here (ioctl/call.h).
 */
struct fuse_call {
    struct ioctl_call call;     /* first */
    LIST_ENTRY(fuse_call) link; /* in the mount's calls until answered */
    struct fuse_mount *mount;
    fuse_req_t req;
};

static void on_interrupt(fuse_req_t req, void *data)
{
    ioctl_call_interrupt(data);
}

static void call_listen(struct ioctl_call *c)
{
    fuse_req_interrupt_func(((struct fuse_call *)c)->req, on_interrupt, c);
}

static void call_unlisten(struct ioctl_call *c)
{
    fuse_req_interrupt_func(((struct fuse_call *)c)->req, NULL, NULL);
}

static void call_answer(struct ioctl_call *c, int result)
{
    struct fuse_call *f = (struct fuse_call *)c;

    LIST_REMOVE(f, link);
    notifier_controlled(f->mount, f->req, result);
}

static void call_release(struct ioctl_call *c)
{
    free(c);
}

/* line: the descriptor of /dev/fuse. POLLERR means that the connection was aborted. */
static bool connected(int line, uint64_t id)
{
    return caller_line_is_quiet(line, 0);
}

static const struct ioctl_way fuse_way = {.answer = call_answer,
                                          .release = call_release,
                                          .listen = call_listen,
                                          .unlisten = call_unlisten,
                                          .fetch = ioctl_memory_fetch,
                                          .deliver = ioctl_memory_deliver,
                                          .waits = connected};

static struct ioctl_call *call_new(fuse_req_t req, const struct open_file *file, uint32_t number,
                                   bool narrow, void *arg)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    struct fuse_call *f = xcalloc(1, sizeof *f);

    f->mount = m;
    f->req = req;
    f->call.way = &fuse_way;
    f->call.desk = m->hub->desk;
    f->call.tree = m->tree;
    f->call.node = file->node;
    f->call.number = number;
    f->call.narrow = narrow;
    f->call.address = (uintptr_t)arg;
    f->call.thread = ctx->pid;
    f->call.uid = ctx->uid;
    f->call.line = fuse_session_fd(m->session);
    LIST_INSERT_HEAD(&m->calls, f, link);
    return &f->call;
}

static void start_matrix(fuse_req_t req, const struct open_file *file, uint32_t number, void *arg,
                         const struct zcrypt *z)
{
    size_t len;
    uint8_t *matrix = ioctl_matrix(z, number, &len);

    ioctl_call_give(call_new(req, file, number, false, arg), matrix, len);
}

/* The number of open device nodes of a system, over all its mounts. */
static int open_count(const struct fuse_mount *m)
{
    const struct fuse_mount *other;
    unsigned count = 0;

    TAILQ_FOREACH (other, &m->hub->mounts, link)
        if (other->tree == m->tree && !other->closing)
            count += other->devices_open;
    return (int)count;
}

static void answer_status(fuse_req_t req, const struct zcrypt *z, uint32_t number, size_t room)
{
    uint8_t data[IOCTL_STATUS_MAX];
    size_t len = ioctl_status_len(number);
    int rc = ioctl_status(z, number, open_count(fuse_req_userdata(req)), data);

    if (rc == 0 && len > room)
        rc = -EINVAL;
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_ioctl(req, 0, data, len);
}

/* -ENODEV: the node or its system is gone; -EPERM: the node's ioctlmask forbids the number. */
static int check_node(const struct fuse_mount *m, const struct open_file *f, uint32_t number,
                      const struct zcrypt **out)
{
    const struct sysfs_tree *t = mount_tree(m);
    const struct zcrypt *z = t ? core_zcrypt(m->hub->door->core, m->tree) : NULL;
    struct sysfs_entry e;
    int rc = z ? sysfs_stat(t, f->ino, &e) : -ENODEV;

    if (rc == 0)
        rc = zcrypt_ioctl_allowed(z, f->node, number & 0xff);
    if (rc == 0)
        *out = z;
    return rc;
}

/*
 * Checks that the PIDs of callers are those of our PID namespace; it is enough to check one caller
 * of a mount. -EOPNOTSUPP: they are not. -EACCES: no permission to access this caller.
 */
static int check_caller(struct fuse_mount *m, const struct open_file *f, pid_t thread)
{
    int rc;

    if (thread == 0)
        return -EOPNOTSUPP;
    if (m->threads_named)
        return 0;
    rc = caller_check_file(thread, f->ino);
    m->threads_named = rc == 0;
    return rc;
}

static void do_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned number, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_len,
                     size_t room)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    const struct zcrypt *z = NULL;
    const struct open_file *f;
    int rc = -ENOTTY;

    if (!(flags & FUSE_IOCTL_DIR)) {
        f = file_of(fi);
        rc = f->device ? check_node(m, f, number, &z) : -ENOTTY;
    }
    if (rc == 0 && !ioctl_is_matrix(number) && !zcrypt_abi_struct_len(number, false)) {
        answer_status(req, z, number, room);
        return;
    }
    if (rc == 0)
        rc = check_caller(m, f, fuse_req_ctx(req)->pid);
    if (rc < 0) {
        ioctl_desk_unreachable(m->hub->desk, fuse_req_ctx(req)->pid, rc);
        fuse_reply_err(req, -rc);
    } else if (ioctl_is_matrix(number))
        start_matrix(req, f, number, arg, z);
    else
        ioctl_call_work(call_new(req, f, number, flags & FUSE_IOCTL_COMPAT, arg));
}

void ioctl_abandon(struct fuse_mount *m)
{
    while (!LIST_EMPTY(&m->calls)) {
        struct ioctl_call *c = &LIST_FIRST(&m->calls)->call;

        call_unlisten(c);
        ioctl_call_abandon(c, -ENODEV);
    }
}

void ioctl_handlers(struct fuse_lowlevel_ops *ops)
{
    ops->ioctl = do_ioctl;
}
