/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "core/saved.h"
#include "plan/lpar.h"
#include "plan/order.h"
#include "plan/trial.h"

/* The steps, in their order. */

#define MATRIX "devices/vfio_ap/matrix"
#define CREATE MATRIX "/mdev_supported_types/vfio_ap-passthrough/create"

void plan_done(struct plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        text_done(&p->steps[i].what);
        text_done(&p->steps[i].effect);
    }
    free(p->steps);
    text_done(&p->gains);
    text_done(&p->notes);
    *p = (struct plan){0};
}

static int mask_add(struct trial *t, const struct event *e)
{
    const char *name = e->kind == EVENT_APMASK ? "apmask" : "aqmask";
    struct host_info host;
    struct mask256 old, set, cleared;
    text_auto value = {0};
    char path[32], absolute[MASK256_TEXT];

    core_host_info(t->core, &host);
    old = e->kind == EVENT_APMASK ? host.apmask : host.aqmask;
    set = mask256_andnot(e->mask, old);
    cleared = mask256_andnot(old, e->mask);
    mask256_for_each (id, &cleared)
        text_addf(&value, "%s-0x%02x", value.len ? "," : "", id);
    mask256_for_each (id, &set)
        text_addf(&value, "%s+0x%02x", value.len ? "," : "", id);
    mask256_format(&e->mask, absolute);
    snprintf(path, sizeof path, "bus/ap/%s", name);
    return trial_write(t, path, value.len < 64 ? value.data : absolute, "%s becomes %s", name,
                       value.len < 64 ? value.data : absolute);
}

static void lists_add(const struct apcb *a, struct text *out)
{
    text_adds(out, "adapters ");
    ap_list_format(&a->apm, out);
    text_adds(out, mask256_empty(&a->apm) ? "none, domains " : ", domains ");
    ap_list_format(&a->aqm, out);
    text_adds(out, mask256_empty(&a->aqm) ? "none, control domains " : ", control domains ");
    ap_list_format(&a->adm, out);
    text_adds(out, mask256_empty(&a->adm) ? "none" : "");
}

/* The only bit in which the masks differ. false: there is none, or more than one. */
static bool one_bit(const struct apcb *a, const struct apcb *b, const char **attr, unsigned *id)
{
    static const char *const names[] = {"adapter", "domain", "control_domain"};
    const struct mask256 *x[] = {&a->apm, &a->aqm, &a->adm}, *y[] = {&b->apm, &b->aqm, &b->adm};
    unsigned found = 0;

    for (unsigned d = 0; d < 3; d++) {
        struct mask256 more = mask256_andnot(*y[d], *x[d]), less = mask256_andnot(*x[d], *y[d]);
        struct mask256 both = mask256_or(more, less);

        if (mask256_empty(&both))
            continue;
        found += mask256_count(&both);
        *attr = names[d];
        *id = mask256_next(&both, 0) | (mask256_empty(&more) ? 0x100 : 0);
    }
    return found == 1;
}

static int assign_add(struct trial *t, const struct item *i, const struct apcb *old,
                      const struct apcb *new)
{
    char uuid[UUID_TEXT], path[128], value[16], masks[3][MASK256_TEXT];
    text_auto config = {0}, lists = {0};
    const char *attr, *remark = i->interrupts && new == &i->kept
                                    ? " (unassigned for a while: the next write of a mask would "
                                      "collide with it)"
                                    : "";
    unsigned id;

    if (apcb_equal(old, new))
        return 0;
    uuid_format(&i->uuid, uuid);
    if (one_bit(old, new, &attr, &id)) {
        snprintf(path, sizeof path, MATRIX "/%s/%s_%s", uuid, id & 0x100 ? "unassign" : "assign",
                 attr);
        snprintf(value, sizeof value, "0x%02x", id & 0xff);
        return trial_write(t, path, value, "%s %s %s %s%s", uuid,
                           id & 0x100 ? "gives away" : "is assigned", attr, value, remark);
    }
    mask256_format(&new->apm, masks[0]);
    mask256_format(&new->aqm, masks[1]);
    mask256_format(&new->adm, masks[2]);
    text_addf(&config, "%s,%s,%s", masks[0], masks[1], masks[2]);
    lists_add(new, &lists);
    snprintf(path, sizeof path, MATRIX "/%s/ap_config", uuid);
    return trial_write(t, path, config.data, "%s has %s%s", uuid, lists.data, remark);
}

static int item_add(struct trial *t, const struct item *i, bool second)
{
    const struct apcb *old = second ? &i->kept : &i->start,
                      *new = i->split && !second ? &i->kept : &i->end;
    char uuid[UUID_TEXT], path[128];
    int rc = 0;

    uuid_format(&i->uuid, uuid);
    if (!i->after) {
        snprintf(path, sizeof path, MATRIX "/%s/remove", uuid);
        return trial_write(t, path, "1", "%s is removed", uuid);
    }
    if (!i->before)
        rc = trial_write(t, CREATE, uuid, "%s is created", uuid);
    return rc < 0 ? rc : assign_add(t, i, old, new);
}

/* Before a mask that would give them to zcrypt. */
static int unbind_loose(struct trial *t, uint32_t event)
{
    const struct scene *s = &t->scene;
    int rc = 0;

    mask256_for_each (apid, &s->adapters) {
        struct mask256 row = order_exposed_row(s, event + 1u, apid);

        mask256_for_each (apqi, &row)
            rc = rc < 0 ? rc : plan_loosen(t, AP_QN(apid, apqi));
    }
    return rc;
}

static int event_add(struct trial *t, uint32_t event)
{
    const struct scene *s = &t->scene;
    const struct event *e = &s->events[event];
    int rc = 0;

    if (!order_is_mask(e))
        return plan_overrides(t, e->kind);
    if (s->overrides != OVERRIDES_NONE)
        rc = unbind_loose(t, event);
    return rc < 0 ? rc : mask_add(t, e);
}

static int order_add(struct trial *t)
{
    struct order order = {0};
    struct scene *s = &t->scene;
    int rc = order_find(s, t->interrupt, &order, t->out->blocked, t->why);

    t->out->fewest = s->exact;
    for (size_t k = 0; rc == 0 && k < order.count; k++) {
        uint32_t node = order.v[k];

        if (node < s->event_count)
            rc = event_add(t, node);
        else
            rc = item_add(t, &s->v[(node - s->event_count) / 2], (node - s->event_count) % 2);
    }
    free(order.v);
    return rc;
}

/* Guests that end, or give their device away, come first; those that begin, last. */

static bool same_device(const struct guest_track *g)
{
    return g->start.attached == g->end.attached &&
           (!g->start.attached || uuid_equal(&g->start.mdev, &g->end.mdev));
}

static bool restarts(const struct guest_track *g)
{
    return g->start.name && g->end.name && g->start.features != g->end.features;
}

static int guest_add(struct trial *t, enum plan_kind kind, const struct guest_info *g,
                     const char *verb)
{
    struct plan_step step = {.kind = kind, .features = g->features};
    text_auto what = {0};

    snprintf(step.guest, sizeof step.guest, "%s", g->name);
    step.has_mdev = g->attached;
    step.mdev = g->mdev;
    text_addf(&what, "guest %s %s", g->name, verb);
    return trial_step(t, step, what.data);
}

static int guests_leave(struct trial *t)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->guest_count; i++) {
        const struct guest_track *g = &t->guests[i];

        if (!g->start.name)
            continue;
        if (!g->end.name || restarts(g))
            rc = guest_add(t, PLAN_GUEST_STOP, &g->start, "ends");
        else if (g->start.attached && !same_device(g))
            rc = guest_add(t, PLAN_GUEST_DETACH, &g->start, "gives its mediated device back");
    }
    return rc;
}

static int guests_come(struct trial *t)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->guest_count; i++) {
        const struct guest_track *g = &t->guests[i];

        if (!g->end.name)
            continue;
        if (!g->start.name || restarts(g))
            rc = guest_add(t, PLAN_GUEST_START, &g->end, "begins");
        else if (g->end.attached && !same_device(g))
            rc = guest_add(t, PLAN_GUEST_ATTACH, &g->end, "gets its mediated device");
    }
    return rc;
}

/* By Linux, or at the Support Element where Linux has no card. */
static int adapters_add(struct trial *t, bool on)
{
    struct mask256 others = {0};
    int rc = 0;

    for (unsigned apid = 0; apid < AP_IDS && rc == 0; apid++) {
        struct adapter_info a, b;
        char path[32];

        core_adapter_info(t->core, apid, &a);
        core_adapter_info(t->to, apid, &b);
        if (!a.in_lpar || !b.in_lpar || a.online == b.online || b.online != on)
            continue;
        mask256_assign(&others, apid, !a.device);
        if (!a.device)
            continue;
        snprintf(path, sizeof path, "devices/ap/card%02x/config", apid);
        rc = trial_write(t, path, on ? "1" : "0", "adapter 0x%02x is configured %s", apid,
                         on ? "on" : "off");
    }
    return rc < 0 ? rc : plan_lpar_adapters(t, &others, on);
}

/* What was bound or set offline by hand, of a card. */
static int card_add(struct trial *t, unsigned apid)
{
    struct saved now, end;
    struct mask256 differ, offline;
    char path[64];
    int rc = 0;

    for (unsigned apqi = 0; apqi < AP_IDS && rc == 0; apqi++) {
        rc = plan_unbind(t, AP_QN(apid, apqi));
        rc = rc < 0 ? rc : plan_bind(t, AP_QN(apid, apqi));
    }
    if (rc < 0 || !saved_get_card(t->core, CORE_HOST_TREE, apid, &now) ||
        !saved_get_card(t->to, CORE_HOST_TREE, apid, &end))
        return rc;
    snprintf(path, sizeof path, "devices/ap/card%02x/online", apid);
    if (now.card.offline != end.card.offline)
        rc = trial_write(t, path, end.card.offline ? "0" : "1", "card%02x is set %s", apid,
                         end.card.offline ? "offline" : "online");
    saved_get_card(t->core, CORE_HOST_TREE, apid, &now); /* a card takes its queues along */
    offline = end.card.queues_offline;
    differ = mask256_or(mask256_andnot(now.card.queues_offline, offline),
                        mask256_andnot(offline, now.card.queues_offline));
    mask256_for_each (apqi, &differ) {
        bool off = mask256_test(&offline, apqi);

        snprintf(path, sizeof path, "devices/ap/card%02x/%02x.%04x/online", apid, apid, apqi);
        if (rc == 0)
            rc = trial_write(t, path, off ? "0" : "1", "queue %02x.%04x is set %s", apid, apqi,
                             off ? "offline" : "online");
    }
    return rc;
}

static int cards_add(struct trial *t)
{
    int rc = 0;

    mask256_for_each (apid, &t->scene.adapters) {
        if (rc == 0)
            rc = card_add(t, apid);
    }
    return rc;
}

/* When the LPAR is changed: what goes, and what comes. */
struct placement {
    unsigned first, last; /* LPAR_REMOVE, LPAR_ADD */
};

static int steps_add(struct trial *t, struct placement lpar)
{
    int rc = guests_leave(t);

    if (rc == 0)
        rc = plan_lpar_task(t, lpar.first);
    if (rc == 0 && !lpar.last)
        rc = adapters_add(t, true);
    if (rc == 0)
        rc = order_add(t);
    if (rc == 0)
        rc = plan_lpar_task(t, lpar.last);
    if (rc == 0)
        rc = adapters_add(t, true);
    if (rc == 0)
        rc = cards_add(t);
    if (rc == 0)
        rc = plan_settings(t);
    if (rc == 0)
        rc = adapters_add(t, false);
    return rc < 0 ? rc : guests_come(t);
}

static int try_placement(struct trial *t, struct placement lpar)
{
    text_auto rest = {0}, others = {0};
    int rc;

    trial_begin(t);
    rc = steps_add(t, lpar);
    if (rc == 0)
        trial_summarize(t);
    if (rc == 0 && (!plan_lpar_same(t->core, t->to, &rest) || !plan_same(t->core, t->to, &rest)))
        text_addf(&t->out->notes, "left as it is: %s\n", rest.data);
    if (rc == 0)
        plan_rest(t->core, t->to, &others);
    if (others.len)
        text_addf(&t->out->notes, "no part of a plan, and left as they are: %s\n", others.data);
    trial_end(t);
    return rc;
}

int plan_make(const struct core *from, const struct core *to, bool interrupt, struct plan *out,
              struct text *why)
{
    /* What comes is to find masks and devices as they will be; what goes, as they were. One task at
     * the Support Element is better than two. */
    static const struct placement ways[] = {
        {0, LPAR_REMOVE | LPAR_ADD}, {LPAR_REMOVE | LPAR_ADD, 0}, {LPAR_REMOVE, LPAR_ADD}};
    struct trial t = {.from = from,
                      .to = to,
                      .interrupt = interrupt,
                      .lpar = !plan_lpar_same(from, to, NULL),
                      .out = out,
                      .why = why};
    int rc;

    *out = (struct plan){0};
    rc = plan_lpar_check(&t);
    if (rc < 0)
        return rc;
    if (!t.lpar)
        return try_placement(&t, (struct placement){0, 0});
    rc = -EINVAL;
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0] && rc < 0; i++) {
        plan_done(out);
        text_clear(why);
        rc = try_placement(&t, ways[i]);
    }
    return rc;
}
