/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_EMULATOR_H
#define APUS_RUN_EMULATOR_H

/*
 * QEMU inside `apus run`. Libvirt starts it with an empty environment, so our qemu-system-s390x
 * (linux/bin) finds all it needs in /dev/apus:
 *
 *   guest        the daemon's socket of the guest protocol
 *   apus-ap.so   the plugin
 *   qemu         the QEMU that 'apus linux fetch' has fetched, or will
 *   bin          the directory with our qemu-system-s390x
 *   system-qemu  the system's own qemu-system-s390x, if it has one in /usr/bin; there, where
 *                libvirt looks for it, ours covers it
 */
struct emulator {
    const char *socket; /* the control socket; the one for guests is beside it */
    const char *plugin; /* apus-ap.so */
    const char *qemu;   /* directory of the fetched QEMU, which need not exist; NULL: not known */
    const char *bin;
};

/* Puts all of it into our /dev (dev.h). 0, or a negative errno after a sentence on standard error.
 */
int emulator_place(const struct emulator *e);

#endif
