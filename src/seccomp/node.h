/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_NODE_H
#define APUS_SECCOMP_NODE_H

#include <sys/types.h>

/*
 * A file that is a character device, does nothing by itself, and can be opened: a node of the
 * number of /dev/null, whose mode and owner are its own; or where no node can be made, as in a user
 * namespace, what is at null in the same directory, bound over an empty file and read-only, so that
 * it keeps mode and owner. 0, or -errno: -EEXIST: there is a file of that name.
 */
int seccomp_node_place(const char *dev, const char *name, mode_t mode);
void seccomp_node_displace(const char *dev, const char *name);

#endif
