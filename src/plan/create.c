/* SPDX-License-Identifier: MIT */
/* Alternatives to a write to create: the device exists, or there are too many. */
#include <stdio.h>
#include <string.h>

#include "plan/alternative.h"

static bool find(const struct core *now, const struct uuid *uuid, struct mdev_info *out)
{
    uint32_t cursor = 0;

    while (core_mdev_next(now, &cursor, out))
        if (uuid_equal(&out->uuid, uuid))
            return true;
    return false;
}

static void remove_first(struct search *s, const struct mdev_info *m, enum plan_kind guest)
{
    struct alternative one = {0};
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    if (m->guest)
        snprintf(alternative_step(&one, guest)->guest, CORE_GUEST_NAME, "%s", m->guest);
    alternative_write(&one, "1", MATRIX "%s/remove", uuid);
    alternative_try_write(s, &one);
}

/* The next UUID that no device has. */
static void take_another(struct search *s, struct uuid uuid)
{
    struct alternative one = {0};
    struct mdev_info m;
    char text[UUID_TEXT];

    do {
        unsigned i = sizeof uuid.bytes;

        while (i > 0 && ++uuid.bytes[--i] == 0)
            ;
    } while (find(s->now, &uuid, &m));
    uuid_format(&uuid, text);
    alternative_write(&one, text, "%s", s->write.path);
    alternative_try(s, &one, NULL);
}

void alternatives_to_create(struct search *s)
{
    struct mdev_info m;
    struct uuid uuid;

    if (uuid_parse(s->write.value, strlen(s->write.value), &uuid) < 0 || !find(s->now, &uuid, &m))
        return;
    take_another(s, uuid);
    remove_first(s, &m, PLAN_GUEST_DETACH);
    if (m.guest)
        remove_first(s, &m, PLAN_GUEST_STOP);
}
