/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_VIEW_H
#define APUS_CONTROL_VIEW_H

#include <jansson.h>

#include "control/result.h"
#include "core/query.h"

/* The core's state as JSON, as described in docs/control-protocol.md. */

json_t *control_view_guest(const struct guest_info *guest);
json_t *control_view_guests(struct core *core);
json_t *control_view_mdev(const struct mdev_info *mdev);
json_t *control_view_adapters(struct core *core);
const char *control_view_adapter_state(const struct adapter_info *a);

/* Of a copy of the core. */
struct map;
struct plan;
struct alternatives;
json_t *control_view_map(const struct map *m);
json_t *control_view_plan(const struct plan *p);
json_t *control_view_alternatives(const struct alternatives *a); /* accepted, alternatives */
json_t *control_view_features(unsigned features);                /* bits GUEST_* */

#endif
