/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_FAKE_CORE_H
#define APUS_TESTS_FAKE_CORE_H

#include "core/core.h"
#include "core/query.h"

/*
 * A core for tests of the adapters around it: it answers queries from the fields below, keeps the
 * latest command, and replies and acts as the test has said. The host has the adapters 4 (CEX5C)
 * and 5 (CEX5A, standby) and the domains 4 and 0x47; 05.* belong to vfio_ap, 04.* to zcrypt; one
 * mediated device has adapter 5 and domains 4 and 9.
 */
struct core {
    struct command last; /* strings of it are gone; see name */
    char name[CORE_GUEST_NAME + 1];
    struct machine_config machine; /* of the latest CMD_MACHINE_SET */
    unsigned executed;
    int result; /* of the next commands */
    int64_t value;
    const char *why;
    struct fault_list faults;
    bool guest;          /* there is a guest "Guest1", number 3, with the mediated device */
    struct effects next; /* handed out by the next command */
};

extern const struct uuid fake_mdev;

void fake_core_init(struct core *c);
void fake_core_done(struct core *c);

/* Adds an effect with text to those that the next command has. */
struct effect *fake_core_effect(struct core *c, enum effect_kind kind, const char *text,
                                size_t len);

#endif
