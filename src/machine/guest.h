/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_GUEST_H
#define APUS_MACHINE_GUEST_H

#include "machine/counts.h"

/*
 * A guest as the hardware sees it: its AP control block (APCB) and the facilities it was given. An
 * instruction of the guest reaches a queue if APID and APQI are in the APCB and the LPAR may use
 * the queue [guests-apcb].
 */
#define GUEST_AP           1u /* AP instructions are interpreted */
#define GUEST_APFT         2u /* facility 15: TAPQ returns more than the status */
#define GUEST_APQCI        4u /* facility 12: QCI */
#define GUEST_APQI         8u /* facility 65: interrupts */
#define GUEST_FEATURES_ALL (GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI)

struct apcb {
    struct mask256 apm, aqm, adm;
};

struct guest {
    unsigned features; /* GUEST_* */
    struct apcb apcb;
    struct ap_hw lpar;       /* the hardware below */
    struct ap_counts counts; /* of its instructions; lost: 0 */
};

bool apcb_equal(const struct apcb *a, const struct apcb *b);
struct apcb apcb_and(const struct apcb *a, const struct apcb *b);

static inline bool apcb_has(const struct apcb *a, ap_qn qn)
{
    return mask256_test(&a->apm, AP_QN_APID(qn)) && mask256_test(&a->aqm, AP_QN_APQI(qn));
}

/* The AP instructions as issued by the guest, which must not be moved afterwards. */
struct ap_hw guest_hw(struct guest *g);

#endif
