/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_VIEW_H
#define APUS_CONTROL_VIEW_H

#include <jansson.h>

#include "core/query.h"

/* The core's state as JSON, as described in docs/control-protocol.md. */

json_t *control_view_guest(const struct guest_info *guest);
json_t *control_view_guests(struct core *core);
json_t *control_view_mdev(const struct mdev_info *mdev);
json_t *control_view_adapters(struct core *core);

extern const char *const control_guest_features[]; /* in the order of the bits GUEST_* */

#endif
