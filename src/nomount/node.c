/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "nomount/internal.h"

/*
 * Open device nodes. The program gets a listening socket, on which read(2) fails with EINVAL; ours
 * is a connection to it that nobody accepts, and is reset when the last copy is closed.
 */

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

bool nomount_node(const struct nomount *n, uint64_t device, uint64_t ino, sysfs_ino *node_ino,
                  uint32_t *node)
{
    const struct nomount_file *f = node_find(n, ino);

    if (!f || f->device != device)
        return false;
    *node_ino = f->ino;
    *node = f->node;
    return true;
}

unsigned nomount_nodes_open(const struct nomount *n)
{
    return n->file_count;
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

static int connect_pair(int ours, int theirs)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;

    if (bind(theirs, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        listen(theirs, 0) < 0 || getsockname(theirs, (struct sockaddr *)&address, &len) < 0 ||
        connect(ours, (struct sockaddr *)&address, len) < 0)
        return -errno;
    return 0;
}

static int make_pair(int *ours, int *theirs)
{
    int rc;

    *ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = *ours < 0 || *theirs < 0 ? -errno : connect_pair(*ours, *theirs);
    if (rc < 0 && *ours >= 0)
        close(*ours);
    if (rc < 0 && *theirs >= 0)
        close(*theirs);
    return rc;
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

/* As in the copier, no user takes what others may have. */
static int check_room(const struct nomount *n, uid_t uid)
{
    const struct nomount_file *f;
    unsigned count = 0;

    LIST_FOREACH (f, &n->files, link)
        count += f->uid == uid;
    if (count >= NODES_OF_USER_MAX)
        return -EMFILE;
    return n->file_count < NODES_MAX ? 0 : -ENFILE;
}

int node_open(struct nomount *n, uid_t uid, sysfs_ino ino)
{
    struct nomount_file *f;
    int theirs = -1, ours = -1, rc;
    uint32_t node;

    rc = core_open(n->door->core, CORE_HOST_TREE, ino, &node);
    if (rc == 0)
        rc = check_room(n, uid);
    if (rc == 0)
        rc = make_pair(&ours, &theirs);
    if (rc < 0)
        return rc;
    f = xcalloc(1, sizeof *f);
    *f = (struct nomount_file){.n = n, .uid = uid, .ino = ino, .node = node, .ours = ours};
    LIST_INSERT_HEAD(&n->files, f, link);
    n->file_count++;
    rc = watch(f, theirs);
    if (rc >= 0)
        return theirs;
    node_free(f);
    close(theirs);
    return rc;
}
