/* SPDX-License-Identifier: MIT */
#include "plan/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/number.h"
#include "map/map.h"
#include "plan/internal.h"
#include "store/setup.h"

#define MATRIX "devices/vfio_ap/matrix/"

/* One of the two halves of an APQN. */
enum half { ADAPTER, DOMAIN };

static const char *const half_names[] = {"adapter", "domain"};
static const char *const mask_names[] = {"bus/ap/apmask", "bus/ap/aqmask"};

struct search {
    const struct core *now;
    struct plan_step write;
    struct alternatives *out;
};

static const struct mask256 *assigned(const struct mdev_info *m, enum half h)
{
    return h == ADAPTER ? &m->apm : &m->aqm;
}

static struct plan_step *step_new(struct alternative *a, enum plan_kind kind)
{
    a->steps = xrealloc(a->steps, (a->count + 1) * sizeof(*a->steps));
    a->steps[a->count] = (struct plan_step){.kind = kind};
    return &a->steps[a->count++];
}

/* Each id is given away by the device. */
static void add_unassign(struct alternative *a, const struct mdev_info *m, enum half h,
                         const struct mask256 *ids)
{
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    mask256_for_each (id, ids) {
        struct plan_step *s = step_new(a, PLAN_WRITE);

        snprintf(s->path, sizeof(s->path), MATRIX "%s/unassign_%s", uuid, half_names[h]);
        snprintf(s->value, sizeof(s->value), "0x%02x", id);
    }
}

/* The ids are cleared in the mask, as a list if that is short. */
static void add_clear(struct alternative *a, const struct core *now, enum half h,
                      const struct mask256 *ids)
{
    struct plan_step *s = step_new(a, PLAN_WRITE);
    struct host_info host;
    struct mask256 left;
    text_auto list = {0};

    core_host_info(now, &host);
    left = mask256_andnot(h == ADAPTER ? host.apmask : host.aqmask, *ids);
    mask256_for_each (id, ids)
        text_addf(&list, "%s-0x%02x", list.len ? "," : "", id);
    snprintf(s->path, sizeof(s->path), "%s", mask_names[h]);
    if (list.len && list.len < MASK256_TEXT)
        snprintf(s->value, sizeof(s->value), "%s", list.data);
    else
        mask256_format(&left, s->value);
}

static void alternative_done(struct alternative *a)
{
    free(a->steps);
    text_done(&a->effects);
}

static bool try_steps(const struct alternative *a, struct core *core)
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
static void try_one(struct search *s, struct alternative *a)
{
    struct alternatives *out = s->out;
    struct core *copy = setup_copy(s->now);

    if (try_steps(a, copy)) {
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
static void try_write(struct search *s, struct alternative *a)
{
    *step_new(a, PLAN_WRITE) = s->write;
    try_one(s, a);
}

/* An assignment of an id to a device: new APQNs are those with its ids of the other half. */
struct assignment {
    struct mdev_info to;
    enum half half;
    unsigned id;
    struct mask256 zcrypt; /* ids of the other half whose APQNs are for zcrypt */
    struct mask256 taken;  /* likewise, other devices' */
};

static void find_zcrypts(const struct core *now, struct assignment *a)
{
    enum half other = a->half == ADAPTER ? DOMAIN : ADAPTER;

    mask256_for_each (id, assigned(&a->to, other)) {
        unsigned apid = a->half == ADAPTER ? a->id : id, apqi = a->half == ADAPTER ? id : a->id;
        struct mask256 row = core_default_row(now, apid);

        mask256_assign(&a->zcrypt, id, mask256_test(&row, apqi));
    }
}

/* Other devices give away the id itself, or what they share of the other half. */
static void add_others(const struct core *now, struct assignment *a, bool itself,
                       struct alternative *alternative)
{
    enum half other = a->half == ADAPTER ? DOMAIN : ADAPTER;
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(now, &cursor, &m)) {
        struct mask256 shared = mask256_and(*assigned(&m, other), *assigned(&a->to, other)),
                       id = {0};

        if (uuid_equal(&m.uuid, &a->to.uuid) || !mask256_test(assigned(&m, a->half), a->id) ||
            mask256_empty(&shared))
            continue;
        mask256_set(&id, a->id);
        a->taken = mask256_or(a->taken, shared);
        if (alternative)
            add_unassign(alternative, &m, itself ? a->half : other, itself ? &id : &shared);
    }
}

static void try_assignment(struct search *s, struct assignment *a)
{
    enum half other = a->half == ADAPTER ? DOMAIN : ADAPTER;
    struct alternative less = {0};
    struct mask256 id = {0}, colliding;

    find_zcrypts(s->now, a);
    add_others(s->now, a, true, NULL);
    mask256_set(&id, a->id);
    for (unsigned way = 0; way < 4; way++) {
        bool by_id = way & 1, from_id = way & 2;
        struct alternative one = {0};

        if ((mask256_empty(&a->zcrypt) && by_id) || (mask256_empty(&a->taken) && from_id))
            continue;
        add_others(s->now, a, from_id, &one);
        if (!mask256_empty(&a->zcrypt))
            add_clear(&one, s->now, by_id ? a->half : other, by_id ? &id : &a->zcrypt);
        try_write(s, &one);
    }
    colliding = mask256_or(a->zcrypt, a->taken);
    add_unassign(&less, &a->to, other, &colliding);
    try_write(s, &less);
}

/* A change of a mask. */

static void try_mask(struct search *s, enum half h)
{
    enum half other = h == ADAPTER ? DOMAIN : ADAPTER;
    struct alternative same = {0}, theirs = {0}, less = {0};
    struct host_info host;
    struct mask256 old, new, added, blocked = {0}, others;
    struct mdev_info m;
    uint32_t cursor = 0;

    core_host_info(s->now, &host);
    old = new = h == ADAPTER ? host.apmask : host.aqmask;
    others = h == ADAPTER ? host.aqmask : host.apmask;
    if (mask256_parse(s->write.value, strlen(s->write.value), &new) < 0)
        return;
    added = mask256_andnot(new, old);
    while (core_mdev_next(s->now, &cursor, &m)) {
        struct mask256 ids = mask256_and(*assigned(&m, h), added), rest = *assigned(&m, other);

        if (!core_abi(s->now)->veto_by_new_bits)
            rest = mask256_and(rest, others);
        if (mask256_empty(&ids) || mask256_empty(&rest))
            continue;
        blocked = mask256_or(blocked, ids);
        add_unassign(&same, &m, h, &ids);
        add_unassign(&theirs, &m, other, &rest);
    }
    try_write(s, &same);
    try_write(s, &theirs);
    new = mask256_andnot(new, blocked);
    if (mask256_equal(&new, &old))
        return;
    *step_new(&less, PLAN_WRITE) = s->write;
    mask256_format(&new, less.steps[0].value);
    try_one(s, &less);
}

/* A removal: the guest gives the device back, or ends. */
static void try_remove(struct search *s, const struct mdev_info *m)
{
    static const enum plan_kind kinds[] = {PLAN_GUEST_DETACH, PLAN_GUEST_STOP};

    for (unsigned i = 0; m->guest && i < 2; i++) {
        struct alternative one = {0};

        snprintf(step_new(&one, kinds[i])->guest, CORE_GUEST_NAME, "%s", m->guest);
        try_write(s, &one);
    }
}

static bool find_mdev(const struct core *now, const char *path, struct mdev_info *out)
{
    const char *at = path + strlen(MATRIX);
    uint32_t cursor = 0;
    struct uuid uuid;

    if (strncmp(path, MATRIX, strlen(MATRIX)) != 0 || strcspn(at, "/") != UUID_TEXT - 1 ||
        uuid_parse(at, UUID_TEXT - 1, &uuid) < 0)
        return false;
    while (core_mdev_next(now, &cursor, out))
        if (uuid_equal(&out->uuid, &uuid))
            return true;
    return false;
}

static void try_mdev(struct search *s, const struct mdev_info *m)
{
    const char *file = strrchr(s->write.path, '/') + 1;
    struct assignment a = {.to = *m};
    int id;

    if (strcmp(file, "remove") == 0)
        try_remove(s, m);
    if (number_parse_int(s->write.value, strlen(s->write.value), 0, &id) < 0 || id < 0 ||
        id >= (int)AP_IDS)
        return;
    a.id = (unsigned)id;
    a.half = strcmp(file, "assign_adapter") == 0 ? ADAPTER : DOMAIN;
    if (a.half == ADAPTER || strcmp(file, "assign_domain") == 0)
        try_assignment(s, &a);
}

static int nearer(const void *a, const void *b)
{
    const struct alternative *x = a, *y = b;

    if (x->moved != y->moved)
        return x->moved < y->moved ? -1 : 1;
    return x->count < y->count ? -1 : x->count > y->count;
}

static bool is_accepted(const struct search *s)
{
    struct plan_step write = s->write;
    struct alternative alone = {.steps = &write, .count = 1};
    struct core *copy = setup_copy(s->now);
    bool good = try_steps(&alone, copy);

    core_free(copy);
    return good;
}

void alternatives_find(const struct core *now, const char *path, const char *value,
                       struct alternatives *out)
{
    struct search s = {.now = now, .write = {.kind = PLAN_WRITE}, .out = out};
    struct mdev_info m;

    *out = (struct alternatives){0};
    if (strlen(path) >= sizeof(s.write.path) || strlen(value) >= sizeof(s.write.value))
        return;
    strcpy(s.write.path, path);
    strcpy(s.write.value, value);
    s.write.value[strcspn(s.write.value, "\n")] = '\0';
    out->accepted = is_accepted(&s);
    if (out->accepted)
        return;
    if (find_mdev(now, path, &m))
        try_mdev(&s, &m);
    for (enum half h = ADAPTER; h <= DOMAIN; h++)
        if (strcmp(path, mask_names[h]) == 0)
            try_mask(&s, h);
    if (out->count)
        qsort(out->v, out->count, sizeof(*out->v), nearer);
}

void alternatives_done(struct alternatives *a)
{
    for (size_t i = 0; i < a->count; i++)
        alternative_done(&a->v[i]);
    free(a->v);
    *a = (struct alternatives){0};
}

static void step_text(const struct plan_step *s, struct text *out)
{
    if (s->kind == PLAN_WRITE) {
        text_addf(out, "echo %s > /sys/%s\n", s->value, s->path);
        return;
    }
    text_addf(out, "apus guest %s ", s->kind == PLAN_GUEST_DETACH ? "detach" : "stop");
    plan_quote(s->guest, out);
    text_adds(out, "\n");
}

/* lines: each with its end. */
static void effects_text(const char *lines, struct text *out)
{
    for (size_t len; *lines; lines += len + 1) {
        len = strcspn(lines, "\n");
        text_addf(out, "       %.*s\n", (int)len, lines);
    }
}

void alternatives_text(const struct alternatives *a, struct text *out)
{
    if (a->accepted)
        text_adds(out, "It would be accepted now.\n");
    else if (!a->count)
        text_adds(out, "No other way was found.\n");
    else
        text_adds(out, "It would be accepted so, the way that changes least first:\n");
    for (size_t i = 0; i < a->count; i++) {
        const struct alternative *one = &a->v[i];

        for (size_t k = 0; k < one->count; k++) {
            if (k == 0)
                text_addf(out, "%3zu. ", i + 1);
            else
                text_adds(out, "     ");
            step_text(&one->steps[k], out);
        }
        if (one->effects.data)
            effects_text(one->effects.data, out);
    }
}
