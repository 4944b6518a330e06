/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_QMP_H
#define APUS_CLI_QMP_H

#include <stdbool.h>

#include "base/text.h"
#include "base/uuid.h"

/*
 * The monitor of a real guest's QEMU (QEMU Machine Protocol), at qmp.sock in the guest's directory.
 * One client at a time has it; others wait. All functions return 0, or 1 after an error message.
 */

/* Plugs a mediated device: device_add. */
int qmp_plug(const char *dir, const char *name, const struct uuid *mdev);

/* Unplugs it, and waits until it has gone: device_del. */
int qmp_unplug(const char *dir, const char *name);

/*
 * For snapshots (snapshot.h). False instead of an error message: *why says what failed.
 *
 * qmp_save writes the state of a machine whose memory is a file of its own into the file path, and
 * ends it. qmp_await waits until a copy of it runs, and plugs the device at sysfsdev, if not NULL.
 */
bool qmp_save(const char *dir, const char *path, struct text *why);
bool qmp_await(const char *dir, const char *sysfsdev, struct text *why);

#endif
