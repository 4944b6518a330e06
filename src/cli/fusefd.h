/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_FUSEFD_H
#define APUS_CLI_FUSEFD_H

/*
 * Opens /dev/fuse and mounts it on the directory where. It has to be opened in the user namespace
 * of the mount; another process may serve it, as soon as this one has passed it on. Returns the
 * descriptor (close-on-exec), or a negative errno after a sentence on standard error.
 */
int fusefd_mount(const char *where);

#endif
