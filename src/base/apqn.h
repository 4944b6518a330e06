/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_APQN_H
#define APUS_BASE_APQN_H

#include <stdint.h>

/*
 * AP identifiers [ap-identifiers]. An APID identifies an adapter, an APQI a queue index (usage
 * domain), both 0..255. An APQN identifies a queue: APID in the high byte, APQI in the low one.
 * Text forms: card%02x, %02x.%04x.
 */
#define AP_IDS   256u
#define AP_APQNS 65536u

typedef uint16_t ap_qn;

#define AP_QN(apid, apqi) ((ap_qn)(((apid)&0xffu) << 8 | ((apqi)&0xffu)))
#define AP_QN_APID(qn)    ((unsigned)(qn) >> 8)
#define AP_QN_APQI(qn)    ((unsigned)(qn)&0xffu)

/* "0a.0047" and the terminator. */
#define AP_QN_TEXT 8

void ap_qn_format(ap_qn qn, char out[AP_QN_TEXT]);

/* Parses exactly "%02x.%04x" in lower case. 0, or -EINVAL with out untouched. */
int ap_qn_parse(const char *text, ap_qn *out);

#endif
