/* SPDX-License-Identifier: MIT */
#include "plan/alternative.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/list.h"
#include "base/number.h"
#include "base/slice.h"
#include "plan/internal.h"
#include "store/setup.h"

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

    mask256_for_each (id, alternative_half(&a->to, other)) {
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
        struct mask256 shared = mask256_and(*alternative_half(&m, other),
                                            *alternative_half(&a->to, other)),
                       id = {0};

        if (uuid_equal(&m.uuid, &a->to.uuid) ||
            !mask256_test(alternative_half(&m, a->half), a->id) || mask256_empty(&shared))
            continue;
        mask256_set(&id, a->id);
        a->taken = mask256_or(a->taken, shared);
        if (alternative)
            alternative_unassign(alternative, &m, itself ? a->half : other, itself ? &id : &shared);
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
            alternative_mask(&one, s->now, by_id ? a->half : other, by_id ? &id : &a->zcrypt,
                             false);
        alternative_try_write(s, &one);
    }
    colliding = mask256_or(a->zcrypt, a->taken);
    alternative_unassign(&less, &a->to, other, &colliding);
    alternative_try_write(s, &less);
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
        struct mask256 ids = mask256_and(*alternative_half(&m, h), added),
                       rest = *alternative_half(&m, other);

        if (!core_abi(s->now)->veto_by_new_bits)
            rest = mask256_and(rest, others);
        if (mask256_empty(&ids) || mask256_empty(&rest))
            continue;
        blocked = mask256_or(blocked, ids);
        alternative_unassign(&same, &m, h, &ids);
        alternative_unassign(&theirs, &m, other, &rest);
    }
    alternative_try_write(s, &same);
    alternative_try_write(s, &theirs);
    new = mask256_andnot(new, blocked);
    if (mask256_equal(&new, &old))
        return;
    *alternative_step(&less, PLAN_WRITE) = s->write;
    mask256_format(&new, less.steps[0].value);
    alternative_try(s, &less, NULL);
}

/* A removal: the guest gives the device back, or ends. */
static void try_remove(struct search *s, const struct mdev_info *m)
{
    static const enum plan_kind kinds[] = {PLAN_GUEST_DETACH, PLAN_GUEST_STOP};

    for (unsigned i = 0; m->guest && i < 2; i++) {
        struct alternative one = {0};

        snprintf(alternative_step(&one, kinds[i])->guest, CORE_GUEST_NAME, "%s", m->guest);
        alternative_try_write(s, &one);
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
    if (strcmp(file, "ap_config") == 0)
        alternatives_to_config(s, m);
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

bool alternatives_accepted(const struct search *s)
{
    struct plan_step write = s->write;
    struct alternative alone = {.steps = &write, .count = 1};
    struct core *copy = setup_copy(s->now);
    bool good = alternative_accepted(&alone, copy);

    core_free(copy);
    return good;
}

/* Files that are no device's own. */
static void try_bus(struct search *s)
{
    static const char create[] = MATRIX "mdev_supported_types/vfio_ap-passthrough/create";
    const char *base = strrchr(s->write.path, '/');
    bool driver = strncmp(s->write.path, "bus/ap/drivers/", 15) == 0;

    if (strcmp(s->write.path, create) == 0)
        alternatives_to_create(s);
    else if (driver && (strcmp(base, "/bind") == 0 || strcmp(base, "/unbind") == 0))
        alternatives_to_bind(s, strcmp(base, "/bind") == 0);
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
    out->accepted = alternatives_accepted(&s);
    if (out->accepted)
        return;
    alternatives_malformed(now, path, value, &out->malformed);
    if (find_mdev(now, path, &m))
        try_mdev(&s, &m);
    try_bus(&s);
    for (enum half h = ADAPTER; h <= DOMAIN; h++)
        if (strcmp(path, alternative_masks[h]) == 0)
            try_mask(&s, h);
    if (out->count)
        qsort(out->v, out->count, sizeof(*out->v), nearer);
}

void alternatives_done(struct alternatives *a)
{
    for (size_t i = 0; i < a->count; i++)
        alternative_done(&a->v[i]);
    free(a->v);
    text_done(&a->malformed);
    *a = (struct alternatives){0};
}

/* The command of one direction, if there is anything in it. */
static void lpar_text(const char *verb, const struct mask256 ids[3], bool force, const char *before,
                      struct text *out)
{
    static const char *const kinds[] = {[LPAR_ADAPTER] = "adapter",
                                        [LPAR_DOMAIN] = "domain",
                                        [LPAR_CONTROL_DOMAIN] = "control-domain"};
    text_auto words = {0};

    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        if (mask256_empty(&ids[kind]))
            continue;
        text_addf(&words, " %s ", kinds[kind]);
        ap_list_format(&ids[kind], &words);
    }
    if (words.len)
        text_addf(out, "%sapus se lpar %s%s%s\n", before, verb, words.data,
                  force ? " --force" : "");
}

static void se_text(const struct plan_step *s, struct text *out)
{
    bool both = false;

    if (s->kind == PLAN_SE_ADAPTER) {
        text_adds(out, "apus se adapter ");
        ap_list_format(&s->ids, out);
        text_addf(out, " %s\n", s->on ? "on" : "off");
        return;
    }
    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++)
        both |= !mask256_empty(&s->lpar.removed[kind]);
    lpar_text("remove", s->lpar.removed, s->force, "", out);
    lpar_text("add", s->lpar.added, s->force, both ? "     " : "", out);
}

static void step_text(const struct plan_step *s, struct text *out)
{
    if (plan_is_se(s)) {
        se_text(s, out);
        return;
    }
    if (s->kind == PLAN_WRITE) {
        text_addf(out, "echo %s > /sys/%s\n", s->value, s->path);
        return;
    }
    text_addf(out, "apus guest %s ", s->kind == PLAN_GUEST_DETACH ? "detach" : "stop");
    plan_quote(s->guest, out);
    text_adds(out, "\n");
}

void alternatives_text(const struct alternatives *a, struct text *out)
{
    if (a->accepted)
        text_adds(out, "It would be accepted now.\n");
    else if (!a->count && a->malformed.len)
        text_addf(out, "It cannot be accepted: %s.\n", a->malformed.data);
    else if (!a->count)
        text_adds(out, "No other way was found.\n");
    else
        text_adds(out, "It would be accepted in these ways, the smallest change first:\n");
    for (size_t i = 0; i < a->count; i++) {
        const struct alternative *one = &a->v[i];

        for (size_t k = 0; k < one->count; k++) {
            if (k == 0)
                text_addf(out, "%3zu. ", i + 1);
            else
                text_adds(out, "     ");
            step_text(&one->steps[k], out);
        }
        slice_add_lines((struct slice){one->effects.data, one->effects.len}, "       ", out);
    }
}
