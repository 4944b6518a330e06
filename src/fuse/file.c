/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "fuse/internal.h"

#define WRITE_MAX 4096 /* as in sysfs, the rest of a write(2) is ignored */

static void file_free(struct open_file *f)
{
    LIST_REMOVE(f, link);
    if (f->poll)
        fuse_pollhandle_destroy(f->poll);
    text_done(&f->content);
    free(f);
}

static void file_close(struct fuse_mount *m, struct open_file *f)
{
    m->devices_open -= f->device;
    file_free(f);
}

void file_free_all(struct fuse_mount *m)
{
    while (!LIST_EMPTY(&m->files))
        file_free(LIST_FIRST(&m->files));
}

/* The kernel has checked the mode for this user. But as on sysfs, not even root may open an
 * attribute for reading or writing if no permission bit allows it. */
static int check_open(const struct fuse_mount *m, fuse_ino_t ino, int flags, bool *device,
                      uint32_t *node)
{
    const struct sysfs_tree *t = mount_tree(m);
    int access = flags & O_ACCMODE;
    struct sysfs_entry e;
    int rc = t ? sysfs_stat(t, ino, &e) : -ENODEV;

    /* The kernel knew the name, and the device has gone. */
    if (rc < 0)
        return rc == -ENODEV ? -ENOENT : rc;
    *device = e.device;
    if (e.device)
        return core_open(m->hub->door->core, m->tree, ino, node);
    if (access != O_WRONLY && !(e.mode & 0444))
        return -EACCES;
    return access != O_RDONLY && !(e.mode & 0222) ? -EACCES : 0;
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    bool device = false;
    uint32_t node = 0;
    int rc = check_open(m, ino, fi->flags, &device, &node);
    struct open_file *f;

    if (rc < 0) {
        fuse_reply_err(req, -rc);
        return;
    }
    f = xcalloc(1, sizeof *f);
    f->ino = ino;
    f->device = device;
    f->node = node;
    m->devices_open += device;
    f->unread = true; /* as on sysfs, poll returns at once until the file is read */
    LIST_INSERT_HEAD(&m->files, f, link);
    fi->fh = (uintptr_t)f;
    fi->direct_io = 1;
    fi->nonseekable = device;
    fi->noflush = 1;
    if (fuse_reply_open(req, fi) == -ENOENT)
        file_close(m, f); /* the opener was killed in the meantime: there will be no release */
}

static void do_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    file_close(fuse_req_userdata(req), file_of(fi));
    fuse_reply_err(req, 0);
}

/* As on sysfs: a read at offset 0 creates the content, later offsets read from that. */
static int file_show(const struct fuse_mount *m, struct open_file *f, off_t offset)
{
    const struct sysfs_tree *t = mount_tree(m);
    struct sysfs_entry e;
    int rc;

    if (!t)
        return -ENODEV;
    if (f->device)
        return -EPERM;
    if (offset > 0 && f->shown)
        return sysfs_stat(t, f->ino, &e);
    text_clear(&f->content);
    f->unread = false;
    rc = sysfs_show(t, f->ino, &f->content);
    f->shown = rc == 0;
    return rc;
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    struct open_file *f = file_of(fi);
    int rc = file_show(fuse_req_userdata(req), f, offset);
    size_t rest;

    if (rc < 0) {
        fuse_reply_err(req, -rc);
        return;
    }
    rest = (uint64_t)offset < f->content.len ? f->content.len - (size_t)offset : 0;
    if (rest)
        fuse_reply_buf(req, f->content.data + offset, rest < size ? rest : size);
    else
        fuse_reply_buf(req, NULL, 0);
}

struct waiting_write {
    struct waiting wait; /* first */
    size_t len;
};

static void write_complete(struct waiting *w, int result, const char *text, size_t len)
{
    struct waiting_write *write = (struct waiting_write *)w;

    notifier_written(w->mount, w->req, result < 0 ? result : (int)write->len);
    free(write);
}

static void wait_for_reply(struct fuse_mount *m, fuse_req_t req, uint64_t token, size_t len)
{
    struct waiting_write *w = xcalloc(1, sizeof *w);

    w->wait = (struct waiting){.mount = m, .req = req, .token = token, .complete = write_complete};
    w->len = len;
    waiting_add(&w->wait);
}

static int store(struct fuse_mount *m, struct open_file *f, const char *data, size_t len,
                 uint64_t token)
{
    struct door *door = m->hub->door;
    struct command cmd = {.kind = CMD_STORE, .token = token, .store = {m->tree, f->ino, data, len}};
    struct reply reply = {0};

    if (m->closing)
        return -ENODEV;
    if (f->device)
        return -EPERM;
    door->execute(door, &cmd, &reply);
    reply_done(&reply);
    return reply.result;
}

/* The offset is ignored: each write(2) is a command. */
static void do_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    size_t len = size < WRITE_MAX ? size : WRITE_MAX;
    uint64_t token = m->hub->next_token++;
    int rc = store(m, file_of(fi), data, len, token);

    if (rc == -EINPROGRESS)
        wait_for_reply(m, req, token, len);
    else
        notifier_written(m, req, rc < 0 ? rc : (int)len);
}

static bool vanished(const struct fuse_mount *m, const struct open_file *f)
{
    const struct sysfs_tree *t = mount_tree(m);
    struct sysfs_entry e;

    return !t || sysfs_stat(t, f->ino, &e) < 0;
}

static void do_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                    struct fuse_pollhandle *ph)
{
    const struct fuse_mount *m = fuse_req_userdata(req);
    struct open_file *f = file_of(fi);
    unsigned revents = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

    if (ph) {
        if (f->poll)
            fuse_pollhandle_destroy(f->poll);
        f->poll = ph;
    }
    if (f->unread || vanished(m, f))
        revents |= POLLERR | POLLPRI;
    fuse_reply_poll(req, revents);
}

static void wake(struct open_file *f)
{
    /* Unlike an invalidation this takes no lock of a directory, so the event loop may do it. */
    fuse_lowlevel_notify_poll(f->poll);
    fuse_pollhandle_destroy(f->poll);
    f->poll = NULL;
}

void file_notify_vanished(struct fuse_mount *m)
{
    struct open_file *f;

    LIST_FOREACH (f, &m->files, link)
        if (f->poll && vanished(m, f))
            wake(f);
}

void file_handlers(struct fuse_lowlevel_ops *ops)
{
    ops->open = do_open;
    ops->read = do_read;
    ops->write = do_write;
    ops->release = do_release;
    ops->poll = do_poll;
}
