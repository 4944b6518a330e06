/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_COUNTS_H
#define APUS_MACHINE_COUNTS_H

#include "machine/hw.h"

/*
 * What has happened to a queue, or at the instructions of a guest, since the machine started. They
 * only grow.
 */
#define AP_CODES 13u /* response codes that are counted */

struct ap_counts {
    uint64_t requests; /* messages that NQAP accepted */
    uint64_t replies;  /* that DQAP has delivered as a whole */
    uint64_t errors;   /* of these, error replies of the adapter: types 82 and 88 */
    uint64_t lost;     /* messages that a reset or the loss of the adapter took away */
    uint64_t resets;   /* RAPQ, ZAPQ, and what has the same effect */
    uint64_t zeroized; /* of these, ZAPQ and its like */
    /* NQAP, DQAP, RAPQ and ZAPQ that were answered with a response code other than 00, in the order
     * of ap_codes. A DQAP that finds no reply is not counted: programs poll. */
    uint64_t codes[AP_CODES];
};

/* The response codes, ascending. */
extern const uint8_t ap_codes[AP_CODES];

/* More than nothing has happened. */
bool ap_counts_any(const struct ap_counts *c);
void ap_counts_add(struct ap_counts *c, const struct ap_counts *more);

void ap_counts_code(struct ap_counts *c, enum ap_rc rc);

/* How an NQAP, a DQAP and a reset went. A reply is error if its type is that of an error reply. */
void ap_counts_nqap(struct ap_counts *c, uint32_t apqsw);
void ap_counts_dqap(struct ap_counts *c, uint32_t apqsw, const struct ap_dqap *reply);
void ap_counts_reset(struct ap_counts *c, uint32_t apqsw, bool zeroize);

#endif
