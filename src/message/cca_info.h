/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CCA_INFO_H
#define APUS_MESSAGE_CCA_INFO_H

#include "message/cca.h"

/*
 * The facility query "FQ" with keywords STATICSA and STATICSB: serial number of the adapter, states
 * and verification patterns of the domain's master keys [messages-cca-facilities]. States are the
 * characters of the reply: new 1 empty, 2 partial, 3 full; current and old 1 invalid, 2 valid.
 */
enum cca_master_key {
    CCA_ASYM,
    CCA_AES,
    CCA_APKA,
    CCA_MASTER_KEYS,
};

enum cca_register {
    CCA_NEW,
    CCA_CURRENT,
    CCA_OLD,
    CCA_REGISTERS,
};

#define CCA_SERIAL_BYTES      8u
#define CCA_PATTERN_BYTES_MAX 16u /* 16 for ASYM, 8 for AES and APKA */

struct cca_info {
    char serial[CCA_SERIAL_BYTES];
    struct {
        char state;
        uint8_t pattern[CCA_PATTERN_BYTES_MAX];
    } keys[CCA_MASTER_KEYS][CCA_REGISTERS];
};

/* The control block of a query (CPRBX and parameters), as the driver sends it. -ENOSPC. */
int cca_query_format(uint16_t domain, const char *keyword, uint64_t address, struct buffer *out);
#define CCA_QUERY_CONTROL_BYTES (CPRBX_BYTES + 4112u)

/* Appends the parameters of the reply; with_apka for STATICSB. Only full or valid registers have a
 * pattern. */
void cca_query_format_reply(const struct cca_info *info, bool with_apka, struct buffer *out);

/*
 * Parses the reply's parameters. The APKA fields are left alone unless with_apka. -EMSGSIZE: a
 * length exceeds the reply, or it has too few fields; out is unchanged then.
 */
int cca_query_parse_reply(struct span params, bool with_apka, struct cca_info *out);

#endif
