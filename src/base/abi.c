/* SPDX-License-Identifier: MIT */
#include "base/abi.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct abi profiles[ABI_PROFILES] = {
    [ABI_PROPOSAL] =
        {
            .name = "proposal",
            .veto_errno = EADDRINUSE,
            .veto_by_new_bits = false,
            .guest_matrix_always = false,
            .remove_waits = false,
            .instances_errno = EPERM,
            .depth_bias = 0,
            .standby_withheld = true,
            .recompute_always = true,
            .update_at_once = false,
            .one_change_a_scan = false,
            .unbound_is_default = false,
            .old_types = true,
            .modeless_cards = false,
            .vfio_cdev = false,
            .message_pools = false,
            .matrix_limit = 0,
        },
    [ABI_UPSTREAM] =
        {
            .name = "upstream",
            .veto_errno = EBUSY,
            .veto_by_new_bits = true,
            .guest_matrix_always = true,
            .remove_waits = true,
            .instances_errno = EUSERS,
            .depth_bias = 1,
            .standby_withheld = false,
            .recompute_always = false,
            .update_at_once = true,
            .one_change_a_scan = true,
            .unbound_is_default = true,
            .old_types = false,
            .modeless_cards = true,
            .vfio_cdev = true,
            .message_pools = true,
            .matrix_limit = 4095,
        },
};

const struct abi *abi_get(enum abi_profile profile)
{
    return &profiles[profile];
}

int abi_parse(const char *name, enum abi_profile *out)
{
    /* The former name is still accepted, for existing machine files, recordings and scripts. */
    if (strcmp(name, "seed") == 0)
        name = profiles[ABI_PROPOSAL].name;
    for (size_t i = 0; i < ABI_PROFILES; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            *out = (enum abi_profile)i;
            return 0;
        }
    }
    return -EINVAL;
}
