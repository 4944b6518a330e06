/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "plan/lpar.h"
#include "store/setup.h"
#include "store/setup_keys.h"

/*
 * The nearest state to a wanted one that cannot be had. First, the demands that a refusal has named
 * are given up: bits of masks, then what the LPAR should have. If that does not do, it is looked
 * for from the other end: the present state, to which the sections of the wanted one are added one
 * by one, as long as there is a plan. Each state is a machine file's, and is planned.
 */

/* Plans that are tried section by section. */
#define TRIED 400u

struct search {
    const struct core *from, *to;
    bool interrupt;
    struct setup present, wanted;
    struct core **nearest;
    struct plan *plan;
    struct text *given_up;
};

static void setup_of(const struct core *core, struct setup *out)
{
    text_auto file = {0}, why = {0};

    setup_format(core, &file);
    if (setup_parse("state", file.data, file.len, out, &why) < 0)
        abort(); /* setup.h promises it */
}

/* Plans the state. On success it is the nearest one. */
static bool try_setup(struct search *s, const struct setup *state)
{
    struct effects unheard = {0};
    text_auto why = {0};
    struct core *core = NULL;
    int rc = setup_core(state, &core, &unheard, &why);

    effects_done(&unheard);
    plan_done(s->plan);
    if (rc == 0)
        rc = plan_make(s->from, core, s->interrupt, s->plan, &why);
    if (rc < 0) {
        core_free(core);
        return false;
    }
    core_free(*s->nearest);
    *s->nearest = core;
    return true;
}

static struct setup_object *bus_of(struct setup *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->v[i].s.of.kind == STATE_BUS)
            return &state->v[i];
    state->v = xrealloc(state->v, (state->count + 1) * sizeof *state->v);
    state->v[state->count] = (struct setup_object){.s.of.kind = STATE_BUS};
    return &state->v[state->count++];
}

/* The bits that a refusal has named are left clear. False: it has named none. */
static bool give_up_bits(struct search *s)
{
    static const char *const names[] = {"apmask", "aqmask"};
    struct setup_object *bus = bus_of(&s->wanted);
    struct mask256 *masks[] = {&bus->s.bus.masks.apmask, &bus->s.bus.masks.aqmask};
    bool any = false;

    if (mask256_empty(&s->plan->blocked[0]) && mask256_empty(&s->plan->blocked[1]))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        const struct mask256 *bits = &s->plan->blocked[i];

        if (!setup_given(bus, BUS_APMASK + i))
            *masks[i] = i ? s->wanted.machine.aqmask : s->wanted.machine.apmask;
        bus->given |= 1u << (BUS_APMASK + i);
        *masks[i] = mask256_andnot(*masks[i], *bits);
        if (mask256_empty(bits))
            continue;
        any = true;
        text_addf(s->given_up, "bit%s ", mask256_count(bits) > 1 ? "s" : "");
        ap_list_format(bits, s->given_up);
        text_addf(s->given_up, " of %s stay%s clear\n", names[i],
                  mask256_count(bits) > 1 ? "" : "s");
    }
    return any;
}

/* Hardware and kernel, which no step changes. */
static void give_up_machine(struct search *s)
{
    struct machine_config *now = &s->present.machine, *end = &s->wanted.machine;

    if (end->abi != now->abi)
        text_adds(s->given_up, "the profile stays as it is\n");
    end->abi = now->abi;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_config *a = &now->adapters[apid], *b = &end->adapters[apid];

        if (a->type == b->type && (!a->type || a->mode == b->mode))
            continue;
        text_addf(s->given_up, "adapter 0x%02x stays %s\n", apid,
                  a->type ? "as it is in the machine" : "out of the machine, which lacks it");
        *b = *a;
    }
}

/* False: there is no difference. */
static bool give_up_lpar(struct search *s)
{
    struct machine_config *now = &s->present.machine, *end = &s->wanted.machine;
    bool any =
        !mask256_equal(&now->usage, &end->usage) || !mask256_equal(&now->control, &end->control);

    end->usage = now->usage;
    end->control = now->control;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_config *a = &now->adapters[apid], *b = &end->adapters[apid];

        any |= a->in_lpar != b->in_lpar;
        b->configured = a->in_lpar == b->in_lpar ? b->configured : a->configured;
        b->in_lpar = a->in_lpar;
    }
    if (any)
        text_adds(s->given_up, "the LPAR keeps its adapters and domains\n");
    return any;
}

/* Section by section, from the present state. */

struct sections {
    struct plan_section *v; /* in the text of a machine file */
    size_t count;
};

static struct sections sections_of(const char *file)
{
    struct sections all = {0};

    for (struct plan_section s = plan_section_at(file); s.len; s = plan_section_at(s.at + s.len)) {
        all.v = xrealloc(all.v, (all.count + 1) * sizeof *all.v);
        all.v[all.count++] = s;
    }
    return all;
}

static size_t find(const struct sections *all, const struct plan_section *like)
{
    size_t i = 0;

    while (i < all->count && !plan_section_is(&all->v[i], like))
        i++;
    return i;
}

/* What steps of a plan change. */
static bool is_planned(const struct plan_section *s)
{
    static const char *const kinds[] = {"[bus", "[mdev", "[guest", "[card", "[queue"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(s->at, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

static bool try_sections(struct search *s, const struct sections *all)
{
    text_auto file = {0}, why = {0};
    setup_auto state = {0};

    for (size_t i = 0; i < all->count; i++) {
        text_add(&file, all->v[i].at, all->v[i].len);
        text_adds(&file, "\n");
    }
    return setup_parse("state", file.data, file.len, &state, &why) == 0 && try_setup(s, &state);
}

/* Section at becomes the wanted one (NULL: it goes), or is added, if there is a plan then. */
static bool try_section(struct search *s, struct sections *all, size_t at,
                        const struct plan_section *wanted)
{
    struct sections next = {xcalloc(all->count + 1, sizeof *next.v), all->count};

    memcpy(next.v, all->v, all->count * sizeof *next.v);
    next.count += at == all->count;
    if (wanted)
        next.v[at] = *wanted;
    else
        memmove(&next.v[at], &next.v[at + 1], (--next.count - at) * sizeof *next.v);
    if (!try_sections(s, &next)) {
        free(next.v);
        return false;
    }
    free(all->v);
    *all = next;
    return true;
}

/* Returns whether one was taken. */
static bool add_sections(struct search *s, struct sections *all, const struct sections *wanted,
                         unsigned *tried)
{
    bool any = false;

    for (size_t i = 0; i < wanted->count && *tried < TRIED; i++) {
        size_t at = find(all, &wanted->v[i]);

        if (!is_planned(&wanted->v[i]) ||
            (at < all->count && plan_section_same(&all->v[at], &wanted->v[i])))
            continue;
        ++*tried;
        any |= try_section(s, all, at, &wanted->v[i]);
    }
    for (size_t i = all->count; i-- > 0 && *tried < TRIED;) {
        if (!is_planned(&all->v[i]) || find(wanted, &all->v[i]) < wanted->count)
            continue;
        ++*tried;
        any |= try_section(s, all, i, NULL);
    }
    return any;
}

static void tell_sections(const struct sections *all, const struct sections *wanted,
                          struct text *out)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct plan_section *w = &wanted->v[i];
        size_t at = find(all, w);

        if (!is_planned(w) || (at < all->count && plan_section_same(&all->v[at], w)))
            continue;
        text_addf(out, "%.*s %s\n", (int)w->name, w->at,
                  at < all->count ? "stays as it is" : "is not added");
    }
    for (size_t i = 0; i < all->count; i++)
        if (is_planned(&all->v[i]) && find(wanted, &all->v[i]) == wanted->count)
            text_addf(out, "%.*s stays\n", (int)all->v[i].name, all->v[i].at);
}

static bool find_by_section(struct search *s)
{
    text_auto now = {0}, end = {0};
    struct sections all, wanted;
    unsigned tried = 0;
    bool any = false;

    setup_format(s->from, &now);
    setup_format(s->to, &end);
    all = sections_of(now.data);
    wanted = sections_of(end.data);
    while (add_sections(s, &all, &wanted, &tried))
        any = true;
    any = any && try_sections(s, &all); /* the last try may have been refused */
    if (any)
        tell_sections(&all, &wanted, s->given_up);
    free(all.v);
    free(wanted.v);
    return any;
}

/* Gives up what refusals name, until there is a plan. */
static bool find_by_demand(struct search *s)
{
    bool more = true;

    give_up_machine(s);
    while (more) {
        if (try_setup(s, &s->wanted))
            return true;
        more = give_up_bits(s) || give_up_lpar(s);
    }
    return false;
}

int plan_nearest(const struct core *from, const struct core *to, bool interrupt,
                 struct core **nearest, struct plan *out, struct text *given_up)
{
    struct search s = {.from = from,
                       .to = to,
                       .interrupt = interrupt,
                       .nearest = nearest,
                       .plan = out,
                       .given_up = given_up};
    bool found;

    *nearest = NULL;
    *out = (struct plan){0};
    setup_of(from, &s.present);
    setup_of(to, &s.wanted);
    found = find_by_demand(&s);
    if (!found) {
        text_clear(given_up);
        found = find_by_section(&s);
    }
    setup_done(&s.present);
    setup_done(&s.wanted);
    return found ? 0 : -EINVAL;
}
