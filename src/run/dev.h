/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_DEV_H
#define APUS_RUN_DEV_H

#include <stdbool.h>
#include <sys/stat.h>

/* What z90crypt is. */
enum dev_z90crypt {
    DEV_OF_TREE,  /* a file of the tree, served over FUSE */
    DEV_OWN_NODE, /* a character device (seccomp/listener.h) */
    DEV_DAEMONS,  /* the daemon will make it (daemon/dev_nodes.c) */
};

/*
 * Sets up a /dev: a tmpfs with a node for each device of the real one. Name, mode and owner of
 * these nodes are independent, so whatever is done to them, the real /dev is not affected:
 *
 *   device            a node of the same number
 *   directory         a directory, set up in the same way
 *   symbolic link     the same link
 *   tmpfs, hugetlbfs  (shm, hugepages) a new, empty one of the same type
 *   anything else     the real one, read-only; also pts, which shows the terminals that programs
 *                     run on, and in which the kernel does not allow deletion
 *
 * Where device nodes cannot be created (in a user namespace, or one that a container forbids), they
 * are bind mounts of the real ones, read-only: a program can use the device, but not change its
 * mode or delete it. In a user namespace this applies to all directories. /dev/ptmx looks for a
 * directory pts next to it, which a bind mount of the node alone does not have. So there the whole
 * real /dev is mounted read-only at /dev/.host, and ptmx is a link into it.
 *
 * The real /dev is removed from the mount namespace, so that it does not reappear when this one is
 * unmounted (in a user namespace that is not possible).
 *
 * The machine's own nodes are z90crypt and, in the directory zcrypt, those created by
 * class/zcrypt/create. The daemon gives new ones a name in /dev as well. The directory apus is for
 * emulator.h, and has what a machine of Z shows as /proc/sysinfo: no file can be added to /proc.
 * tree: descriptor of the root of the machine's tree. spare: a directory to mount on temporarily.
 * 0, or -errno after an error message.
 */
int dev_lay_out(int tree, enum dev_z90crypt z90crypt, const char *spare);

/* Whether it is the device that makes pseudo terminals. */
bool dev_is_ptmx(const struct stat *st);

#endif
