/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "core/saved.h"
#include "plan/internal.h"
#include "store/setup.h"

/* The steps, each tried on a copy of the core before the next one is made. */

#define MATRIX "devices/vfio_ap/matrix"
#define CREATE MATRIX "/mdev_supported_types/vfio_ap-passthrough/create"
#define NAMED  6u /* others are only counted */

struct guest_track {
    struct guest_info start, end; /* end.name NULL: there is none then; likewise start */
    struct apcb now;
    size_t missing_since; /* step at which it lost something that it has at the end, too; 0: none */
};

struct trial {
    const struct core *from, *to;
    struct core *core;
    struct scene scene;
    struct guest_track *guests;
    size_t guest_count;
    struct plan *out;
    struct text *why;
};

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

static int store(struct core *c, const struct plan_step *s, struct effects *fx, struct text *why)
{
    struct command cmd = {
        .kind = CMD_STORE, .now = fx->now, .store = {.data = s->value, .len = strlen(s->value)}};
    struct reply reply = {0};
    int rc = core_find_file(c, s->path, &cmd.store.ino);

    if (rc < 0) {
        text_addf(why, "there is no %s", s->path);
        return rc;
    }
    core_execute(c, &cmd, fx, &reply);
    for (size_t i = 0; i < fx->count && reply.result < 0; i++)
        if (fx->v[i].kind == EFFECT_LOG)
            text_addf(why, "%s%s", why->len ? "; " : "", effect_text(fx, &fx->v[i]));
    reply_done(&reply);
    return reply.result;
}

int plan_step_execute(struct core *c, const struct plan_step *s, struct effects *fx,
                      struct text *why)
{
    static const enum command_kind kinds[] = {[PLAN_GUEST_START] = CMD_GUEST_START,
                                              [PLAN_GUEST_STOP] = CMD_GUEST_STOP,
                                              [PLAN_GUEST_ATTACH] = CMD_GUEST_ATTACH,
                                              [PLAN_GUEST_DETACH] = CMD_GUEST_DETACH};
    struct command cmd = {
        .kind = kinds[s->kind],
        .now = fx->now,
        .guest = {
            .name = s->guest, .features = s->features, .has_mdev = s->has_mdev, .mdev = s->mdev}};
    struct reply reply = {0};
    int rc;

    if (s->kind == PLAN_WRITE)
        return store(c, s, fx, why);
    core_execute(c, &cmd, fx, &reply);
    rc = reply.result;
    if (rc < 0)
        text_adds(why, reply.why.data ? reply.why.data : strerror(-rc));
    reply_done(&reply);
    return rc;
}

/* What guests and zcrypt have. */

static struct apcb apcb_of(const struct guest_info *g)
{
    return (struct apcb){g->apm, g->aqm, g->adm};
}

/* Appends the APQNs that a has and b has not; returns their number. */
static unsigned list_lost(const struct apcb *a, const struct apcb *b, struct text *out)
{
    unsigned count = 0;

    mask256_for_each (apid, &a->apm) {
        mask256_for_each (apqi, &a->aqm) {
            if (apcb_has(b, AP_QN(apid, apqi)))
                continue;
            if (count++ < NAMED)
                text_addf(out, "%s%02x.%04x", count > 1 ? ", " : "", apid, apqi);
        }
    }
    if (count > NAMED)
        text_addf(out, " and %u more", count - NAMED);
    return count;
}

static void add_part(struct text *out, const char *who, const char *verb, const struct apcb *a,
                     const struct apcb *b)
{
    text_auto list = {0};

    if (list_lost(a, b, &list))
        text_addf(out, "%s%s %s %s", out->len ? "; " : "", who, verb, list.data);
}

/* Notes when it begins, and when it ends, that the guest lacks what it has at both ends. */
static void follow_missing(struct trial *t, struct guest_track *g, const char *name)
{
    struct apcb start = apcb_of(&g->start), end = apcb_of(&g->end);
    struct apcb both = {mask256_and(start.apm, end.apm), mask256_and(start.aqm, end.aqm), {{0}}};
    text_auto missing = {0};
    bool lacks = list_lost(&both, &g->now, &missing);

    if (lacks && !g->missing_since)
        g->missing_since = t->out->count;
    if (lacks || !g->missing_since)
        return;
    text_addf(&t->out->gains, "%s is without queues that it keeps from step %zu to %zu\n", name,
              g->missing_since, t->out->count);
    g->missing_since = 0;
}

static void follow_guest(struct trial *t, struct guest_track *g, struct text *effect)
{
    const char *name = g->start.name ? g->start.name : g->end.name;
    struct guest_info info;
    struct apcb now = {0};

    if (core_guest_find(t->core, name, &info) == 0)
        now = apcb_of(&info);
    add_part(effect, name, "loses", &g->now, &now);
    add_part(effect, name, "gets", &now, &g->now);
    g->now = now;
    follow_missing(t, g, name);
}

static bool is_unconcerned(const struct guest_track *g)
{
    struct apcb a = apcb_of(&g->start), b = apcb_of(&g->end);

    return g->start.name && g->end.name && g->start.attached && g->end.attached &&
           uuid_equal(&g->start.mdev, &g->end.mdev) && apcb_equal(&a, &b) &&
           g->start.features == g->end.features;
}

static struct guest_track *track_of(const struct trial *t, const char *name)
{
    for (size_t i = 0; i < t->guest_count; i++) {
        const struct guest_track *g = &t->guests[i];

        if (strcmp(g->start.name ? g->start.name : g->end.name, name) == 0)
            return &t->guests[i];
    }
    return NULL;
}

static int check_guest(struct trial *t, const char *name, struct text *effect)
{
    struct guest_track *g = name ? track_of(t, name) : NULL;
    struct apcb had;

    if (!g)
        return 0;
    had = g->now;
    follow_guest(t, g, effect);
    if (!is_unconcerned(g) || apcb_equal(&had, &g->now))
        return 0;
    text_addf(t->why,
              "two demands exclude each other: guest %s keeps all of its queues, and step %zu (%s) "
              "would take some away",
              name, t->out->count, t->out->steps[t->out->count - 1].what.data);
    return -EINVAL;
}

/* The guests whose APCB the step has changed. */
static int check_guests(struct trial *t, const struct effects *fx, struct text *effect)
{
    int rc = 0;

    for (size_t i = 0; i < fx->count && rc == 0; i++)
        if (fx->v[i].kind == EFFECT_APCB)
            rc = check_guest(t, core_guest_name(t->core, fx->v[i].id), effect);
    return rc;
}

static void add_host_part(struct text *out, const char *verb, unsigned count, const char *first)
{
    if (count)
        text_addf(out, "%szcrypt %s %s%s", out->len ? "; " : "", verb, first,
                  count > 1 ? " and others" : "");
}

struct rows {
    struct mask256 row[AP_IDS];
};

static void rows_read(const struct trial *t, struct rows *out)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        out->row[apid] = mask256_test(&t->scene.adapters, apid)
                             ? mask256_and(core_default_row(t->core, apid), t->scene.domains)
                             : (struct mask256){0};
}

static void compare_rows(const struct rows *before, const struct rows *after, struct text *out)
{
    char lost[16] = "", got[16] = "";
    unsigned losses = 0, gains = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct mask256 l = mask256_andnot(before->row[apid], after->row[apid]),
                       g = mask256_andnot(after->row[apid], before->row[apid]);

        if (!losses && !mask256_empty(&l))
            snprintf(lost, sizeof lost, "%02x.%04x", apid, mask256_next(&l, 0));
        if (!gains && !mask256_empty(&g))
            snprintf(got, sizeof got, "%02x.%04x", apid, mask256_next(&g, 0));
        losses += mask256_count(&l);
        gains += mask256_count(&g);
    }
    add_host_part(out, "loses", losses, lost);
    add_host_part(out, "gets", gains, got);
}

/* Adding a step. It is executed at once. */
static int step_add(struct trial *t, struct plan_step step, const char *what)
{
    struct plan *p = t->out;
    struct effects fx = {0};
    struct rows before, after;
    text_auto why = {0};
    bool masks = step.kind == PLAN_WRITE && strncmp(step.path, "bus/ap/a", 8) == 0;
    int rc;

    p->steps = xrealloc(p->steps, (p->count + 1) * sizeof *p->steps);
    p->steps[p->count++] = step;
    text_adds(&p->steps[p->count - 1].what, what);
    if (masks)
        rows_read(t, &before);
    rc = plan_step_execute(t->core, &step, &fx, &why);
    if (rc < 0) {
        text_addf(t->why, "step %zu (%s) would be refused: %s", p->count, what, why.data);
        effects_done(&fx);
        return -EINVAL;
    }
    rc = check_guests(t, &fx, &p->steps[p->count - 1].effect);
    effects_done(&fx);
    if (masks) {
        rows_read(t, &after);
        compare_rows(&before, &after, &p->steps[p->count - 1].effect);
    }
    return rc;
}

__attribute__((format(printf, 4, 5))) static int
write_add(struct trial *t, const char *path, const char *value, const char *format, ...)
{
    struct plan_step step = {.kind = PLAN_WRITE};
    text_auto what = {0};
    va_list args;

    snprintf(step.path, sizeof step.path, "%s", path);
    snprintf(step.value, sizeof step.value, "%s", value);
    va_start(args, format);
    text_addv(&what, format, args);
    va_end(args);
    return step_add(t, step, what.data);
}

static int mask_add(struct trial *t, const struct mask_event *e)
{
    const char *name = e->adapters ? "apmask" : "aqmask";
    struct host_info host;
    struct mask256 old, set, cleared;
    text_auto value = {0};
    char path[32], absolute[MASK256_TEXT];

    core_host_info(t->core, &host);
    old = e->adapters ? host.apmask : host.aqmask;
    set = mask256_andnot(e->mask, old);
    cleared = mask256_andnot(old, e->mask);
    mask256_for_each (id, &cleared)
        text_addf(&value, "%s-0x%02x", value.len ? "," : "", id);
    mask256_for_each (id, &set)
        text_addf(&value, "%s+0x%02x", value.len ? "," : "", id);
    mask256_format(&e->mask, absolute);
    snprintf(path, sizeof path, "bus/ap/%s", name);
    return write_add(t, path, value.len < 64 ? value.data : absolute, "%s becomes %s", name,
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
    const char *attr;
    unsigned id;

    if (apcb_equal(old, new))
        return 0;
    uuid_format(&i->uuid, uuid);
    if (one_bit(old, new, &attr, &id)) {
        snprintf(path, sizeof path, MATRIX "/%s/%s_%s", uuid, id & 0x100 ? "unassign" : "assign",
                 attr);
        snprintf(value, sizeof value, "0x%02x", id & 0xff);
        return write_add(t, path, value, "%s %s %s %s", uuid,
                         id & 0x100 ? "gives away" : "is assigned", attr, value);
    }
    mask256_format(&new->apm, masks[0]);
    mask256_format(&new->aqm, masks[1]);
    mask256_format(&new->adm, masks[2]);
    text_addf(&config, "%s,%s,%s", masks[0], masks[1], masks[2]);
    lists_add(new, &lists);
    snprintf(path, sizeof path, MATRIX "/%s/ap_config", uuid);
    return write_add(t, path, config.data, "%s has %s%s", uuid, lists.data,
                     i->interrupts && new == &i->kept ? " (unassigned for a while: the next write "
                                                        "of a mask would collide with it)"
                                                      : "");
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
        return write_add(t, path, "1", "%s is removed", uuid);
    }
    if (!i->before)
        rc = write_add(t, CREATE, uuid, "%s is created", uuid);
    return rc < 0 ? rc : assign_add(t, i, old, new);
}

static int order_add(struct trial *t)
{
    struct order order = {0};
    struct scene *s = &t->scene;
    int rc = order_find(s, &order, t->why);

    t->out->fewest = s->exact;
    for (size_t k = 0; rc == 0 && k < order.count; k++) {
        uint32_t node = order.v[k];

        if (node < s->mask_count)
            rc = mask_add(t, &s->masks[node]);
        else
            rc = item_add(t, &s->v[(node - s->mask_count) / 2], (node - s->mask_count) % 2);
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
    return step_add(t, step, what.data);
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

static int adapters_add(struct trial *t, bool on)
{
    int rc = 0;

    for (unsigned apid = 0; apid < AP_IDS && rc == 0; apid++) {
        struct adapter_info a, b;
        char path[32];

        core_adapter_info(t->core, apid, &a);
        core_adapter_info(t->to, apid, &b);
        if (!a.installed || !a.device || a.online == b.online || b.online != on)
            continue;
        snprintf(path, sizeof path, "devices/ap/card%02x/config", apid);
        rc = write_add(t, path, on ? "1" : "0", "adapter 0x%02x is configured %s", apid,
                       on ? "on" : "off");
    }
    return rc;
}

/* What was bound or set offline by hand, of a card. */
static int bind_add(struct trial *t, ap_qn qn)
{
    struct apqn_info a, b;
    char path[64], queue[AP_QN_TEXT];
    int rc = 0;

    core_apqn_info(t->core, qn, &a);
    core_apqn_info(t->to, qn, &b);
    if (!a.device || !b.device || (a.driver && b.driver && strcmp(a.driver, b.driver) == 0) ||
        (!a.driver && !b.driver))
        return 0;
    ap_qn_format(qn, queue);
    if (a.driver) {
        snprintf(path, sizeof path, "bus/ap/drivers/%s/unbind", a.driver);
        rc = write_add(t, path, queue, "queue %s is unbound from %s", queue, a.driver);
    }
    if (rc == 0 && b.driver) {
        snprintf(path, sizeof path, "bus/ap/drivers/%s/bind", b.driver);
        rc = write_add(t, path, queue, "queue %s is bound to %s", queue, b.driver);
    }
    return rc;
}

static int card_add(struct trial *t, unsigned apid)
{
    struct saved now, end;
    struct mask256 differ, offline;
    char path[64];
    int rc = 0;

    for (unsigned apqi = 0; apqi < AP_IDS && rc == 0; apqi++)
        rc = bind_add(t, AP_QN(apid, apqi));
    if (rc < 0 || !saved_get_card(t->core, CORE_HOST_TREE, apid, &now) ||
        !saved_get_card(t->to, CORE_HOST_TREE, apid, &end))
        return rc;
    snprintf(path, sizeof path, "devices/ap/card%02x/online", apid);
    if (now.card.offline != end.card.offline)
        rc = write_add(t, path, end.card.offline ? "0" : "1", "card%02x is set %s", apid,
                       end.card.offline ? "offline" : "online");
    saved_get_card(t->core, CORE_HOST_TREE, apid, &now); /* a card takes its queues along */
    offline = end.card.queues_offline;
    differ = mask256_or(mask256_andnot(now.card.queues_offline, offline),
                        mask256_andnot(offline, now.card.queues_offline));
    mask256_for_each (apqi, &differ) {
        bool off = mask256_test(&offline, apqi);

        snprintf(path, sizeof path, "devices/ap/card%02x/%02x.%04x/online", apid, apid, apqi);
        if (rc == 0)
            rc = write_add(t, path, off ? "0" : "1", "queue %02x.%04x is set %s", apid, apqi,
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

static int hardware_differs(struct text *why, const char *what, unsigned id)
{
    text_addf(why,
              "%s 0x%02x differs: a plan is for what Linux administers; change the LPAR or the "
              "machine first, at the Support Element (apus se lpar), and plan from there",
              what, id);
    return -EINVAL;
}

static int check_hardware(const struct trial *t)
{
    struct host_info a, b;

    core_host_info(t->from, &a);
    core_host_info(t->to, &b);
    if (a.abi != b.abi) {
        text_adds(t->why, "the profiles differ (abi in [machine]); no step changes a kernel");
        return -EINVAL;
    }
    for (unsigned id = 0; id < AP_IDS; id++) {
        struct adapter_info x, y;

        core_adapter_info(t->from, id, &x);
        core_adapter_info(t->to, id, &y);
        if (x.installed != y.installed || x.in_lpar != y.in_lpar ||
            (x.installed && (x.config->type != y.config->type || x.config->mode != y.config->mode)))
            return hardware_differs(t->why, "adapter", id);
        if (mask256_test(&a.aqm, id) != mask256_test(&b.aqm, id))
            return hardware_differs(t->why, "usage domain", id);
        if (mask256_test(&a.adm, id) != mask256_test(&b.adm, id))
            return hardware_differs(t->why, "control domain", id);
    }
    return 0;
}

static void track_guests(struct trial *t, const struct core *core, bool end)
{
    struct guest_info g;
    uint32_t cursor = 0;

    while (core_guest_next(core, &cursor, &g)) {
        size_t i = 0;

        while (i < t->guest_count && end &&
               !(t->guests[i].start.name && strcmp(t->guests[i].start.name, g.name) == 0))
            i++;
        if (!end || i == t->guest_count) {
            i = t->guest_count++;
            t->guests = xrealloc(t->guests, t->guest_count * sizeof *t->guests);
            t->guests[i] = (struct guest_track){0};
        }
        *(end ? &t->guests[i].end : &t->guests[i].start) = g;
        if (!end)
            t->guests[i].now = apcb_of(&g);
    }
}

static void summarize(struct trial *t)
{
    struct rows start, end;
    struct trial before = *t;
    text_auto host = {0};

    for (size_t i = 0; i < t->guest_count; i++) {
        const struct guest_track *g = &t->guests[i];
        struct apcb a = apcb_of(&g->start), b = apcb_of(&g->end);
        const char *name = g->start.name ? g->start.name : g->end.name;
        text_auto line = {0};

        add_part(&line, name, "loses", &a, &b);
        add_part(&line, name, "gets", &b, &a);
        if (line.len)
            text_addf(&t->out->gains, "%s\n", line.data);
    }
    rows_read(t, &end);
    before.core = (struct core *)t->from;
    rows_read(&before, &start);
    compare_rows(&start, &end, &host);
    if (host.len)
        text_addf(&t->out->gains, "%s\n", host.data);
    if (!t->out->fewest)
        text_adds(&t->out->notes, "whether fewer steps would do was not searched to the end\n");
}

static int steps_add(struct trial *t)
{
    int rc = guests_leave(t);

    if (rc == 0)
        rc = adapters_add(t, true);
    if (rc == 0)
        rc = order_add(t);
    if (rc == 0)
        rc = cards_add(t);
    if (rc == 0)
        rc = adapters_add(t, false);
    return rc < 0 ? rc : guests_come(t);
}

int plan_make(const struct core *from, const struct core *to, struct plan *out, struct text *why)
{
    struct trial t = {.from = from, .to = to, .out = out, .why = why};
    text_auto rest = {0}, others = {0};
    int rc;

    *out = (struct plan){0};
    rc = check_hardware(&t);
    if (rc < 0)
        return rc;
    t.core = setup_copy(from);
    scene_read(&t.scene, from, to);
    track_guests(&t, from, false);
    track_guests(&t, to, true);
    rc = steps_add(&t);
    if (rc == 0)
        summarize(&t);
    if (rc == 0 && !plan_same(t.core, to, &rest))
        text_addf(&out->notes, "left as it is: %s\n", rest.data);
    if (rc == 0)
        plan_rest(t.core, to, &others);
    if (others.len)
        text_addf(&out->notes, "no part of a plan, and left as they are: %s\n", others.data);
    core_free(t.core);
    scene_done(&t.scene);
    free(t.guests);
    return rc;
}

static bool differs(struct text *what, const char *format, const char *name)
{
    text_addf(what, format, name);
    return false;
}

static bool same_guests(const struct core *a, const struct core *b, struct text *what)
{
    struct guest_info x, y;
    uint32_t cursor = 0;

    while (core_guest_next(a, &cursor, &x)) {
        if (core_guest_find(b, x.name, &y) < 0 || x.features != y.features ||
            x.attached != y.attached || (x.attached && !uuid_equal(&x.mdev, &y.mdev)))
            return differs(what, "guest %s", x.name);
    }
    return true;
}

bool plan_same(const struct core *a, const struct core *b, struct text *what)
{
    struct scene s;
    char uuid[UUID_TEXT];
    bool same = true;

    scene_read(&s, a, b);
    if (!mask256_equal(&s.start.apmask, &s.end.apmask) ||
        !mask256_equal(&s.start.aqmask, &s.end.aqmask))
        same = differs(what, "the %s", "masks");
    for (size_t i = 0; i < s.count && same; i++) {
        uuid_format(&s.v[i].uuid, uuid);
        if (s.v[i].changed)
            same = differs(what, "mediated device %s", uuid);
    }
    scene_done(&s);
    return same && same_guests(a, b, what) && same_guests(b, a, what);
}
