/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_ABI_H
#define APUS_BASE_ABI_H

#include <stdbool.h>

/*
 * The two interfaces Apus can show: dynamic configuration as proposed by the series of June 2019,
 * and Linux 7.2. All differences are columns of the one table in abi.c; no other code asks which
 * profile is in force. The table for users is in docs/reference/profiles.md.
 */
enum abi_profile { ABI_PROPOSAL, ABI_UPSTREAM, ABI_PROFILES };

struct abi {
    const char *name;
    int veto_errno;           /* if a change of masks is vetoed [masks-in-use] */
    bool veto_by_new_bits;    /* the veto looks at newly set bits only [masks-in-use-scope] */
    bool guest_matrix_always; /* guest_matrix is readable without a guest [matrix-guest-matrix] */
    bool remove_waits;        /* for the guest to release the device [matrix-remove] */
    int instances_errno;      /* if no instance is available [matrix-create] */
    int depth_bias;           /* added to the raw depth in the attribute [bus-depth] */
    bool standby_withheld;    /* adapters in standby are withheld from guests [se-standby] */
    bool recompute_always;    /* what a guest gets: on every change, not only on additions
                               * [guests-refilter] */
    bool update_at_once; /* a guest is told of each withdrawal by itself, else once for one change
                          * [guests-notification] */
    bool one_change_a_scan;  /* a change of checkstop defers one of standby [bus-one-change] */
    bool unbound_is_default; /* for a change of masks a queue without a driver counts as one of the
                              * default drivers [bus-binding] */
    bool old_types;          /* types 6 to 9 are supported [ap-types] */
    bool modeless_cards;   /* without facility 15 adapters are devices, but not bound [bus-scan] */
    bool vfio_cdev;        /* devices are character devices, for iommufd [vfio-nodes] */
    bool message_pools;    /* modules have the parameters of Linux 7.2 [files-modules] */
    unsigned matrix_limit; /* bytes of matrix and guest_matrix; 0: all [matrix-format] */
};

const struct abi *abi_get(enum abi_profile profile);

/* "proposal" (or "seed", its name up to version 0.1) or "upstream". 0 or -EINVAL. */
int abi_parse(const char *name, enum abi_profile *out);

#endif
