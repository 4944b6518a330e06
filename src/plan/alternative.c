/* SPDX-License-Identifier: MIT */
#include "plan/alternative.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "map/map.h"
#include "store/setup.h"

static const char *const half_names[] = {"adapter", "domain"};
const char *const alternative_masks[] = {"bus/ap/apmask", "bus/ap/aqmask"};

const struct mask256 *alternative_half(const struct mdev_info *m, enum half h)
{
    return h == ADAPTER ? &m->apm : &m->aqm;
}

struct plan_step *alternative_step(struct alternative *a, enum plan_kind kind)
{
    a->steps = xrealloc(a->steps, (a->count + 1) * sizeof(*a->steps));
    a->steps[a->count] = (struct plan_step){.kind = kind};
    return &a->steps[a->count++];
}

/* Each id is given away by the device. */
void alternative_unassign(struct alternative *a, const struct mdev_info *m, enum half h,
                          const struct mask256 *ids)
{
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    mask256_for_each (id, ids) {
        struct plan_step *s = alternative_step(a, PLAN_WRITE);

        snprintf(s->path, sizeof(s->path), MATRIX "%s/unassign_%s", uuid, half_names[h]);
        snprintf(s->value, sizeof(s->value), "0x%02x", id);
    }
}

/* As a list if that is short. */
void alternative_mask(struct alternative *a, const struct core *now, enum half h,
                      const struct mask256 *ids, bool set)
{
    struct plan_step *s = alternative_step(a, PLAN_WRITE);
    struct host_info host;
    struct mask256 left;
    text_auto list = {0};

    core_host_info(now, &host);
    left = h == ADAPTER ? host.apmask : host.aqmask;
    left = set ? mask256_or(left, *ids) : mask256_andnot(left, *ids);
    mask256_for_each (id, ids)
        text_addf(&list, "%s%c0x%02x", list.len ? "," : "", set ? '+' : '-', id);
    snprintf(s->path, sizeof(s->path), "%s", alternative_masks[h]);
    if (list.len && list.len < MASK256_TEXT)
        snprintf(s->value, sizeof(s->value), "%s", list.data);
    else
        mask256_format(&left, s->value);
}

void alternative_write(struct alternative *a, const char *value, const char *path, ...)
{
    struct plan_step *s = alternative_step(a, PLAN_WRITE);
    va_list args;

    va_start(args, path);
    vsnprintf(s->path, sizeof(s->path), path, args);
    va_end(args);
    snprintf(s->value, sizeof(s->value), "%s", value);
}

bool alternative_card(const char *name, unsigned *apid)
{
    int high, low;

    if (strncmp(name, "card", 4) != 0 || strlen(name) != 6)
        return false;
    high = number_hex_digit(name[4]);
    low = number_hex_digit(name[5]);
    *apid = (unsigned)high << 4 | (unsigned)low;
    return high >= 0 && low >= 0;
}

void alternative_done(struct alternative *a)
{
    free(a->steps);
    text_done(&a->effects);
}

bool alternative_accepted(const struct alternative *a, struct core *core)
{
    bool good = a->count > 0;

    for (size_t i = 0; i < a->count && good; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        good = plan_step_execute(core, &a->steps[i], &fx, &why) == 0;
        effects_done(&fx);
    }
    return good;
}

/* Takes over the alternative: it is kept if all of its steps are accepted. */
void alternative_try(struct search *s, struct alternative *a, alternative_goal *then)
{
    struct alternatives *out = s->out;
    struct core *copy;

    if (plan_is_abandoned()) {
        alternative_done(a);
        return;
    }
    copy = setup_copy(s->now);
    if (alternative_accepted(a, copy) && (!then || then(s, copy))) {
        map_auto map = {0};

        map_read(s->now, copy, &map);
        for (size_t i = 0; i < (size_t)map.rows * map.columns; i++)
            a->moved += map_changed(&map, i);
        map_changes(&map, &a->effects);
        out->v = xrealloc(out->v, (out->count + 1) * sizeof(*out->v));
        out->v[out->count++] = *a;
    } else {
        alternative_done(a);
    }
    core_free(copy);
}

/* What comes before the write is in the alternative already. */
void alternative_try_write(struct search *s, struct alternative *a)
{
    *alternative_step(a, PLAN_WRITE) = s->write;
    alternative_try(s, a, NULL);
}
