/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_MAJOR_H
#define APUS_CORE_MAJOR_H

#include "core/core.h"

/* zcrypt/major.h for the host. */
void core_set_nodes_major(struct core *c, unsigned major);
/* vfio_ap_set_number of the host's. */
void core_set_vfio_number(struct core *c, unsigned major, unsigned minor);

#endif
