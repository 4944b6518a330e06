/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_EXPORT_H
#define APUS_STORE_EXPORT_H

#include "core/query.h"

/* A mediated device in the formats of the programs that define one. */

/* As `mdevctl define --jsonfile` reads it. */
void export_mdevctl(const struct mdev_info *m, struct text *out);

/* As `virsh nodedev-define` reads it. */
void export_libvirt(const struct mdev_info *m, struct text *out);

#endif
