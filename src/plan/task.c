/* SPDX-License-Identifier: MIT */
/* Alternatives to a command of the Support Element that was refused. */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/number.h"
#include "base/slice.h"
#include "plan/alternative.h"
#include "plan/lpar.h"

static const char *const kinds[] = {
    [LPAR_ADAPTER] = "adapter", [LPAR_DOMAIN] = "domain", [LPAR_CONTROL_DOMAIN] = "control-domain"};

/* "se lpar add domain 0x09" */
static bool parse(const char *command, struct plan_step *out, enum lpar_kind *kind, unsigned *id)
{
    struct slice rest = {command, strlen(command)};
    struct slice se = slice_word(&rest), lpar = slice_word(&rest), verb = slice_word(&rest),
                 what = slice_word(&rest), number = slice_word(&rest);
    uint64_t value;
    unsigned k = 0;

    *out = (struct plan_step){.kind = PLAN_SE_LPAR};
    while (k < 3 && !slice_is(what, kinds[k]))
        k++;
    if (!slice_is(se, "se") || !slice_is(lpar, "lpar") || k == 3 ||
        (!slice_is(verb, "add") && !slice_is(verb, "remove")) ||
        number_parse_u64(number.at, number.len, 0, &value) < 0 || value >= AP_IDS)
        return false;
    *kind = (enum lpar_kind)k;
    *id = (unsigned)value;
    mask256_set(&(slice_is(verb, "add") ? out->lpar.added : out->lpar.removed)[k], *id);
    return true;
}

/* A domain that is removed as a control domain goes as a usage domain first. */
static void with_usage(const struct core *now, struct plan_step *s)
{
    struct mask256 *removed = s->lpar.removed;
    struct host_info host;

    core_host_info(now, &host);
    removed[LPAR_DOMAIN] =
        mask256_or(removed[LPAR_DOMAIN], mask256_and(removed[LPAR_CONTROL_DOMAIN], host.aqm));
}

static void add_adapters(struct alternative *a, const struct mask256 *adapters, bool on)
{
    struct plan_step *s;

    if (mask256_empty(adapters))
        return;
    s = alternative_step(a, PLAN_SE_ADAPTER);
    s->ids = *adapters;
    s->on = on;
}

/* As the Support Element wants it: the adapters are off for it, and nobody has them meanwhile. */
static void switched_off(struct search *s, const struct plan_step *task)
{
    struct mask256 online = plan_lpar_online(s->now),
                   after = mask256_andnot(online, task->lpar.removed[LPAR_ADAPTER]);
    struct alternative one = {0};
    size_t found = s->out->count;

    add_adapters(&one, &online, false);
    *alternative_step(&one, PLAN_SE_LPAR) = *task;
    after = mask256_or(after, task->lpar.added[LPAR_ADAPTER]);
    add_adapters(&one, &after, true);
    alternative_try(s, &one, NULL);
    if (s->out->count == found || mask256_empty(&online))
        return;
    text_adds(&s->out->v[found].effects, "meanwhile nobody has the queues of adapters ");
    ap_list_format(&online, &s->out->v[found].effects);
    text_adds(&s->out->v[found].effects, "\n");
}

/* A hardware event asks nobody. */
static void forced(struct search *s, const struct plan_step *task)
{
    struct alternative one = {0};
    struct plan_step *step = alternative_step(&one, PLAN_SE_LPAR);

    *step = *task;
    step->force = true;
    alternative_try(s, &one, NULL);
}

static void tell_impossible(struct search *s, enum lpar_kind kind, unsigned id)
{
    struct host_info host;
    struct adapter_info a = {0};

    core_host_info(s->now, &host);
    if (kind == LPAR_ADAPTER)
        core_adapter_info(s->now, id, &a);
    if (kind == LPAR_ADAPTER && !a.installed)
        text_addf(&s->out->malformed, "the machine has no adapter 0x%02x", id);
    else if (kind != LPAR_ADAPTER && id > host.max_domain)
        text_addf(&s->out->malformed, "domain 0x%02x is above the machine's highest one, 0x%02x",
                  id, host.max_domain);
}

void alternatives_to_task(const struct core *now, const char *command, struct alternatives *out)
{
    struct search s = {.now = now, .out = out};
    struct plan_step task;
    enum lpar_kind kind;
    unsigned id;

    *out = (struct alternatives){0};
    if (!parse(command, &task, &kind, &id))
        return;
    s.write = task;
    tell_impossible(&s, kind, id);
    if (out->malformed.len)
        return;
    out->accepted = alternatives_accepted(&s);
    if (out->accepted)
        return;
    with_usage(now, &task);
    switched_off(&s, &task);
    forced(&s, &task);
}
