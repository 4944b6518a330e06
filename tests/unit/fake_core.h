/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_FAKE_CORE_H
#define APUS_TESTS_FAKE_CORE_H

#include "core/core.h"
#include "core/query.h"

/*
 * A core for tests of the front ends. It answers queries from the fields below, keeps the latest
 * command, and replies as the test specifies. The host has the adapters 4 (CEX5C) and 5 (CEX5A,
 * standby) and the domains 4 and 0x47; 05.* belong to vfio_ap, 04.* to zcrypt; one mediated device
 * has adapter 5 and domains 4 and 9.
 */
struct core {
    struct command last; /* its strings are no longer valid; see name */
    char name[CORE_GUEST_NAME + 1];
    struct machine_config machine; /* of the latest CMD_MACHINE_SET */
    unsigned executed;
    int result; /* of the next commands */
    int64_t value;
    const char *why;
    struct fault_list faults;
    struct sysfs_tree tree; /* of the host, with nothing of ours */
    bool guest;             /* guest "Guest1", number 3, with the mediated device, exists */
    uint32_t process;       /* that has its device open; 0: none */
    struct effects next;    /* effects of the next command */
};

extern const struct uuid fake_mdev;

void fake_core_init(struct core *c);
void fake_core_done(struct core *c);

/* Adds an effect with text to those of the next command. */
struct effect *fake_core_effect(struct core *c, enum effect_kind kind, const char *text,
                                size_t len);

#endif
