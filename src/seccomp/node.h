/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_NODE_H
#define APUS_SECCOMP_NODE_H

#include <sys/types.h>

/*
 * Creates a character device that does nothing by itself and can be opened: a node with the number
 * of /dev/null, with mode and owner of its own. Where nodes cannot be created, as in a user
 * namespace, it is a read-only bind mount of the file null in the same directory, so its mode and
 * owner cannot be changed. 0 or -errno; -EEXIST: a file of that name exists.
 */
int seccomp_node_place(const char *dev, const char *name, mode_t mode);
void seccomp_node_displace(const char *dev, const char *name);

#endif
