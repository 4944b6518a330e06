/* SPDX-License-Identifier: MIT */
#ifndef APUS_SECCOMP_NODE_H
#define APUS_SECCOMP_NODE_H

#include <sys/types.h>

/*
 * Creates a character device that does nothing by itself and can be opened: a node with the number
 * of /dev/null. Where nodes cannot be created, as in a user namespace, it is the ptmx of a devpts
 * of its own: the only character device that a file system there can have. Mode and owner are its
 * own in both cases. 0 or -errno; -EEXIST: a file of that name exists.
 */
int seccomp_node_place(const char *dev, const char *name, mode_t mode);
/* What is called name there. */
#define SECCOMP_NODE_PATH 256
void seccomp_node_path(const char *dev, const char *name, char out[SECCOMP_NODE_PATH]);
void seccomp_node_displace(const char *dev, const char *name);

#endif
