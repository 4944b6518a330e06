/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "plan/plan.h"

/* Executing a step. */

const struct plan_lpar_part plan_lpar_order[PLAN_LPAR_ORDER] = {
    {false, LPAR_DOMAIN}, {false, LPAR_CONTROL_DOMAIN}, {false, LPAR_ADAPTER},
    {true, LPAR_DOMAIN},  {true, LPAR_CONTROL_DOMAIN},  {true, LPAR_ADAPTER}};

const struct mask256 *plan_lpar_ids(const struct plan_step *s, unsigned i)
{
    const struct plan_lpar_part *part = &plan_lpar_order[i];

    return &(part->add ? s->lpar.added : s->lpar.removed)[part->what];
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

/* A task at the Support Element is a command for each adapter and domain. */
static int se_each(struct core *c, struct command *cmd, const struct mask256 *ids, unsigned *id,
                   struct effects *fx, struct text *why)
{
    int rc = 0;

    mask256_for_each (i, ids) {
        struct reply reply = {0};

        if (rc < 0)
            break;
        *id = i;
        core_execute(c, cmd, fx, &reply);
        rc = reply.result;
        if (rc < 0)
            text_adds(why, reply.why.data ? reply.why.data : strerror(-rc));
        reply_done(&reply);
    }
    return rc;
}

static int se_adapters(struct core *c, const struct plan_step *s, struct effects *fx,
                       struct text *why)
{
    struct command cmd = {.kind = CMD_SE_ADAPTER, .now = fx->now, .adapter = {.on = s->on}};

    return se_each(c, &cmd, &s->ids, &cmd.adapter.apid, fx, why);
}

static int se_lpar(struct core *c, const struct plan_step *s, struct effects *fx, struct text *why)
{
    struct command cmd = {.kind = CMD_SE_LPAR, .now = fx->now, .lpar.force = s->force};
    int rc = 0;

    for (unsigned i = 0; i < PLAN_LPAR_ORDER && rc == 0; i++) {
        cmd.lpar.add = plan_lpar_order[i].add;
        cmd.lpar.what = plan_lpar_order[i].what;
        rc = se_each(c, &cmd, plan_lpar_ids(s, i), &cmd.lpar.id, fx, why);
    }
    return rc;
}

int plan_step_execute(struct core *c, const struct plan_step *s, struct effects *fx,
                      struct text *why)
{
    static const enum command_kind kinds[] = {[PLAN_GUEST_START] = CMD_GUEST_START,
                                              [PLAN_GUEST_STOP] = CMD_GUEST_STOP,
                                              [PLAN_GUEST_ATTACH] = CMD_GUEST_ATTACH,
                                              [PLAN_GUEST_DETACH] = CMD_GUEST_DETACH};
    struct command cmd = {
        .kind = s->kind <= PLAN_GUEST_DETACH ? kinds[s->kind] : CMD_STORE,
        .now = fx->now,
        .guest = {
            .name = s->guest, .features = s->features, .has_mdev = s->has_mdev, .mdev = s->mdev}};
    struct reply reply = {0};
    int rc;

    if (plan_is_abandoned())
        return -ECANCELED;
    if (s->kind == PLAN_WRITE)
        return store(c, s, fx, why);
    if (s->kind == PLAN_SE_ADAPTER)
        return se_adapters(c, s, fx, why);
    if (s->kind == PLAN_SE_LPAR)
        return se_lpar(c, s, fx, why);
    core_execute(c, &cmd, fx, &reply);
    rc = reply.result;
    if (rc < 0)
        text_adds(why, reply.why.data ? reply.why.data : strerror(-rc));
    reply_done(&reply);
    return rc;
}
