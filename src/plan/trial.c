/* SPDX-License-Identifier: MIT */
#include "plan/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/setup.h"

#define NAMED 6u /* others are only counted */

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

int trial_step(struct trial *t, struct plan_step step, const char *what)
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
        if (!end)
            t->guests[i].now = apcb_of(&g);
    }
}

void trial_summarize(struct trial *t)
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

void trial_begin(struct trial *t)
{
    t->core = setup_copy(t->from);
    scene_read(&t->scene, t->from, t->to);
    track_guests(t, t->from, false);
    track_guests(t, t->to, true);
}

void trial_end(struct trial *t)
{
    core_free(t->core);
    scene_done(&t->scene);
    free(t->guests);
}
