/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_EXPLAIN_H
#define APUS_PLAN_EXPLAIN_H

#include "core/query.h"

/* Why it is as it is: lines of text, in the order in which things decide. */

/* A queue: hardware, masks or override, driver, device, guest. */
void explain_queue(const struct core *c, ap_qn qn, struct text *out);

/* What a device is assigned, what its guest has of it or would have, and for each thing that is
 * missing why. */
void explain_mdev(const struct core *c, const struct mdev_info *m, struct text *out);

/* A guest: its features, its device, and as explain_mdev. */
void explain_guest(const struct core *c, const struct guest_info *g, struct text *out);

/* The one of these that the text names. -ENOENT. */
int explain_object(const struct core *c, const char *object, struct text *out);

#endif
