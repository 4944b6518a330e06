/* SPDX-License-Identifier: MIT */
#include "machine/instruction.h"

#include <string.h>

#include "machine/config.h"
#include "message/bytes.h"

/* Function codes of PQAP and the other bits of GR0 [ap-function-codes]. */
enum { FC_TAPQ, FC_RAPQ, FC_ZAPQ, FC_AQIC, FC_QCI, FC_QACT };

#define GR0_T        UINT64_C(0x00800000)
#define GR0_F        UINT64_C(0x00400000)
#define GR0_RESERVED UINT64_C(0x00ff0000)
#define GR0_LAST     UINT64_C(0x40000000)
#define GR0_SPECIAL  UINT64_C(0x00400000)
#define GR0_NOT_APXA UINT64_C(0xc0f0)

static void set_status(struct ap_insn_result *out, uint32_t apqsw)
{
    out->gr[1] = (out->gr[1] & ~UINT64_C(0xffffffff)) | apqsw;
    out->cc = apqsw_rc(apqsw) ? 3 : 0;
}

/* A guest may have extended addressing without QCI. Numbers that do not exist get response code
 * 01. */
static bool has_apxa(const struct ap_hw *hw)
{
    struct ap_qci qci;

    return !hw->ops->qci(hw->ctx, &qci) || qci.flags & AP_QCI_APXA;
}

static bool has_qact(const struct ap_hw *hw)
{
    struct ap_qci qci;

    return hw->ops->qci(hw->ctx, &qci) && qci.flags & AP_QCI_QACT;
}

/* Whether the function is available, and only bits of GR0 that it allows are set. */
static bool pqap_valid(const struct ap_hw *hw, unsigned features, const struct ap_insn *insn)
{
    static const uint64_t allowed[] = {[FC_TAPQ] = GR0_T, [FC_RAPQ] = GR0_F, [FC_ZAPQ] = GR0_F,
                                       [FC_AQIC] = GR0_T, [FC_QCI] = 0,      [FC_QACT] = GR0_F};
    unsigned fc = insn->gr[0] >> 24 & 0xff;

    if (fc >= sizeof allowed / sizeof *allowed || insn->gr[0] & GR0_RESERVED & ~allowed[fc])
        return false;
    if (insn->gr[0] & GR0_T && !(features & GUEST_APFT))
        return false;
    if (fc == FC_AQIC && !(features & GUEST_APQI && hw->ops->interrupts(hw->ctx)))
        return false;
    if (fc == FC_QACT && !has_qact(hw))
        return false;
    if (fc == FC_QCI)
        return features & GUEST_APQCI && insn->gr[2] % 8 == 0;
    return true;
}

void ap_qci_format(const struct ap_qci *qci, uint8_t out[AP_QCI_BYTES])
{
    memset(out, 0, AP_QCI_BYTES);
    be32_put(out, qci->flags);
    out[4] = qci->max_adapter;
    out[5] = qci->max_domain;
    mask256_to_bytes(&qci->apm, out + 16);
    mask256_to_bytes(&qci->aqm, out + 48);
    mask256_to_bytes(&qci->adm, out + 80);
}

static void execute_qci(const struct ap_hw *hw, struct ap_insn_result *out)
{
    uint8_t block[AP_QCI_BYTES];
    struct ap_qci qci = {0};

    hw->ops->qci(hw->ctx, &qci);
    ap_qci_format(&qci, block);
    text_add(&out->data, (const char *)block, sizeof block);
    out->address = out->gr[2];
}

/* Response code 01 takes precedence: it is checked first [ap-aqic]. */
static uint32_t refuse(const struct ap_hw *hw, ap_qn qn, enum ap_rc rc)
{
    uint64_t info;
    uint32_t apqsw = hw->ops->tapq(hw->ctx, qn, &info);

    return apqsw_rc(apqsw) == AP_RC_Q_NOT_AVAIL ? apqsw : apqsw_of(rc);
}

/* Other fields of the control word in GR1 (zone, GISA) are for hypervisors and are ignored. */
#define AQIC_IR  (UINT64_C(1) << 47)
#define AQIC_ISC UINT64_C(7)

static uint32_t execute_aqic(const struct ap_hw *hw, ap_qn qn, const struct ap_insn *insn)
{
    struct ap_aqic control = {.enable = insn->gr[1] & AQIC_IR,
                              .isc = (uint8_t)(insn->gr[1] & AQIC_ISC),
                              .nib = insn->gr[2]};

    if (control.enable && control.nib == 0)
        return refuse(hw, qn, AP_RC_INVALID_ADDRESS);
    return hw->ops->aqic(hw->ctx, qn, &control);
}

/* The compatible type is the requested one, or the adapter's if that is older. */
static uint32_t execute_qact(const struct ap_hw *hw, ap_qn qn, struct ap_insn_result *out)
{
    uint64_t info, wanted = out->gr[1];
    uint32_t apqsw = hw->ops->tapq(hw->ctx, qn, &info);

    if (apqsw_rc(apqsw) == AP_RC_NORMAL) {
        uint64_t type = info >> 24 & 0xff, limit = wanted >> 24 & 0xff;

        out->gr[2] = (wanted & ~UINT64_C(0xff000000)) | (type < limit ? type : limit) << 24;
    }
    return apqsw;
}

static void execute_pqap(const struct ap_hw *hw, const struct ap_insn *insn,
                         struct ap_insn_result *out)
{
    ap_qn qn = (ap_qn)insn->gr[0];
    uint64_t info;

    switch (insn->gr[0] >> 24 & 0xff) {
    case FC_TAPQ:
        set_status(out, hw->ops->tapq(hw->ctx, qn, &info));
        out->gr[2] = insn->gr[0] & GR0_T ? info : info & AP_INFO_BASIC;
        break;
    case FC_RAPQ:
        set_status(out, hw->ops->rapq(hw->ctx, qn));
        break;
    case FC_ZAPQ:
        set_status(out, hw->ops->zapq(hw->ctx, qn));
        break;
    case FC_AQIC:
        set_status(out, execute_aqic(hw, qn, insn));
        break;
    case FC_QCI:
        execute_qci(hw, out);
        break;
    case FC_QACT:
        set_status(out, execute_qact(hw, qn, out));
        break;
    }
}

static void execute_nqap(const struct ap_hw *hw, const struct ap_insn *insn,
                         struct ap_insn_result *out)
{
    struct ap_nqap request = {.psmid = insn->p1[0] << 32 | (insn->p1[1] & 0xffffffff),
                              .data = insn->data,
                              .len = insn->data_len,
                              .special = insn->gr[0] & GR0_SPECIAL,
                              .admin = ap_admin_of(insn->data, insn->data_len)};
    ap_qn qn = (ap_qn)insn->gr[0];
    uint32_t apqsw;

    if (!(insn->gr[0] & GR0_LAST))
        apqsw = refuse(hw, qn, AP_RC_NO_FIRST_PART); /* partial messages are not supported */
    else if (insn->p2[1] != insn->data_len)
        apqsw = refuse(hw, qn, AP_RC_MESSAGE_TOO_BIG); /* longer than any adapter accepts */
    else
        apqsw = hw->ops->nqap(hw->ctx, qn, &request);
    set_status(out, apqsw);
    if (apqsw_rc(apqsw) == AP_RC_NORMAL) {
        out->p2[0] += insn->data_len;
        out->p2[1] = 0;
    }
}

#define DQAP_ROOM 65536u /* largest part of a reply per instruction */

static void execute_dqap(const struct ap_hw *hw, const struct ap_insn *insn,
                         struct ap_insn_result *out)
{
    struct ap_dqap reply = {.room = insn->p2[1] < DQAP_ROOM ? insn->p2[1] : DQAP_ROOM,
                            .data = &out->data};
    uint32_t apqsw = hw->ops->dqap(hw->ctx, (ap_qn)insn->gr[0], &reply);

    set_status(out, apqsw);
    if (apqsw_rc(apqsw) != AP_RC_NORMAL)
        return;
    out->p1[0] = reply.psmid >> 32;
    out->p1[1] = reply.psmid & 0xffffffff;
    out->address = insn->p2[0];
    out->p2[0] += out->data.len;
    out->p2[1] -= out->data.len;
    out->gr[2] = reply.residual;
    if (reply.residual)
        out->cc = 2;
}

void ap_execute(const struct ap_hw *hw, unsigned features, const struct ap_insn *insn,
                struct ap_insn_result *out)
{
    bool pqap = insn->opcode == AP_OPCODE_PQAP;

    *out = (struct ap_insn_result){.gr = {insn->gr[0], insn->gr[1], insn->gr[2]},
                                   .p1 = {insn->p1[0], insn->p1[1]},
                                   .p2 = {insn->p2[0], insn->p2[1]}};
    if (!(features & GUEST_AP)) {
        out->program_check = PGM_OPERATION;
    } else if ((!pqap && (insn->r1 | insn->r2) & 1) ||
               (insn->gr[0] & GR0_NOT_APXA && !has_apxa(hw)) ||
               (pqap && !pqap_valid(hw, features, insn))) {
        out->program_check = PGM_SPECIFICATION;
    } else if (pqap) {
        execute_pqap(hw, insn, out);
    } else if (insn->opcode == AP_OPCODE_NQAP) {
        execute_nqap(hw, insn, out);
    } else {
        execute_dqap(hw, insn, out);
    }
}
