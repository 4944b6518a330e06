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
    int veto_errno;           /* of a refused mask change [masks-in-use] */
    bool veto_by_new_bits;    /* which is judged by the new bits alone [masks-in-use-scope] */
    bool guest_matrix_always; /* it can be read without a guest [matrix-guest-matrix] */
    bool remove_waits;        /* for the guest that uses the device [matrix-remove] */
    int instances_errno;      /* no mediated device left [matrix-create] */
    int depth_bias;           /* added to the raw depth in the attribute [bus-depth] */
    bool standby_withheld;    /* an adapter in standby leaves the guests [se-standby] */
    bool recompute_always;    /* what a guest gets, at each change, not at additions alone
                                 [guests-refilter] */
    bool one_change_a_scan;   /* a changed checkstop puts off a changed standby [bus-one-change] */
    bool old_types;           /* types 6 to 9 exist and have drivers [ap-types] */
    unsigned matrix_limit;    /* bytes of matrix and guest_matrix; 0: all [matrix-format] */
};

const struct abi *abi_get(enum abi_profile profile);

/* "proposal" (or "seed", its name up to version 0.1) or "upstream". 0 or -EINVAL. */
int abi_parse(const char *name, enum abi_profile *out);

#endif
