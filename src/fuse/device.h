/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_DEVICE_H
#define APUS_FUSE_DEVICE_H

#include "base/text.h"

/*
 * Opens /dev/fuse and mounts it on the directory where; source is what lists of mounts show as its
 * device. The owner is root of this user namespace,
 * other users have access (allow_other), and the kernel checks modes. It must be opened in the user
 * namespace of the mount; then the descriptor can be passed to another process that serves it.
 *
 * Returns the descriptor (close-on-exec), or -errno with a message in why. -ENODEV: no /dev/fuse,
 * or no FUSE in this kernel; -EACCES: it cannot be opened; -EPERM: mount(2) is not permitted.
 */
int fuse_device_mount(const char *source, const char *where, struct text *why);

#endif
