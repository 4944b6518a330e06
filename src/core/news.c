/* SPDX-License-Identifier: MIT */
#include "core/state.h"

static enum adapter_news state_of(const struct core *c, unsigned apid)
{
    struct adapter_state s = machine_adapter(c->machine, apid);

    if (!s.installed)
        return ADAPTER_NEWS_MISSING;
    if (s.checkstopped)
        return ADAPTER_NEWS_CHECKSTOP;
    return s.online ? ADAPTER_NEWS_ONLINE : ADAPTER_NEWS_STANDBY;
}

/* fx NULL: nobody is told. */
static void tell_adapters(struct core *c, struct effects *fx)
{
    struct mask256 changed = machine_take_news(c->machine);

    mask256_for_each (apid, &changed) {
        enum adapter_news state = state_of(c, apid);
        struct effect *e;

        if (state == c->adapters_told[apid])
            continue;
        c->adapters_told[apid] = state;
        if (!fx)
            continue;
        e = effects_add(fx, EFFECT_ADAPTER);
        e->id = apid;
        e->value = state;
    }
}

static void tell_resets(struct core *c, struct effects *fx)
{
    struct machine_reset r;

    while (machine_take_reset(c->machine, &r)) {
        struct mask256 masks[] = {r.reset, r.zeroized};

        if (fx)
            effects_add_bytes(fx, EFFECT_RESET, masks, sizeof masks)->id = r.apid;
    }
}

static void tell_lost(struct core *c, struct effects *fx)
{
    struct machine_lost l;

    while (machine_take_lost(c->machine, &l)) {
        struct effect *e = fx ? effects_add(fx, EFFECT_REQUESTS_LOST) : NULL;

        if (!e)
            continue;
        e->id = l.qn;
        e->value = l.messages;
    }
}

static void tell_met(struct core *c, struct effects *fx)
{
    struct fault_entry rule;

    while (machine_take_met(c->machine, &rule)) {
        text_auto text = {0};
        struct effect *e;

        if (!fx)
            continue;
        fault_format(&rule.rule, &text);
        e = effects_add_bytes(fx, EFFECT_FAULT_MET, text.data, text.len);
        e->id = rule.number;
        e->node = rule.last;
        e->value = (int64_t)rule.hits;
    }
}

void news_tell(struct core *c, struct effects *fx)
{
    if (fx)
        fx->tree = CORE_HOST_TREE;
    tell_adapters(c, fx);
    tell_resets(c, fx);
    tell_lost(c, fx);
    tell_met(c, fx);
}

void news_forget(struct core *c)
{
    news_tell(c, NULL);
}
