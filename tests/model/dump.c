/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "play.h"

/* A digest of everything visible, to check that a refusal changes nothing. */

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *at = data;
    uint64_t word;

    for (; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    word = len;
    memcpy(&word, at, len);
    return (hash ^ word) * UINT64_C(0xbf58476d1ce4e5b9) + len;
}

static uint64_t mix_entry(const struct sysfs_tree *t, uint64_t hash, const struct sysfs_entry *e,
                          struct text *scratch)
{
    int rc = 0;

    text_clear(scratch);
    if (e->type == SYSFS_TYPE_LINK)
        rc = sysfs_readlink(t, e->ino, scratch);
    else if (e->type == SYSFS_TYPE_FILE && !e->device && e->mode & 0444)
        rc = sysfs_show(t, e->ino, scratch);
    hash = mix(hash, e->name, strlen(e->name));
    hash = mix(hash, &e->ino, sizeof e->ino);
    hash = mix(hash, &e->mode, sizeof e->mode);
    hash = mix(hash, &rc, sizeof rc);
    return scratch->len ? mix(hash, scratch->data, scratch->len) : hash;
}

static uint64_t mix_dir(const struct sysfs_tree *t, uint64_t hash, sysfs_ino dir,
                        struct text *scratch)
{
    struct sysfs_entry e;
    uint64_t cursor = 0;

    while (sysfs_next(t, dir, &cursor, &e) == 1) {
        hash = mix_entry(t, hash, &e, scratch);
        if (e.type == SYSFS_TYPE_DIR)
            hash = mix_dir(t, hash, e.ino, scratch);
    }
    return mix(hash, &dir, sizeof dir);
}

static uint64_t mix_set(uint64_t hash, const struct mask256 *a, const struct mask256 *b,
                        const struct mask256 *c)
{
    hash = mix(hash, a, sizeof *a);
    hash = mix(hash, b, sizeof *b);
    return mix(hash, c, sizeof *c);
}

static uint64_t mix_guests(struct play *p, uint64_t hash)
{
    struct guest_info g;
    uint32_t cursor = 0;

    while (core_guest_next(p->core, &cursor, &g)) {
        uint64_t words[] = {g.number, g.features, g.attached, g.config_changes, g.release_requests};

        hash = mix(hash, words, sizeof words);
        hash = mix(hash, g.name, strlen(g.name));
        hash = mix_set(hash, &g.apm, &g.aqm, &g.adm);
    }
    return hash;
}

uint64_t dump_digest(struct play *p)
{
    text_auto scratch = {0};
    uint64_t hash = mix_dir(core_tree(p->core, CORE_HOST_TREE), 1, SYSFS_ROOT_INO, &scratch);

    for (int i = 0; i < GUESTS; i++) {
        const struct m_guest *g = &p->before.guest[i];

        if (g->exists && p->model.guest[i].looked)
            hash = mix_dir(core_tree(p->core, g->number + 1), hash, SYSFS_ROOT_INO, &scratch);
    }
    for (int i = 0; i < APIDS; i++) {
        struct adapter_info a;
        uint8_t flags;

        core_adapter_info(p->core, apids[i], &a);
        flags = (uint8_t)(a.installed | a.in_lpar << 1 | a.online << 2 | a.checkstopped << 3);
        hash = mix(hash, &flags, 1);
    }
    for (int i = 0; i < APIDS * APQIS; i++) {
        struct apqn_info q;

        core_apqn_info(p->core, AP_QN(apids[i / APQIS], apqis[i % APQIS]), &q);
        hash = mix(hash, &q.zeroized, sizeof q.zeroized);
    }
    return mix_guests(p, hash);
}

void dump_effects(struct play *p)
{
    p->digest = mix(p->digest, &p->reply.result, sizeof p->reply.result);
    if (p->reply.why.len)
        p->digest = mix(p->digest, p->reply.why.data, p->reply.why.len);
    for (size_t i = 0; i < p->fx.count; i++) {
        const struct effect *e = &p->fx.v[i];
        uint64_t words[] = {e->kind, e->level, e->tree, e->id, (uint64_t)e->value, e->node};

        p->digest = mix(p->digest, words, sizeof words);
        if (e->len)
            p->digest = mix(p->digest, effect_text(&p->fx, e), e->len);
    }
}
