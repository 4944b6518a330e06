/* SPDX-License-Identifier: MIT */
#include "import/building.h"

struct setup_object *building_add(struct building *b, enum state_kind kind, uint32_t id)
{
    struct setup_object *o;

    b->setup.v = xrealloc(b->setup.v, (b->setup.count + 1) * sizeof *b->setup.v);
    o = &b->setup.v[b->setup.count++];
    *o = (struct setup_object){.s.of = {.kind = (uint8_t)kind, .id = id},
                               .features = GUEST_FEATURES_ALL,
                               .left = UINT64_MAX};
    return o;
}

void building_give(struct setup_object *o, unsigned key)
{
    o->given |= 1u << key;
}

int building_rebuild(struct building *b)
{
    struct effects unheard = {0};
    text_auto clause = {0};
    int rc;

    core_free(b->core);
    b->core = NULL;
    rc = setup_core(&b->setup, &b->core, &unheard, &clause);
    effects_done(&unheard);
    if (rc < 0)
        text_addf(b->why, "the sources do not make a machine: %s", clause.data);
    return rc;
}
