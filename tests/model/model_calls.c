/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "model.h"

/* Which queue takes a request, by [zcrypt-candidates] and [zcrypt-selection]. */

static const unsigned accel_me[] = {14, 8, 6, 6, 6}, accel_crt[] = {42, 18, 17, 15, 15};
static const unsigned cca_me[] = {59, 24, 16, 14, 14}, cca_crt[] = {83, 37, 27, 23, 23};
static const unsigned cca_key[] = {40, 10, 9, 8, 8}, ep11_key[] = {50, 10, 9, 8, 8};

enum { ACCEL, CCA, EP11 };

unsigned model_rating(const struct m_want *w, unsigned type, unsigned mode)
{
    unsigned row = type < 10 ? 0 : type - 10;

    if (w->kind == WANT_EP11)
        return ep11_key[row] * 100; /* random numbers */
    if (w->kind == WANT_CCA)
        return cca_key[row] * 500; /* KG */
    if (mode == ACCEL)
        return w->kind == WANT_CRT ? accel_crt[row] : accel_me[row];
    return w->kind == WANT_CRT ? cca_crt[row] : cca_me[row];
}

struct m_want model_want(const struct step *s)
{
    static const unsigned modes[] = {[WANT_CCA] = CCA, [WANT_EP11] = EP11};
    unsigned domain = s->value >> 16 & 0xff, card = s->value >> 24 & 0xff;
    struct m_want w = {
        .kind = (enum m_kind)(s->value & 3), .node = s->value >> 8 & 0xff, .apid = -1, .apqi = -1};

    w.mode = w.kind < WANT_CCA ? ACCEL : modes[w.kind];
    if (w.kind >= WANT_CCA && domain < APQIS)
        w.apqi = (int)domain;
    if (w.kind >= WANT_CCA && card < APIDS)
        w.apid = (int)card;
    return w;
}

int model_node(const struct model *m, const struct m_want *w)
{
    for (int i = 0; i < NODES && w->node >= 1 && w->node <= 4; i++)
        if (m->node[i].exists && strcmp(m->node[i].name, node_name(w->node - 1)) == 0)
            return i;
    return -1;
}

static bool mode_fits(const struct m_want *w, unsigned mode)
{
    return w->kind < WANT_CCA ? mode == ACCEL || mode == CCA : mode == w->mode;
}

/* A CPRB for a domain that is a control domain only may go through any queue. */
static bool domain_fits(const struct model *m, const struct m_want *w, const struct m_guest *g,
                        unsigned di)
{
    struct m_set seen = {.aqm = m->usage, .adm = m->control};

    if (w->apqi < 0 || (unsigned)w->apqi == di)
        return true;
    if (g) {
        struct m_set apcb = model_apcb(m, g);

        if (!(g->features & 4)) /* without QCI no control domains are known */
            return false;
        seen.aqm = mask256_and(seen.aqm, apcb.aqm);
        seen.adm = mask256_and(seen.adm, apcb.adm);
    }
    return w->kind == WANT_CCA && !mask256_test(&seen.aqm, apqis[w->apqi]) &&
           mask256_test(&seen.adm, apqis[w->apqi]);
}

bool model_takes(const struct model *m, const struct m_bus *b, const struct m_guest *g,
                 const struct m_want *w, unsigned ai, unsigned di)
{
    const struct m_card *card = &b->card[ai];
    const struct m_queue *q = &card->queue[di];
    int node = g ? -1 : model_node(m, w);
    const struct mask256 *apmask = node < 0 ? &b->apmask : &m->node[node].mask[1];
    const struct mask256 *aqmask = node < 0 ? &b->aqmask : &m->node[node].mask[2];

    return card->present && card->bound && card->user_online && model_configured(m, ai) &&
           !model_checkstopped(m, ai) && mode_fits(w, card->mode) && q->present &&
           q->driver == M_ZCRYPT && !q->stray && q->config && !q->chkstop && q->user_online &&
           mask256_test(apmask, apids[ai]) && mask256_test(aqmask, apqis[di]) &&
           (w->apid < 0 || (unsigned)w->apid == ai) && domain_fits(m, w, g, di);
}

static bool any_takes(const struct model *m, const struct m_bus *b, const struct m_guest *g,
                      const struct m_want *w)
{
    for (unsigned i = 0; i < APIDS * APQIS; i++)
        if (model_takes(m, b, g, w, i / APQIS, i % APQIS))
            return true;
    return false;
}

/* Without a queue the bus scans once for new ones. */
int model_zcrypt(struct model *m, const struct step *s)
{
    struct m_guest *g = s->tree ? &m->guest[s->tree - 1] : NULL;
    struct m_bus *b = g ? &g->bus : &m->bus;
    struct m_want w = model_want(s);

    if (g ? g->connected : m->lpar_connected)
        return -ENODEV;
    if (g && (!g->exists || !g->looked || !(g->features & 1)))
        return -ENODEV;
    if (any_takes(m, b, g, &w))
        return -EINPROGRESS;
    model_bus_follow(m, b, g);
    return any_takes(m, b, g, &w) ? -EINPROGRESS : -ENODEV;
}
