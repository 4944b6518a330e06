/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_FILTER_H
#define APUS_RUN_FILTER_H

/*
 * Puts this process and its children behind a seccomp filter that reports each ioctl(2) with a
 * number of type 'z' (0x7a) to a listener, and lets everything else through; programs for another
 * architecture (32 bits) are not looked at. The listener goes through the socket, one end of a pair
 * whose other end the daemon has (seccomp/listener.h).
 *
 * no_new_privs is set only if the system does not do without: a process without CAP_SYS_ADMIN in
 * its user namespace. 0, or a negative errno after a sentence on standard error.
 */
int filter_hand_over(int socket);

#endif
