/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_LISTENER_H
#define APUS_SECCOMP_LISTENER_H

#include <systemd/sd-event.h>

#include "base/effects.h"
#include "base/text.h"
#include "core/core.h"

/*
 * ioctls of device nodes by seccomp user notification (seccomp_unotify(2)): those of VFIO, and, in
 * place of FUSE, those of zcrypt.
 *
 * A node is a file in /dev that opens as /dev/null does (node.h). A program with a seccomp filter
 * that reports each ioctl whose number has the type byte ';' or 'z' (run/filter.h) hands its
 * listener over; its children inherit the filter. What is an ioctl on one of the nodes, or on a
 * descriptor that VFIO has handed out, is served (ioctl/call.h, vfio/vfio.h); the kernel goes on
 * with the others. Once the daemon has read a notification only death takes the caller out of its
 * ioctl; other signals wait (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), so nothing is written into a
 * program that goes on.
 */
struct seccomp;

/*
 * socket: an end of a socket pair through which, by SCM_RIGHTS, one listener comes; taken over,
 * also on failure. It gets a byte when all nodes are in place. dev: the directory of the nodes,
 * absolute, the caller's. zcrypt: its ioctls come here, and z90crypt is in place when the listener
 * comes. 0 or -errno with a sentence.
 */
int seccomp_new(struct door *door, sd_event *event, int socket, const char *dev, bool zcrypt,
                struct seccomp **out, struct text *why);

/* Ends all calls with -ENODEV; later ones get ENOSYS from the kernel. NULL is allowed. */
void seccomp_free(struct seccomp *n);

/* For every executed command, before any reply to it leaves. */
void seccomp_effects(struct seccomp *n, const struct effects *effects);

/* Ioctls on the file called name in dev, which is in place, are for this node of the tree. 0 or
 * -errno. */
int seccomp_add_node(struct seccomp *n, const char *name, sysfs_ino ino);

#endif
