/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_FUSE_H
#define APUS_FUSE_FUSE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/effects.h"
#include "base/text.h"
#include "core/core.h"

/*
 * The trees of the core as FUSE file systems that behave as sysfs does [files-sysfs].
 *
 * One hub serves any number of mounts, of the same tree or of different ones. Requests are read and
 * answered on the thread that runs the event loop; that thread owns the core and never waits for
 * the kernel. A second thread, the hub's notifier, tells the kernel which cached names are gone:
 * that call sleeps until nobody in the kernel holds the directory any more, and whoever holds it
 * may be waiting for an answer from the event loop.
 *
 * Every reply to a write leaves after the invalidations that were ordered before it, so a client
 * that has removed a device finds no trace of it.
 *
 * All functions are for the thread of the event loop.
 */
struct fuse_hub;
struct fuse_mount;

/* Starts the notifier. door and event must outlive the hub. -errno of the system's refusal. */
int fuse_hub_new(struct door *door, sd_event *event, struct fuse_hub **out);

/*
 * Unmounts what is still mounted, answers whoever is waiting, ends the notifier. That cannot end
 * while a program holds the kernel in the middle of reading a directory: then stuck(data) is called
 * once, and it goes on as soon as the program does. The door is used
 * only to cancel commands that wait; not to be called from inside a callback or a command.
 */
typedef void fuse_stuck_fn(void *data);
void fuse_hub_free(struct fuse_hub *hub, fuse_stuck_fn *stuck, void *data);

/* What a command did. To be called for every executed command, before any reply to it leaves. */
void fuse_hub_effects(struct fuse_hub *hub, const struct effects *effects);

/*
 * For replies that take another way than FUSE, such as the control socket. True: the kernel has
 * forgotten all that is gone. False: it is still being told, and done(data) is called from the
 * event loop when it has.
 */
bool fuse_hub_settle(struct fuse_hub *hub, void (*done)(void *data), void *data);

/* The kernel has ended the file system (umount, abort). The mount is then to be freed. */
typedef void fuse_ended_fn(void *data);

/*
 * Shows a tree, in one of two ways. fd >= 0 serves a file system that another process has mounted
 * (options default_permissions and allow_other) in its own namespaces; mountpoint is NULL then, and
 * fd is taken over, also on failure. Otherwise the tree is mounted on the directory mountpoint: by
 * mount(2), and if that is not permitted to this user, through fusermount3, which shows it to this
 * user only. The directory must not be inside one of our own mounts. A tree that is mounted there
 * and has lost its daemon is unmounted first.
 *
 * On failure why gets one sentence with the remedy. -ENOENT, -ENOTDIR, -EACCES: the directory.
 * -EBUSY: a FUSE file system is mounted on it already. -ENOTCONN: nothing is mounted with fd.
 * -ENODEV: no /dev/fuse, or no FUSE in this kernel. -EPERM, -EACCES: no permission.
 */
int fuse_mount_new(struct fuse_hub *hub, unsigned tree, const char *mountpoint, int fd,
                   fuse_ended_fn *ended, void *data, struct text *why, struct fuse_mount **out);

/*
 * Unmounts. Waiting writers get ENODEV and their commands are cancelled through the door, so this
 * is not to be called while a command is executed. What the notifier still needs goes away later,
 * on the event loop.
 */
void fuse_mount_free(struct fuse_mount *m);

#endif
