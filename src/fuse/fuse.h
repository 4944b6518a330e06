/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_FUSE_H
#define APUS_FUSE_FUSE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/effects.h"
#include "base/text.h"
#include "core/core.h"

/*
 * The trees of the core as FUSE file systems that behave like sysfs [files-sysfs].
 *
 * A hub serves any number of mounts, of the same tree or of different ones. Requests are read and
 * answered on the thread of the event loop, which owns the core and never blocks on the kernel. A
 * second thread, the hub's notifier, invalidates cached names: that call blocks while anyone holds
 * the lock of the directory, possibly a process that is waiting for a reply of the event loop.
 *
 * A reply to a write is sent after all invalidations queued before it, so a client that has removed
 * a device no longer finds it.
 *
 * All functions must be called on the thread of the event loop.
 */
struct fuse_hub;
struct fuse_mount;

/* Starts the notifier. door and event must outlive the hub. 0 or -errno. */
int fuse_hub_new(struct door *door, sd_event *event, struct fuse_hub **out);

/*
 * Unmounts what is still mounted, answers whoever is waiting, ends the notifier. That cannot end
 * while a program holds the kernel in the middle of reading a directory: then stuck(data) is called
 * once, and it goes on as soon as the program does. The door is used
 * only to cancel commands that wait; not to be called from inside a callback or a command.
 */
typedef void fuse_stuck_fn(void *data);
void fuse_hub_free(struct fuse_hub *hub, fuse_stuck_fn *stuck, void *data);

/*
 * For whoever keeps the state on a medium: unsynced tells whether what was executed is there yet,
 * sync brings it there and returns. Replies to writes wait for it, on the notifier's thread, many
 * at a time. Without this call there is nothing to wait for.
 */
struct fuse_sync {
    bool (*unsynced)(void *data);
    void (*sync)(void *data);
    void *data;
};

void fuse_hub_set_sync(struct fuse_hub *hub, const struct fuse_sync *sync);

/*
 * Who mounts with fusermount3, and unmounts, for a program that gives up the right to, or may be
 * killed in the middle of it: fuse_mount_by_helper and fuse_mount_remove in another process. Both
 * return when that is done. Without this call, the program does it itself.
 */
struct fuse_mounter {
    int (*mount)(void *data, const char *path);
    void (*unmount)(void *data, const char *path, bool dead);
    void *data;
};

void fuse_hub_set_mounter(struct fuse_hub *hub, const struct fuse_mounter *mounter);

/* Handles the effects of a command. Must be called for every command, before a reply is sent. */
void fuse_hub_effects(struct fuse_hub *hub, const struct effects *effects);

/*
 * For replies over another channel, such as the control socket. True: all names that are gone have
 * been invalidated. False: not yet; done(data) will be called from the event loop.
 */
bool fuse_hub_settle(struct fuse_hub *hub, void (*done)(void *data), void *data);

/* Called when the kernel has ended the file system (umount, abort). The mount must be freed. */
typedef void fuse_ended_fn(void *data);

/*
 * Serves a tree. fd >= 0: a file system that another process has mounted (options
 * default_permissions and allow_other) in its own namespaces; mountpoint is NULL, and fd is taken
 * over, even on failure. Otherwise the tree is mounted on the directory mountpoint: by mount(2), or
 * if this user may not do that, by fusermount3, which gives only this user access. The directory
 * must not be inside a mount of the same daemon. A tree that is mounted there but has lost its
 * daemon is unmounted first.
 *
 * On failure why gets a message with a remedy. -ENOENT, -ENOTDIR, -EACCES: the directory. -EBUSY: a
 * FUSE file system is already mounted on it. -ENOTCONN: nothing is mounted with fd. -ENODEV: no
 * /dev/fuse, or no FUSE in this kernel. -EPERM, -EACCES: no permission.
 */
int fuse_mount_new(struct fuse_hub *hub, unsigned tree, const char *mountpoint, int fd,
                   fuse_ended_fn *ended, void *data, struct text *why, struct fuse_mount **out);

/*
 * Unmounts. Pending writes get ENODEV, and their commands are cancelled through the door, so this
 * must not be called during a command. What the notifier still needs is freed later, on the event
 * loop.
 */
void fuse_mount_free(struct fuse_mount *m);

/* By fusermount3. The descriptor of /dev/fuse, or -errno. */
int fuse_mount_by_helper(const char *path);

/* Unmounts what is on path, which is absolute: by umount(2), or by fusermount3. dead: only trees
 * that have lost their daemon. */
void fuse_mount_remove(const char *path, bool dead);

/* The same for such trees, on any directory. */
void fuse_remove_dead(const char *mountpoint);

#endif
