/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_QMP_H
#define APUS_CLI_QMP_H

#include "base/uuid.h"

/*
 * The monitor of a real guest's QEMU (QEMU Machine Protocol), at qmp.sock in the guest's directory.
 * One client at a time has it; others wait. All functions return 0, or 1 after an error message.
 */

/* Plugs a mediated device: device_add. */
int qmp_plug(const char *dir, const char *name, const struct uuid *mdev);

/* Unplugs it, and waits until it has gone: device_del. */
int qmp_unplug(const char *dir, const char *name);

#endif
