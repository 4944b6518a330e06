/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "cuse/internal.h"

#define SERVE_BATCH 32 /* requests served before other event sources get a turn */
#define DRAIN_BATCH 4096

static void do_open(fuse_req_t req, struct fuse_file_info *fi)
{
    struct cuse_node *n = fuse_req_userdata(req);
    uint32_t handle = 0;
    int rc =
        n->closing ? -ENODEV : core_open(n->owner->door->core, CORE_HOST_TREE, n->ino, &handle);
    struct cuse_file *f;

    if (rc < 0) {
        fuse_reply_err(req, -rc);
        return;
    }
    f = xcalloc(1, sizeof *f);
    f->node = n;
    f->handle = handle;
    LIST_INSERT_HEAD(&n->files, f, link);
    fi->fh = (uintptr_t)f;
    if (fuse_reply_open(req, fi) == -ENOENT)
        cuse_file_free(f); /* the opener was killed in the meantime: there will be no release */
}

/* The kernel lets nobody who closes or dies go before this is answered. */
static void do_release(fuse_req_t req, struct fuse_file_info *fi)
{
    fuse_reply_err(req, 0);
    cuse_file_free(cuse_file_of(fi));
}

static void do_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
    fuse_reply_err(req, EPERM);
}

static void do_write(fuse_req_t req, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    fuse_reply_err(req, EPERM);
}

/* What fails is said by us, in words of our own. */
static void libfuse_says(enum fuse_log_level level, const char *format, va_list args)
{
}

static struct fuse_session *session_new(struct cuse_node *n)
{
    static const struct cuse_lowlevel_ops ops = {.open = do_open,
                                                 .release = do_release,
                                                 .read = do_read,
                                                 .write = do_write,
                                                 .ioctl = cuse_ioctl};
    char variable[sizeof "DEVNAME=" + CUSE_NAME_MAX], *argv[] = {"apus", NULL};
    const char *variables[] = {variable};
    const struct cuse_info info = {.dev_major = major(n->number),
                                   .dev_minor = minor(n->number),
                                   .dev_info_argc = 1,
                                   .dev_info_argv = variables,
                                   .flags = CUSE_UNRESTRICTED_IOCTL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_session *session;

    snprintf(variable, sizeof variable, "DEVNAME=%s", n->name);
    fuse_set_log_func(libfuse_says);
    session = cuse_lowlevel_new(&args, &info, &ops, n);
    fuse_opt_free_args(&args);
    return session;
}

/* 1: a request was served; 0: there is none; -ENODEV: there never will be one. */
static int serve(struct cuse_node *n)
{
    int len = fuse_session_receive_buf(n->session, &n->owner->buffer);

    if (len == -EINTR)
        return 1;
    if (len == -EAGAIN)
        return 0;
    if (len <= 0)
        return -ENODEV;
    fuse_session_process_buf(n->session, &n->owner->buffer);
    return 1;
}

/* The kernel has ended it: its entry in sysfs has a file for that. */
static void node_ended(struct cuse_node *n)
{
    text_auto message = {0};

    sd_event_source_set_enabled(n->readable, SD_EVENT_OFF);
    cuse_calls_end(n);
    text_addf(&message, "the kernel has ended the device %s", n->name);
    if (n->owner->door->log)
        n->owner->door->log(n->owner->door, LOG_LEVEL_WARNING, message.data);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct cuse_node *n = data;
    int rc = 1;

    for (unsigned i = 0; i < SERVE_BATCH && rc == 1; i++)
        rc = serve(n);
    if (rc < 0)
        node_ended(n);
    return 0;
}

void cuse_node_drain(struct cuse_node *n)
{
    for (unsigned i = 0; n->session && i < DRAIN_BATCH && serve(n) == 1; i++)
        ;
}

/* Opens a connection; the first request asks for number and name. The kernel takes any reply to
 * that, and tells whether it has refused by what comes next. -EBUSY: refused. */
static int connect_node(struct cuse_node *n)
{
    int fd = openat(n->owner->dev, "cuse", O_RDWR | O_NONBLOCK | O_CLOEXEC), rc = 0;
    char path[32];

    if (fd < 0)
        return -errno;
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    n->session = session_new(n);
    if (!n->session || fuse_session_mount(n->session, path) < 0) {
        close(fd);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < 2 && rc >= 0; i++)
        rc = serve(n);
    return rc < 0 ? -EBUSY : rc ? -EPROTO : 0;
}

static void disconnect(struct cuse_node *n)
{
    if (n->session)
        fuse_session_destroy(n->session);
    n->session = NULL;
}

/* Whether the kernel has put it into /dev. It leaves what others have put there alone. */
static int look(struct cuse_node *n)
{
    struct stat st;

    if (fstatat(n->owner->dev, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISCHR(st.st_mode) || minor(st.st_rdev) != minor(n->number) ||
        (major(n->number) && st.st_rdev != n->number))
        return -EEXIST;
    n->number = st.st_rdev;
    return 0;
}

static int set_owner(const struct cuse_node *n, const struct sysfs_entry *entry)
{
    int dev = n->owner->dev;

    if (fchmodat(dev, n->name, entry->mode, 0) < 0)
        return -errno;
    if ((entry->uid || entry->gid) &&
        fchownat(dev, n->name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

/* The kernel does not check what a name in /dev is made of, and makes directories of slashes and
 * exclamation marks. */
static int name_node(struct cuse_node *n, const char *own)
{
    int len = snprintf(n->name, sizeof n->name, "%s%s", n->owner->prefix, own);

    if (len >= (int)sizeof n->name || n->name[0] == '.')
        return -EINVAL;
    for (const char *c = n->name; *c; c++)
        if (*c == '/' || *c == '!' || *c <= ' ' || *c == 0x7f)
            return -EINVAL;
    return 0;
}

/* The kernel chooses the major number of the first one if ours is another driver's. */
static int make(struct cuse_node *n, const struct sysfs_entry *entry)
{
    struct cuse *c = n->owner;
    struct stat st;
    int rc = name_node(n, entry->name);

    if (rc < 0)
        return rc;
    if (fstatat(c->dev, n->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    rc = connect_node(n);
    if (rc == -EBUSY && LIST_EMPTY(&c->nodes) && major(n->number)) {
        disconnect(n);
        n->number = makedev(0, minor(n->number));
        rc = connect_node(n);
    }
    if (rc == 0)
        rc = look(n);
    if (rc == 0)
        rc = set_owner(n, entry);
    if (rc == 0)
        rc = n->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (rc >= 0)
        rc = sd_event_add_io(c->event, &n->readable, fuse_session_fd(n->session), EPOLLIN,
                             on_readable, n);
    return rc < 0 ? rc : 0;
}

static void explain(const struct cuse_node *n, const char *own, int rc, struct text *why)
{
    const char *name = n->name;

    if (why->len)
        text_adds(why, "; ");
    if (rc == -EEXIST)
        text_addf(why,
                  "/dev/%s already exists: it belongs to another machine or is a real device; "
                  "--nodes=cuse:PREFIX adds a prefix to the names",
                  name);
    else if (rc == -EINVAL)
        text_addf(why, "%s gets no node in /dev: its name there would be invalid", own);
    else if (rc == -EBUSY)
        text_addf(why, "the kernel refused the device %s: its number %u:%u is taken", name,
                  major(n->number), minor(n->number));
    else if (rc == -ENOENT)
        text_addf(why,
                  "/dev/%s did not appear: /dev is no devtmpfs, as in a container; run the daemon "
                  "outside",
                  name);
    else
        text_addf(why, "cannot make /dev/%s: %s", name, error_text(-rc));
}

int cuse_node_new(struct cuse *c, const struct sysfs_entry *entry, struct text *why)
{
    struct cuse_node *n = xcalloc(1, sizeof *n);
    uint32_t object = sysfs_dir_of(entry->ino).object;
    int rc;

    n->owner = c;
    n->ino = entry->ino;
    n->end = -1;
    n->number = makedev(c->major, object == ZCRYPT_Z90CRYPT ? CUSE_Z90CRYPT : object);
    rc = make(n, entry);
    LIST_INSERT_HEAD(&c->nodes, n, link);
    if (rc < 0) {
        explain(n, entry->name, rc, why);
        n->readable = sd_event_source_disable_unref(n->readable);
        disconnect(n);
        n->number = 0;
        return rc;
    }
    c->major = major(n->number);
    return 0;
}

void cuse_node_free(struct cuse_node *n)
{
    LIST_REMOVE(n, link);
    sd_event_source_disable_unref(n->readable);
    while (!LIST_EMPTY(&n->files))
        cuse_file_free(LIST_FIRST(&n->files));
    disconnect(n);
    if (n->end >= 0)
        close(n->end);
    free(n);
}
