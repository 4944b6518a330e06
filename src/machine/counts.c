/* SPDX-License-Identifier: MIT */
#include "machine/counts.h"

#include <string.h>

const uint8_t ap_codes[AP_CODES] = {
    AP_RC_Q_NOT_AVAIL,    AP_RC_RESET_IN_PROGRESS, AP_RC_DECONFIGURED,      AP_RC_CHECKSTOPPED,
    AP_RC_BUSY,           AP_RC_INVALID_ADDRESS,   AP_RC_OTHERWISE_CHANGED, AP_RC_Q_FULL,
    AP_RC_INDEX_TOO_BIG,  AP_RC_NO_FIRST_PART,     AP_RC_MESSAGE_TOO_BIG,   AP_RC_REQ_FAC_NOT_INST,
    AP_RC_INVALID_DOMAIN,
};

bool ap_counts_any(const struct ap_counts *c)
{
    static const struct ap_counts none;

    return memcmp(c, &none, sizeof none) != 0;
}

void ap_counts_add(struct ap_counts *c, const struct ap_counts *more)
{
    c->requests += more->requests;
    c->replies += more->replies;
    c->errors += more->errors;
    c->lost += more->lost;
    c->resets += more->resets;
    c->zeroized += more->zeroized;
    for (unsigned i = 0; i < AP_CODES; i++)
        c->codes[i] += more->codes[i];
}

void ap_counts_code(struct ap_counts *c, enum ap_rc rc)
{
    for (unsigned i = 0; i < AP_CODES; i++)
        if (ap_codes[i] == rc)
            c->codes[i]++;
}

void ap_counts_nqap(struct ap_counts *c, uint32_t apqsw)
{
    if (apqsw_rc(apqsw) == AP_RC_NORMAL)
        c->requests++;
    else
        ap_counts_code(c, apqsw_rc(apqsw));
}

void ap_counts_dqap(struct ap_counts *c, uint32_t apqsw, const struct ap_dqap *reply)
{
    enum ap_rc rc = apqsw_rc(apqsw);

    if (rc != AP_RC_NORMAL && rc != AP_RC_NO_PENDING_REPLY)
        ap_counts_code(c, rc);
    if (rc != AP_RC_NORMAL || reply->residual)
        return;
    c->replies++;
    c->errors += reply->error;
}

void ap_counts_reset(struct ap_counts *c, uint32_t apqsw, bool zeroize)
{
    if (apqsw_rc(apqsw) != AP_RC_NORMAL) {
        ap_counts_code(c, apqsw_rc(apqsw));
        return;
    }
    c->resets++;
    c->zeroized += zeroize;
}
