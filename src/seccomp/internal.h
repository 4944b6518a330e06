/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_INTERNAL_H
#define APUS_SECCOMP_INTERNAL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/lookout.h"
#include "ioctl/call.h"
#include "nomount/nomount.h"
#include "seccomp/listener.h"
#include "vfio/vfio.h"

/* Identifies an open file. device: major << 32 | minor */
struct descriptor {
    uint64_t device, ino;
};

/* A node in /dev, or a former one: it may still be open. */
struct seccomp_node {
    char name[ZCRYPT_NAME_MAX]; /* below the directory of the nodes */
    struct descriptor file;
    unsigned tree; /* of the core, and in it: */
    sysfs_ino ino;
    uint32_t node; /* its handle from core_open */
    bool is_vfio;  /* not a node of zcrypt, but: */
    struct vfio_target vfio;
};

LIST_HEAD(seccomp_calls, seccomp_call);

/* The other end of a program's filter. It goes when no process has that filter any more. */
struct seccomp_line {
    struct seccomp *owner;
    LIST_ENTRY(seccomp_line) link;
    int fd;
    sd_event_source *source;
    bool direct; /* on the caller's CPU until it has its answer: nothing can come meanwhile */
    struct lookout lookout;
};

LIST_HEAD(seccomp_lines, seccomp_line);

struct seccomp {
    struct door *door;
    sd_event *event;
    struct ioctl_desk *desk;
    struct vfio *vfio;
    struct nomount *nomount; /* NULL: programs see the tree by other ways */
    bool zcrypt;             /* the ioctls of zcrypt's nodes come here, not by FUSE */
    const char *dev;
    bool placed; /* the nodes are in dev */
    struct seccomp_lines lines;
    sd_event_source *sweep;
    struct seccomp_calls calls;
    struct seccomp_node *nodes;
    unsigned node_count;
};

/* node.c */
/* The node of an open file; one that is gone is found, too. NULL: none. */
const struct seccomp_node *seccomp_node_find(const struct seccomp *n,
                                             const struct descriptor *file);
/* What is called name in the directory is a node of VFIO, which is in place. 0 or -errno. */
int seccomp_add_vfio_node(struct seccomp *n, const char *name, const struct vfio_target *target);
void seccomp_forget_node(struct seccomp *n, const char *name);
bool seccomp_node_lives(const struct seccomp *n, const struct seccomp_node *node);

/* notification.c */
/* ioctl(2) that is not interrupted. */
int seccomp_listener_ioctl(int listener, unsigned long number, void *argument);
/* result: or -errno. Whoever is gone needs no answer. */
void seccomp_answer(int listener, uint64_t id, int64_t result);
void seccomp_let_kernel_go_on(int listener, uint64_t id);
/* Gives the caller a copy of fd. at < 0: as the lowest free number, which is the answer. 0 or
 * -errno. */
int seccomp_give(int listener, uint64_t id, int fd, int at, bool cloexec);
/* Whether the caller of the notification still waits. */
bool seccomp_waits(int listener, uint64_t id);

struct seccomp_notif;

/* paths.c */
void seccomp_serve_path(struct seccomp *n, int line, const struct seccomp_notif *request);

/* vfio.c */
void seccomp_vfio_new(struct seccomp *n);
/* The nodes of all devices. */
void seccomp_vfio_place(struct seccomp *n);
/* What a descriptor is to VFIO; an error as descriptor_look. */
int seccomp_vfio_look(const struct seccomp *n, pid_t thread, int fd, struct vfio_target *out);
void seccomp_vfio_serve(struct seccomp *n, int line, const struct seccomp_notif *request,
                        const struct vfio_target *target, uid_t user);
void seccomp_vfio_effects(struct seccomp *n, const struct effects *effects);

/* descriptor.c */
/*
 * Identifies the file of a thread's descriptor, without accessing its file system. -EBADF: no such
 * descriptor; -ENOENT: the thread is gone, or hidden; -EACCES: no permission; -EMFILE and the like:
 * the daemon lacks resources.
 */
int descriptor_look(pid_t thread, int fd, struct descriptor *out);
int descriptor_of_path(const char *path, struct descriptor *out);
/* Whether it is open for reading or writing, not with O_PATH. */
bool descriptor_can_ioctl(pid_t thread, int fd);
/* The effective user of a thread. -ESRCH: the thread is gone. */
int descriptor_user(pid_t thread, uid_t *out);

#endif
