/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_FILTER_H
#define APUS_RUN_FILTER_H

#include <stdbool.h>

/*
 * Puts this process and its children behind a seccomp filter that reports each ioctl(2) with a
 * number of type ';' (0x3b: VFIO, iommufd) and, if zcrypt, 'z' (0x7a) to a listener, and lets
 * everything else through; programs for another architecture (32 bits) are looked at, too. The
 * listener goes through the socket, one end of a pair whose other end the daemon has
 * (seccomp/listener.h), which says when it is ready.
 *
 * no_new_privs is set only if the system does not do without: a process without CAP_SYS_ADMIN in
 * its user namespace. 0, or a negative errno after a sentence on standard error, which says what
 * is not there; needed: it is an error, because --ioctl=notify was asked for.
 */
int filter_hand_over(int socket, bool zcrypt, bool needed);

#endif
