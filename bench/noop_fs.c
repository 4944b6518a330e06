/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "bench.h"

#define ATTR    2
#define FOREVER 1e9
#define CONTENT "30\n"

static struct stat stat_of(fuse_ino_t ino)
{
    return (struct stat){.st_ino = ino,
                         .st_mode = ino == ATTR ? S_IFREG | 0644 : S_IFDIR | 0755,
                         .st_nlink = 1,
                         .st_size = ino == ATTR ? 4096 : 0};
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e = {
        .ino = ATTR, .attr = stat_of(ATTR), .attr_timeout = FOREVER, .entry_timeout = FOREVER};

    if (strcmp(name, "attr") != 0)
        fuse_reply_err(req, ENOENT);
    else
        fuse_reply_entry(req, &e);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st = stat_of(ino);

    fuse_reply_attr(req, &st, FOREVER);
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fi->direct_io = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    fuse_reply_buf(req, CONTENT, offset ? 0 : sizeof CONTENT - 1);
}

static void do_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    fuse_reply_write(req, size);
}

struct noop {
    struct fuse_session *session;
    struct fuse_buf buffer;
};

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
    struct noop *noop = userdata;
    int n;

    while ((n = fuse_session_receive_buf(noop->session, &noop->buffer)) > 0)
        fuse_session_process_buf(noop->session, &noop->buffer);
    return n == -EAGAIN || n == -EINTR ? 0 : sd_event_exit(sd_event_source_get_event(s), 0);
}

void bench_noop_serve(const char *dir)
{
    static const struct fuse_lowlevel_ops ops = {.lookup = do_lookup,
                                                 .getattr = do_getattr,
                                                 .open = do_open,
                                                 .read = do_read,
                                                 .write = do_write};
    char *argv[] = {"noop", "-odefault_permissions,allow_other", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    struct noop noop = {0};
    sd_event *event;

    noop.session = fuse_session_new(&args, &ops, sizeof ops, NULL);
    if (!noop.session || fuse_session_mount(noop.session, dir) < 0 || sd_event_new(&event) < 0)
        bench_fail("cannot mount the minimal FUSE file system on %s", dir);
    fcntl(fuse_session_fd(noop.session), F_SETFL, O_RDWR | O_NONBLOCK);
    if (sd_event_add_io(event, NULL, fuse_session_fd(noop.session), EPOLLIN, on_readable, &noop) <
        0)
        bench_fail("no event loop for the minimal FUSE file system");
    sd_event_loop(event);
    _Exit(0);
}
