/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nomount/internal.h"
#include "socket/watched.h"

/* Open device nodes: the program's end of a pair of sockets (socket/watched.h). */

#define NODES_MAX         4096u
#define NODES_OF_USER_MAX 1024u

const struct nomount_file *node_find(const struct nomount *n, uint64_t socket)
{
    const struct nomount_file *f;

    LIST_FOREACH (f, &n->files, link)
        if (f->socket == socket)
            return f;
    return NULL;
}

static bool is_of_zcrypt(const struct nomount_file *f)
{
    return sysfs_dir_of(f->ino).kind == SYSFS_DEV_NODE;
}

static const struct nomount_file *find(const struct nomount *n, uint64_t device, uint64_t ino)
{
    const struct nomount_file *f = node_find(n, ino);

    return f && f->device == device ? f : NULL;
}

int nomount_node(const struct nomount *n, uint64_t device, uint64_t ino, struct nomount_node *out)
{
    const struct nomount_file *f = find(n, device, ino);

    if (!f || !is_of_zcrypt(f))
        return 0;
    *out = (struct nomount_node){f->view->tree, f->ino, f->node};
    return f->view->gone ? -ENOTCONN : 1;
}

bool nomount_vfio_node(const struct nomount *n, uint64_t device, uint64_t ino,
                       struct sysfs_dir *node)
{
    const struct nomount_file *f = find(n, device, ino);
    struct sysfs_entry e;

    /* Another device may have the number of one that is gone. */
    if (!f || is_of_zcrypt(f) || f->view != n->host ||
        sysfs_stat(view_tree(f->view), f->ino, &e) < 0)
        return false;
    *node = sysfs_dir_of(f->ino);
    return true;
}

/* Also if the event loop has not heard of it yet. */
static bool is_closed(const struct nomount_file *f)
{
    struct pollfd end = {.fd = f->ours};

    return poll(&end, 1, 0) == 1;
}

unsigned nomount_nodes_open(const struct nomount *n, unsigned tree)
{
    const struct nomount_file *f;
    unsigned count = 0;

    LIST_FOREACH (f, &n->files, link)
        count += is_of_zcrypt(f) && !f->view->gone && f->view->tree == tree && !is_closed(f);
    return count;
}

static void node_free(struct nomount_file *f)
{
    LIST_REMOVE(f, link);
    f->n->file_count--;
    sd_event_source_disable_unref(f->closed);
    close(f->ours);
    free(f);
}

void node_free_all(struct nomount *n)
{
    while (!LIST_EMPTY(&n->files))
        node_free(LIST_FIRST(&n->files));
}

static int on_closed(sd_event_source *source, int fd, uint32_t events, void *data)
{
    node_free(data);
    return 0;
}

static int watch(struct nomount_file *f, int theirs)
{
    struct stat st;

    if (fstat(theirs, &st) < 0)
        return -errno;
    f->device = (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev);
    f->socket = st.st_ino;
    return sd_event_add_io(f->n->event, &f->closed, f->ours, EPOLLHUP, on_closed, f);
}

/* A part of the descriptors that this process can have. */
static unsigned share(unsigned part, unsigned max)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / part >= max)
        return max;
    return (unsigned)(limit.rlim_cur / part);
}

/* As in the copier, no user takes what others may have; and all that else is served needs
 * descriptors, too. */
static int check_room(const struct nomount *n, uid_t uid)
{
    const struct nomount_file *f;
    unsigned count = 0;

    LIST_FOREACH (f, &n->files, link)
        count += f->uid == uid;
    if (count >= share(4, NODES_OF_USER_MAX))
        return -EMFILE;
    return n->file_count < share(2, NODES_MAX) ? 0 : -ENFILE;
}

int node_open(struct nomount_view *v, uid_t uid, sysfs_ino ino)
{
    struct nomount *n = v->n;
    struct nomount_file *f;
    int theirs = -1, ours = -1, rc = check_room(n, uid);
    uint32_t node = 0;

    if (rc == 0 && sysfs_dir_of(ino).kind == SYSFS_DEV_NODE)
        rc = core_open(n->door->core, v->tree, ino, &node);
    if (rc == 0)
        rc = watched_pair(&ours, &theirs);
    if (rc < 0)
        return rc;
    f = xcalloc(1, sizeof *f);
    *f = (struct nomount_file){
        .n = n, .view = v, .uid = uid, .ino = ino, .node = node, .ours = ours};
    LIST_INSERT_HEAD(&n->files, f, link);
    n->file_count++;
    rc = watch(f, theirs);
    if (rc >= 0)
        return theirs;
    node_free(f);
    close(theirs);
    return rc;
}
