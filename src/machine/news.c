/* SPDX-License-Identifier: MIT */
#include "machine/internal.h"

/* What happened to adapters and queues, kept until somebody asks. */

void news_reset(struct machine *m, struct adapter *a, unsigned apqi, bool zeroized)
{
    mask256_set(&m->resets, (unsigned)(a - m->adapters));
    mask256_set(&a->reset, apqi);
    if (zeroized)
        mask256_set(&a->were_zeroized, apqi);
}

void news_lost(struct machine *m, const struct adapter *a, unsigned apqi, unsigned messages)
{
    if (m->lost_count == m->lost_capacity) {
        m->lost_capacity = m->lost_capacity ? 2 * m->lost_capacity : 8;
        m->lost = xrealloc(m->lost, m->lost_capacity * sizeof *m->lost);
    }
    m->lost[m->lost_count++] =
        (struct machine_lost){AP_QN((unsigned)(a - m->adapters), apqi), messages};
}

struct mask256 machine_take_news(struct machine *m)
{
    struct mask256 news = m->news;

    m->news = (struct mask256){0};
    return news;
}

bool machine_take_reset(struct machine *m, struct machine_reset *out)
{
    mask256_for_each (apid, &m->resets) {
        struct adapter *a = &m->adapters[apid];

        *out = (struct machine_reset){apid, a->reset, a->were_zeroized};
        a->reset = a->were_zeroized = (struct mask256){{0}};
        mask256_clear(&m->resets, apid);
        return true;
    }
    return false;
}

bool machine_take_lost(struct machine *m, struct machine_lost *out)
{
    if (m->lost_taken == m->lost_count) {
        m->lost_count = m->lost_taken = 0;
        return false;
    }
    *out = m->lost[m->lost_taken++];
    return true;
}

bool machine_take_met(struct machine *m, struct fault_entry *out)
{
    if (!m->faults.met)
        return false;
    for (unsigned i = 0; i < m->faults.count; i++) {
        struct fault_entry *e = &m->faults.v[i];

        if (!e->met)
            continue;
        e->met = false;
        *out = *e;
        return true;
    }
    m->faults.met = false;
    return false;
}
