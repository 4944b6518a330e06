/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_RUNDIR_H
#define APUS_RUN_RUNDIR_H

/*
 * A /run of our own: a tmpfs in which programs leave their PID files, locks and sockets, laid out
 * after the real one:
 *
 *   directory, link    the same
 *   file               a copy of the file as it is now, in place of which programs may put theirs
 *   socket, FIFO       the real one: who connects reaches the computer's daemon
 *   systemd, user, credentials, and where /etc/resolv.conf leads
 *                      the real ones, which follow the computer; read-only for root, in a user
 *                      namespace as the user may
 *   libvirt            empty: the computer's domains are not the machine's
 *   udev               without its socket: the computer's udevd does not know the machine's devices
 *   keep               the real one; it holds the sockets of this machine and of others
 *
 * What cannot be read, other file systems, and files above 1 MiB are the real ones, read-only. The
 * real /run goes from the mount namespace as the real /dev does (dev.h). A daemon of the computer
 * that starts again makes a new socket, which does not appear here.
 *
 * keep: a directory, which may be elsewhere. spare: one that something may be mounted on for a
 * moment. 0, or a negative errno after a sentence.
 */
int rundir_lay_out(const char *keep, const char *spare);

#endif
