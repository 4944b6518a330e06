/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_INSTRUCTION_H
#define APUS_MACHINE_INSTRUCTION_H

#include "machine/guest.h"

/* AP instructions as a CPU issues them: registers in, registers out [ap-function-codes]
 * [guests-interception]. */

#define AP_OPCODE_NQAP 0xb2adu
#define AP_OPCODE_DQAP 0xb2aeu
#define AP_OPCODE_PQAP 0xb2afu

/* Program interruption codes. */
#define PGM_OPERATION     0x01u
#define PGM_SPECIFICATION 0x06u

#define AP_QCI_BYTES 128u

struct ap_insn {
    uint16_t opcode;
    uint8_t r1, r2;        /* register fields */
    uint64_t gr[3];        /* general registers 0 to 2 */
    uint64_t p1[2], p2[2]; /* register pairs at r1 and r2 (NQAP, DQAP) */
    const uint8_t *data;   /* NQAP: the message at p2[0] */
    size_t data_len;
};

struct ap_insn_result {
    uint16_t program_check; /* if nonzero, the rest is not valid */
    uint8_t cc;
    uint64_t gr[3], p1[2], p2[2];
    uint64_t address; /* where to store data in the issuer's memory */
    struct text data; /* QCI block or reply; freed by the caller */
};

/*
 * Executes one instruction on hw for a CPU with the given features (GUEST_*). Program checks:
 * operation exception without the AP facility; specification exception for odd register fields,
 * unknown function codes, reserved bits, and functions whose facility is not installed.
 */
void ap_execute(const struct ap_hw *hw, unsigned features, const struct ap_insn *insn,
                struct ap_insn_result *out);

void ap_qci_format(const struct ap_qci *qci, uint8_t out[AP_QCI_BYTES]);

#endif
