/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_ETC_H
#define APUS_RUN_ETC_H

/*
 * What is persistent on a machine is private to it. Of these directories below /etc the machine has
 * its own, which start as copies of the computer's:
 *
 *   mdevctl.d      mediated devices (mdevctl)
 *   udev/rules.d   masks and other settings (chzdev --persistent), in 41-*.rules
 *   modprobe.d     parameters of modules (chzdev --persistent), in s390x-*.conf; and apus.conf,
 *                  for the machine's own modules
 *   libvirt        domains, node devices
 *   zkey           the repository of zkey
 *
 * The first three exist in the machine even if the computer has none; they are not made there: a
 * tmpfs takes the place of the directory above them, read-only, in which every other entry is the
 * computer's. Such an entry can be written, as far as it could be before, but not replaced. What
 * cannot be read, or is neither a file nor a directory, is the computer's, read-only; with keep it
 * is left out. One of the directories that cannot be listed stays the computer's.
 *
 * keep: the directory where they live, mode 0700; what it has from an earlier time stays, and what
 * it does not have is copied. NULL: they are in memory, and go with the mount namespace. spare: a
 * directory that something may be mounted on for a moment. 0, or a negative errno after a sentence.
 */
int etc_lay_out(const char *keep, const char *spare);

#endif
