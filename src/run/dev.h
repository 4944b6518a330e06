/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_DEV_H
#define APUS_RUN_DEV_H

#include <stdbool.h>

/*
 * A /dev of our own: a tmpfs with a node for each device of the real one, whose name, mode and
 * owner are this tmpfs's alone. Whatever is done to it, the real /dev stays as it is:
 *
 *   device            a node of the same number
 *   directory         a directory, laid out in the same way
 *   symbolic link     the same link
 *   pts               the real one: it shows the terminals that programs run on, and the kernel
 * lets nobody delete in it tmpfs, hugetlbfs  (shm, hugepages) an empty one of the same kind all
 * else          the real one, read-only
 *
 * Where nodes cannot be made (in a user namespace; or a container forbids one) they are the real
 * ones, read-only, too: that lets a program use a device, but not change its mode or delete it. In
 * a user namespace all directories are such. /dev/ptmx looks for the directory pts beside it, and
 * what is bound alone has nothing beside it; so all of the real /dev, read-only, is in /dev/.host
 * then, and ptmx is a link there.
 *
 * The real /dev goes from the mount namespace, so that none shows when this one is unmounted. (In a
 * user namespace it cannot go.)
 *
 * Ours are z90crypt and, in the directory zcrypt, the nodes that class/zcrypt/create makes; new
 * ones get a name in /dev itself from the daemon. The directory apus is left for emulator.h. tree:
 * root of our file system. own_node: z90crypt is to be a character device (seccomp/listener.h), and
 * not our file. spare: a directory that something may be mounted on for a moment. 0, or a negative
 * errno after a sentence on standard error.
 */
int dev_lay_out(int tree, bool own_node, const char *spare);

#endif
