/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_HW_H
#define APUS_MACHINE_HW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/apqn.h"
#include "base/mask256.h"
#include "base/text.h"

/*
 * The AP instructions as an operating system issues them, after decoding [ap-function-codes].
 * Behind this interface the host's bus has the LPAR and a guest's bus has its APCB, so the same
 * code runs on both. An instruction can change its queue and trigger a fault, which may exhaust the
 * fault's rule. Operations with a const context do neither, so that attributes can be read with
 * them.
 */

/* Response codes [ap-response-codes]. */
enum ap_rc {
    AP_RC_NORMAL = 0x00,
    AP_RC_Q_NOT_AVAIL = 0x01,
    AP_RC_RESET_IN_PROGRESS = 0x02,
    AP_RC_DECONFIGURED = 0x03,
    AP_RC_CHECKSTOPPED = 0x04,
    AP_RC_BUSY = 0x05,
    AP_RC_INVALID_ADDRESS = 0x06,
    AP_RC_OTHERWISE_CHANGED = 0x07,
    AP_RC_Q_FULL = 0x10,
    AP_RC_NO_PENDING_REPLY = 0x10,
    AP_RC_INDEX_TOO_BIG = 0x11,
    AP_RC_NO_FIRST_PART = 0x13,
    AP_RC_MESSAGE_TOO_BIG = 0x15,
    AP_RC_REQ_FAC_NOT_INST = 0x16,
    AP_RC_INVALID_DOMAIN = 0x42,
};

/* AP queue status word [ap-status-word], the low half of GR1. */
#define APQSW_EMPTY   0x80000000u
#define APQSW_REPLIES 0x40000000u
#define APQSW_FULL    0x20000000u
#define APQSW_IRQ     0x01000000u

static inline uint32_t apqsw_of(enum ap_rc rc)
{
    return (uint32_t)rc << 16;
}

static inline enum ap_rc apqsw_rc(uint32_t apqsw)
{
    return (enum ap_rc)(apqsw >> 16 & 0xff);
}

/* Type and queue depth, which TAPQ returns even without the T bit: drivers that predate facility 15
 * identify adapters by them. */
#define AP_INFO_BASIC UINT64_C(0xff00000f)

/* PQAP(QCI)'s block [ap-qci]. */
struct ap_qci {
    uint32_t flags; /* AP_QCI_* */
    uint8_t max_adapter, max_domain;
    struct mask256 apm, aqm, adm;
};

bool ap_qci_equal(const struct ap_qci *a, const struct ap_qci *b);

/*
 * An administrative command may go only to a control domain [ap-control-domains]. Everything else
 * about a message, even if malformed, is up to the adapter. The sender of a message states whether
 * it is administrative; ap_admin_of derives that from a message of unknown origin.
 */
struct ap_admin {
    bool command; /* it is administrative */
    uint32_t domain;
};

struct ap_admin ap_admin_of(const uint8_t *message, size_t len);

static inline bool ap_admin_permitted(const struct ap_admin *admin, const struct mask256 *adm)
{
    return !admin->command || (admin->domain < AP_IDS && mask256_test(adm, admin->domain));
}

/* NQAP and DQAP [ap-nqap] [ap-dqap]. */
struct ap_nqap {
    uint64_t psmid;
    const uint8_t *data;
    size_t len;
    bool special; /* the special-command bit of GR0 */
    struct ap_admin admin;
};

struct ap_dqap {
    size_t room;       /* in: room for the reply, in bytes */
    struct text *data; /* out: appended */
    uint64_t psmid;    /* out */
    uint32_t residual; /* out: bytes of this reply not yet fetched */
    bool error;        /* out: it is an error reply (type 82 or 88) */
};

/* AQIC [ap-aqic]: interrupts for replies on or off, and how they are presented. */
struct ap_aqic {
    bool enable;
    uint8_t isc;  /* interruption subclass */
    uint64_t nib; /* guest or host address of the notification indicator byte */
};

struct ap_hw_ops {
    /* false: not installed. */
    bool (*qci)(const void *ctx, struct ap_qci *out);
    /* TAPQ, with the T bit if facility 15 is installed. *info is the GR2 word [ap-tapq], 0 if the
     * response code makes it invalid. */
    uint32_t (*tapq)(void *ctx, ap_qn qn, uint64_t *info);
    /* What TAPQ would return. */
    uint32_t (*peek)(const void *ctx, ap_qn qn, uint64_t *info);
    uint32_t (*rapq)(void *ctx, ap_qn qn);
    uint32_t (*zapq)(void *ctx, ap_qn qn);
    uint32_t (*nqap)(void *ctx, ap_qn qn, const struct ap_nqap *request);
    uint32_t (*dqap)(void *ctx, ap_qn qn, struct ap_dqap *reply);
    uint32_t (*aqic)(void *ctx, ap_qn qn, const struct ap_aqic *control);
    /* Facility 65. */
    bool (*interrupts)(const void *ctx);
    /* The serial number that the card's firmware reports; "" if unknown. */
    const char *(*serial)(const void *ctx, unsigned apid);
    /*
     * The reply of the queue's firmware to a message, computed at once and outside the queue.
     * false: no reply. zcrypt/facts.h explains why this exists beside NQAP and DQAP.
     */
    bool (*ask_firmware)(const void *ctx, ap_qn qn, const uint8_t *request, size_t len,
                         struct text *reply);
    /* SCLP Configure / Deconfigure AP: the response code, or -EOPNOTSUPP if there is no such
     * facility (in a guest). */
    int (*sclp)(void *ctx, uint32_t word);
};

struct ap_hw {
    const struct ap_hw_ops *ops;
    void *ctx;
};

#endif
