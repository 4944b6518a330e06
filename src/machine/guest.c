/* SPDX-License-Identifier: MIT */
#include "machine/guest.h"

#include <errno.h>

bool apcb_equal(const struct apcb *a, const struct apcb *b)
{
    return mask256_equal(&a->apm, &b->apm) && mask256_equal(&a->aqm, &b->aqm) &&
           mask256_equal(&a->adm, &b->adm);
}

struct apcb apcb_and(const struct apcb *a, const struct apcb *b)
{
    return (struct apcb){mask256_and(a->apm, b->apm), mask256_and(a->aqm, b->aqm),
                         mask256_and(a->adm, b->adm)};
}

/* The guest sees the intersection of its APCB and the LPAR's current configuration. */
static bool hw_qci(const void *ctx, struct ap_qci *out)
{
    const struct guest *g = ctx;
    struct ap_qci lpar;

    if (!(g->features & GUEST_APQCI) || !g->lpar.ops->qci(g->lpar.ctx, &lpar))
        return false;
    *out = lpar;
    out->apm = mask256_and(lpar.apm, g->apcb.apm);
    out->aqm = mask256_and(lpar.aqm, g->apcb.aqm);
    out->adm = mask256_and(lpar.adm, g->apcb.adm);
    return true;
}

static uint32_t hw_tapq(void *ctx, ap_qn qn, uint64_t *info)
{
    struct guest *g = ctx;
    uint32_t apqsw;

    *info = 0;
    if (!apcb_has(&g->apcb, qn))
        return apqsw_of(AP_RC_Q_NOT_AVAIL);
    apqsw = g->lpar.ops->tapq(g->lpar.ctx, qn, info);
    if (!(g->features & GUEST_APFT))
        *info &= AP_INFO_BASIC;
    return apqsw;
}

static uint32_t hw_peek(const void *ctx, ap_qn qn, uint64_t *info)
{
    const struct guest *g = ctx;
    uint32_t apqsw;

    *info = 0;
    if (!apcb_has(&g->apcb, qn))
        return apqsw_of(AP_RC_Q_NOT_AVAIL);
    apqsw = g->lpar.ops->peek(g->lpar.ctx, qn, info);
    if (!(g->features & GUEST_APFT))
        *info &= AP_INFO_BASIC;
    return apqsw;
}

static uint32_t hw_rapq(void *ctx, ap_qn qn)
{
    struct guest *g = ctx;
    uint32_t apqsw =
        apcb_has(&g->apcb, qn) ? g->lpar.ops->rapq(g->lpar.ctx, qn) : apqsw_of(AP_RC_Q_NOT_AVAIL);

    ap_counts_reset(&g->counts, apqsw, false);
    return apqsw;
}

static uint32_t hw_zapq(void *ctx, ap_qn qn)
{
    struct guest *g = ctx;
    uint32_t apqsw =
        apcb_has(&g->apcb, qn) ? g->lpar.ops->zapq(g->lpar.ctx, qn) : apqsw_of(AP_RC_Q_NOT_AVAIL);

    ap_counts_reset(&g->counts, apqsw, true);
    return apqsw;
}

static uint32_t nqap(struct guest *g, ap_qn qn, const struct ap_nqap *request)
{
    if (!apcb_has(&g->apcb, qn))
        return apqsw_of(AP_RC_Q_NOT_AVAIL);
    if (!ap_admin_permitted(&request->admin, &g->apcb.adm))
        return apqsw_of(AP_RC_INVALID_DOMAIN);
    return g->lpar.ops->nqap(g->lpar.ctx, qn, request);
}

static uint32_t hw_nqap(void *ctx, ap_qn qn, const struct ap_nqap *request)
{
    struct guest *g = ctx;
    uint32_t apqsw = nqap(g, qn, request);

    ap_counts_nqap(&g->counts, apqsw);
    return apqsw;
}

static uint32_t hw_dqap(void *ctx, ap_qn qn, struct ap_dqap *reply)
{
    struct guest *g = ctx;
    uint32_t apqsw = apcb_has(&g->apcb, qn) ? g->lpar.ops->dqap(g->lpar.ctx, qn, reply)
                                            : apqsw_of(AP_RC_Q_NOT_AVAIL);

    ap_counts_dqap(&g->counts, apqsw, reply);
    return apqsw;
}

static uint32_t hw_aqic(void *ctx, ap_qn qn, const struct ap_aqic *control)
{
    struct guest *g = ctx;

    return apcb_has(&g->apcb, qn) ? g->lpar.ops->aqic(g->lpar.ctx, qn, control)
                                  : apqsw_of(AP_RC_Q_NOT_AVAIL);
}

static bool hw_interrupts(const void *ctx)
{
    const struct guest *g = ctx;

    return g->features & GUEST_APQI && g->lpar.ops->interrupts(g->lpar.ctx);
}

static const char *hw_serial(const void *ctx, unsigned apid)
{
    const struct guest *g = ctx;

    return mask256_test(&g->apcb.apm, apid) ? g->lpar.ops->serial(g->lpar.ctx, apid) : "";
}

static bool hw_ask(const void *ctx, ap_qn qn, const uint8_t *request, size_t len,
                   struct text *reply)
{
    const struct guest *g = ctx;

    return apcb_has(&g->apcb, qn) &&
           g->lpar.ops->ask_firmware(g->lpar.ctx, qn, request, len, reply);
}

/* A guest has no SCLP for adapters [se-sclp-facility]. */
static int hw_sclp(void *ctx, uint32_t word)
{
    return -EOPNOTSUPP;
}

struct ap_hw guest_hw(struct guest *g)
{
    static const struct ap_hw_ops ops = {
        .qci = hw_qci,
        .tapq = hw_tapq,
        .peek = hw_peek,
        .rapq = hw_rapq,
        .zapq = hw_zapq,
        .nqap = hw_nqap,
        .dqap = hw_dqap,
        .aqic = hw_aqic,
        .interrupts = hw_interrupts,
        .serial = hw_serial,
        .ask_firmware = hw_ask,
        .sclp = hw_sclp,
    };

    return (struct ap_hw){&ops, g};
}
