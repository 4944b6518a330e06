/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_INTERNAL_H
#define APUS_SECCOMP_INTERNAL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "ioctl/call.h"
#include "seccomp/listener.h"

/* A node in /dev, or one that has been there: a descriptor of it may still be open. */
struct seccomp_node {
    char name[ZCRYPT_NAME_MAX];
    uint64_t mount; /* number of the mount, as in fdinfo */
    bool present;   /* its file is ours to remove */
    sysfs_ino ino;
    uint32_t node; /* as core_open named it */
};

LIST_HEAD(seccomp_calls, seccomp_call);

struct seccomp {
    struct door *door;
    sd_event *event;
    struct ioctl_desk *desk;
    const char *dev;
    int socket, listener; /* -1: no more, not yet */
    sd_event_source *arrival, *readable, *sweep;
    struct seccomp_calls calls;
    uint64_t null; /* inode number of /dev/null */
    struct seccomp_node *nodes;
    unsigned node_count;
};

/* node.c */
/* Enters the node whose file is in place. 0 or -errno. */
int seccomp_node_add(struct seccomp *n, const char *name, sysfs_ino ino);
/*
 * The node that an open /dev/null is: of that mount, or, if the mount is none of ours (another
 * mount namespace has a copy of it), with that path. NULL: none. One that is gone is found by its
 * mount.
 */
const struct seccomp_node *seccomp_node_find(const struct seccomp *n, uint64_t mount,
                                             const char *path);
bool seccomp_node_lives(const struct seccomp *n, const struct seccomp_node *node);

/* descriptor.c */
struct descriptor {
    uint64_t mount, ino;
};

/*
 * What stands behind a descriptor of a thread, without asking its file system. -EBADF: nothing;
 * -ENOENT: the thread is gone, or hidden; -EACCES: we may not look at it; -EMFILE and the like: the
 * daemon cannot.
 */
int descriptor_look(pid_t thread, int fd, struct descriptor *out);
/* It is open for reading or writing; not for its path alone. */
bool descriptor_can_ioctl(pid_t thread, int fd);
/* Its path; empty: unknown. */
void descriptor_path(pid_t thread, int fd, char *out, size_t size);
/* The effective user of a thread. -ESRCH: it is gone. */
int descriptor_user(pid_t thread, uid_t *out);

#endif
