/* SPDX-License-Identifier: MIT */
/* Whose the queues are after each event, and what Linux refuses then. */
#include "plan/order.h"

static const struct mask256 nothing;

static struct mask256 default_row(const struct ap_masks *m, unsigned apid)
{
    return mask256_test(&m->apmask, apid) ? m->aqmask : nothing;
}

bool order_is_mask(const struct event *e)
{
    return e->kind == EVENT_APMASK || e->kind == EVENT_AQMASK;
}

struct ap_masks order_masks_after(const struct scene *s, size_t events)
{
    struct ap_masks m = s->start;

    for (size_t i = 0; i < events; i++)
        if (order_is_mask(&s->events[i]))
            *(s->events[i].kind == EVENT_APMASK ? &m.apmask : &m.aqmask) = s->events[i].mask;
    return m;
}

/* Whether there is no override after that many events. */
static bool masks_decide(const struct scene *s, size_t events)
{
    switch (s->overrides) {
    case OVERRIDES_COME:
        return events < s->event_count;
    case OVERRIDES_GO:
        return events > 0;
    default:
        return s->overrides == OVERRIDES_NONE;
    }
}

/* After that many events zcrypt has, of the adapter: */
static struct mask256 owned_row(const struct scene *s, size_t events, unsigned apid)
{
    struct ap_masks m;

    if (masks_decide(s, events)) {
        m = order_masks_after(s, events);
        return default_row(&m, apid);
    }
    if (events == 0)
        return s->owned[0][apid];
    if (events == s->event_count)
        return s->owned[1][apid];
    return mask256_and(s->owned[0][apid], s->owned[1][apid]);
}

struct mask256 order_exposed_row(const struct scene *s, size_t events, unsigned apid)
{
    struct mask256 row = owned_row(s, events, apid);

    row = mask256_andnot(row, owned_row(s, 0, apid));
    row = mask256_andnot(row, owned_row(s, s->event_count, apid));
    return mask256_and(row, s->domains);
}

static bool products_meet(const struct apcb *a, const struct ap_masks *m)
{
    return mask256_intersects(&a->apm, &m->apmask) && mask256_intersects(&a->aqm, &m->aqmask);
}

static bool rows_meet(const struct apcb *a, const struct mask256 rows[AP_IDS])
{
    mask256_for_each (apid, &a->apm)
        if (mask256_intersects(&a->aqm, &rows[apid]))
            return true;
    return false;
}

bool order_refuses(const struct scene *s, size_t events, const struct apcb *a)
{
    struct ap_masks m;

    if (masks_decide(s, events)) {
        m = order_masks_after(s, events);
        return products_meet(a, &m);
    }
    mask256_for_each (apid, &a->apm) {
        struct mask256 row = owned_row(s, events, apid);

        if (mask256_intersects(&a->aqm, &row))
            return true;
    }
    return false;
}

bool order_is_loose(const struct scene *s, const struct apcb *a)
{
    return s->overrides != OVERRIDES_NONE && rows_meet(a, s->loose);
}

/* Overrides that go leave the queues with their drivers; the next mask takes them away. */
static bool drivers_stay(const struct scene *s, size_t events)
{
    return s->overrides == OVERRIDES_GO && events == 1;
}

bool order_takes(const struct scene *s, size_t events, const struct apcb *a)
{
    if (s->overrides == OVERRIDES_NONE || drivers_stay(s, events))
        return false;
    mask256_for_each (apid, &a->apm) {
        struct mask256 row = mask256_andnot(owned_row(s, events, apid), s->loose[apid]);

        if (mask256_intersects(&a->aqm, &row))
            return true;
    }
    return false;
}

struct mask256 order_new_bits(const struct scene *s, size_t t)
{
    struct ap_masks before = order_masks_after(s, t - 1);

    return mask256_andnot(s->events[t - 1].mask,
                          s->events[t - 1].kind == EVENT_APMASK ? before.apmask : before.aqmask);
}

bool order_vetoes(const struct scene *s, size_t t, const struct apcb *a)
{
    const struct event *e = &s->events[t - 1];
    const struct mask256 *dimension = e->kind == EVENT_APMASK ? &a->apm : &a->aqm;
    struct mask256 fresh;
    struct ap_masks after;

    if (!order_is_mask(e) || mask256_empty(&a->apm) || mask256_empty(&a->aqm))
        return false;
    fresh = order_new_bits(s, t);
    if (!mask256_intersects(dimension, &fresh))
        return false;
    if (s->new_bits)
        return true;
    after = order_masks_after(s, t);
    after = e->kind == EVENT_APMASK ? (struct ap_masks){fresh, after.aqmask}
                                    : (struct ap_masks){after.apmask, fresh};
    return products_meet(a, &after);
}

/* Notes what is to be unbound so that a mask does not give it to zcrypt. False: that does not
 * help. */
static bool loosen(struct scene *s, unsigned apid, const struct mask256 *exposed)
{
    if (mask256_empty(exposed))
        return true;
    if (s->overrides == OVERRIDES_NONE || !s->loose_stays) {
        s->exposed = AP_QN(apid, mask256_next(exposed, 0));
        return false;
    }
    s->loose[apid] = mask256_or(s->loose[apid], *exposed);
    return true;
}

bool order_exposes(struct scene *s, size_t events)
{
    struct ap_masks m = order_masks_after(s, events);

    if (drivers_stay(s, events))
        return false;
    mask256_for_each (apid, &s->adapters) {
        struct mask256 exposed = order_exposed_row(s, events, apid);

        if (!loosen(s, apid, &exposed))
            return true;
    }
    for (size_t i = 0; i < s->count && s->overrides == OVERRIDES_NONE; i++)
        if (products_meet(&s->v[i].kept, &m))
            return true;
    return false;
}
