/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "nomount/internal.h"

#define VECTORS_MAX 1024u /* as in the kernel */
#define RWF_KNOWN   0x37u /* of pwritev2(2): HIPRI, DSYNC, SYNC, APPEND, NOAPPEND */

bool call_writable(const struct nomount_call *c)
{
    int flags = caller_fd_flags(c->caller.thread, c->request.at);

    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static int check_write(const struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;

    if (c->node && sysfs_dir_of(c->ino).kind != SYSFS_DEV_NODE)
        return -EINVAL; /* VFIO's cannot be written to */
    if (c->node)
        return r->positioned ? -ESPIPE : -EPERM;
    if (!call_writable(c))
        return -EBADF;
    if (r->flags & ~(uint64_t)RWF_KNOWN)
        return -EOPNOTSUPP;
    if (r->deed == NOMOUNT_WRITE_VECTOR)
        return r->size > VECTORS_MAX ? -EINVAL : 0;
    return (int64_t)r->size < 0 ? -EFAULT : 0;
}

static int check_read(const struct nomount_call *c)
{
    int flags = caller_fd_flags(c->caller.thread, c->request.at);

    if (c->node)
        return -ESPIPE;
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return (int64_t)c->request.size < 0 ? -EFAULT : 0;
}

static bool is_ours(const struct nomount_call *c, int fd)
{
    struct behind b;

    behind_look(c->n, c->caller.thread, fd, &b);
    return b.kind == BEHIND_FILE;
}

static int check_splice(const struct nomount_call *c)
{
    int flags = caller_fd_flags(c->caller.thread, c->request.at2);

    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return c->node || call_writable(c) ? 0 : -EBADF;
}

/* In the kernel's order: the offset, what the descriptor is for, and then all the rest. */
static int check(const struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    bool writes = r->deed == NOMOUNT_WRITE || r->deed == NOMOUNT_WRITE_VECTOR;
    bool splices = r->deed == NOMOUNT_SPLICE || r->deed == NOMOUNT_COPY;

    if ((r->positioned || r->deed == NOMOUNT_READ_AT) && (int64_t)r->offset < 0)
        return -EINVAL;
    if (c->bare)
        return -EBADF;
    if (writes || splices)
        return writes ? check_write(c) : check_splice(c);
    return r->deed == NOMOUNT_READ_AT ? check_read(c) : 0;
}

bool call_begin_descriptor(struct nomount_call *c)
{
    struct behind b;

    behind_look(c->n, c->caller.thread, c->request.at, &b);
    if (b.kind != BEHIND_FILE)
        return false;
    c->view = b.view;
    c->ino = b.ino;
    c->node = b.node;
    c->bare = b.bare;
    answer_result(c, c->view->gone ? -ENOTCONN : check(c));
    return true;
}

/* By its size an attribute has a page of data, and no hole before their end. */
static int64_t seek_data(const struct nomount_request *r)
{
    if (r->whence > SEEK_HOLE)
        return -EINVAL;
    if (r->offset >= NOMOUNT_DATA_MAX)
        return -ENXIO;
    return r->whence == SEEK_DATA ? (int64_t)r->offset : NOMOUNT_DATA_MAX;
}

/* A new file in place of the one that is open, at this offset. */
static int renew(struct nomount_call *c, int flags, int64_t offset)
{
    text_auto content = {0};
    int fd, rc = 0;

    if ((flags & O_ACCMODE) != O_WRONLY)
        rc = file_show(c->view, c->ino, &content);
    if (rc < 0)
        return rc;
    fd = file_new(c->view, c->ino, content.data, content.len, flags);
    if (fd < 0)
        return fd;
    if (lseek(fd, offset, SEEK_SET) < 0)
        rc = -errno;
    if (rc == 0)
        rc = c->n->way.give(&c->caller, fd, c->request.at, flags & O_CLOEXEC);
    close(fd);
    return rc;
}

void call_moved(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    int flags = r->positioned ? 0 : caller_fd_flags(c->caller.thread, r->at);
    int64_t offset;

    if (c->view->gone || flags < 0 || (flags & O_ACCMODE) != O_RDWR)
        return; /* nobody can read there */
    offset = caller_fd_offset(c->caller.thread, r->at);
    if (offset >= 0)
        renew(c, flags, offset + c->result);
}

/* As a read at offset 0 of sysfs, it shows the attribute anew. The end is that of a page. */
static void execute_seek(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    int flags = c->node ? -1 : caller_fd_flags(c->caller.thread, r->at), rc;
    int64_t offset;

    if (r->whence > SEEK_END && !c->node) {
        answer_result(c, seek_data(r));
        return;
    }
    if (flags < 0 || (r->whence == SEEK_SET && (flags & O_ACCMODE) == O_WRONLY)) {
        answer_go_on(c);
        return;
    }
    offset = (int64_t)(r->offset + (r->whence == SEEK_END ? NOMOUNT_DATA_MAX : 0));
    rc = offset < 0 ? -EINVAL : renew(c, flags, offset);
    answer_result(c, rc < 0 ? rc : offset);
}

static void execute_read(struct nomount_call *c)
{
    text_auto content = {0};
    int rc = file_show(c->view, c->ino, &content);
    size_t len;

    len = content.len < c->request.size ? content.len : c->request.size;
    len = len < sizeof c->data ? len : sizeof c->data;
    if (rc < 0)
        answer_result(c, rc);
    else
        answer_bytes(c, content.data, len, (int64_t)len);
}

void execute_descriptor(struct nomount_call *c)
{
    switch (c->request.deed) {
    case NOMOUNT_WRITE:
    case NOMOUNT_WRITE_VECTOR:
        call_store(c);
        return;
    case NOMOUNT_SEEK:
        execute_seek(c);
        return;
    case NOMOUNT_READ_AT:
        execute_read(c);
        return;
    default: /* programs write instead */
        answer_result(c, c->request.deed == NOMOUNT_COPY && !is_ours(c, c->request.at2) ? -EXDEV
                                                                                        : -EINVAL);
    }
}
