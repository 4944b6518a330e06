/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_NOMOUNT_H
#define APUS_NOMOUNT_NOMOUNT_H

#include <systemd/sd-event.h>

#include "core/core.h"
#include "ioctl/caller.h"

/*
 * The machine's tree for programs without a mount: their system calls that name files, or write,
 * are reported by a seccomp filter (syscalls.h), and answered here if they concern the machine. For
 * all others the kernel goes on. What a program gets is the kernel's own, so that dup(2), fork(2),
 * exec(2), passing and closing need nobody:
 *
 *   an attribute    a sealed memfd with its content, whose name holds the number of its node; a
 *                   write(2) to it is reported, and becomes a store
 *   a directory     one of the same name below a directory of the daemon's (shadow.h), with an
 *                   empty file, a directory or a link for each entry
 *   a device node   a socket, whose other end tells of the last close(2); its ioctls come the same
 *                   way as those of other nodes (seccomp/listener.h)
 *
 * A process sees the host's tree, or a guest's if it, or an ancestor, was given the guest's badge
 * (syscalls.h). What is open belongs to the tree that it was opened in, whoever has it.
 *
 * The library of src/preload makes open(2) and fchdir(2) of chdir(3), since nobody can change the
 * working directory of another process, and something alike of inotify_add_watch(3) (watch.c).
 *
 * All functions are for the thread of the event loop, which never waits: what may take long, a
 * caller's memory or a large directory, is for the threads of the copier.
 */
struct nomount;
struct copier;

/* A thread that waits in a system call. */
struct nomount_caller {
    pid_t thread;
    int line;    /* for the guard (ioctl/caller.h); open until the answer */
    uint64_t id; /* likewise */
};

struct nomount_way {
    caller_guard waits;
    /* Each call is answered by one of these, once. result: or -errno. */
    void (*answer)(const struct nomount_caller *c, int64_t result);
    void (*go_on)(const struct nomount_caller *c);
    /* Gives the caller a copy of fd. at < 0: as the lowest free number, which answers the call
     * unless it fails; otherwise in place of descriptor at, which answers nothing. */
    int (*give)(const struct nomount_caller *c, int fd, int at, bool cloexec);
};

/* For whoever keeps the state on a medium, as fuse_sync: a store is answered when it is there. */
struct nomount_sync {
    bool (*unsynced)(void *data);
    void (*sync)(void *data); /* on any thread */
    void *data;
};

/*
 * shadow: an empty directory of this user; what is in it at the end is for its owner to remove.
 * The copier must outlive the result. 0 or -errno with why set.
 */
int nomount_new(struct door *door, sd_event *event, struct copier *copier, const char *shadow,
                const struct nomount_way *way, const struct nomount_sync *sync,
                struct nomount **out, struct text *why);
/* Ends all calls with -ENOTCONN, as those to a tree whose daemon has gone. NULL is allowed. */
void nomount_free(struct nomount *n);

struct seccomp_data;

void nomount_serve(struct nomount *n, const struct nomount_caller *c,
                   const struct seccomp_data *data);

/* After one or more of these. */
void nomount_served(struct nomount *n);

/* The callers that a line reported are dead. */
void nomount_abandon(struct nomount *n, int line);

/* For every executed command, before a reply is sent. */
void nomount_effects(struct nomount *n, const struct effects *effects);

/* An open device node of zcrypt. */
struct nomount_node {
    unsigned tree;
    sysfs_ino ino;   /* in the tree */
    uint32_t handle; /* from core_open */
};

/* Whether the file with this number (device: major << 32 | minor) is one: 1 or 0; -ENOTCONN: of a
 * guest that has stopped. */
int nomount_node(const struct nomount *n, uint64_t device, uint64_t ino, struct nomount_node *out);
/* The same for one of VFIO's that is still there and has not been replaced (vfio/vfio.h): which of
 * the tree it is. */
bool nomount_vfio_node(const struct nomount *n, uint64_t device, uint64_t ino,
                       struct sysfs_dir *node);
/* How many of zcrypt's of that tree are open. */
unsigned nomount_nodes_open(const struct nomount *n, unsigned tree);

/* The badge (syscalls.h) of processes that see this tree, of the host or of a guest that runs. 0 or
 * -errno. */
int nomount_badge(struct nomount *n, unsigned tree, uint32_t *out);

/* The path of the library that LD_PRELOAD is to name; nobody needs a file there. */
#define NOMOUNT_LIBRARY "/dev/apus/preload.so"

#endif
