/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
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

/* In the kernel's order: the offset, what the descriptor is for, and then all the rest. */
static int check(const struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    bool writes = r->deed == NOMOUNT_WRITE || r->deed == NOMOUNT_WRITE_VECTOR;

    if ((r->positioned || r->deed == NOMOUNT_READ_AT) && (int64_t)r->offset < 0)
        return -EINVAL;
    if (c->bare)
        return -EBADF;
    if (writes)
        return check_write(c);
    if (r->deed == NOMOUNT_COPY)
        return splice_refuse_copy(c);
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

/* Asks no file system, which may not answer. */
static bool look_at(int directory, const char *name, struct statx *out)
{
    return statx(directory, name, AT_STATX_DONT_SYNC, STATX_INO, out) == 0;
}

/* Of the descriptor called name, which is for this file as well. */
static int replace_one(struct nomount_call *c, int fd, const char *name)
{
    int at, flags;

    if (number_parse_int(name, strlen(name), 10, &at) < 0)
        return 0;
    flags = caller_fd_flags(c->caller.thread, at);
    return flags < 0 ? 0 : c->n->way.give(&c->caller, fd, at, flags & O_CLOEXEC);
}

/* fd in place of each of the process's descriptors for the file: an open file of ours is the only
 * one of its inode. */
static int replace(struct nomount_call *c, int fd)
{
    char path[64], which[16];
    struct dirent *e;
    struct statx file, other;
    int rc = -EBADF;
    DIR *all;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)c->caller.thread);
    snprintf(which, sizeof which, "%d", c->request.at);
    all = opendir(path);
    if (all && look_at(dirfd(all), which, &file))
        rc = 0;
    while (rc == 0 && (e = readdir(all)))
        if (look_at(dirfd(all), e->d_name, &other) && other.stx_ino == file.stx_ino &&
            other.stx_dev_major == file.stx_dev_major && other.stx_dev_minor == file.stx_dev_minor)
            rc = replace_one(c, fd, e->d_name);
    if (all)
        closedir(all);
    return rc;
}

/* A new file in place of the one that is open, with each descriptor of the process for it. */
static int renew(struct nomount_call *c, const struct text *content, int flags, int64_t offset)
{
    int fd = file_new(c->view, c->ino, content->data, content->len, flags), rc;

    if (fd < 0)
        return fd;
    rc = lseek(fd, offset, SEEK_SET) < 0 ? -errno : replace(c, fd);
    close(fd);
    return rc;
}

static bool has_content(int fd, const struct text *content)
{
    char now[NOMOUNT_DATA_MAX + 1];
    ssize_t len = pread(fd, now, sizeof now, 0);

    return len == (ssize_t)content->len && (!len || memcmp(now, content->data, content->len) == 0);
}

/* The open file itself, unless the system forbids that. A program can make a seek wait, so this is
 * only for those whose user could stop the daemon anyway. */
static int take(const struct nomount_call *c)
{
    return caller_trusted(c->user.uid) ? caller_take_fd(c->caller.thread, c->request.at) : -EACCES;
}

/*
 * Gives the open file this offset, and what the attribute has by now. The offset is that of all
 * copies, whoever has them; the content only of this process's, if it has changed. Without the file
 * itself both are of this process's only.
 */
static int move_to(struct nomount_call *c, int flags, int64_t offset)
{
    bool reads = (flags & O_ACCMODE) != O_WRONLY, same = false;
    text_auto content = {0};
    int fd, rc = reads ? file_show(c->view, c->ino, &content) : 0;

    if (rc < 0)
        return rc;
    fd = take(c);
    if (fd >= 0) {
        same = lseek(fd, offset, SEEK_SET) == offset && (!reads || has_content(fd, &content));
        close(fd);
    }
    return same ? 0 : renew(c, &content, flags, offset);
}

void call_moved(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    int flags = r->positioned ? -1 : caller_fd_flags(c->caller.thread, r->at);
    int64_t offset;

    if (c->view->gone || flags < 0)
        return;
    offset = caller_fd_offset(c->caller.thread, r->at);
    if (offset >= 0)
        move_to(c, flags, offset + c->result);
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
    rc = offset < 0 ? -EINVAL : move_to(c, flags, offset);
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

/* The kernel reads, after the content has been renewed. */
static void execute_read_vector(struct nomount_call *c)
{
    int flags = c->node ? -1 : caller_fd_flags(c->caller.thread, c->request.at), rc = 0;

    if (flags >= 0 && (flags & O_ACCMODE) != O_WRONLY)
        rc = move_to(c, flags, caller_fd_offset(c->caller.thread, c->request.at));
    if (rc < 0)
        answer_result(c, rc);
    else
        answer_go_on(c);
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
    case NOMOUNT_READ_VECTOR:
        execute_read_vector(c);
        return;
    default:
        if (c->len)
            call_store(c);
        else
            answer_result(c, 0);
    }
}
