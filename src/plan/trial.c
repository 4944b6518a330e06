/* SPDX-License-Identifier: MIT */
#include "plan/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/query.h"
#include "store/setup.h"

#define NAMED 6u /* others are only counted */

/* What guests and zcrypt have. */

/* Without adapters in standby, which some kernels leave in an APCB. */
static struct apcb usable(const struct core *c, const struct guest_info *g)
{
    struct apcb a = {g->apm, g->aqm, g->adm};

    mask256_for_each (apid, &g->apm) {
        struct adapter_info info;

        core_adapter_info(c, apid, &info);
        mask256_assign(&a.apm, apid, info.online);
    }
    return a;
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

static void add_domains(const struct mask256 *m, struct text *out)
{
    unsigned count = 0;

    mask256_for_each (apqi, m)
        if (count++ < NAMED)
            text_addf(out, "%s %04x", count > 1 ? "," : "", apqi);
    if (count > NAMED)
        text_addf(out, " and %u more", count - NAMED);
}

static void add_part(struct text *out, const char *who, const char *verb, const struct apcb *a,
                     const struct apcb *b)
{
    struct mask256 control = mask256_andnot(a->adm, b->adm);
    text_auto list = {0};

    if (list_lost(a, b, &list))
        text_addf(out, "%s%s %s %s", out->len ? "; " : "", who, verb, list.data);
    if (mask256_empty(&control))
        return;
    text_addf(out, "%s%s %s control of domain%s", out->len ? "; " : "", who, verb,
              mask256_count(&control) > 1 ? "s" : "");
    add_domains(&control, out);
}

/* Notes when it begins, and when it ends, that the guest lacks what it has at both ends. */
static void follow_missing(struct trial *t, struct guest_track *g, const char *name)
{
    struct apcb both = {
        mask256_and(g->had.apm, g->gets.apm), mask256_and(g->had.aqm, g->gets.aqm), {{0}}};
    text_auto missing = {0};
    bool lacks = list_lost(&both, &g->now, &missing);

    if (lacks && !g->missing_since)
        g->missing_since = t->out->count;
    if (lacks || !g->missing_since)
        return;
    text_addf(&t->out->gains,
              "%s is temporarily without some of its queues, from step %zu to %zu\n", name,
              g->missing_since, t->out->count);
    g->missing_since = 0;
}

static void follow_guest(struct trial *t, struct guest_track *g, struct text *effect)
{
    const char *name = g->start.name ? g->start.name : g->end.name;
    struct guest_info info;
    struct apcb now = {0};

    if (core_guest_find(t->core, name, &info) == 0)
        now = usable(t->core, &info);
    add_part(effect, name, "loses", &g->now, &now);
    add_part(effect, name, "gets", &now, &g->now);
    g->now = now;
    follow_missing(t, g, name);
}

static bool is_unconcerned(const struct guest_track *g)
{
    return g->start.name && g->end.name && g->start.attached && g->end.attached &&
           uuid_equal(&g->start.mdev, &g->end.mdev) && apcb_equal(&g->had, &g->gets) &&
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

/* What is assigned to the guest's device, of what the LPAR has. */
static struct apcb assigned(const struct core *core, const struct guest_info *g)
{
    struct host_info host;
    struct mdev_info m;
    uint32_t cursor = 0;

    core_host_info(core, &host);
    while (g->attached && core_mdev_next(core, &cursor, &m))
        if (uuid_equal(&m.uuid, &g->mdev))
            return (struct apcb){mask256_and(m.apm, host.apm), mask256_and(m.aqm, host.aqm), {{0}}};
    return (struct apcb){0};
}

/* A guest has nothing on the way that it may have neither at the start nor at the end. */
static int check_foreign(struct trial *t, const struct guest_track *g, const char *name)
{
    mask256_for_each (apid, &g->now.apm) {
        struct mask256 foreign = g->now.aqm;

        for (unsigned i = 0; i < 2; i++)
            if (mask256_test(&g->may[i].apm, apid))
                foreign = mask256_andnot(foreign, g->may[i].aqm);
        if (mask256_empty(&foreign))
            continue;
        text_addf(t->why,
                  "step %zu (%s) would give %02x.%04x to %s, which has it neither before "
                  "nor after",
                  t->out->count, t->out->steps[t->out->count - 1].what.data, apid,
                  mask256_next(&foreign, 0), name);
        return -EINVAL;
    }
    return 0;
}

static int check_guest(struct trial *t, const char *name, struct text *effect)
{
    struct guest_track *g = name ? track_of(t, name) : NULL;
    struct apcb had;

    if (!g)
        return 0;
    had = g->now;
    follow_guest(t, g, effect);
    if (t->lpar && check_foreign(t, g, name) < 0)
        return -EINVAL;
    if (t->interrupt || !is_unconcerned(g) || apcb_equal(&had, &g->now))
        return 0;
    text_addf(t->why, "two demands exclude each other: guest %s keeps all of its queues, and ",
              name);
    if (t->out->steps[t->out->count - 1].kind == PLAN_SE_ADAPTER)
        text_adds(t->why, "the LPAR gets other adapters or domains, for which all of its adapters "
                          "are configured off first");
    else
        text_addf(t->why, "step %zu (%s) would take some away", t->out->count,
                  t->out->steps[t->out->count - 1].what.data);
    return -EINVAL;
}

static int check_all_guests(struct trial *t, struct text *effect)
{
    int rc = 0;

    for (size_t i = 0; i < t->guest_count && rc == 0; i++) {
        const struct guest_track *g = &t->guests[i];

        rc = check_guest(t, g->start.name ? g->start.name : g->end.name, effect);
    }
    return rc;
}

/* The guests whose APCB the step has changed; what configures adapters leaves some as they are. */
static int check_guests(struct trial *t, const struct effects *fx, bool hardware,
                        struct text *effect)
{
    int rc = 0;

    if (hardware)
        return check_all_guests(t, effect);
    for (size_t i = 0; i < fx->count && rc == 0; i++)
        if (fx->v[i].kind == EFFECT_APCB)
            rc = check_guest(t, core_guest_name(t->core, fx->v[i].id), effect);
    return rc;
}

static void add_host_part(struct text *out, const char *verb, unsigned count, const char *first)
{
    if (count)
        text_addf(out, "%szcrypt %s %s", out->len ? "; " : "", verb, first);
    if (count > 1)
        text_addf(out, " and %u more", count - 1);
}

/* The LPAR's domains of the adapter that are reserved for zcrypt. */
static struct mask256 owned_row(const struct core *core, unsigned apid)
{
    struct adapter_info a;
    struct host_info host;

    core_adapter_info(core, apid, &a);
    core_host_info(core, &host);
    return a.in_lpar ? mask256_and(core_default_row(core, apid), host.aqm) : (struct mask256){0};
}

/* Without queues that zcrypt does not drive, as long as they are bound by hand. */
static struct mask256 zcrypt_row(const struct core *core, unsigned apid)
{
    struct mask256 row = owned_row(core, apid);

    return mask256_empty(&row) ? row : mask256_andnot(row, core_undriven_row(core, apid));
}

/* Without adapters in standby. */
static void rows_read(const struct core *core, struct trial_rows *out)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_info a;

        core_adapter_info(core, apid, &a);
        out->row[apid] = a.online ? zcrypt_row(core, apid) : (struct mask256){0};
    }
}

static void compare_rows(const struct trial_rows *before, const struct trial_rows *after,
                         struct text *out)
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

/* Notes when zcrypt is without queues that it has at both ends, and when it has them again. */
static void follow_host(struct trial *t)
{
    bool lacks = false;

    for (unsigned apid = 0; apid < AP_IDS && !lacks; apid++) {
        struct mask256 both = mask256_and(t->start.row[apid], t->end.row[apid]);

        lacks = !mask256_subset(&both, &t->now.row[apid]);
    }
    if (lacks && !t->host_missing_since)
        t->host_missing_since = t->out->count;
    if (lacks || !t->host_missing_since)
        return;
    text_addf(&t->out->gains,
              "zcrypt is temporarily without some of its queues, from step %zu to %zu\n",
              t->host_missing_since, t->out->count);
    t->host_missing_since = 0;
}

/* zcrypt has nothing on the way that it has neither at the start nor at the end. */
static int check_host(struct trial *t, struct text *effect)
{
    struct trial_rows before = t->now;

    rows_read(t->core, &t->now);
    compare_rows(&before, &t->now, effect);
    follow_host(t);
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct mask256 foreign = mask256_andnot(zcrypt_row(t->core, apid), t->may.row[apid]);

        if (mask256_empty(&foreign))
            continue;
        text_addf(t->why,
                  "step %zu (%s) would give %02x.%04x to zcrypt, which has it neither "
                  "before nor after",
                  t->out->count, t->out->steps[t->out->count - 1].what.data, apid,
                  mask256_next(&foreign, 0));
        return -EINVAL;
    }
    return 0;
}

static bool is_hardware(const struct plan_step *s)
{
    return s->kind == PLAN_SE_ADAPTER || s->kind == PLAN_SE_LPAR ||
           (s->kind == PLAN_WRITE && text_ends_with(s->path, "/config"));
}

/* From zcrypt, or to it: masks, overrides, and what is bound with an override. */
static bool may_move(const struct plan_step *s)
{
    return s->kind == PLAN_WRITE &&
           (strncmp(s->path, "bus/ap/a", 8) == 0 || strncmp(s->path, "bus/ap/drivers/", 15) == 0 ||
            text_ends_with(s->path, "/driver_override"));
}

int trial_step(struct trial *t, struct plan_step step, const char *what)
{
    struct plan *p = t->out;
    struct effects fx = {0};
    text_auto why = {0};
    bool hardware = is_hardware(&step);
    bool host = hardware || may_move(&step);
    int rc;

    p->steps = xrealloc(p->steps, (p->count + 1) * sizeof *p->steps);
    p->steps[p->count++] = step;
    text_adds(&p->steps[p->count - 1].what, what);
    rc = plan_step_execute(t->core, &step, &fx, &why);
    if (rc < 0) {
        text_addf(t->why, "step %zu (%s) would be refused: %s", p->count, what, why.data);
        effects_done(&fx);
        return -EINVAL;
    }
    rc = check_guests(t, &fx, hardware, &p->steps[p->count - 1].effect);
    effects_done(&fx);
    if (rc == 0 && host)
        rc = check_host(t, &p->steps[p->count - 1].effect);
    return rc;
}

int trial_write(struct trial *t, const char *path, const char *value, const char *format, ...)
{
    struct plan_step step = {.kind = PLAN_WRITE};
    text_auto what = {0};
    va_list args;

    snprintf(step.path, sizeof step.path, "%s", path);
    snprintf(step.value, sizeof step.value, "%s", value);
    va_start(args, format);
    text_addv(&what, format, args);
    va_end(args);
    return trial_step(t, step, what.data);
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
        *(end ? &t->guests[i].gets : &t->guests[i].had) = usable(core, &g);
        if (t->lpar)
            t->guests[i].may[end] = assigned(core, &g);
        if (!end)
            t->guests[i].now = t->guests[i].had;
    }
}

void trial_summarize(struct trial *t)
{
    text_auto host = {0};

    for (size_t i = 0; i < t->guest_count; i++) {
        const struct guest_track *g = &t->guests[i];
        const char *name = g->start.name ? g->start.name : g->end.name;
        text_auto line = {0};

        add_part(&line, name, "loses", &g->had, &g->gets);
        add_part(&line, name, "gets", &g->gets, &g->had);
        if (line.len)
            text_addf(&t->out->gains, "%s\n", line.data);
    }
    compare_rows(&t->start, &t->end, &host);
    if (host.len)
        text_addf(&t->out->gains, "%s\n", host.data);
    if (!t->out->fewest)
        text_adds(&t->out->notes, "whether fewer steps would do was not searched to the end\n");
}

void trial_begin(struct trial *t)
{
    t->core = setup_copy(t->from);
    scene_read(&t->scene, t->from, t->to);
    rows_read(t->from, &t->start);
    rows_read(t->to, &t->end);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        t->may.row[apid] = mask256_or(owned_row(t->from, apid), owned_row(t->to, apid));
    t->now = t->start;
    track_guests(t, t->from, false);
    track_guests(t, t->to, true);
}

void trial_end(struct trial *t)
{
    core_free(t->core);
    scene_done(&t->scene);
    free(t->guests);
    t->guests = NULL;
    t->guest_count = 0;
    t->host_missing_since = 0;
}
