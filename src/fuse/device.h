/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUSE_DEVICE_H
#define APUS_FUSE_DEVICE_H

#include "base/text.h"

/*
 * Opens /dev/fuse and mounts it on the directory where: root of this user namespace owns it, others
 * may look, and the kernel checks modes. It has to be opened in the user namespace of the mount;
 * another process may serve it, as soon as this one has passed it on.
 *
 * Returns the descriptor (close-on-exec), or a negative errno with one sentence in why. -ENODEV: no
 * /dev/fuse, or no FUSE in this kernel; -EACCES: it cannot be opened; -EPERM: mount(2) is not
 * permitted.
 */
int fuse_device_mount(const char *where, struct text *why);

#endif
