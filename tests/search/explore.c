/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "states.h"

/* The nodes on the way to the one that was explored last, each kept in the arena at its level. */
struct way {
    uint32_t nodes[ARENA_LEVELS];
    unsigned len; /* of it without the first */
};

static struct way way_of(const struct known *k, uint32_t node)
{
    struct way way = {.len = 0};

    for (uint32_t at = node; at; at = k->nodes[at].parent)
        way.len++;
    if (way.len >= ARENA_LEVELS) {
        fputs("search: a state is too far from the first\n", stderr);
        abort();
    }
    for (unsigned level = way.len; level; level--) {
        way.nodes[level] = node;
        node = k->nodes[node].parent;
    }
    return way;
}

/* Brings the run into the state of the node, from where the way to the last one branches off. */
static unsigned reach(const struct known *k, uint32_t node)
{
    static struct way last;
    struct way way = way_of(k, node);
    unsigned level = 0;

    while (level < way.len && level < last.len && way.nodes[level + 1] == last.nodes[level + 1])
        level++;
    arena_load(level);
    while (level < way.len) {
        level++;
        run_do(k->run, &k->ops[k->nodes[way.nodes[level]].op]);
        run_check(k->run);
        arena_save(level);
    }
    last = way;
    return level;
}

static bool refused_silently(const struct run *r, int result)
{
    for (size_t i = 0; result < 0 && i < r->fx.count; i++)
        if (r->fx.v[i].kind != EFFECT_LOG)
            return false;
    return true;
}

/* Does one operation in the state of here. Whether it leads to another one. */
static bool try(const struct known *k, uint32_t i, const struct export *here, struct found *f)
{
    struct run *r = k->run;
    int result = run_do(r, &k->ops[i]);
    struct export there;

    f->op = i;
    f->wrong = run_check(r);
    there = run_export_exact(r);
    f->steps++;
    f->refusals += result < 0;
    if (memcmp(&there, here, sizeof there) == 0) {
        if (!f->wrong && !refused_silently(r, result))
            f->wrong = "a refused operation had effects";
        return false;
    }
    if (!f->wrong && result < 0)
        f->wrong = "a refused operation changed something";
    f->states[f->count].export = run_export(r);
    f->states[f->count++].op = i;
    return true;
}

/* In a sample all memory is compared after each step: at first it is learned what changes; later
 * that nothing is missing. */
static bool is_sample(uint32_t node)
{
    return node < 4096 || node % 61 == 0;
}

/* Does all of them, each in the state of the node, which is kept at the level. */
static void try_all(const struct known *k, uint32_t node, unsigned level, struct found *out)
{
    struct export here = run_export_exact(k->run);

    out->count = out->steps = out->refusals = 0;
    out->wrong = NULL;
    for (uint32_t i = 0; i < k->op_count && !out->wrong; i++) {
        if (!run_allows(k->run, &k->ops[i]) || !try(k, i, &here, out))
            continue;
        arena_back(level);
        if (is_sample(node) && !arena_is_back(level))
            arena_load(level);
    }
    arena_back(level);
}

void explore(const struct known *k, uint32_t node, struct found *out)
{
    unsigned level = reach(k, node);
    struct export at = run_export(k->run);

    out->reached = memcmp(&at, &k->nodes[node].export, sizeof at) == 0;
    for (;;) {
        try_all(k, node, level, out);
        if (arena_is_back(level))
            break;
        arena_load(level); /* what was found may come from what had stayed: once more */
    }
}
