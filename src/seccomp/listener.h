/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_LISTENER_H
#define APUS_SECCOMP_LISTENER_H

#include <poll.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/effects.h"
#include "base/text.h"
#include "core/core.h"
#include "nomount/nomount.h"

/*
 * Serves ioctls on device nodes by seccomp user notification (seccomp_unotify(2)): those of VFIO,
 * and, instead of FUSE, those of zcrypt.
 *
 * A node is a file in /dev of a device that every computer has (node.h). The program has a
 * seccomp filter, inherited by its children, that reports each ioctl whose number has the type byte
 * ';' or 'z' (run/filter.h), and passes the listener to the daemon (the control command
 * seccomp-listen); a machine can have many such programs. An ioctl on one of the nodes,
 * or on a descriptor from VFIO, is served (ioctl/call.h, vfio/vfio.h); for others the kernel
 * continues the system call. Once the daemon has read a notification, only death ends the caller's
 * ioctl; other signals wait (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV). So nothing is written to a
 * program that continues.
 */
struct seccomp;

/*
 * dev: the absolute path of the directory of the nodes; must outlive the result. NULL: there are
 * none (seccomp_serve_paths). zcrypt: also serve
 * the ioctls of zcrypt. 0, or -errno with why set.
 */
int seccomp_new(struct door *door, sd_event *event, const char *dev, bool zcrypt,
                struct seccomp **out, struct text *why);

/*
 * From now on programs may have a filter that reports paths and writes, too (nomount/nomount.h):
 * they have the machine without a mount. There are no nodes in dev then. The parameters are those
 * of nomount_new. 0, or -errno with why set.
 */
int seccomp_serve_paths(struct seccomp *n, const char *shadow, const struct nomount_sync *sync,
                        struct text *why);

/* The badge of programs that see this tree (nomount/nomount.h). 0 or -errno; -EOPNOTSUPP: programs
 * have mounts. */
int seccomp_badge(struct seccomp *n, unsigned tree, uint32_t *out);

/* Serves a program whose filter has this listener. All nodes exist then; z90crypt must exist
 * before. lender: of ioctl/lender.h, or -1. Both are taken over unless it fails. 0 or -errno;
 * -ENOTTY: it is no listener. */
int seccomp_listen(struct seccomp *n, int listener, int lender);

/* Ends all calls with -ENODEV; later ones get ENOSYS from the kernel. NULL is allowed. */
void seccomp_free(struct seccomp *n);

/* The listeners that report paths, for poll(2): who waits at them by itself is woken on the CPU of
 * the caller. Returns how many, at most max. */
size_t seccomp_listeners(const struct seccomp *n, struct pollfd *out, size_t max);

/* Must be called for every command, before a reply is sent. */
void seccomp_effects(struct seccomp *n, const struct effects *effects);
/* Before a command that a device which is in use would refuse (vfio_files_sweep). */
void seccomp_release_closed(struct seccomp *n);

/* From now on ioctls on the file called name in dev, which must exist, are ioctls on the node ino
 * of the tree. 0 or -errno. */
int seccomp_add_node(struct seccomp *n, const char *name, sysfs_ino ino);

#endif
