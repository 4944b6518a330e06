/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_ABI_H
#define APUS_BASE_ABI_H

#include <stdbool.h>

/*
 * The two interfaces Apus can show: dynamic configuration as the series of June 2019 proposed it,
 * and Linux 7.2. Everything that differs is a column of the one table in abi.c; no other place asks
 * which profile is in force. Users read the table in docs/reference/profiles.md.
 */
enum abi_profile { ABI_PROPOSAL, ABI_UPSTREAM, ABI_PROFILES };

struct abi {
    const char *name;
    int veto_errno; /* a mask change that would take an assigned APQN from vfio_ap (spec 5.2) */
    bool veto_by_new_bits;    /* judged by new bits x anything assigned, not by real change of owner
                                 (5.3) */
    bool guest_matrix_always; /* readable without a guest (5.1) */
    bool remove_waits; /* removing a device in use asks the guest and waits, instead of EBUSY (5.13)
                        */
    int instances_errno;    /* no mediated device left (5.27) */
    int depth_bias;         /* added to the raw depth in the attribute (5.26) */
    bool standby_withheld;  /* an adapter in standby leaves the guests (5.14, D-3) */
    bool recompute_always;  /* the guest's view is computed anew at every change, not only at
                               additions (trap 24) */
    bool one_change_a_scan; /* a queue whose checkstop changed shows a changed standby at the next
                               scan only (recorded) */
    bool old_types;         /* types 6 to 9 exist and have drivers (1.11) */
    unsigned matrix_limit; /* matrix and guest_matrix are cut at this many bytes; 0 = never (4.3) */
};

const struct abi *abi_get(enum abi_profile profile);

/* "proposal" (or "seed", its name up to version 0.1) or "upstream". 0 or -EINVAL. */
int abi_parse(const char *name, enum abi_profile *out);

#endif
